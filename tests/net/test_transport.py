"""From requests to bodies: ends, and what becomes of the connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import ConnectionLost, FramingError, LimitExceeded, Limits, Timeout
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.net import Deadlines, Incoming, Transport
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ..support.messages import chunked, multipart, parts_response, parts_type, until_close

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiodicomweb.testing.peers import Answer

OK = response(b"fine")
PARTS = parts_response([b"one", b"two" * 100_000])


@asynccontextmanager
async def transporting(
    *replies: Answer, limits: Limits | None = None
) -> AsyncIterator[tuple[Transport, ScriptedPeer]]:
    """A transport and a peer; afterwards no connection is open."""
    async with ScriptedPeer(replies) as peer:
        transport = Transport(tls=None, limits=limits or Limits())
        try:
            yield transport, peer
        finally:
            await transport.aclose()
        await peer.wait_until_idle()


async def send(transport: Transport, peer: ScriptedPeer, *, fresh: bool = False) -> Incoming:
    """Send a request."""
    request = Request("GET", URL.parse(peer.url))
    return await transport.send(request, Deadlines(Timeout(), peer.origin), fresh=fresh)


@pytest.mark.parametrize(("early", "seconds"), [(True, 60.0), (False, 0.0)])
async def test_an_expectation_that_a_server_cannot_meet(
    monkeypatch: pytest.MonkeyPatch, *, early: bool, seconds: float
) -> None:
    """417 is an answer as others are, with the word whether the body was begun (HTP-41)."""
    monkeypatch.setattr("aiodicomweb.net.connection._CONTINUE_SECONDS", seconds)
    refusal = Reply(response(status=417), End.CLOSE, early=early)
    async with transporting(refusal) as (transport, peer):
        headers = Headers({"Expect": "100-continue"})
        request = Request("POST", URL.parse(peer.url), headers, (b"body",))
        incoming = await transport.send(request, Deadlines(Timeout(), peer.origin))

        assert (417, not early) == (incoming.response.status, incoming.begun)
        incoming.close()


async def test_a_body_is_read_whole() -> None:
    """What is read to its end gives the connection back."""
    async with transporting(OK, OK) as (transport, peer):
        for _ in range(2):
            incoming = await send(transport, peer)
            assert (True, False) == (incoming.open, incoming.ended)
            assert b"fine" == await incoming.read_all()
            assert (False, True) == (incoming.open, incoming.ended)

        assert 1 == peer.connections
        assert repr(transport).startswith("<Transport <Pool http://127.0.0.1:")


async def test_parts_are_read_one_by_one() -> None:
    """Parts come in order, read whole or in pieces, or passed over."""
    async with transporting(PARTS, PARTS) as (transport, peer):
        incoming = await send(transport, peer)
        assert 0 == incoming.part_number
        assert await incoming.next_part()
        assert b"one" == await incoming.read_part()
        assert await incoming.next_part()
        pieces = []
        while (piece := await incoming.read_chunk()) is not None:
            pieces.append(bytes(piece))
        assert b"two" * 100_000 == b"".join(pieces)
        assert await incoming.next_part() is None
        assert incoming.ended

        incoming = await send(transport, peer)
        assert [1, 2] == [(await incoming.next_part()).number for _ in range(2)]  # type: ignore[union-attr]
        assert await incoming.next_part() is None
        assert 1 == peer.connections


async def test_behind_its_end_there_is_nothing() -> None:
    """An end, or a given-up body, is not read on; an error is told again."""
    cut = Reply(response(b"x", {"Content-Length": "9"}), End.CLOSE)
    async with transporting(OK, OK, cut) as (transport, peer):
        ended, given_up, failed = [await send(transport, peer) for _ in range(3)]
        await ended.read_all()
        given_up.close()
        given_up.close()
        with pytest.raises(FramingError) as caught:
            await failed.read_all()

        for incoming in (ended, given_up):
            with pytest.raises(RuntimeError, match="given up"):
                await incoming.next_part()
        with pytest.raises(FramingError) as again:
            await failed.next_part()
        assert caught.value is again.value
        assert not failed.ended


@pytest.mark.parametrize(
    ("rest", "connections"),
    [(b"", 1), (b"\r\n" * 100, 1), (b"epilogue " * 20_000, 2)],
    ids=["none", "short", "long"],
)
async def test_an_epilogue_is_waited_for_within_bounds(rest: bytes, connections: int) -> None:
    """Octets behind the close delimiter are read, up to where a new connection is cheaper."""
    reply = response(multipart([b"one"]) + rest, parts_type())
    async with transporting(reply, OK) as (transport, peer):
        incoming = await send(transport, peer)
        while await incoming.next_part():
            pass
        await (await send(transport, peer)).read_all()

        assert connections == peer.connections


async def test_nobody_waits_for_the_end_of_the_connection() -> None:
    """Some servers give no length and keep the connection: the close delimiter has to do."""
    stall = anyio.Event()
    reply = [until_close(multipart([b"one"]), parts_type()), stall]
    async with transporting(reply) as (transport, peer):
        incoming = await send(transport, peer)
        while await incoming.next_part():
            pass

        assert incoming.ended


async def test_a_cut_behind_the_parts_is_a_cut() -> None:
    """The framing must confirm the end; the error knows that all parts were whole."""
    reply = Reply(chunked(multipart([b"one"]), parts_type(), last=False), End.CLOSE)
    async with transporting(reply) as (transport, peer):
        incoming = await send(transport, peer)
        await incoming.next_part()
        with pytest.raises(FramingError) as caught:
            await incoming.next_part()

        assert 1 == caught.value.complete


@pytest.mark.parametrize("most", [3, 4, 100])
async def test_a_start_is_read(most: int) -> None:
    """The start of a body, and what is wrong with the rest doesn't matter."""
    cut = Reply(response(b"fine", {"Content-Length": "100"}), End.RESET)
    async with transporting(OK, cut) as (transport, peer):
        for _ in range(2):
            incoming = await send(transport, peer)
            assert b"fine"[:most] == await incoming.read_start(most)
            assert not incoming.open


