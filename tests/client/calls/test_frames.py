"""Frames: what arrives, which they are, and what travels together."""

from __future__ import annotations

import mmap
from collections import Counter
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from aiodicomweb import (
    BearerAuth,
    DeadlineExceeded,
    DicomWebError,
    FrameMismatch,
    Limits,
    NotFound,
    PoolExhausted,
    Retry,
    Timeout,
    UnexpectedMediaType,
)
from aiodicomweb.testing import End, Reply, response

from ...support.messages import FRAMES, parts_response
from ...support.serving import serving, talking

if TYPE_CHECKING:
    from aiodicomweb import Client, Frame
    from aiodicomweb.client import FramesCall
    from aiodicomweb.testing import PeerRequest
    from aiodicomweb.testing.peers import Answer

STUDY, SERIES, INSTANCE = "1.2", "1.2.3", "1.2.3.4"


def frames(client: Client, *numbers: int) -> FramesCall:
    """Ask for frames."""
    return client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, numbers)


# --- frames --------------------------------------------------------------------------------------


async def test_frames_arrive_in_order() -> None:
    """Frames have the numbers asked for, their media type, and memory of their own."""
    reply = parts_response([b"two", b"one"], FRAMES)
    async with serving(reply) as (client, _):
        got = await frames(client, 2, 1)

        assert [(2, b"two"), (1, b"one")] == [(frame.number, bytes(frame)) for frame in got]
        assert FRAMES == got[0].media_type
        assert "1.2.840.10008.1.2.1" == got[0].transfer_syntax


async def test_frames_land_where_the_user_wants() -> None:
    """Frames of all sizes land one behind the other in memory that other processes may share."""
    octets = [b"one" * 100_000, b"two"]
    with mmap.mmap(-1, 300_003) as memory:
        place = 0

        def allocate(size: int) -> memoryview:
            nonlocal place
            place += size
            return memoryview(memory)[place - size : place]

        async with serving(parts_response(octets, FRAMES)) as (client, _):
            got = await client.retrieve_instance_frames(
                STUDY, SERIES, INSTANCE, [1, 2], allocator=allocate
            )

        assert octets == [bytes(frame) for frame in got]
        assert b"".join(octets) == memory[:]
        for frame in got:
            assert frame.data.readonly
            frame.data.release()


async def test_an_allocator_that_fails_fails_the_call() -> None:
    """What it raises comes out, and the connection is not used again."""

    def allocate(size: int) -> bytearray:
        raise LookupError(f"no room for {size}")

    replies = [parts_response([b"one"], FRAMES)] * 2
    async with serving(*replies) as (client, peer):
        with pytest.raises(LookupError, match="no room for 3"):
            await client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [1], allocator=allocate)
        assert 1 == len(await frames(client, 1))
        assert 2 == peer.connections


async def test_frames_say_their_numbers() -> None:
    """A frame's ``Content-Location`` counts for more than its place."""
    at = [{"Content-Location": f"/x/frames/{number}"} for number in (3, 1)]
    async with serving(parts_response([b"three", b"one"], FRAMES, at)) as (client, _):
        got = [(frame.number, bytes(frame)) async for frame in frames(client, 1, 3)]

        assert [(3, b"three"), (1, b"one")] == got


async def test_missing_frames_are_named() -> None:
    """Fewer frames than asked for: which are missing, and how many came."""
    async with serving(parts_response([b"one", b"two"], FRAMES)) as (client, _):
        with pytest.raises(
            FrameMismatch, match="asked for 4 frames, got 2; missing 7, 9"
        ) as caught:
            await frames(client, 1, 2, 7, 9)

        error = caught.value
        assert ((1, 2, 7, 9), (7, 9), 2) == (error.asked, error.missing, error.received)
        assert 2 == error.complete


async def test_too_many_frames_are_refused() -> None:
    """More frames than asked for are an error before the surplus one is read."""
    async with serving(parts_response([b"one", b"two"], FRAMES)) as (client, _):
        with pytest.raises(FrameMismatch, match="asked for 1 frames, got 2") as caught:
            await frames(client, 1)

        assert ((), 1) == (caught.value.missing, caught.value.complete)


