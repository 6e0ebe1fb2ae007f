"""A retrieval that broke off goes on by what the archive lists, if that is surely all."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from aiodicomweb import FramingError, Limits, Retry
from aiodicomweb.client.resumption import NotResumable
from aiodicomweb.testing import End, Reply, response

from ..support.archive import STUDY, Archive, Cut, study
from ..support.messages import json_response, multipart, parts_type
from ..support.serving import talking

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiodicomweb.testing.peers import PeerRequest

PATIENT = Retry(attempts=3, first=0)
ALL = [f"1.2.1.{number}" for number in range(1, 9)]
WARNING = {"Warning": '299 x "There are 4 additional results that can be requested"'}

Answer = tuple[list[str], int, dict[str, str]]
"""UIDs that are listed, the status, and header fields."""

WHOLE: Answer = (ALL, 200, {})
HALF: Answer = (ALL[:4], 200, {})
NOTHING: Answer = ([], 204, {})
REFUSED: Answer = ([], 501, {})


def objects(uids: list[str], **numbers: int) -> list[dict[str, Any]]:
    """What is listed of some instances."""
    told = {tag: {"vr": "IS", "Value": [number]} for tag, number in numbers.items()}
    return [
        {
            "00080018": {"vr": "UI", "Value": [uid]},
            "0020000E": {"vr": "UI", "Value": ["1.2.1"]},
            **told,
        }
        for uid in uids
    ]


def listing(
    search: Answer,
    further: Answer,
    metadata: Answer,
    studies: list[dict[str, Any]] | None = None,
    /,
    **numbers: int,
) -> Callable[[PeerRequest], Reply]:
    """An archive of eight instances whose first answer breaks off behind the second.

    Args:
        search: The first page of a search.
        further: Any other page.
        metadata: The metadata.
        studies: What a search for studies gives; ``None`` if there is none.
        numbers: Numbers of instances that it tells, by tag, each with a letter before it.
    """
    archive = Archive(study([8]))
    archive.cuts.append(Cut(len(multipart([*archive.all().values()][:2], close=False)) + 10))
    told = {tag[1:]: number for tag, number in numbers.items()}

    def script(request: PeerRequest) -> Reply:
        path, _, query = request.target.partition("?")
        if path == "/studies":
            return Reply(response(status=501) if studies is None else json_response(studies))
        if path.endswith("/metadata"):
            uids, status, fields = metadata
        elif path.endswith("/instances"):
            uids, status, fields = further if "offset" in parse_qs(query) else search
        else:
            return archive(request)
        body = json.dumps(objects(uids, **told)).encode() if uids else b""
        return Reply(response(body, {"Content-Type": "application/dicom+json", **fields}, status))

    return script


async def retrieve(script: Callable[[PeerRequest], Reply], **settings: Any) -> list[str]:
    """The UIDs of a study."""
    async with talking(script, retry=PATIENT, **settings) as (client, _):
        return [str(each.SOPInstanceUID) for each in await client.retrieve_study(STUDY)]


DOUBTFUL: dict[str, tuple[Answer, Answer]] = {
    "offset is ignored": (HALF, HALF),
    "more are announced": ((ALL[:4], 200, WARNING), NOTHING),
    "more are announced later": (HALF, ([], 200, WARNING)),
    "206": ((ALL[:4], 206, {}), NOTHING),
    "pages overlap": (HALF, (ALL[3:5], 200, {})),
    "a page is refused": (HALF, REFUSED),
    "no search": (REFUSED, REFUSED),
}


def of_study(number: int, uid: str = STUDY) -> dict[str, Any]:
    """A result of a search for studies."""
    return {
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00201208": {"vr": "IS", "Value": [number]},
    }


@pytest.mark.parametrize(("search", "further"), DOUBTFUL.values(), ids=DOUBTFUL)
async def test_a_list_in_doubt(search: Answer, further: Answer) -> None:
    """The metadata are asked for as well, and believed if they have as many as there are."""
    assert ALL == await retrieve(listing(search, further, WHOLE, [of_study(8)]))


@pytest.mark.parametrize(("search", "further"), [(HALF, HALF), (REFUSED, REFUSED)])
@pytest.mark.parametrize("studies", [None, [], [of_study(8, "9.9")], [of_study(9)], [of_study(0)]])
async def test_metadata_alone(
    search: Answer, further: Answer, studies: list[dict[str, Any]] | None
) -> None:
    """They may be capped in silence like any list: without a number that fits nothing shows it."""
    with pytest.raises(FramingError):
        await retrieve(listing(search, further, WHOLE, studies))


async def test_a_search_that_is_capped_in_silence() -> None:
    """Pages that end too soon are found out by a number, and the metadata have the rest."""
    others = [of_study(4, "9.9"), of_study(8), of_study(3, "9.8")]
    assert ALL == await retrieve(listing(HALF, NOTHING, WHOLE, others))
    with pytest.raises(FramingError):
        await retrieve(listing(HALF, NOTHING, HALF, others))


@pytest.mark.parametrize(
    "metadata",
    [REFUSED, (ALL[:4], 206, {}), (ALL[:4], 200, WARNING), (ALL, 206, {}), (ALL[:3], 200, {})],
    ids=["none", "206", "warning", "all, 206", "fewer"],
)
@pytest.mark.parametrize(("search", "further"), DOUBTFUL.values(), ids=DOUBTFUL)
async def test_lists_in_doubt(search: Answer, further: Answer, metadata: Answer) -> None:
    """Where neither is surely whole the error is raised: no instance is lost in silence."""
    if search is REFUSED and metadata == (ALL[:3], 200, {}):
        metadata = (ALL[:1], 200, {})  # less than what came
    with pytest.raises(FramingError) as caught:
        await retrieve(listing(search, further, metadata))

    assert 2 == caught.value.complete
    assert isinstance(caught.value.__cause__, NotResumable)


def cut_once(script: Callable[[PeerRequest], Reply], ending: str, times: int) -> Any:
    """The same, but so many answers to requests that end thus break off."""
    left = times

    def cutting(request: PeerRequest) -> Reply:
        nonlocal left
        reply = script(request)
        if left and request.target.partition("?")[0].endswith(ending):
            left -= 1
            assert isinstance(reply.octets, bytes)
            return Reply(reply.octets[:-10], End.CLOSE)
        return reply

    return cutting


@pytest.mark.parametrize("ending", ["/instances", "/studies", "/metadata"])
async def test_a_list_that_breaks_off(ending: str) -> None:
    """It is asked for again, as any body is, within the attempts of the call."""
    search = REFUSED if ending == "/metadata" else WHOLE
    script = listing(search, NOTHING, WHOLE, [of_study(8)])
    assert ALL == await retrieve(cut_once(script, ending, 1))


async def test_a_list_that_breaks_off_each_time() -> None:
    """The attempts end."""
    script = cut_once(listing(WHOLE, NOTHING, REFUSED), "/instances", 9)
    with pytest.raises(FramingError) as caught:
        await retrieve(script)

    assert isinstance(caught.value.__cause__, NotResumable)


async def test_pages_that_announce_the_next() -> None:
    """An archive that caps its answers says of each page but the last that there are more."""
    script = listing((ALL[:4], 200, WARNING), (ALL[4:], 200, {}), REFUSED)

    def ending(request: PeerRequest) -> Reply:
        return Reply(json_response([])) if "offset=8" in request.target else script(request)

    assert ALL == await retrieve(ending)


@pytest.mark.parametrize("tag", ["x00201208", "x00201209"])
async def test_an_archive_that_counts(tag: str) -> None:
    """A list that is shorter than the number of instances is not all."""
    studies = [of_study(8)] if tag == "x00201209" else None
    assert ALL == await retrieve(listing(HALF, NOTHING, WHOLE, studies, **{tag: 8}))
    with pytest.raises(FramingError):
        await retrieve(listing(HALF, NOTHING, HALF, **{tag: 8}))


async def test_a_number_that_fits() -> None:
    """It settles doubts, of one list or of both together."""
    assert ALL == await retrieve(listing(WHOLE, WHOLE, REFUSED, x00201208=8))
    assert ALL == await retrieve(listing(WHOLE, WHOLE, REFUSED, [of_study(8)]))
    rest: Answer = (ALL[4:], 206, {})
    assert ALL == await retrieve(listing(HALF, HALF, rest, x00201208=8))


@pytest.mark.parametrize("understood", ["application/json", "*/*"])
@pytest.mark.parametrize("search", [True, False])
async def test_simpler_forms(understood: str, *, search: bool) -> None:
    """An archive that refuses DICOM JSON is asked for JSON, in the list as in any search."""
    script = listing(WHOLE if search else REFUSED, NOTHING, WHOLE, [of_study(8)])

    def picky(request: PeerRequest) -> Reply:
        path = request.target.partition("?")[0]
        lists = path.endswith(("/instances", "/metadata"))
        if lists and request.headers["Accept"] != understood:
            return Reply(response(status=406))
        return script(request)

    assert ALL == await retrieve(picky)


async def test_an_instance_in_two_series() -> None:
    """A UID does not tell which of them came."""
    script = listing(WHOLE, NOTHING, WHOLE)
    twice = objects(ALL)
    twice.append({**twice[0], "0020000E": {"vr": "UI", "Value": ["1.2.2"]}})

    def double(request: PeerRequest) -> Reply:
        if request.target.endswith("/instances"):
            return Reply(json_response(twice))
        return script(request)

    with pytest.raises(FramingError) as caught:
        await retrieve(double)
    assert isinstance(caught.value.__cause__, NotResumable)


@pytest.mark.parametrize(("limits", "most"), [(Limits(parts=50), 6), (Limits(pages=3), 3)])
async def test_a_search_without_end(limits: Limits, most: int) -> None:
    """It ends at ``Limits.parts``, and at ``Limits.pages``."""
    script = listing(WHOLE, WHOLE, REFUSED)
    pages = 0

    def endless(request: PeerRequest) -> Reply:
        nonlocal pages
        if request.target.partition("?")[0].endswith("/instances"):
            pages += 1
            made_up = [f"9.{pages}.{number}" for number in range(10)]
            return Reply(json_response(objects(ALL if pages == 1 else made_up)))
        return script(request)

    with pytest.raises(FramingError):
        await retrieve(endless, limits=limits)

    assert most == pages


async def test_many_that_are_not_there() -> None:
    """A list of instances that the archive does not have, one and all, is not believed."""
    archive = Archive(study([1]))
    gone = [f"1.2.1.{number}" for number in range(2, 3000)]
    whole = multipart(archive.all().values())
    fields = {**parts_type(), "Content-Length": str(len(whole) + 1000)}
    first = deque([Reply(response(whole[:-10], fields, 206), End.CLOSE)])
    missed = 0

    def script(request: PeerRequest) -> Reply:
        nonlocal missed
        if request.target.partition("?")[0].endswith("/instances"):
            uids = [] if "offset" in request.target else ["1.2.1.1", *gone]
            return Reply(json_response(objects(uids)))
        if first:
            return first.popleft()
        missed += "/instances/" in request.target and not request.target.endswith("/1.2.1.1")
        return archive(request)

    with pytest.raises(FramingError):
        await retrieve(script)

    assert 101 == missed
