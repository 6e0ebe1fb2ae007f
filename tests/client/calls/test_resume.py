"""Retrievals that break off go on: all instances come, once each."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodicomweb import (
    ConnectionLost,
    ContentError,
    DeadlineExceeded,
    FrameMismatch,
    FramingError,
    LimitExceeded,
    Limits,
    MultipartError,
    NotFound,
    Retry,
    Timeout,
)
from aiodicomweb.client.resumption import NotResumable
from aiodicomweb.testing import End, Reply, response

from ...support.archive import STUDY, Archive, Cut, study
from ...support.messages import (
    DICOM,
    FRAMES,
    chunked,
    dicom_file,
    json_response,
    multipart,
    parts_response,
    parts_type,
)
from ...support.serving import serving, talking

if TYPE_CHECKING:
    from aiodicomweb import Client, Instance
    from aiodicomweb.testing.peers import PeerRequest

PATIENT = Retry(attempts=3, first=0)
WAYS = ["read", "dataset", "save", "skip"]
SERIES = [2, 1, 2]
WHOLE = len(multipart([*Archive(study(SERIES)).all().values()]))


async def take(instance: Instance, way: str, folder: Path) -> str | None:
    """Take an instance in one of the ways; its UID, ``None`` if it was not looked at."""
    if way == "read":
        data = bytes(await instance.read())
        return next(u for u, octets in Archive(study(SERIES)).all().items() if octets == data)
    if way == "dataset":
        return str((await instance.dataset()).SOPInstanceUID)
    if way == "save":
        path = await instance.save(folder)
        assert Archive(study(SERIES)).all()[path.stem] == path.read_bytes()
        return path.stem
    if way == "chunks":
        data = b"".join([bytes(chunk) async for chunk in instance])
        return next(u for u, octets in Archive(study(SERIES)).all().items() if octets == data)
    return None


async def take_all(archive: Archive, ways: list[str]) -> list[str | None]:
    """Retrieve the study, each instance in the next of the ways."""
    taken: list[str | None] = []
    with TemporaryDirectory() as folder:
        async with talking(archive, retry=PATIENT) as (client, _):
            turns = deque(ways)
            async for instance in client.retrieve_study(STUDY):
                taken.append(await take(instance, turns[0], Path(folder)))
                turns.rotate(-1)
    return taken


cuts = st.builds(
    Cut,
    st.integers(0, WHOLE),
    st.sampled_from([End.CLOSE, End.RESET]),
    st.sampled_from(["length", "chunked", "until close"]),
)


@settings(max_examples=100)
@given(
    cuts=st.lists(cuts, min_size=1, max_size=2),
    ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=5),
    page=st.sampled_from([0, 2, 1000]),
)
def test_wherever_it_breaks_all_instances_come_once(
    cuts: list[Cut], ways: list[str], page: int
) -> None:
    """For any cut of any two responses and any way of reading, nothing is lost or comes twice."""
    archive = Archive(study(SERIES), deque(cuts), page=page)

    taken = anyio.run(take_all, archive, ways)

    seen = [uid for uid in taken if uid is not None]
    assert len(archive.all()) == len(taken)
    assert len(set(seen)) == len(seen)
    assert "skip" in ways or set(archive.all()) == set(seen)


@settings(max_examples=40)
@given(cut=cuts)
def test_pieces_that_were_handed_out_stay_true(cut: Cut) -> None:
    """Read in pieces, a part goes on or fails; what follows an error is not taken for its end."""
    archive = Archive(study(SERIES), deque([cut]))
    try:
        taken = anyio.run(take_all, archive, ["chunks"])
    except (ConnectionLost, FramingError, MultipartError) as error:
        assert "handed out" in error.hint  # noqa: PT017 - either end is right
    else:
        assert [*archive.all()] == sorted(taken, key=str)


async def retrieve(archive: Archive, retry: Retry = PATIENT) -> list[str]:
    """The UIDs of a study, retrieved whole."""
    async with talking(archive, retry=retry) as (client, _):
        return [str(d.SOPInstanceUID) for d in await client.retrieve_study(STUDY)]


async def test_what_is_missing_is_asked_for() -> None:
    """A series that was begun instance by instance, another one whole; in the same media types."""
    archive = Archive(study([3, 2]), deque([Cut(18_000)]))

    assert [*archive.all()] == await retrieve(archive)
    assert [
        "/studies/1.2",
        "/studies/1.2/instances",
        "/studies/1.2/instances?offset=5",
        "/studies?StudyInstanceUID=1.2",
        "/studies/1.2/series/1.2.1/instances/1.2.1.2",
        "/studies/1.2/series/1.2.1/instances/1.2.1.3",
        "/studies/1.2/series/1.2.2",
    ] == archive.asked
    assert 1 == len(set(archive.accepts))


async def test_nothing_came() -> None:
    """Where nothing was handed out the same is asked for again, and nothing is listed."""
    archive = Archive(study([2]), deque([Cut(0), Cut(200, End.RESET)]))

    assert [*archive.all()] == await retrieve(archive)
    assert ["/studies/1.2"] * 3 == archive.asked


async def test_all_came() -> None:
    """Behind the last instance the archive is asked whether it was the last."""
    archive = Archive(study([2]))
    archive.cuts.append(Cut(len(multipart(archive.all().values())), framing="chunked"))

    assert [*archive.all()] == await retrieve(archive)
    assert not any("series" in target for target in archive.asked)


async def test_a_series_is_resumed_by_instance() -> None:
    """A retrieval of a series lists the series alone."""
    archive = Archive(study([3]), deque([Cut(18_000)]), page=2)
    async with talking(archive, retry=PATIENT) as (client, _):
        got = await client.retrieve_series(STUDY, "1.2.1")

        assert [*archive.all()] == [d.SOPInstanceUID for d in got]
    assert "/studies/1.2/series/1.2.1/instances?offset=2" in archive.asked
    assert "/studies/1.2/series?SeriesInstanceUID=1.2.1" in archive.asked


async def test_metadata_list_where_no_search_does() -> None:
    """Not every archive searches; but the metadata have to tell how many there are."""
    archive = Archive(study([3]), deque([Cut(18_000)]), page=0)

    assert [*archive.all()] == await retrieve(archive)
    assert "/studies/1.2/metadata" in archive.asked
    silent = Archive(study([3]), deque([Cut(18_000)]), page=0, tells=False)
    with pytest.raises(FramingError):
        await retrieve(silent)


@pytest.mark.parametrize("target", ["study", "series"])
@pytest.mark.parametrize("page", [2, 4, 1000, 0])
async def test_a_list_that_is_capped_in_silence(page: int, target: str) -> None:
    """The number of instances shows it, which a search for the study or series tells (QID-85)."""
    archive = Archive(study([6]), deque([Cut(18_000)]), page=page, most=4)

    async with talking(archive, retry=PATIENT) as (client, _):
        of_study = target == "study"
        call = client.retrieve_study(STUDY) if of_study else client.retrieve_series(STUDY, "1.2.1")
        with pytest.raises(FramingError) as caught:
            await call

    assert isinstance(caught.value.__cause__, NotResumable)
    assert 1 == caught.value.complete


async def test_a_search_that_ends_where_nobody_counts() -> None:
    """Behind the last result comes an empty page: that has to do."""
    archive = Archive(study([3]), deque([Cut(18_000)]), page=2, tells=False)

    assert [*archive.all()] == await retrieve(archive)
    assert "/studies/1.2/metadata" not in archive.asked


async def test_nothing_lists() -> None:
    """Without a list the error that broke it off is raised, and says why it ended there."""
    archive = Archive(study([3]), deque([Cut(18_000)]), page=0, has_metadata=False)

    with pytest.raises(FramingError) as caught:
        await retrieve(archive)

    assert 1 == caught.value.complete
    assert caught.value.__cause__ is not None


async def test_filters_of_a_vendor_are_in_no_list() -> None:
    """A retrieval with parameters may leave instances out that the archive lists."""
    archive = Archive(study([3]), deque([Cut(18_000)]))
    async with talking(archive, retry=PATIENT) as (client, _):
        with pytest.raises(FramingError):
            await client.retrieve_study(STUDY, additional_params={"latest": True})

    assert ["/studies/1.2?latest=true"] == archive.asked


async def test_a_list_of_others_is_none() -> None:
    """An archive that lists other UIDs than it sends would send everything twice."""
    archive = Archive(study([3]), deque([Cut(18_000)]))
    archive.series["1.2.1"] = {
        f"9.{number}": octets for number, octets in enumerate(archive.series["1.2.1"].values())
    }

    with pytest.raises(FramingError):
        await retrieve(archive)


@pytest.mark.parametrize("partial", [True, False])
async def test_what_cannot_be_retrieved(*, partial: bool) -> None:
    """An instance that is listed and not there is a loss, unless the server said so before."""
    archive = Archive(study([3, 2]), deque([Cut(18_000)]), hidden={"1.2.1.3"}, partial=partial)
    if partial:
        archive.cuts.clear()
        whole = multipart(archive.all().values())
        cut = response(whole[:18_000], {**parts_type(), "Content-Length": str(len(whole))}, 206)
        replies = deque([Reply(cut, End.CLOSE)])

        def script(request: PeerRequest) -> Reply:
            return replies.popleft() if replies else archive(request)

        async with talking(script, retry=PATIENT) as (client, _):
            call = client.retrieve_study(STUDY)
            got = [str((await instance.dataset()).SOPInstanceUID) async for instance in call]

            assert [*archive.all()] == got
            assert call.response.partial
        return

    with pytest.raises(FramingError) as caught:
        await retrieve(archive)
    assert isinstance(caught.value.__cause__, NotFound)


async def test_an_empty_answer_is_no_instance() -> None:
    """A 204 for one that is listed brings nothing, and doesn't count as complete."""
    archive = Archive(study([3]), deque([Cut(18_000)]))

    def script(request: PeerRequest) -> Reply:
        gone = request.target.endswith("/instances/1.2.1.3")
        return Reply(response(status=204)) if gone else archive(request)

    async with talking(script, retry=PATIENT) as (client, _):
        with pytest.raises(FramingError) as caught:
            await client.retrieve_study(STUDY)

    assert 2 == caught.value.complete


