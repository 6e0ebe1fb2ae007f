"""Deletions: what counts as done, and that none is sent twice."""

from __future__ import annotations

import pytest

from aiodicomweb import (
    AuthenticationRequired,
    Client,
    ConnectionLost,
    DeadlineExceeded,
    Forbidden,
    NotFound,
    Retry,
    ServerError,
    StatusError,
    Throttled,
    Timeout,
    UnexpectedMediaType,
)
from aiodicomweb.server import MemoryArchive, Server
from aiodicomweb.testing import End, Reply, make_study, response

from ...support.serving import serving

QUICK = Retry(first=0.001)
DELETED = response(status=204)
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        response(status=200),
        response(b"{}", {"Content-Type": "application/json"}),
        response(b"deleted", {"Content-Type": "text/plain"}),
        response(b"\r\n", HTML),
        response(b"{}", {"Content-Type": "application/json"}, 202),
    ],
    ids=["204", "200", "JSON", "text", "blank", "202"],
)
async def test_success_is_none(reply: bytes) -> None:
    """Whatever success is said in, awaited it is ``None``, and the connection is used again."""
    async with serving(reply, DELETED) as (client, peer):
        call = client.delete_study("1.2")

        assert None is await call
        assert reply.split()[1] == str(call.response.status).encode()
        await client.delete_study("1.3")
        assert 1 == peer.connections


async def test_entering_deletes() -> None:
    """``async with`` sends the request, and shows the answer."""
    reply = response(status=202, headers={"Warning": '299 x "it takes a while"'})
    async with serving(reply) as (client, peer), client.delete_study("1.2") as call:
        assert (202, ("it takes a while",)) == (call.response.status, call.response.warnings)
        assert 1 == len(peer.requests)


async def test_iterating_deletes() -> None:
    """An iteration gives nothing, and sends the request once."""
    async with serving(DELETED) as (client, peer):
        call = client.delete_study("1.2")

        assert [] == [item async for item in call]
        with pytest.raises(RuntimeError, match="used once"):
            await call
        assert 1 == len(peer.requests)


async def test_nothing_is_sent_before() -> None:
    """A call that nobody awaits deletes nothing."""
    async with serving(DELETED) as (client, peer):
        client.delete_study("1.2")

        assert 0 == peer.connections


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, StatusError),
        (401, AuthenticationRequired),
        (403, Forbidden),
        (404, NotFound),
        (405, StatusError),
        (500, ServerError),
        (503, Throttled),
    ],
)
async def test_a_refusal_is_raised_and_not_repeated(status: int, error: type[StatusError]) -> None:
    """The error of the status, with the body, after one attempt."""
    refusal = response(b"no", {"Retry-After": "0"}, status)
    async with serving(refusal, DELETED, retry=QUICK) as (client, peer):
        with pytest.raises(error) as caught:
            await client.delete_study("1.2")

        assert (status, b"no") == (caught.value.status, caught.value.body)
        assert 1 == len(peer.requests)


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
async def test_a_lost_connection_is_not_repeated(end: End) -> None:
    """Nobody knows whether it was done: the second attempt would find nothing and say 404."""
    async with serving(Reply(b"", end), DELETED, retry=QUICK) as (client, peer):
        with pytest.raises(ConnectionLost):
            await client.delete_study("1.2")

        assert 1 == len(peer.requests)


async def test_a_connection_that_died_idle_is_not_tried_again() -> None:
    """Not even on a connection that was used before, as a search would be (HTP-53)."""
    async with serving(DELETED, Reply(b"", End.RESET), DELETED, retry=QUICK) as (client, peer):
        await client.delete_study("1.2")
        with pytest.raises(ConnectionLost):
            await client.delete_study("1.3")

        assert 2 == len(peer.requests)


async def test_silence_is_not_repeated() -> None:
    """A server that doesn't answer in time may still do it."""
    import anyio

    settings = {"timeout": Timeout(head=0.03), "retry": QUICK}
    async with serving([anyio.Event()], DELETED, **settings) as (client, peer):
        with pytest.raises(DeadlineExceeded):
            await client.delete_study("1.2")

        assert 1 == len(peer.requests)


async def test_a_log_in_page_is_no_deletion() -> None:
    """200 with HTML that says something is refused, with the page's start."""
    async with serving(response(b"<html>Log in</html>", HTML)) as (client, _):
        with pytest.raises(UnexpectedMediaType, match="text/html") as caught:
            await client.delete_study("1.2")

        assert b"<html>Log in</html>" == caught.value.body


async def test_a_broken_body_does_not_hide_success() -> None:
    """The head said that it is done."""
    reply = Reply(response(b"{", {"Content-Length": "9"}), End.RESET)
    async with serving(reply) as (client, _):
        await client.delete_study("1.2")


async def test_our_server_deletes() -> None:
    """An instance, a series, and then the study; what is gone is not found."""
    datasets = make_study(slices=3)
    first = datasets[-1]
    uids = (first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID)
    async with (
        Server(MemoryArchive(datasets), allow_delete=True) as server,
        Client(server.url) as client,
    ):

        async def count() -> int:
            return len(await client.search_for_instances())

        before = await count()
        await client.delete_instance(*uids)
        assert before - 1 == await count()
        with pytest.raises(NotFound):
            await client.delete_instance(*uids)
        in_series = len(await client.search_for_instances(*uids[:2]))
        await client.delete_series(*uids[:2])
        assert before - 1 - in_series == await count()
        await client.delete_study(uids[0])
        assert 0 == await count()


async def test_our_server_refuses() -> None:
    """Unless it is allowed there."""
    datasets = make_study(slices=1)
    async with Server(MemoryArchive(datasets)) as server, Client(server.url) as client:
        with pytest.raises(StatusError) as caught:
            await client.delete_study(datasets[0].StudyInstanceUID)

        assert 405 == caught.value.status
        assert len(datasets) == len(await client.search_for_instances())
