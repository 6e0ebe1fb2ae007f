"""Calls that give parts: what arrives, and what every way of breaking off looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import (
    ConnectionLost,
    ContentError,
    DeadlineExceeded,
    FramingError,
    LimitExceeded,
    Limits,
    MultipartError,
    NotFound,
    Part10Error,
    ServerError,
    Timeout,
    UnexpectedMediaType,
)
from aiodicomweb.testing import End, Reply, response

from ...support.messages import (
    DICOM,
    FRAMES,
    JSON,
    chunked,
    dicom_file,
    json_response,
    multipart,
    parts_response,
    parts_type,
    until_close,
)
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiodicomweb import Client
    from aiodicomweb.client import FramesCall

STUDY, SERIES, INSTANCE = "1.2", "1.2.3", "1.2.3.4"
FILES = [dicom_file(f"1.2.3.{number}", 15_000) for number in (1, 2, 3)]
BODY = multipart(FILES)
HALF = BODY[: BODY.index(b"Doe^Jane", len(FILES[0]) * 2)]
"""Two whole parts, and the third begun."""


def headed(body: bytes, length: int) -> bytes:
    """A multipart response that claims a length."""
    return response(body, {**parts_type(), "Content-Length": str(length)})


def frames(client: Client, *numbers: int) -> FramesCall:
    """Ask for frames."""
    return client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, numbers)


# --- what arrives --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(parts_response(FILES)),
        Reply(chunked(BODY, parts_type())),
        Reply(until_close(BODY, parts_type()), End.CLOSE),
        Reply([headed(b"", len(BODY)), BODY[:1000], BODY[1000:]]),
    ],
    ids=["length", "chunked", "until close", "pieces"],
)
async def test_instances_arrive_whole(reply: Reply) -> None:
    """However it is framed, a study's instances are given one by one, to the octet."""
    async with serving(reply) as (client, _):
        got = [bytes(await instance.read()) async for instance in client.retrieve_study(STUDY)]

        assert FILES == got


async def test_awaiting_gives_data_sets() -> None:
    """Awaited, a retrieval gives pydicom's data sets."""
    async with serving(parts_response(FILES)) as (client, _):
        datasets = await client.retrieve_series(STUDY, SERIES)

        assert ["1.2.3.1", "1.2.3.2", "1.2.3.3"] == [d.SOPInstanceUID for d in datasets]


async def test_a_single_part_is_an_instance() -> None:
    """A server that sends one file in place of multipart is understood."""
    async with serving(response(FILES[0], {"Content-Type": DICOM})) as (client, _):
        dataset = await client.retrieve_instance(STUDY, SERIES, INSTANCE)

        assert "1.2.3.1" == dataset.SOPInstanceUID


@pytest.mark.parametrize("count", [0, 2])
async def test_one_instance_is_one(count: int) -> None:
    """No instance, or a second one, in answer to a request for one is an error."""
    async with serving(parts_response(FILES[:count] or [b""], close=True)) as (client, _):
        error = Part10Error if count == 0 else ContentError
        with pytest.raises(error):
            await client.retrieve_instance(STUDY, SERIES, INSTANCE)


@pytest.mark.parametrize("count", [0, 2])
async def test_one_instance_is_one_when_iterated(count: int) -> None:
    """An iteration over one instance that finds none, or another one, says so."""
    async with serving(parts_response(FILES[:count])) as (client, _):
        with pytest.raises(ContentError, match="asked for one instance"):
            assert [] == [part async for part in client.retrieve_instance(STUDY, SERIES, INSTANCE)]


async def test_no_content_is_no_instances() -> None:
    """204 gives nothing, and the connection is used again (RFC 9110 §15.3.5)."""
    async with serving(b"HTTP/1.1 204 None\r\n\r\n", parts_response(FILES)) as (client, peer):
        assert [] == await client.retrieve_study(STUDY)
        assert 3 == len(await client.retrieve_study(STUDY))
        assert 1 == peer.connections