@pytest.mark.parametrize("count", [2, 4])
async def test_frames_that_were_handed_out_by_their_place(count: int) -> None:
    """Their numbers are doubtful where other frames came than were asked for: the error says so."""
    reply = parts_response([bytes([number]) for number in range(count)], FRAMES)
    async with serving(reply) as (client, _):
        call = frames(client, 1, 5, 9)
        given = tuple([(await anext(call)).number for _ in range(min(count, 3))])
        with pytest.raises(FrameMismatch, match="told by place alone") as caught:
            await anext(call)

        assert (1, 5, 9)[:count] == given == caught.value.by_place


async def test_frames_that_name_themselves_are_not_in_doubt() -> None:
    """Of those that arrived, just the ones without a name of their own are."""
    parts = [b"one", b"two", b"three"]
    at = [{"Content-Location": "/x/frames/1"}, {}, {"Content-Location": "/x/frames/3"}]
    async with serving(parts_response(parts, FRAMES, at)) as (client, _):
        with pytest.raises(FrameMismatch) as caught:
            await frames(client, 1, 2, 3, 4)

        assert (2,) == caught.value.by_place
    named = [{"Content-Location": f"/x/frames/{number}"} for number in (1, 2, 3)]
    async with serving(parts_response(parts, FRAMES, named)) as (client, _):
        with pytest.raises(FrameMismatch, match="missing 4; complete") as caught:
            await frames(client, 1, 2, 3, 4)

        assert () == caught.value.by_place


async def test_no_content_is_no_frames() -> None:
    """204 in answer to a request for frames means that all are missing."""
    async with serving(b"HTTP/1.1 204 None\r\n\r\n") as (client, _):
        with pytest.raises(FrameMismatch, match="missing 1, 2"):
            await frames(client, 1, 2)


async def test_a_video_is_one_part() -> None:
    """A video counts for all frames asked for (PS3.18 §8.7.3.3.2)."""
    async with serving(parts_response([b"film"], "video/mp4")) as (client, _):
        got = await frames(client, 1, 2)

        assert [b"film"] == [bytes(frame) for frame in got]


async def test_a_frame_that_came_twice_is_no_other() -> None:
    """Two parts that both say to be frame 1 are not frames 1 and 2 (MUL-46)."""
    parts = [b"one", b"one"]
    places = ["/frames/1", "/frames/1"]
    async with serving(located(parts, places)) as (client, _):
        with pytest.raises(FrameMismatch) as caught:
            await frames(client, 1, 2)

        assert (2,) == caught.value.missing


async def test_frames_in_another_order_are_put_in_order() -> None:
    """Awaited, frames come in the order asked for, whatever order they arrived in."""
    async with serving(located([b"two", b"one"], ["/frames/2", "/frames/1"])) as (client, _):
        got = await frames(client, 1, 2)

        assert [(1, b"one"), (2, b"two")] == [(frame.number, bytes(frame)) for frame in got]


async def test_a_frame_that_is_asked_for_twice() -> None:
    """Each time that a number is asked for it has a frame of its own, in its place."""
    places = ["/frames/2", "/frames/2", "/frames/1"]
    async with serving(located([b"a", b"b", b"c"], places)) as (client, _):
        got = await frames(client, 2, 1, 2)

        assert [(2, b"a"), (1, b"c"), (2, b"b")] == [(f.number, bytes(f)) for f in got]


async def test_a_frame_that_nobody_asked_for_has_no_place() -> None:
    """A part that names another frame is counted by its place; the server may be wrong."""
    async with serving(located([b"one"], ["/frames/7"])) as (client, _):
        got = await frames(client, 1)

        assert [1] == [frame.number for frame in got]


def located(parts: list[bytes], places: list[str]) -> bytes:
    """A multipart response whose parts say where they belong."""
    body = b"".join(
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Location: "
        + place.encode()
        + b"\r\n\r\n"
        + part
        + b"\r\n"
        for part, place in zip(parts, places, strict=True)
    )
    return response(body + b"--b--\r\n", {"Content-Type": "multipart/related; boundary=b"})


@pytest.mark.parametrize("media_type", ["text/html", "application/json"])
async def test_a_part_of_words_is_no_frame(media_type: str) -> None:
    """A gateway's page inside a part is not handed out as pixels."""
    async with serving(parts_response([b"<html>"], media_type)) as (client, _):
        with pytest.raises(UnexpectedMediaType):
            await frames(client, 1)