async def test_attempts_without_progress_end() -> None:
    """``Retry.attempts`` counts those that brought nothing new; the last error is raised."""
    cuts = [Cut(18_000), Cut(7_000, End.RESET), Cut(7_000, End.RESET)]
    archive = Archive(study([3]), deque(cuts))

    with pytest.raises(ConnectionLost) as caught:
        await retrieve(archive)

    assert 1 == caught.value.complete
    assert 3 == len(archive.accepts)


async def test_progress_is_no_failure() -> None:
    """Each new instance gives the attempts anew."""
    archive = Archive(study([6]), deque([Cut(18_000), *[Cut(7_000), None] * 4]))

    assert [*archive.all()] == await retrieve(archive)


async def test_no_retries_no_resuming() -> None:
    """``Retry(attempts=1)`` turns it off."""
    archive = Archive(study([3]), deque([Cut(18_000)]))

    with pytest.raises(FramingError):
        await retrieve(archive, retry=Retry(attempts=1))

    assert ["/studies/1.2"] == archive.asked


async def test_what_is_malformed_is_not_cut() -> None:
    """A body that is whole and wrong would be wrong again."""
    files = [*Archive(study([2])).all().values()]
    reply = parts_response(files, close=False, headers={"Connection": "keep-alive"})
    async with serving(reply, retry=PATIENT) as (client, peer):
        with pytest.raises(MultipartError):
            await client.retrieve_study(STUDY)

        assert 1 == len(peer.requests)