async def test_a_body_has_a_limit() -> None:
    """What is read whole is bounded by ``Limits.body``, before it has arrived."""
    async with transporting(OK, limits=Limits(body=3)) as (transport, peer):
        incoming = await send(transport, peer)
        with pytest.raises(LimitExceeded, match="Limits.body is 3"):
            await incoming.read_all()


# --- connections that die ------------------------------------------------------------------------


async def make_dying(transport: Transport, peer: ScriptedPeer, count: int) -> None:
    """Fill the pool with connections that look alive."""
    for incoming in [await send(transport, peer) for _ in range(count)]:
        await incoming.read_all()


DYING = Reply(b"", End.CLOSE)


async def test_a_dying_connection_is_told_of() -> None:
    """A kept one that ends without an octet is stale; on a fresh one the request goes well."""
    async with transporting(OK, OK, OK, DYING, OK) as (transport, peer):
        await make_dying(transport, peer, 3)
        with pytest.raises(ConnectionLost, match="without an answer") as caught:
            await send(transport, peer)
        incoming = await send(transport, peer, fresh=True)

        assert caught.value.stale
        assert b"fine" == await incoming.read_all()
        assert 4 == peer.requests[-1].connection == peer.connections


async def test_a_fresh_connection_takes_the_place_of_an_idle_one() -> None:
    """The limit holds for it as well."""
    async with transporting(OK, OK, limits=Limits(connections=1)) as (transport, peer):
        await make_dying(transport, peer, 1)
        await (await send(transport, peer, fresh=True)).read_all()

        assert [1, 2] == [request.connection for request in peer.requests]


async def test_a_new_connection_is_not_stale() -> None:
    """That the server closes at once says more there."""
    async with transporting(DYING) as (transport, peer):
        with pytest.raises(ConnectionLost) as caught:
            await send(transport, peer)

        assert not caught.value.stale