async def test_octets_of_no_type_are_no_frame() -> None:
    """Without a Content-Type nobody could tell pixels from a page (PS3.18 §10.4.3, RET-50)."""
    async with serving(response(b"<html>login</html>", {})) as (client, _):
        with pytest.raises(UnexpectedMediaType):
            await frames(client, 1)


# --- what travels together -----------------------------------------------------------------------


class Archive:
    """Gives the frames that are asked for, and remembers how they were asked for.

    Args:
        size: Octets of a frame, besides its number.
        last: The number of the last frame that there is.
        most: Frames that it gives at once.
        refusal: What it says to who wants more.
    """

    def __init__(self, size: int = 4, last: int = 10_000, most: int = 9999, refusal: int = 400):
        self.lists: list[list[int]] = []
        self.size = size
        self.last = last
        self.most = most
        self.refusal = refusal

    def __call__(self, request: PeerRequest) -> bytes:
        """The answer to a request."""
        numbers = [int(number) for number in request.target.rpartition("/")[2].split(",")]
        self.lists.append(numbers)
        if max(numbers) > self.last:
            return response(status=404)
        if len(numbers) > self.most:
            return response(status=self.refusal)
        return parts_response([b"%d " % number + bytes(self.size) for number in numbers], FRAMES)


def number_of(frame: Frame) -> int:
    """The number that a frame's octets tell."""
    return int(bytes(frame.data).partition(b" ")[0])


async def at_once(*calls: FramesCall) -> list[list[int] | type[DicomWebError]]:
    """Await calls, each in a task of its own; the numbers that their frames tell, or errors.

    The first one goes first. The others begin at once, in any order (trio shuffles them).
    """
    results: list[list[int] | type[DicomWebError]] = [[] for _ in calls]

    async def wait(place: int, call: FramesCall) -> None:
        try:
            got = await call
        except DicomWebError as error:
            results[place] = type(error)
        else:
            assert [number_of(frame) for frame in got] == [frame.number for frame in got]
            results[place] = [frame.number for frame in got]

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(wait, place, call)
            if place == 0:
                await anyio.lowlevel.checkpoint()
    return results


ONE = Limits(connections=1)
"""With one connection the first call goes, and all others queue."""


async def test_frames_that_would_wait_travel_together() -> None:
    """Each task gets its own, in its order, from a list in ascending order (PS3.18 §10.4.1.1.6)."""
    archive = Archive()
    async with talking(archive, limits=ONE) as (client, _):
        asked = (9,), (3, 2), (1,), (5, 5), (1,)
        calls = [frames(client, *numbers) for numbers in asked]

        assert [list(numbers) for numbers in asked] == await at_once(*calls)
        assert [[9], [1, 2, 3, 5]] == archive.lists
        assert {200} == {call.response.status for call in calls}
        assert 2 == len({call.url for call in calls})
        with pytest.raises(RuntimeError, match="once"):
            await calls[1]


async def test_each_task_has_views_of_its_own() -> None:
    """Who releases one takes nothing from others."""
    async with talking(Archive(), limits=ONE) as (client, _):
        got: list[Frame] = []

        async def wait(*numbers: int) -> None:
            got.extend(await frames(client, *numbers))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, 1)
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(wait, 2, 2)
            tasks.start_soon(wait, 2)
        for frame in got[1:]:
            assert 2 == number_of(frame)
            frame.data.release()


async def test_frames_that_need_not_wait_go_alone() -> None:
    """Whatever has a connection goes at once."""
    archive = Archive()
    async with talking(archive, limits=Limits(connections=20)) as (client, _):
        assert [[number] for number in range(1, 21)] == await at_once(
            *(frames(client, number) for number in range(1, 21))
        )

        assert [[number] for number in range(1, 21)] == sorted(archive.lists)


async def test_many_frames_travel_in_batches() -> None:
    """As many as are small enough together, one request after the other."""
    archive = Archive()
    async with talking(archive, limits=ONE) as (client, _):
        got = await at_once(*(frames(client, number) for number in range(1, 301)))

        assert [1, 128, 128, 43] == [len(numbers) for numbers in archive.lists]
        assert [[number] for number in range(1, 301)] == got