async def test_silence_is_a_break() -> None:
    """A body that stops coming for ``Timeout.read`` goes on with another request."""
    archive = Archive(study([3]))
    body = multipart(archive.all().values())
    head = response(b"", {**parts_type(), "Content-Length": str(len(body))})
    stalled: deque[list[bytes | anyio.Event]] = deque([[head, body[:18_000], anyio.Event()]])

    def script(request: PeerRequest) -> Reply:
        return Reply(stalled.popleft()) if stalled else archive(request)

    async with talking(script, retry=PATIENT, timeout=Timeout(read=0.05)) as (client, _):
        got = await client.retrieve_study(STUDY)

        assert [*archive.all()] == [d.SOPInstanceUID for d in got]


async def test_the_total_bounds_it_all() -> None:
    """``Timeout.total`` is for the call with all its requests."""
    archive = Archive(study([3]))
    body = multipart(archive.all().values())
    head = response(b"", {**parts_type(), "Content-Length": str(len(body))})
    stall = [head, body[:18_000], anyio.Event()]
    async with serving(stall, retry=PATIENT, timeout=Timeout(total=0.2)) as (client, peer):
        with pytest.raises(DeadlineExceeded):
            await client.retrieve_study(STUDY)

        assert 1 == len(peer.requests)


async def test_the_error_of_a_part_stays_that_of_the_call() -> None:
    """Who swallows what a part raised does not take the call's end for its success."""
    archive = Archive(study([3]), deque([Cut(18_000)]))
    async with talking(archive, retry=PATIENT) as (client, _):
        call = client.retrieve_study(STUDY)
        await anext(call)
        second = await anext(call)
        with pytest.raises(FramingError) as first:
            async for _ in second:
                pass
        with pytest.raises(FramingError) as again:
            await anext(call)

        assert first.value is again.value
        assert 1 == first.value.complete


async def test_leaving_a_resumed_call_gives_its_connection_up() -> None:
    """The pool's count is right, whichever response was the last."""
    archive = Archive(study([3]), deque([Cut(18_000)]))
    async with talking(archive, retry=PATIENT, limits=Limits(connections=1)) as (client, _):
        async with client.retrieve_study(STUDY) as call:
            await anext(call)
            await anext(aiter(await anext(call)))

        assert 3 == len(await client.retrieve_study(STUDY))


# --- frames --------------------------------------------------------------------------------------


def frames_cut(numbers: range | list[int], parts: int, *, located: bool = False) -> Reply:
    """So many frames of those, and half of one."""
    octets = [bytes([number]) * 100 for number in numbers]
    fields = [{"Content-Location": f"/x/frames/{number}"} if located else {} for number in numbers]
    body = multipart(octets, FRAMES, fields)
    end = len(multipart(octets[:parts], FRAMES, fields, close=False)) + 90
    whole = {**parts_type(FRAMES), "Content-Length": str(len(body))}
    return Reply(response(body[:end], whole), End.CLOSE)


@pytest.mark.parametrize("located", [True, False])
async def test_missing_frames_are_asked_for(*, located: bool) -> None:
    """Frames that arrived are not asked for again; the order is that asked for."""
    rest = [{"Content-Location": f"/x/frames/{n}"} if located else {} for n in (3, 2)]
    async with serving(
        frames_cut([1, 4, 3, 2], 2, located=located),
        parts_response([bytes([3]) * 100, bytes([2]) * 100], FRAMES, rest),
        retry=PATIENT,
    ) as (client, peer):
        got = await client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [1, 4, 3, 2])

        assert [1, 4, 3, 2] == [frame.number for frame in got]
        assert [1, 4, 3, 2] == [frame.data[0] for frame in got]
        assert peer.requests[1].target.endswith("/frames/3,2")
        assert peer.requests[0].headers["Accept"] == peer.requests[1].headers["Accept"]


async def test_frames_that_all_came_are_all() -> None:
    """What breaks off behind the last frame asks for nothing."""
    body = multipart([b"ab", b"cd"], FRAMES)
    reply = Reply(chunked(body, parts_type(FRAMES), last=False), End.CLOSE)
    async with serving(reply, retry=PATIENT) as (client, peer):
        assert 2 == len(await client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [1, 2]))
        assert 1 == len(peer.requests)


async def test_frames_that_stay_away() -> None:
    """A follow-up with other frames is a mismatch; one that breaks off too, and again, an error."""
    asked = ("1.2", "1.2.3", "1.2.3.4", [1, 2])
    one = parts_response([b"x"], FRAMES, [{"Content-Location": "/x/frames/1"}])
    async with serving(frames_cut([1, 2], 1), one, retry=PATIENT) as (client, _):
        with pytest.raises(FrameMismatch):
            await client.retrieve_instance_frames(*asked)
    async with serving(*[frames_cut([1, 2], 0)] * 3, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError) as caught:
            await client.retrieve_instance_frames(*asked)

        assert 0 == caught.value.complete
        assert 3 == len(peer.requests)