@pytest.mark.parametrize("begun", [OK[:9], OK[:-1]], ids=["head", "body"])
async def test_a_connection_that_answered_is_not_stale(begun: bytes) -> None:
    """Half a head is an answer."""
    async with transporting(OK, Reply(begun, End.RESET)) as (transport, peer):
        await make_dying(transport, peer, 1)
        with pytest.raises(ConnectionLost) as caught:
            await (await send(transport, peer)).read_all()

        assert not caught.value.stale
        assert 2 == len(peer.requests)


# --- cancelling ----------------------------------------------------------------------------------

WHOLE = parts_response([b"one", bytes(600_000)])
PHASES = {
    "before the head": 0,
    "in a part's head": 130,
    "in a part": 400_000,
    "before the end": len(WHOLE) - 1,
}


@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
@pytest.mark.parametrize("sent", PHASES.values(), ids=PHASES)
async def test_cancelling_closes_the_connection(sent: int, *, native: bool) -> None:
    """In whichever phase: the pool has its place back, and the next request goes well."""
    stalling = [WHOLE[:sent], anyio.Event()]
    async with transporting(stalling, OK, limits=Limits(connections=1)) as (transport, peer):

        async def read() -> None:
            incoming = await send(transport, peer)
            while await incoming.next_part():
                while await incoming.read_chunk():
                    pass

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)

        task = asyncio.ensure_future(read() if native else grouped())
        await peer.wait_for_requests(1)
        for _ in range(200):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()
        await peer.wait_until_idle()
        assert b"fine" == await (await send(transport, peer)).read_all()


@pytest.mark.parametrize("count", range(40))
async def test_cancelling_at_each_step(count: int) -> None:
    """Wherever a whole exchange is cancelled, nothing leaks and the next one goes well."""
    async with transporting(PARTS, PARTS, limits=Limits(connections=1)) as (transport, peer):

        async def read() -> int:
            incoming = await send(transport, peer)
            try:
                while await incoming.next_part():
                    await incoming.read_part()
            finally:
                incoming.close()
            return 1

        task = asyncio.ensure_future(read())
        for _ in range(count):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if len(peer.requests) < 2:
            assert 1 == await read()
        assert "1 busy" not in repr(transport)


async def test_whether_a_body_can_be_read_on() -> None:
    """What is here, and its end, can be told without reading; so can what comes soon."""
    held = anyio.Event()
    async with transporting([OK[:-2], held, OK[-2:]]) as (transport, peer):
        incoming = await send(transport, peer)
        await incoming.next_part()
        assert b"fi" == bytes(await incoming.read_chunk() or b"")
        assert not await incoming.arrives(0)
        assert not await incoming.arrives(0.01)

        held.set()
        assert await incoming.arrives(5)
        assert b"ne" == bytes(await incoming.read_chunk() or b"")
        assert await incoming.arrives(0), "its end is here"
        assert await incoming.next_part() is None
        assert not await incoming.arrives(0), "it was read to its end"


async def test_waiting_for_a_body_ends_with_the_total() -> None:
    """``Timeout.total`` bounds that wait, too."""
    async with transporting([OK[:-2], anyio.Event()]) as (transport, peer):
        request = Request("GET", URL.parse(peer.url))
        deadlines = Deadlines(Timeout(total=0.2), peer.origin)
        incoming = await transport.send(request, deadlines)
        with anyio.fail_after(5):
            await incoming.next_part()
            await incoming.read_chunk()
            assert not await incoming.arrives(60)
        incoming.close()


async def test_framing_is_no_octet_of_the_body() -> None:
    """The end of a chunk, or half of the next one's size, is nothing that can be read on."""
    held, never = anyio.Event(), anyio.Event()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with transporting([head + b"2\r\nfi", held, b"\r\n1", never]) as (transport, peer):
        incoming = await send(transport, peer)
        incoming.join_parts()
        await incoming.next_part()
        assert b"fi" == bytes(await incoming.read_chunk() or b"")
        held.set()

        assert not await incoming.arrives(0.1)
        incoming.close()