async def test_the_head_is_shown() -> None:
    """Status, warnings and ``partial`` are there as soon as the call is entered."""
    reply = parts_response(FILES, status=206, headers={"Warning": '299 peer "some are missing"'})
    async with serving(reply) as (client, _):
        call = client.retrieve_study(STUDY)
        with pytest.raises(RuntimeError, match="not arrived"):
            _ = call.response
        async with call:
            assert 206 == call.response.status
            assert call.response.partial
            assert ("some are missing",) == call.response.warnings
            assert 3 == len([instance.number async for instance in call])


# --- what is cut ---------------------------------------------------------------------------------


async def take(client: Client, *, whole: bool) -> int:
    """Read a study until it breaks off; the number of parts that were read whole."""
    taken = 0
    async for instance in client.retrieve_study(STUDY):
        if whole:
            await instance.read()
        else:
            async for _ in instance:
                pass
        taken += 1
    return taken


CUTS = {
    "Content-Length short": (Reply(headed(HALF, len(BODY)), End.CLOSE), FramingError, 2),
    "chunked cut": (Reply(chunked(HALF, parts_type(), last=False), End.CLOSE), FramingError, 2),
    "chunk cut": (Reply(chunked(BODY, parts_type())[:-900], End.CLOSE), FramingError, 2),
    "closed in a part": (Reply(until_close(HALF, parts_type()), End.CLOSE), MultipartError, 2),
    "no close delimiter": (
        Reply(parts_response(FILES, close=False)),
        MultipartError,
        2,
    ),
    "only parts": (
        Reply(until_close(multipart(FILES, close=False), parts_type()), End.CLOSE),
        MultipartError,
        2,
    ),
    "reset": (Reply(headed(HALF, len(BODY)), End.RESET), ConnectionLost, 2),
    "reset until close": (Reply(until_close(HALF, parts_type()), End.RESET), ConnectionLost, 2),
    "nothing": (Reply(headed(b"", len(BODY)), End.CLOSE), FramingError, 0),
    "behind the close delimiter": (
        Reply(chunked(BODY, parts_type(), last=False), End.CLOSE),
        FramingError,
        3,
    ),
}


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "streamed"])
@pytest.mark.parametrize(("reply", "error", "complete"), CUTS.values(), ids=CUTS)
async def test_what_is_cut_says_what_was_complete(
    reply: Reply, error: type[Exception], complete: int, *, whole: bool
) -> None:
    """Each way of breaking off is its own error, and tells how many parts were whole (MUL-08)."""
    async with serving(reply, parts_response(FILES)) as (client, peer):
        with pytest.raises(error) as caught:
            await take(client, whole=whole)

        assert complete == caught.value.complete
        assert f"complete before that: {complete} part" in str(caught.value)
        assert 3 == await take(client, whole=whole), "the client goes on with a new connection"
        assert 2 == peer.connections


async def test_a_lost_connection_says_what_was_missing() -> None:
    """RST in the middle of a part: how much was received and how much was still to come."""
    async with serving(Reply(headed(HALF, len(BODY)), End.RESET)) as (client, peer):
        with pytest.raises(ConnectionLost) as caught:
            await take(client, whole=True)

        assert len(BODY) - len(HALF) == caught.value.expected
        assert "read" == caught.value.phase
        assert peer.origin == caught.value.origin
        assert caught.value.received > len(HALF)
        assert len(peer.requests[0].head) == caught.value.sent


@pytest.mark.parametrize("cut", [False, True])
async def test_a_part_that_fails_fails_the_call(*, cut: bool) -> None:
    """Who swallows the error of a part does not take the call's end for its success."""
    reply = Reply(headed(HALF, len(BODY)), End.RESET if cut else End.CLOSE)
    errors = []
    async with serving(reply) as (client, _):
        call = client.retrieve_study(STUDY)
        for _ in range(3):
            instance = await anext(call)
            try:
                await instance.read()
            except (ConnectionLost, FramingError) as error:
                errors.append(error)
        with pytest.raises(ConnectionLost if cut else FramingError) as caught:
            await anext(call)

        assert [caught.value] == errors