async def test_frames_that_were_not_asked_for_are_not_taken_for_others() -> None:
    """A server that gives all frames, without names, to who asks for some: none is handed out."""
    everything = parts_response([bytes([number]) * 100 for number in (1, 2, 3)], FRAMES)
    async with serving(frames_cut([1, 2, 3], 1), everything, retry=PATIENT) as (client, _):
        call = client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [1, 2, 3])
        first = await anext(call)
        with pytest.raises(FrameMismatch) as caught:
            await anext(call)

        assert (1, 1) == (first.number, first.data[0])
        assert 1 == caught.value.complete
        assert [2, 3] == [*caught.value.missing]
        assert (1,) == caught.value.by_place


async def test_frames_whose_number_fitted_are_not_in_doubt() -> None:
    """Of frames without names those of a group that came whole are known, the first ones not."""
    asked = range(1, 30)
    group = parts_response([bytes([number]) for number in range(5, 21)], FRAMES)
    last = parts_response([b"x"], FRAMES)
    async with serving(frames_cut([*asked], 4), group, last, retry=PATIENT) as (client, _):
        call = client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", asked)
        assert [*range(1, 21)] == [(await anext(call)).number for _ in range(20)]
        with pytest.raises(FrameMismatch) as caught:
            await anext(call)

        assert (1, 2, 3, 4) == caught.value.by_place
        assert tuple(range(21, 30)) == caught.value.missing


async def test_frames_that_break_off_again() -> None:
    """Frames without names, in groups; what was held when an answer broke off comes anew."""
    count = 40
    broken = deque([1, 20, 5, 3])

    def script(request: PeerRequest) -> Reply:
        numbers = [int(number) for number in request.target.rpartition("/")[2].split(",")]
        if broken and (parts := broken.popleft()) < len(numbers):
            return frames_cut(numbers, parts)
        return Reply(parts_response([bytes([number]) * 100 for number in numbers], FRAMES))

    async with talking(script, retry=PATIENT) as (client, peer):
        call = client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", range(1, count + 1))
        got = [(frame.number, frame.data[0]) async for frame in call]

        assert [(number, number) for number in range(1, count + 1)] == got
        asked = [request.target.rpartition("/")[2].count(",") + 1 for request in peer.requests]
        assert [40, 16, 16, 16, 16, 7] == asked


# --- one thing -----------------------------------------------------------------------------------

DATA = bytes(range(256)) * 40
RANGE = {"Content-Range": "bytes 5000-10239/10240"}
TAG = {"ETag": '"v1"', "Content-Type": FRAMES}


def whole(fields: dict[str, str], *, cut: int | None = None) -> Reply:
    """The data in one part."""
    reply = response(DATA[:cut], {**fields, "Content-Length": str(len(DATA))})
    return Reply(reply, End.KEEP if cut is None else End.CLOSE)


def rest(first: int, fields: dict[str, str] = TAG, data: bytes = DATA) -> Reply:
    """The data from an octet on."""
    content_range = f"bytes {first}-{len(data) - 1}/{len(data)}"
    return Reply(response(data[first:], {**fields, "Content-Range": content_range}, 206))


async def in_pieces(client: Client) -> bytes:
    """The data, read in pieces."""
    got = b""
    async for part in client.retrieve_bulkdata("bulk/1"):
        async for chunk in part:
            got += bytes(chunk)
    return got


async def test_a_download_goes_on_where_it_ended() -> None:
    """``Range`` and ``If-Range`` with a strong tag bring the octets that are missing (HTP-74)."""
    again = response(DATA[5000:8240], {**TAG, **RANGE, "Content-Length": "5240"}, 206)
    async with serving(
        whole(TAG, cut=5000), Reply(again, End.CLOSE), rest(8240), retry=PATIENT
    ) as (client, peer):
        assert DATA == await in_pieces(client)

        fields = peer.requests[1].headers
        assert "bytes=5000-10239" == fields["Range"]
        assert '"v1"' == fields["If-Range"]
        assert "identity" == fields["Accept-Encoding"]
        assert peer.requests[0].headers["Accept"] == fields["Accept"]
        assert "bytes=8240-10239" == peer.requests[2].headers["Range"]


async def test_a_download_in_two_lands_in_one_place() -> None:
    """Memory is asked for once, for all of it, where it goes on on another connection."""
    memory = bytearray(len(DATA))
    asked: list[int] = []

    def allocate(size: int) -> bytearray:
        asked.append(size)
        return memory

    async with serving(whole(TAG, cut=5000), rest(5000), retry=PATIENT) as (client, _):
        async for part in client.retrieve_bulkdata("bulk/1"):
            assert memory is (await part.read(allocator=allocate)).obj

    assert ([len(DATA)], DATA) == (asked, memory)


async def test_a_server_that_ignores_ranges() -> None:
    """The same representation again is read on behind what was handed out (HTP-70)."""
    async with serving(whole(TAG, cut=5000), whole(TAG), retry=PATIENT) as (client, _):
        assert DATA == await in_pieces(client)


