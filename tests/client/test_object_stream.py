"""Search results and metadata as they arrive: early, bounded, once each, or an error."""

from __future__ import annotations

import gc
import gzip
import json
import tracemalloc
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import (
    FramingError,
    JsonModelError,
    LimitExceeded,
    Limits,
    NotFound,
    Retry,
    Timeout,
    UnexpectedMediaType,
)
from aiodicomweb.client.course import Course
from aiodicomweb.client.object_stream import ObjectStream
from aiodicomweb.client.patience import Patience
from aiodicomweb.http import Headers, Response
from aiodicomweb.net.closing import Closing
from aiodicomweb.testing import End, PeerRequest, Reply, response

from ..support.messages import JSON, chunked, json_response, result, until_close
from ..support.serving import serving, talking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiodicomweb import Client

UIDS = [f"1.2.{number}" for number in range(9)]
PATIENT = Retry(attempts=3, first=0.001)
ONE = Limits(connections=1)


def page(uids: Sequence[str]) -> bytes:
    """The body of an answer with these results."""
    return json.dumps([result(uid) for uid in uids]).encode()


def cut_behind(count: int, uids: Sequence[str] = UIDS) -> Reply:
    """An answer that breaks off in the middle of the result behind so many."""
    body = page(uids)
    place = body.index(f'"{uids[count]}"'.encode()) + 3
    whole = response(body, JSON)
    return Reply(whole[: len(whole) - len(body) + place], End.CLOSE)


def calls(client: Client, kind: str) -> Any:
    """A search or metadata, as JSON."""
    if kind == "search":
        return client.search_for_studies().as_json()
    return client.retrieve_study_metadata("1.2").as_json()


def uids(objects: list[dict[str, Any]]) -> list[str]:
    """Those of results."""
    return [obj["0020000D"]["Value"][0] for obj in objects]


@pytest.mark.parametrize("kind", ["search", "metadata"])
@pytest.mark.parametrize("form", ["length", "chunks", "until close", "gzip"])
async def test_an_object_comes_before_what_is_behind_it(kind: str, form: str) -> None:
    """The first one is there while the server still holds back the last."""
    body = page(UIDS)
    half = body.index(b'"1.2.5"')
    pieces = [body[:half], body[half:]]
    if form == "gzip":
        # Two members, so that the first can be decoded without the second.
        pieces = [gzip.compress(piece) for piece in pieces]
    head = {**JSON, "Content-Encoding": "gzip"} if form == "gzip" else JSON
    if form == "chunks":
        answers = [chunked(pieces[0], head, last=False), b"%x\r\n%b\r\n0\r\n\r\n" % (
            len(pieces[1]), pieces[1])]  # fmt: skip
    elif form == "until close":
        answers = [until_close(pieces[0], head), pieces[1]]
    else:
        whole = response(b"".join(pieces), head)
        answers = [whole[: -len(pieces[1])], pieces[1]]
    taken = anyio.Event()
    async with serving(Reply([answers[0], taken, answers[1]], End.CLOSE)) as (client, _):
        found = []
        async for obj in calls(client, kind):
            found.append(obj)
            if len(found) == 5:
                taken.set()

        assert UIDS == uids(found)


@pytest.mark.parametrize("kind", ["search", "metadata"])
@pytest.mark.parametrize("count", range(9))
async def test_what_breaks_off_goes_on(kind: str, count: int) -> None:
    """Wherever it does: the answer is asked for again, and nothing comes twice."""
    replies = [cut_behind(count), json_response([result(uid) for uid in UIDS])]
    async with serving(*replies, retry=PATIENT) as (client, peer):
        assert UIDS == uids([obj async for obj in calls(client, kind)])
        assert 2 == len(peer.requests)


async def test_attempts_begin_anew_with_each_new_object() -> None:
    """A line that breaks at every other result gets to its end; nothing new, and it is over."""
    progress = [cut_behind(count) for count in range(1, 9)]
    async with serving(*progress, json_response([result(u) for u in UIDS]), retry=PATIENT) as (
        client, _):  # fmt: skip
        assert UIDS == uids([obj async for obj in calls(client, "search")])

    async with serving(*[cut_behind(4)] * 3, retry=PATIENT) as (client, peer):
        call = calls(client, "search")
        found = [await anext(call) for _ in range(4)]
        with pytest.raises(FramingError) as caught:
            await anext(call)

        assert UIDS[:4] == uids(found)
        assert 4 == caught.value.complete
        assert 3 == len(peer.requests)