async def test_silence_names_its_phase() -> None:
    """A body that stops coming is over after ``Timeout.read``."""
    import anyio

    stall = [headed(HALF, len(BODY)), anyio.Event()]
    async with serving(stall, timeout=Timeout(read=0.05)) as (client, _):
        with pytest.raises(DeadlineExceeded, match="Timeout.read of 0.05 s is over") as caught:
            await take(client, whole=True)

        assert ("read", 2) == (caught.value.phase, caught.value.complete)


# --- what is something else ----------------------------------------------------------------------


async def test_a_refusal_has_a_body() -> None:
    """A 4xx is the error of its status, with the body, and the connection lives on."""
    refusal = response(b"no such study", {"Content-Type": "text/plain"}, 404)
    async with serving(refusal, parts_response(FILES)) as (client, peer):
        with pytest.raises(NotFound) as caught:
            await client.retrieve_study(STUDY, additional_params={"name": "Doe"})

        assert (404, b"no such study") == (caught.value.status, caught.value.body)
        assert f"{peer.url}studies/1.2?name=…" == caught.value.url
        await client.retrieve_study(STUDY)
        assert 1 == peer.connections


@pytest.mark.parametrize(
    "reply",
    [
        Reply(response(b"a long story", {"Content-Length": "100"}, 500), End.CLOSE),
        Reply(response(b"a long story", {"Content-Length": "100"}, 500), End.RESET),
        Reply(response(b"a long story", {"Content-Encoding": "br"}, 500)),
    ],
    ids=["cut", "reset", "coded"],
)
async def test_a_broken_body_does_not_hide_a_refusal(reply: Reply) -> None:
    """What is wrong with the body of an error is no news; what came of it is kept."""
    async with serving(reply) as (client, _):
        with pytest.raises(ServerError) as caught:
            await client.retrieve_study(STUDY)

        assert caught.value.body in (b"a long story", b"")


async def test_a_log_in_page_is_no_study() -> None:
    """200 with HTML is refused, with the page's start, before any part is given."""
    page = response(b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})
    async with serving(page) as (client, _):
        with pytest.raises(UnexpectedMediaType, match="text/html") as caught:
            await client.retrieve_study(STUDY)

        assert b"<html>Log in</html>" == caught.value.body
        assert caught.value.complete is None


@pytest.mark.parametrize(
    "content_type",
    ["multipart/related; boundary=" + "x" * 300, 'multipart/related; boundary=""', "multipart/x"],
)
async def test_an_impossible_content_type_costs_no_place(content_type: str) -> None:
    """A response that can't be read gives its connection's place back."""
    bad = response(b"", {"Content-Type": content_type})
    replies = [bad, bad, parts_response(FILES)]
    async with serving(*replies, limits=Limits(connections=1)) as (client, _):
        for _ in range(2):
            with pytest.raises(MultipartError):
                await client.retrieve_study(STUDY)

        assert 3 == len(await client.retrieve_study(STUDY))


async def test_a_limit_is_named() -> None:
    """A part that is too long for memory is refused; streamed it isn't."""
    replies = [parts_response(FILES), parts_response(FILES)]
    async with serving(*replies, limits=Limits(part=1000)) as (client, _):
        with pytest.raises(LimitExceeded, match="Limits.part is 1000"):
            await take(client, whole=True)

        assert 3 == await take(client, whole=False)


# --- bulk data -----------------------------------------------------------------------------------


async def test_bulk_data_arrive() -> None:
    """Bulk data come with what is told about them."""
    reply = parts_response([b"value"], "application/pdf", [{"Content-Location": "/bulk/1"}])
    async with serving(reply) as (client, _):
        (value,) = await client.retrieve_bulkdata("bulk/1")

        assert (b"value", "application/pdf", "/bulk/1") == (
            bytes(value),
            value.media_type,
            value.location,
        )