REFUSED = {
    "changed": whole({**TAG, "ETag": '"v2"'}),
    "no tag": whole({"Content-Type": FRAMES}),
    "another range": rest(4000),
    "another tag": rest(5000, {**TAG, "ETag": '"v2"'}),
    "no tag any more": rest(5000, {"Content-Type": FRAMES}),
    "another type": rest(5000, {**TAG, "Content-Type": "image/jpeg"}),
    "another length": rest(5000, data=DATA + b"xx"),
    "behind the end": Reply(response(b"", {"Content-Range": "bytes */4000"}, 416)),
    "gone": Reply(response(status=404)),
    "coded": rest(5000, {**TAG, "Content-Encoding": "gzip"}),
    "parts": Reply(parts_response([DATA], FRAMES, status=206)),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
async def test_octets_of_two_representations_are_not_put_together(answer: Reply) -> None:
    """What can't be proved to belong to the octets handed out raises what broke off (HTP-74)."""
    async with serving(whole(TAG, cut=5000), answer, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError, match="ends 5240 octets before"):
            await in_pieces(client)

        assert 2 == len(peer.requests)


def begun(cut: int, *, length: bool = True) -> Reply:
    """The first octets, of a whole whose length is told or not."""
    if length:
        return whole(TAG, cut=cut)
    return Reply(chunked(DATA[:cut], TAG, last=False), End.CLOSE)


def some(content_range: str, octets: bytes) -> Reply:
    """Octets with a range, which may be another one."""
    return Reply(response(octets, {**TAG, "Content-Range": f"bytes {content_range}"}, 206))


@pytest.mark.parametrize("length", [True, False])
async def test_a_server_may_send_less_than_the_rest(*, length: bool) -> None:
    """A subset of the range is taken, and what is behind it asked for (RFC 9110 §15.3.7)."""
    subsets = [
        some(f"{first}-{first + 1023}/10240", DATA[first : first + 1024])
        for first in range(5120, 10240, 1024)
    ]
    async with serving(begun(5120, length=length), *subsets, retry=PATIENT) as (client, peer):
        assert DATA == await in_pieces(client)

        assert 6 == len(peer.requests)
        assert 2 == peer.connections
        assert "bytes=6144-10239" == peer.requests[2].headers["Range"]


async def test_a_range_that_is_shorter_than_it_says() -> None:
    """What the server still owes is asked for again; if it never comes, that is an error."""
    short = some("5000-10239/10240", DATA[5000:8000])
    async with serving(begun(5000), short, rest(8000), retry=PATIENT) as (client, _):
        assert DATA == await in_pieces(client)
    none = some("5000-10239/10240", b"")
    async with serving(begun(5000), none, none, none, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError, match="5000 of 10240"):
            await in_pieces(client)

        assert PATIENT.attempts == len(peer.requests)


async def test_all_octets_came_though_the_end_did_not() -> None:
    """A range whose last octet came asks for nothing behind it."""
    in_chunks = chunked(DATA[5000:], {**TAG, **RANGE}, last=False)
    last = Reply(in_chunks.replace(b"200 OK", b"206 Some"), End.CLOSE)
    async with serving(begun(5000, length=False), last, retry=PATIENT) as (client, peer):
        assert DATA == await in_pieces(client)
        assert 2 == len(peer.requests)


WRONG = {
    "too much": some("5000-10239/10240", DATA[5000:] * 2),
    "more than the subset": some("5000-5999/10240", DATA[5000:7000]),
    "a shorter whole": Reply(response(DATA[:4000], TAG)),
    "a longer whole": Reply(response(DATA * 2, TAG)),
    "a longer whole in chunks": Reply(chunked(DATA * 2, TAG)),
    "nothing missing": Reply(response(b"", {"Content-Range": "bytes */5000"}, 416)),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
async def test_what_comes_is_the_whole_or_an_error(answer: Reply) -> None:
    """Neither more nor fewer octets than the first answer said are taken for the whole."""
    async with serving(begun(5000), answer, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError):
            await in_pieces(client)

        assert 2 == len(peer.requests)


@pytest.mark.parametrize("octets", [DATA[:4000], DATA[:4999]])
async def test_a_whole_that_ends_before_what_was_handed_out(octets: bytes) -> None:
    """The same representation can't have become shorter."""
    short = Reply(chunked(octets, TAG))
    answers = [begun(5000, length=False), short, short, short]
    async with serving(*answers, retry=PATIENT) as (client, _):
        with pytest.raises(FramingError):
            await in_pieces(client)


async def test_an_end_that_nobody_tells() -> None:
    """Neither answer says how long the whole is: a range may be a subset of it."""
    answer = some("5000-5999/*", DATA[5000:6000])
    async with serving(begun(5000, length=False), answer, retry=PATIENT) as (client, _):
        with pytest.raises((FramingError, ConnectionLost)):
            await in_pieces(client)


class Careless:
    """A server whose heads tell the truth of the whole, whatever it sends with them."""

    def __init__(self, first: Reply, answers: list[tuple[str, int, int, bool]]) -> None:
        self._first: Reply | None = first
        self._answers = deque(answers)

    def __call__(self, request: PeerRequest) -> Reply:
        """The first answer, then to each range the next; at last nothing."""
        first, self._first = self._first, None
        if first is not None:
            return first
        if not self._answers:
            return Reply(b"", End.CLOSE)
        kind, last, octets, is_known = self._answers.popleft()
        asked = request.headers.get("Range")  # none of who begins anew
        begin = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        if kind == "whole" or (kind != "cut whole" and not asked):
            return Reply(chunked(DATA, TAG))
        if kind == "cut whole":
            return Reply(chunked(DATA[: begin + octets], TAG, last=False), End.CLOSE)
        if kind == "none":
            return Reply(response(b"", {"Content-Range": f"bytes */{len(DATA)}"}, 416))
        told = len(DATA) if is_known else "*"
        sent = (DATA + b"x" * len(DATA))[begin : begin + octets]
        answer = some(f"{begin}-{max(begin, min(last, len(DATA) - 1))}/{told}", sent)
        return answer if kind == "range" else Reply(answer.octets, End.CLOSE)


answers = st.tuples(
    st.sampled_from(["range", "range, closed", "whole", "cut whole", "none"]),
    st.one_of(st.just(len(DATA) - 1), st.integers(0, len(DATA) - 1)),
    st.integers(0, len(DATA)),
    st.booleans(),
)


@settings(max_examples=60)
@given(
    first=st.builds(begun, st.integers(1, len(DATA) - 1), length=st.booleans()),
    answers=st.lists(answers, max_size=4),
    at_once=st.booleans(),
)
def test_whatever_a_server_answers_the_whole_comes_or_an_error(
    first: Reply, answers: list[tuple[str, int, int, bool]], *, at_once: bool
) -> None:
    """Ranges shorter or longer than they say, subsets, the whole again: never a part as all."""

    async def download() -> bytes:
        async with talking(Careless(first, answers), retry=PATIENT) as (client, _):
            if at_once:
                return bytes((await client.retrieve_bulkdata("bulk/1"))[0])
            return await in_pieces(client)

    try:
        got = anyio.run(download)
    except (ConnectionLost, FramingError):
        return
    assert DATA == got


async def test_without_a_validator_pieces_are_not_resumed() -> None:
    """A weak tag proves nothing (RFC 9110 §13.1.5)."""
    weak = {**TAG, "ETag": 'W/"v1"'}
    async with serving(whole(weak, cut=5000), retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError) as caught:
            await in_pieces(client)

        assert "handed out" in caught.value.hint
        assert 1 == len(peer.requests)


async def test_nothing_is_missing() -> None:
    """416 with just the length that came says that the end came, though nothing showed it."""
    head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    fields = "".join(f"{name}: {value}\r\n" for name, value in TAG.items())
    cut = f"{head}{fields}\r\n{len(DATA):x}\r\n".encode() + DATA + b"\r\n"
    end = response(b"", {"Content-Range": f"bytes */{len(DATA)}"}, 416)
    async with serving(Reply(cut, End.CLOSE), end, retry=PATIENT) as (client, _):
        assert DATA == await in_pieces(client)


async def at_once(client: Client) -> bytes:
    """The data, read whole."""
    (value,) = await client.retrieve_bulkdata("bulk/1")
    assert memoryview(value.data).readonly
    return bytes(value)


async def test_what_is_read_whole_goes_on_where_it_ended() -> None:
    """Octets that came stay, and the rest is asked for by ``Range``, as often as it breaks off."""
    again = response(DATA[5000:8240], {**TAG, **RANGE, "Content-Length": "5240"}, 206)
    async with serving(
        whole(TAG, cut=5000), Reply(again, End.CLOSE), rest(8240), retry=PATIENT
    ) as (client, peer):
        assert DATA == await at_once(client)

        ranges = [request.headers.get("Range") for request in peer.requests]
        assert [None, "bytes=5000-10239", "bytes=8240-10239"] == ranges
        assert '"v1"' == peer.requests[1].headers["If-Range"]
    async with serving(whole(TAG, cut=5000), whole(TAG), retry=PATIENT) as (client, _):
        assert DATA == await at_once(client)


async def test_what_is_read_whole_may_be_another_representation() -> None:
    """Nothing was handed out: one that changed is taken from its start."""
    other = Reply(response(b"other", {"Content-Type": FRAMES}))
    async with serving(whole(TAG, cut=5000), other, retry=PATIENT) as (client, peer):
        assert b"other" == await at_once(client)
        assert 2 == len(peer.requests)


@pytest.mark.parametrize("fields", [{"Content-Type": FRAMES}, {**TAG, "ETag": 'W/"v1"'}])
async def test_what_is_read_whole_without_a_validator_is_fetched_anew(
    fields: dict[str, str],
) -> None:
    """Nothing would tell that a range belongs to what came."""
    async with serving(whole(fields, cut=5000), whole(fields), retry=PATIENT) as (client, peer):
        assert DATA == await at_once(client)
        assert "Range" not in peer.requests[1].headers


@pytest.mark.parametrize(
    "kind", ["another range", "another tag", "no tag any more", "behind the end", "coded"]
)
async def test_where_ranges_fail_what_is_read_whole_is_fetched_anew(kind: str) -> None:
    """A range that is refused, or is none of what came, costs an attempt and not the whole."""
    replies = [whole(TAG, cut=5000), REFUSED[kind], whole(TAG)]
    async with serving(*replies, retry=PATIENT) as (client, peer):
        assert DATA == await at_once(client)
        assert "Range" not in peer.requests[2].headers


async def test_what_is_read_whole_has_a_bound_when_it_goes_on() -> None:
    """``Limits.part`` holds for all octets together."""
    endless = Reply(chunked(DATA * 3, {"Content-Type": FRAMES}))
    replies = [begun(5000, length=False), endless]
    limits = Limits(part=len(DATA))
    async with serving(*replies, retry=PATIENT, limits=limits) as (client, _):
        with pytest.raises(LimitExceeded) as caught:
            await at_once(client)

        assert "part" == caught.value.limit


async def test_parts_behind_one_that_went_on() -> None:
    """The call ends behind it, and its connection carries the next request."""
    async with serving(whole(TAG, cut=5000), rest(5000), whole(TAG), retry=PATIENT) as (
        client,
        peer,
    ):
        assert DATA == await at_once(client)
        assert DATA == await at_once(client)
        assert 2 == peer.connections


async def test_a_range_is_resumed_within_it() -> None:
    """What is missing of a range that the caller asked for."""
    first = response(
        DATA[100:500], {**TAG, "Content-Range": "bytes 100-999/10240", "Content-Length": "900"}, 206
    )
    last = response(DATA[500:1000], {**TAG, "Content-Range": "bytes 500-999/10240"}, 206)
    async with serving(Reply(first, End.CLOSE), Reply(last), retry=PATIENT) as (client, peer):
        got = b""
        async for part in client.retrieve_bulkdata("bulk/1", byte_range=(100, 999)):
            async for chunk in part:
                got += bytes(chunk)

        assert DATA[100:1000] == got
        assert "bytes=500-999" == peer.requests[1].headers["Range"]


def of_range(first: int, last: int, fields: dict[str, str], cut: int | None = None) -> Reply:
    """A range of the data."""
    head = {"Content-Range": f"bytes {first}-{last}/10240", "Content-Length": str(last - first + 1)}
    octets = DATA[first : last + 1][:cut]
    return Reply(response(octets, {**fields, **head}, 206), End.KEEP if cut is None else End.CLOSE)


PLAIN = {"Content-Type": FRAMES}
OTHERS = {
    "all": whole(PLAIN),
    "another range": of_range(0, 99, PLAIN),
    "no range": Reply(response(DATA[:100], PLAIN, 206)),
}


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("cut", [0, 50])
async def test_a_range_that_is_fetched_anew_is_that_range(answer: Reply, cut: int) -> None:
    """Other octets don't pass for those that were asked for (HTP-71)."""
    replies = of_range(100, 199, PLAIN, cut), answer
    for whole_part in (True, False):
        async with serving(*replies, retry=PATIENT) as (client, peer):
            call = client.retrieve_bulkdata("bulk/1", byte_range=(100, 199))
            with pytest.raises(FramingError) as caught:
                await (call if whole_part else (await anext(call)).read())

            assert isinstance(caught.value.__cause__, ContentError)
            assert ["bytes=100-199"] * 2 == [r.headers["Range"] for r in peer.requests]


async def test_a_range_that_changed_is_fetched_anew() -> None:
    """All octets in answer to a request for the rest are none of a range; it is asked for again."""
    tagged = {**TAG, "ETag": '"v2"'}
    replies = of_range(100, 199, TAG, 50), whole(tagged), of_range(100, 149, tagged)
    async with serving(*replies, retry=PATIENT) as (client, peer):
        (value,) = await client.retrieve_bulkdata("bulk/1", byte_range=(100, 199))

        assert DATA[100:150] == bytes(value)
        assert "bytes 100-149/10240" == str(value.content_range)
        asked = [(r.headers["Range"], r.headers.get("If-Range")) for r in peer.requests]
        assert ("bytes=150-199", '"v1"') == asked[1]
        assert ("bytes=100-199", None) == asked[0] == asked[2]


async def test_a_range_in_place_of_the_whole() -> None:
    """Who asks again for all octets, and gets some with a range, didn't get what he asked for."""
    replies = whole(PLAIN, cut=100), of_range(0, 9, PLAIN)
    async with serving(*replies, retry=PATIENT) as (client, _):
        with pytest.raises(FramingError) as caught:
            await at_once(client)

        assert isinstance(caught.value.__cause__, ContentError)
    replies = whole(PLAIN, cut=100), of_range(0, 10239, PLAIN)
    async with serving(*replies, retry=PATIENT) as (client, _):
        assert DATA == await at_once(client)


FILE = dicom_file("1.2.3.4", 300_000)


def names(directory: Path) -> list[str]:
    """What is in a directory."""
    return [path.name for path in directory.iterdir()]


def file_reply(cut: int | None = None, uid: str = "1.2.3.4", **fields: str) -> Reply:
    """An instance in one part."""
    octets = dicom_file(uid, 300_000)
    head = {"Content-Type": DICOM, **fields, "Content-Length": str(len(octets))}
    return Reply(response(octets[:cut], head), End.KEEP if cut is None else End.CLOSE)


@pytest.mark.parametrize("cut", [3, 4096, 200_000])
@pytest.mark.parametrize("fields", [{}, {"ETag": '"1"'}], ids=["no tag", "tag"])
async def test_a_file_is_saved_whole(tmp_path: Path, cut: int, fields: dict[str, str]) -> None:
    """What was written goes on or begins anew; in the end the file is what the server has."""
    replies = file_reply(cut, **fields), file_reply(None, ETag='"2"')
    async with (
        serving(*replies, retry=PATIENT) as (client, _),
        client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call,
    ):
        path = await (await anext(call)).save(tmp_path)

    assert FILE == path.read_bytes()
    assert [path.name] == names(tmp_path)


async def test_a_data_set_goes_on_by_range() -> None:
    """A long instance that is read whole is not fetched anew where the server has ranges."""
    content_range = f"bytes 200000-{len(FILE) - 1}/{len(FILE)}"
    fields = {"Content-Type": DICOM, "ETag": '"1"', "Content-Range": content_range}
    last = response(FILE[200_000:], fields, 206)
    async with serving(file_reply(200_000, ETag='"1"'), last, retry=PATIENT) as (client, peer):
        dataset = await client.retrieve_instance("1.2", "1.2.3", "1.2.3.4")

        assert "1.2.3.4" == dataset.SOPInstanceUID
        assert f"bytes=200000-{len(FILE) - 1}" == peer.requests[1].headers["Range"]


@pytest.mark.parametrize("read", [True, False])
async def test_a_range_that_is_none_begins_a_file_anew(tmp_path: Path, *, read: bool) -> None:
    """A server whose ranges are wrong sends the whole all the same."""
    fields = {"Content-Type": DICOM, "ETag": '"1"', "Content-Range": "bytes 7-9/10"}
    wrong = response(FILE[7:10], fields, 206)
    replies = file_reply(200_000, ETag='"1"'), wrong, file_reply(None, ETag='"1"')
    async with (
        serving(*replies, retry=PATIENT) as (client, _),
        client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call,
    ):
        instance = await anext(call)
        assert FILE == (
            await instance.read() if read else (await instance.save(tmp_path)).read_bytes()
        )


async def test_a_file_goes_on_by_range(tmp_path: Path) -> None:
    """A long instance is not begun anew where the server has ranges."""
    content_range = f"bytes 200000-{len(FILE) - 1}/{len(FILE)}"
    fields = {"Content-Type": DICOM, "ETag": '"1"', "Content-Range": content_range}
    last = response(FILE[200_000:], fields, 206)
    async with serving(file_reply(200_000, ETag='"1"'), last, retry=PATIENT) as (client, peer):
        async with client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call:
            path = await (await anext(call)).save(tmp_path)

        assert FILE == path.read_bytes()
        assert f"bytes=200000-{len(FILE) - 1}" == peer.requests[1].headers["Range"]


async def test_a_file_of_two_versions_is_not_published(tmp_path: Path) -> None:
    """A range with another date begins it anew."""
    dates = {"Date": "Tue, 02 Jan 2024 10:10:00 GMT"}
    old = {**dates, "Last-Modified": "Mon, 01 Jan 2024 10:00:00 GMT"}
    new = {**dates, "Last-Modified": "Tue, 02 Jan 2024 10:00:00 GMT"}
    content_range = f"bytes 200000-{len(FILE) - 1}/{len(FILE)}"
    fields = {"Content-Type": DICOM, **new, "Content-Range": content_range}
    wrong = response(b"x" * (len(FILE) - 200_000), fields, 206)
    replies = file_reply(200_000, **old), wrong, file_reply(None, **new)
    async with (
        serving(*replies, retry=PATIENT) as (client, _),
        client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call,
    ):
        path = await (await anext(call)).save(tmp_path)

    assert FILE == path.read_bytes()


async def test_a_file_is_not_published_short(tmp_path: Path) -> None:
    """A subset of the range is no end of the file, where its length was not told before."""
    fields = {"Content-Type": DICOM, "ETag": '"1"'}
    first = Reply(chunked(FILE[:200_000], fields, last=False), End.CLOSE)
    subset = {**fields, "Content-Range": f"bytes 200000-200999/{len(FILE)}"}
    last = {**fields, "Content-Range": f"bytes 201000-{len(FILE) - 1}/{len(FILE)}"}
    replies = [
        first,
        Reply(response(FILE[200_000:201_000], subset, 206)),
        Reply(response(FILE[201_000:], last, 206)),
    ]
    async with (
        serving(*replies, retry=PATIENT) as (client, _),
        client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call,
    ):
        path = await (await anext(call)).save(tmp_path)

    assert FILE == path.read_bytes()


async def test_another_instance_is_not_the_same(tmp_path: Path) -> None:
    """A server that answers the second time with another instance does not mend the first."""
    async with (
        serving(file_reply(200_000), file_reply(None, "9.9"), retry=PATIENT) as (client, _),
        client.retrieve_instance("1.2", "1.2.3", "1.2.3.4") as call,
    ):
        instance = await anext(call)
        with pytest.raises(FramingError):
            await instance.save(tmp_path)

    assert [] == names(tmp_path)


async def test_the_first_of_several_is_fetched_anew() -> None:
    """Nothing of it was handed out, and the others come behind it."""
    whole = parts_response([b"x" * 99, b"y" * 99], FRAMES)
    async with serving(Reply(whole[:-250], End.CLOSE), whole, retry=PATIENT) as (client, peer):
        got = await client.retrieve_bulkdata("bulk/1")

        assert [b"x" * 99, b"y" * 99] == [bytes(value) for value in got]
        assert 2 == len(peer.requests)


async def test_parts_of_unknown_number_are_not_resumed() -> None:
    """Several values of bulk data, of which one came: which is the next, nobody knows."""
    body = multipart([b"one", b"two"], FRAMES)
    reply = Reply(
        response(body[:-30], {**parts_type(FRAMES), "Content-Length": str(len(body))}), End.CLOSE
    )
    async with serving(reply, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError) as caught:
            await client.retrieve_bulkdata("bulk/1")

        assert 1 == caught.value.complete
        assert 1 == len(peer.requests)


@pytest.mark.parametrize("verb", ["search", "metadata"])
async def test_an_answer_in_json_is_asked_for_again(verb: str) -> None:
    """Nothing of it was handed out; a page that came stays."""
    objects = [{"0020000D": {"vr": "UI", "Value": [f"1.{n}"]}} for n in range(9)]
    good, none = json_response(objects), json_response([])
    cut = Reply(good[:-10], End.CLOSE)
    async with serving(cut, Reply(good[:-3], End.RESET), good, none, retry=PATIENT) as (client, _):
        if verb == "search":
            assert 9 == len(await client.search_for_studies(get_remaining=True))
        else:
            assert 9 == len(await client.retrieve_study_metadata("1.2"))


async def test_an_answer_in_json_that_breaks_off_each_time() -> None:
    """The attempts end as for any other failure."""
    cut = Reply(json_response([{"0020000D": {"vr": "UI"}}])[:-3], End.CLOSE)
    async with serving(cut, cut, cut, retry=PATIENT) as (client, peer):
        with pytest.raises(FramingError):
            await client.search_for_studies()

        assert 3 == len(peer.requests)