async def test_another_order_in_the_second_answer() -> None:
    """Results are known by their UIDs, not by their place; alike ones are counted."""
    first = ["1.2.1", "1.2.2", "1.2.2", "1.2.3"]
    second = ["1.2.9", "1.2.3", "1.2.2", "1.2.1", "1.2.2"]
    replies = [cut_behind(3, first), response(page(second), JSON)]
    async with serving(*replies, retry=PATIENT) as (client, _):
        found = uids([obj async for obj in calls(client, "search")])

        assert ["1.2.1", "1.2.2", "1.2.2", "1.2.9", "1.2.3"] == found


async def test_results_without_uids() -> None:
    """They are known by all that they have."""
    body = json.dumps([{"00100010": {"vr": "LO", "Value": [n]}} for n in range(4)]).encode()
    whole = response(body, JSON)
    async with serving(Reply(whole[:-40], End.CLOSE), whole, retry=PATIENT) as (client, _):
        assert json.loads(body) == [obj async for obj in calls(client, "search")]


async def test_what_is_awaited_is_one_answer() -> None:
    """Of the one that broke off nothing is kept: nothing of it was handed out."""
    others = ["1.2.8", "1.2.1"]
    replies = [cut_behind(4), response(page(others), JSON)]
    async with serving(*replies, retry=PATIENT) as (client, _):
        assert others == uids(await calls(client, "search"))


@pytest.mark.parametrize("way", ["await", "iterate"])
async def test_pages_that_break_off(way: str) -> None:
    """Pages follow each other as if none had: the place of the next is that of the whole page."""
    broken = {0: 1, 3: 2, 6: 0}

    def script(request: PeerRequest) -> bytes | Reply:
        offset = int(request.target.partition("offset=")[2] or 0)
        part = UIDS[offset : offset + 3]
        if offset in broken:
            return cut_behind(broken.pop(offset), part)
        return response(page(part), JSON)

    async with talking(script, retry=PATIENT) as (client, peer):
        call = client.search_for_studies(get_remaining=True).as_json()
        found = await call if way == "await" else [obj async for obj in call]

        assert UIDS == uids(found)
        assert 7 == len(peer.requests)


async def test_a_refusal_of_the_second_attempt() -> None:
    """What came stays; the error is the one that broke it off, and has the refusal as its cause."""
    async with serving(cut_behind(2), response(status=404), retry=PATIENT) as (client, _):
        call = calls(client, "search")
        assert UIDS[:2] == uids([await anext(call), await anext(call)])
        with pytest.raises(FramingError) as caught:
            await anext(call)

        assert isinstance(caught.value.__cause__, NotFound)
        assert 2 == caught.value.complete

    async with serving(cut_behind(0), response(status=404), retry=PATIENT) as (client, _):
        with pytest.raises(NotFound):
            await anext(calls(client, "search"))


@pytest.mark.parametrize("way", ["await", "iterate"])
@pytest.mark.parametrize(
    ("text", "path"), [(b"[{},{]", "[1]"), (b"[{}, 1]", "[1]"), (b"[{}", "[1]"), (b"{}{}", "[1]")]
)
async def test_what_is_no_json(way: str, text: bytes, path: str) -> None:
    """It is malformed, and would be so again: it is not asked for again."""
    async with serving(response(text, JSON), retry=PATIENT) as (client, peer):
        call = calls(client, "search")
        with pytest.raises(JsonModelError) as caught:
            _ = await call if way == "await" else [obj async for obj in call]

        assert path == caught.value.path
        assert 1 == len(peer.requests)


@pytest.mark.parametrize(
    "head",
    [
        {"Content-Type": 'multipart/related; type="application/dicom+xml"; boundary=end'},
        {"Content-Type": "application/dicom+xml"},
        {"Content-Type": "text/html"},
        {},
    ],
    ids=["parts", "XML", "page", "untold"],
)
async def test_what_is_not_meant_to_be_json(head: dict[str, str]) -> None:
    """It is told as what it is, with its start; an empty one is no results."""
    text = b"\r\n--end\r\n\r\n<NativeDicomModel/>\r\n--end--\r\n"
    async with serving(response(text, head), response(b"", head)) as (client, _):
        with pytest.raises(UnexpectedMediaType) as caught:
            await anext(calls(client, "search"))
        assert text == caught.value.body
        assert [] == [obj async for obj in calls(client, "search")]


async def test_json_that_is_not_said_to_be() -> None:
    """Without a media type its first octet tells."""
    async with serving(response(page(UIDS), {})) as (client, _):
        assert UIDS == uids([obj async for obj in calls(client, "search")])