@pytest.mark.parametrize(("size", "most"), [(3_000_000, 1), (1_500_000, 2), (300_000, 13)])
async def test_large_frames_travel_in_small_batches(size: int, most: int) -> None:
    """A batch is held until it is whole, so that it must not be large."""
    archive = Archive(size=size)
    async with talking(archive, limits=ONE) as (client, _):
        await at_once(*(frames(client, number) for number in range(1, 15)))

        assert most == max(len(numbers) for numbers in archive.lists)


async def test_only_what_is_alike_travels_together() -> None:
    """Other instances, other forms, other fields and frames that are iterated ask alone."""
    archive = Archive()

    async with talking(archive, limits=ONE) as (client, _):

        async def iterate() -> None:
            assert [4] == [frame.number async for frame in frames(client, 4)]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(iterate)
            retrieve = client.retrieve_instance_frames
            calls = [
                frames(client, 1),
                retrieve(STUDY, SERIES, "1.2.3.5", [1]),
                retrieve(STUDY, SERIES, INSTANCE, [2], media_types=["image/*", "*/*"]),
                retrieve(STUDY, SERIES, INSTANCE, [3], headers={"X-A": "1"}),
            ]
            assert [[1], [1], [2], [3]] == await at_once(*calls)

        assert [[1], [1], [2], [3], [4]] == sorted(archive.lists)


async def test_a_frame_that_is_not_there_fails_its_own_task() -> None:
    """The others ask for their own, and get it."""
    archive = Archive(last=4)
    async with talking(archive, limits=ONE) as (client, _):
        calls = [frames(client, number) for number in (1, 3, 4, 5)]

        assert [[1], [3], [4], NotFound] == await at_once(*calls)
        assert [[1], [3], [3, 4, 5], [4], [5]] == sorted(archive.lists)


@pytest.mark.parametrize("refusal", [400, 403, 406, 414, 500, 501, 503])
async def test_a_server_that_refuses_lists(refusal: int) -> None:
    """All get their own alone; after two refusals no more lists are tried."""
    archive = Archive(most=1, refusal=refusal)
    async with talking(archive, limits=ONE) as (client, _):
        for begin in range(1, 10, 3):
            calls = [frames(client, begin + number) for number in range(3)]
            assert [[begin], [begin + 1], [begin + 2]] == await at_once(*calls)

        lists = [tuple(numbers) for numbers in archive.lists if len(numbers) > 1]
        assert [(2, 3), (5, 6)] == list(dict.fromkeys(lists))


async def test_a_list_that_breaks_off_fails_nobody() -> None:
    """Each asks for its own, as it would have alone."""
    archive = Archive()

    def answer(request: PeerRequest) -> Answer:
        whole = archive(request)
        return Reply(whole[:-9], End.RESET) if "," in request.target else whole

    async with talking(answer, limits=ONE) as (client, _):
        calls = [frames(client, number) for number in range(1, 5)]

        assert [[1], [2], [3], [4]] == await at_once(*calls)


async def test_what_else_fails_comes_out_of_each_call() -> None:
    """An error of the caller's own function is not wrapped, and is the same for all."""

    def token() -> str:
        raise OSError("no token")

    failed = []
    async with talking(Archive(), limits=ONE, auth=BearerAuth(token)) as (client, _):

        async def wait(number: int) -> None:
            try:
                await frames(client, number)
            except OSError as error:
                failed.append(str(error))

        async with anyio.create_task_group() as tasks:
            for number in range(1, 5):
                tasks.start_soon(wait, number)

    assert ["no token"] * 4 == failed


async def test_who_asks_for_a_batch_may_be_cancelled() -> None:
    """The others ask again, together; who waits may be cancelled, too."""
    archive = Archive()
    queued, asked, never = anyio.Event(), anyio.Event(), anyio.Event()

    def answer(request: PeerRequest) -> Answer:
        if "," not in request.target:
            return [queued, archive(request)]
        if not asked.is_set():
            asked.set()
            return [never]
        return archive(request)

    async with talking(answer, limits=ONE) as (client, _):
        got: list[list[int]] = []
        scopes = [anyio.CancelScope() for _ in range(6)]

        async def wait(number: int) -> None:
            with scopes[number]:
                got.append([frame.number for frame in await frames(client, number)])

        async with anyio.create_task_group() as tasks:
            for number in range(1, 6):
                tasks.start_soon(wait, number)
                await anyio.lowlevel.checkpoint()  # so that they come in this order
            queued.set()
            await asked.wait()
            scopes[4].cancel()
            scopes[2].cancel()

        assert [[1], [3], [5]] == sorted(got)
        assert [1] == archive.lists[0]
        # Whether 4 has left by then is a matter of turns.
        assert archive.lists[1:] in ([[3, 5]], [[3, 4, 5]])