RANGES = {"Content-Type": FRAMES, "Content-Range": "bytes 2-3/9"}


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        ((2, 3), response(b"0123456789", {"Content-Type": FRAMES})),
        ((1, 3), response(b"23", RANGES, 206)),
        ((2, 2), response(b"23", RANGES, 206)),
        ((2, 3), response(b"23", {**RANGES, "Content-Range": "bytes"}, 206)),
        ((2, 3), response(b"0123456789", RANGES)),
    ],
    ids=["ignored", "moved", "longer", "malformed", "no 206"],
)
async def test_other_octets_than_the_range_are_refused(
    asked: tuple[int, int], reply: bytes
) -> None:
    """A server that ignores ``Range`` is not taken for one that honours it."""
    async with serving(reply, json_response([])) as (client, peer):
        with pytest.raises(ContentError, match="byte_range") as caught:
            await client.retrieve_bulkdata("bulk/1", byte_range=asked)
        with pytest.raises(ContentError):
            await anext(aiter(client.retrieve_bulkdata("bulk/1", byte_range=asked)))

        assert not isinstance(caught.value, UnexpectedMediaType)
        assert f"bytes={asked[0]}-{asked[1]}" == peer.requests[0].headers["Range"]


async def test_a_range_arrives() -> None:
    """What is asked for is given, up to the end where none was named."""
    async with serving(response(b"23", RANGES, 206)) as (client, peer):
        (value,) = await client.retrieve_bulkdata("bulk/1", byte_range=(2, None))

        assert b"23" == bytes(value)
        assert "bytes=2-" == peer.requests[0].headers["Range"]


@pytest.mark.parametrize("content_range", ["0-9/5000", "0-9/*", "7-9/10", "*/10", "10"])
@pytest.mark.parametrize("verb", ["instance", "study", "frames", "rendered", "bulk data"])
async def test_a_range_that_was_not_asked_for_is_refused(verb: str, content_range: str) -> None:
    """A 206 without ``Content-Range`` leaves instances out; one with it has some of the octets."""
    kind = {"frames": FRAMES, "rendered": "image/jpeg"}.get(verb, DICOM)
    fields = {"Content-Type": kind, "Content-Range": f"bytes {content_range}"}
    async with serving(response(FILES[0][:10], fields, 206)) as (client, _):
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "instance": lambda: client.retrieve_instance("1.2", "1.2.3", "1.2.3.4"),
            "study": lambda: client.retrieve_study("1.2"),
            "frames": lambda: client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [1]),
            "rendered": lambda: client.retrieve_instance_rendered("1.2", "1.2.3", "1.2.3.4"),
            "bulk data": lambda: client.retrieve_bulkdata("bulk/1"),
        }
        with pytest.raises(ContentError, match="range"):
            await calls[verb]()


async def test_a_range_that_is_all() -> None:
    """It leaves nothing out, whoever asked for it."""
    length = len(FILES[0])
    fields = {"Content-Type": DICOM, "Content-Range": f"bytes 0-{length - 1}/{length}"}
    async with serving(response(FILES[0], fields, 206)) as (client, _):
        assert "SOPInstanceUID" in await client.retrieve_instance("1.2", "1.2.3", "1.2.3.4")


async def test_a_range_in_the_callers_own_words() -> None:
    """A ``Range`` from the end is one that was asked for."""
    fields = {"Content-Type": FRAMES, "Content-Range": "bytes 7-9/10"}
    async with serving(response(b"789", fields, 206)) as (client, _):
        (value,) = await client.retrieve_bulkdata("bulk/1", headers={"Range": "bytes=-3"})

        assert b"789" == bytes(value)


async def test_json_is_no_instance() -> None:
    """JSON in answer to a request for instances is refused."""
    async with serving(response(b"[]", JSON)) as (client, _):
        with pytest.raises(UnexpectedMediaType, match="dicom\\+json"):
            await client.retrieve_study(STUDY)


@pytest.mark.parametrize("cut", [300, 15_000])
async def test_a_single_part_that_just_ends_proves_nothing(cut: int) -> None:
    """Neither length nor chunks nor delimiters: whole or cut off, it is refused (HTP-27)."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {DICOM}\r\n\r\n".encode()
    reply = Reply([head + FILES[0][:cut]], end=End.CUT)
    async with serving(reply) as (client, _):
        with pytest.raises(FramingError, match="cut off"):
            await client.retrieve_instance(STUDY, SERIES, INSTANCE)