async def test_bounds() -> None:
    """Of an object and its depth; of the whole only where all of it is kept."""
    body = page(UIDS)
    longest = len(json.dumps(result(UIDS[0])))
    deep = {"0040A730": {"vr": "SQ", "Value": [{"0040A730": {"vr": "SQ", "Value": [{}]}}]}}
    reply, nested = response(body, JSON), json_response([deep])

    async with serving(*[reply] * 3, nested, nested,
                       limits=Limits(json_object=longest, json_depth=2, body=len(body) - 1),
                       ) as (client, _):  # fmt: skip
        assert UIDS == uids([obj async for obj in calls(client, "search")])
        with pytest.raises(LimitExceeded, match="Limits.body is"):
            await calls(client, "search")
        with pytest.raises(LimitExceeded, match="Limits.body is"):
            await calls(client, "metadata")
    async with serving(nested, limits=Limits(json_depth=2)) as (client, _):
        assert [1] == [len(found) async for found in client.search_for_studies()]
    async with serving(reply, limits=Limits(json_object=longest - 1)) as (client, _):
        with pytest.raises(LimitExceeded, match="Limits.json_object is"):
            await anext(calls(client, "search"))
    async with serving(nested, nested, nested, limits=Limits(json_depth=1)) as (client, _):
        with pytest.raises(LimitExceeded, match="Limits.json_depth is 1"):
            await anext(client.search_for_studies())
        with pytest.raises(LimitExceeded, match="Limits.json_depth is 1"):
            await client.retrieve_study_metadata("1.2")
        with pytest.raises(LimitExceeded, match="Limits.json_depth is 1"):
            await client.retrieve_instance_metadata("1.2", "1.2.3", "1.2.3.4")


class Arriving:
    """A response of as many objects as wanted, in blocks; none is kept here."""

    def __init__(self, count: int, *, at_once: bool = False) -> None:
        self._at_once = at_once
        self.left = count
        text = "x" * 10_000
        self._objects = (
            json.dumps({**result(f"1.2.{n}"), "00104000": {"vr": "LT", "Value": [text]}}).encode()
            for n in range(count)
        )
        self.response = Response(200, Headers(JSON))
        self._start = b"["

    def join_parts(self) -> None:
        """It is one part."""

    async def next_part(self) -> None:
        """Its head, or that there is no more."""

    async def arrives(self, within: float) -> bool:
        """Whether all is there, or each object when it is waited for."""
        del within
        return self._at_once

    async def read_chunk(self) -> bytes | None:
        """The next object."""
        self.left -= 1
        octets = next(self._objects, None)
        if octets is None:
            chunk, self._start = {b"[": b"[]", b",": b"]", b"": None}[self._start], b""
            return chunk
        octets, self._start = self._start + octets, b","
        return octets


async def objects_of(arriving: Any) -> ObjectStream:
    """A stream that reads such a response."""

    async def opener() -> Any:
        return arriving

    patience = Patience(PATIENT, Course(Timeout(), "http://a", 1, Closing()))
    stream = ObjectStream(opener, patience, Limits())
    await stream.open()
    return stream