@pytest.mark.parametrize("steps", range(12))
async def test_cancelling_leaves_nobody_waiting(steps: int) -> None:
    """Whoever is cancelled at whatever moment, the others get theirs."""
    archive = Archive()
    async with talking(archive, limits=ONE) as (client, _):
        got: list[int] = []

        async def wait(number: int) -> None:
            got.extend(frame.number for frame in await frames(client, number))

        async with anyio.create_task_group() as tasks, anyio.create_task_group() as leaving:
            for number in (2, 3):
                leaving.start_soon(wait, number)
            for number in (4, 5):
                tasks.start_soon(wait, number)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            leaving.cancel_scope.cancel()

        assert {4, 5} <= set(got)
        assert [[6]] == await at_once(frames(client, 6))


async def test_waiting_counts_to_the_total() -> None:
    """Who waits behind others waits no longer than the call may take."""

    def answer(_: PeerRequest) -> Answer:
        return [anyio.Event()]

    async with talking(answer, limits=ONE, timeout=Timeout(total=0.1)) as (client, _):
        calls = [frames(client, number) for number in range(1, 5)]

        assert [DeadlineExceeded] * 4 == await at_once(*calls)


async def test_waiting_is_bounded_as_for_a_connection() -> None:
    """Whoever waits behind requests that hang has the error that the pool gives."""

    def answer(_: PeerRequest) -> Answer:
        return [anyio.Event()]

    async with talking(answer, limits=ONE, timeout=Timeout(pool=0.05, head=0.5)) as (client, _):
        calls = [frames(client, number) for number in range(1, 4)]

        assert [DeadlineExceeded, PoolExhausted, PoolExhausted] == await at_once(*calls)


async def test_a_film_is_no_batch() -> None:
    """What stands for all frames of a list is not taken for any one of them."""

    def answer(request: PeerRequest) -> bytes:
        if "," in request.target:
            return parts_response([b"film"], "video/mp4")
        return parts_response([request.target.rpartition("/")[2].encode() + b" "], FRAMES)

    async with talking(answer, limits=ONE) as (client, _):
        calls = [frames(client, number) for number in (1, 2, 2, 3)]

        assert [[1], [2], [2], [3]] == await at_once(*calls)


async def test_what_fails_of_a_batch_is_not_held_against_its_first_task() -> None:
    """Each has the attempts that it would have alone."""
    asked: Counter[str] = Counter()

    def answer(request: PeerRequest) -> bytes:
        numbers = request.target.rpartition("/")[2]
        asked[numbers] += 1
        if "," in numbers or (numbers != "1" and asked[numbers] == 1):
            return response(status=503)
        return parts_response([numbers.encode() + b" "], FRAMES)

    async with talking(answer, limits=ONE, retry=Retry(attempts=2, first=0)) as (client, _):
        calls = [frames(client, number) for number in (1, 2, 3)]

        assert [[1], [2], [3]] == await at_once(*calls)


async def test_a_list_that_no_url_holds() -> None:
    """It goes in several requests, one after the other; the frames come in the order asked for."""
    archive = Archive(size=0)
    async with talking(archive) as (client, peer):
        asked = list(range(9_000, 6_000, -1))
        got = [frame.number async for frame in frames(client, *asked)]

        assert asked == got
        assert [1200, 1200, 600] == [len(numbers) for numbers in archive.lists]
        assert max(len(request.target) for request in peer.requests) < 7000
        assert asked[:1500] == [frame.number for frame in await frames(client, *asked[:1500])]


async def test_a_list_that_breaks_off_in_its_second_request() -> None:
    """The frames of the first were handed out."""
    archive = Archive(size=0, last=1500)
    async with talking(archive) as (client, _):
        got = []

        async def take_all() -> None:
            async for frame in frames(client, *range(1, 2001)):
                got.append(frame.number)  # noqa: PERF401 - those before the error count

        with pytest.raises(NotFound):
            await take_all()
        assert list(range(1, 1422)) == got