async def test_memory_is_that_of_one_object() -> None:
    """However many there are; of those before, the UIDs."""

    async def peak(count: int) -> int:
        stream = await objects_of(Arriving(count))
        tracemalloc.start()
        while await stream.next() is not None:
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == stream.count
        return most

    await peak(2)  # caches

    assert await peak(100) < await peak(3) + 100 * 200


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows at once may take as long as it takes on a busy machine."""
    monkeypatch.setattr("aiodicomweb.client.object_stream._SOON", 5.0)


@pytest.mark.usefixtures("unhurried")
async def test_what_is_read_ahead_is_bounded() -> None:
    """Of much that is there at once it is 1 MiB, and more as soon as these were taken."""
    arriving = Arriving(300, at_once=True)  # objects of about 10 KB
    stream = await objects_of(arriving)
    await stream.next()
    assert 300 - 120 < arriving.left < 300 - 100

    for _ in range(299):
        await stream.next()
    assert await stream.next() is None
    assert 300 == stream.count


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("form", ["length", "chunks", "last chunk apart", "until close", "gzip"])
async def test_an_object_may_be_used_to_ask_for_more(form: str) -> None:
    """An answer that is short gives its connection back before its first object is handed out."""
    body = page(UIDS)
    answers: dict[str, Any] = {
        "length": response(body, JSON),
        "chunks": chunked(body, JSON),
        "last chunk apart": [chunked(body, JSON, last=False), b"0\r\n\r\n"],
        "until close": Reply(until_close(body, JSON), End.CLOSE),
        "gzip": response(gzip.compress(body), {**JSON, "Content-Encoding": "gzip"}),
    }
    nested = [json_response([result(uid)]) for uid in UIDS]
    async with serving(answers[form], *nested, limits=ONE,
                       timeout=Timeout(pool=0.5)) as (client, _):  # fmt: skip
        found: list[dict[str, Any]] = []
        async for obj in calls(client, "search"):
            found += await client.retrieve_study_metadata(uids([obj])[0]).as_json()

        assert UIDS == uids(found)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Garbage is what nothing refers to, at once, and nothing else."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", ["search", "metadata"])
async def test_a_call_that_is_left_is_garbage(kind: str) -> None:
    """Its connection is given up with it, without a collector, and the place is free."""
    whole = response(page(UIDS), JSON)
    async with serving([whole[:-50], anyio.Event()], whole, limits=ONE,
                       timeout=Timeout(pool=0.5)) as (client, peer):  # fmt: skip
        async for _ in calls(client, kind):
            break
        await peer.wait_until_idle()

        call = calls(client, kind)
        assert UIDS == uids([obj async for obj in call])
        left = weakref.ref(call)
        del call
        assert left() is None


async def test_leaving_early() -> None:
    """The rest is not read: its connection is closed, and its place is free."""
    whole = response(page(UIDS), JSON)
    async with serving([whole[:-50], anyio.Event()], json_response([]), limits=ONE) as (
        client, peer):  # fmt: skip
        async with client.search_for_studies() as call:
            async for _ in call:
                break
        await peer.wait_until_idle()

        assert [] == await client.search_for_studies()


async def test_cancelling_between_objects() -> None:
    """Waiting for the next one can be given up; the place is free."""
    whole = response(page(UIDS), JSON)
    async with serving([whole[:-50], anyio.Event()], json_response([]), limits=ONE) as (
        client, peer):  # fmt: skip
        call = client.search_for_studies().as_json()
        with anyio.CancelScope() as scope:
            async for _ in call:
                scope.deadline = anyio.current_time() + 0.01
        assert scope.cancelled_caught
        await peer.wait_until_idle()

        assert [] == await client.search_for_studies()


async def test_reading_to_the_end_keeps_the_connection() -> None:
    """As soon as the last octet of the message came, not of the array."""
    replies = [response(page(UIDS) + b" \n", JSON), json_response([])]
    async with serving(*replies, limits=ONE) as (client, peer):
        assert UIDS == uids([obj async for obj in calls(client, "search")])
        assert [] == await client.search_for_studies()

        assert 1 == peer.connections


async def test_a_silence_between_objects() -> None:
    """Nothing for ``Timeout.read`` is a break like any other."""
    whole = response(page(UIDS), JSON)
    async with serving([whole[:-50], anyio.Event()], whole, retry=PATIENT,
                       timeout=Timeout(read=0.05)) as (client, peer):  # fmt: skip
        assert UIDS == uids([obj async for obj in calls(client, "search")])

        assert 2 == len(peer.requests)


async def test_a_page_in_place_of_the_second_answer() -> None:
    """What goes no further tells what broke it off; why it can't be had again is the cause."""
    html = response(b"<html>", {"Content-Type": "text/html"})
    broken = response(b"[1]", JSON)
    async with serving(cut_behind(2), html, cut_behind(2), broken, cut_behind(0), html,
                       retry=PATIENT) as (client, _):  # fmt: skip
        for reason in (UnexpectedMediaType, JsonModelError):
            call = calls(client, "search")
            assert UIDS[:2] == uids([await anext(call), await anext(call)])
            with pytest.raises(FramingError) as caught:
                await anext(call)
            assert isinstance(caught.value.__cause__, reason)
            assert 2 == caught.value.complete

        with pytest.raises(UnexpectedMediaType):
            await anext(calls(client, "search"))


async def test_the_response_is_that_of_the_latest_answer() -> None:
    """What it warns of belongs to the objects that came last."""
    second = response(page(UIDS), {**JSON, "Warning": '299 - "more"'})
    async with serving(cut_behind(2), second, retry=PATIENT) as (client, _):
        call = calls(client, "search")
        await anext(call)
        assert () == tuple(call.response.warnings)
        assert 8 == len([obj async for obj in call])
        assert 1 == len(call.response.warnings)


@pytest.mark.parametrize("way", ["await", "iterate"])
@pytest.mark.parametrize("end", [-1, -30])
async def test_json_that_ends_with_the_connection(way: str, end: int) -> None:
    """Too early: it broke off, where nothing but the close said that it was whole."""
    cut, whole = until_close(page(UIDS)[:end], JSON), response(page(UIDS), JSON)
    async with serving(Reply(cut, End.CLOSE), whole, retry=PATIENT) as (client, peer):
        call = calls(client, "search")
        assert UIDS == uids(await call if way == "await" else [obj async for obj in call])
        assert 2 == len(peer.requests)

    async with serving(Reply(cut, End.CLOSE)) as (client, _):
        with pytest.raises(FramingError, match="before the JSON"):
            await calls(client, "search")
