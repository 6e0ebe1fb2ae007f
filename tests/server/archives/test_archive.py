"""What every archive does, whatever it keeps instances in."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import pytest

from aiodicomweb.dicom import FailureReason
from aiodicomweb.http import URL
from aiodicomweb.server import DirectoryArchive, MemoryArchive
from aiodicomweb.server.archives.folder import Folder
from aiodicomweb.server.index.index import Index
from aiodicomweb.services import FailedInstance, SearchRequest, Selector, StoredInstance

from ...support.archives import content, contents, store
from ...support.dicom_files import sample
from ...support.instances import CT, a_dataset, an_instance, bare, encapsulated
from ...support.searching import datasets_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Archive: TypeAlias = DirectoryArchive | MemoryArchive
    OpenArchive = Callable[..., Awaitable[Archive]]

BASE = URL.parse("http://a.example/")
STUDY = Selector("1.2")
STORED = StoredInstance(CT, "1.2.3.4", "/studies/1.2/series/1.2.3/instances/1.2.3.4")


@pytest.fixture(params=["directory", "memory"])
async def open_archive(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[OpenArchive]:
    """Opens an empty archive of each kind."""
    opened: list[Archive] = []

    async def start(**settings: Any) -> Archive:
        archive: Archive
        if request.param == "directory":
            archive = DirectoryArchive(tmp_path / "archive", **settings)
        else:
            archive = MemoryArchive(**settings)
        await archive.open()
        opened.append(archive)
        return archive

    yield start
    for archive in opened:
        await archive.aclose()


@pytest.fixture
async def archive(open_archive: OpenArchive) -> Archive:
    """An empty archive of each kind."""
    return await open_archive()


def reason(result: StoredInstance | FailedInstance) -> int | None:
    """Why it failed."""
    assert isinstance(result, FailedInstance)
    return result.failure_reason


@pytest.mark.parametrize(
    "octets",
    [
        an_instance(),
        encapsulated(),
        bare(),
        an_instance(PixelData=bytes(1_000_000)),
        an_instance(PixelData=None),
    ],
    ids=["native", "encapsulated", "bare", "large", "no pixels"],
)
async def test_what_is_stored_is_held(archive: Archive, octets: bytes) -> None:
    """An instance that was reported stored is there, octet for octet."""
    result = await store(archive, octets)

    assert STORED == result
    assert [octets] == await contents(archive, STUDY)


@pytest.mark.parametrize(
    ("octets", "syntax"),
    [
        (an_instance(), "1.2.840.10008.1.2.1"),
        (encapsulated(), "1.2.840.10008.1.2.4.50"),
        (bare(), "1.2.840.10008.1.2"),
    ],
)
async def test_a_holding_says_what_it_is(archive: Archive, octets: bytes, syntax: str) -> None:
    """UIDs and transfer syntax come with the content, and some version."""
    await store(archive, octets)

    (holding,) = await archive.holdings(Selector("1.2", "1.2.3", "1.2.3.4"))

    assert ("1.2", "1.2.3", "1.2.3.4") == (holding.study, holding.series, holding.instance)
    assert (CT, syntax) == (holding.sop_class, holding.transfer_syntax)
    assert "" != holding.version


@pytest.mark.parametrize("size", [1, 1000, 300_000])
async def test_pieces_make_a_whole(archive: Archive, size: int) -> None:
    """Octets may come in pieces of any size, whose memory is used again."""
    octets = an_instance(PixelData=bytes(range(250)) * (4 * min(size, 1000)))
    deposit = await archive.deposit()
    piece = bytearray()
    for start in range(0, len(octets), size):
        piece[:] = octets[start : start + size]
        await deposit.write(memoryview(piece).toreadonly())
    piece[:] = bytes(len(piece))

    await deposit.commit()

    assert [octets] == await contents(archive, STUDY)


async def test_nothing_is_held_before_the_end(archive: Archive) -> None:
    """What has arrived but was not committed is not seen."""
    deposit = await archive.deposit()
    await deposit.write(an_instance(PixelData=bytes(600_000)))

    assert [] == await contents(archive, STUDY)

    deposit.discard()


async def test_what_is_discarded_is_forgotten(archive: Archive) -> None:
    """A deposit that is given up leaves nothing; twice does no harm."""
    deposit = await archive.deposit()
    await deposit.write(an_instance(PixelData=bytes(600_000)))

    deposit.discard()
    deposit.discard()

    assert [] == await contents(archive, STUDY)
    assert 0 == (await archive.counts()).instances


async def test_discarding_comes_too_late(archive: Archive) -> None:
    """What was stored stays."""
    deposit = await archive.deposit()
    await deposit.write(an_instance())
    await deposit.commit()

    deposit.discard()

    assert [an_instance()] == await contents(archive, STUDY)


async def test_the_same_again_is_quietly_accepted(archive: Archive) -> None:
    """Identical octets are stored already; the version stays."""
    await store(archive, an_instance())
    before = await archive.holdings(STUDY)

    result = await store(archive, an_instance())

    assert STORED == result
    assert before == await archive.holdings(STUDY)


@pytest.mark.parametrize(
    "other",
    [
        an_instance(PixelData=bytes(8)),
        an_instance(PixelData=bytes(4)),
        an_instance(study="1.5"),
        an_instance(series="1.5"),
    ],
    ids=["same size", "other size", "other study", "other series"],
)
async def test_another_one_with_the_same_uid_is_refused(archive: Archive, other: bytes) -> None:
    """The instance that is there stays (STW-69: 0111, duplicate SOP instance)."""
    await store(archive, an_instance())

    result = await store(archive, other)

    assert FailedInstance(CT, "1.2.3.4", 0x0111) == result
    assert [an_instance()] == await contents(archive, STUDY)
    assert 1 == (await archive.counts()).instances


@pytest.mark.parametrize(
    "other", [an_instance(PixelData=bytes(8)), an_instance(study="1.5")], ids=["pixels", "study"]
)
async def test_replacing_if_told_so(open_archive: OpenArchive, other: bytes) -> None:
    """The new one is held alone, in another version."""
    archive = await open_archive(replace=True)
    await store(archive, an_instance())
    (before,) = await archive.holdings(STUDY)

    result = await store(archive, other)

    assert isinstance(result, StoredInstance)
    (after,) = [*await archive.holdings(STUDY), *await archive.holdings(Selector("1.5"))]
    assert other == content(after)
    assert before.version != after.version


async def test_an_instance_of_another_study(archive: Archive) -> None:
    """It is refused where the study is given (STW-17, STW-69: A901)."""
    result = await store(archive, an_instance(), "1.7")

    assert FailedInstance(CT, "1.2.3.4", 0xA901) == result
    assert [] == await contents(archive, STUDY)


async def test_an_instance_of_that_study(archive: Archive) -> None:
    """The study that is given may be the right one."""
    assert STORED == await store(archive, an_instance(), "1.2")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"hello",
        bytes(128) + b"DICM",
        an_instance(StudyInstanceUID=None),
        an_instance(SeriesInstanceUID=None),
        sample("dicomdirtests/DICOMDIR").octets,
    ],
    ids=["nothing", "text", "head only", "no study", "no series", "DICOMDIR"],
)
async def test_what_is_no_instance_is_refused(archive: Archive, octets: bytes) -> None:
    """It cannot be understood (STW-65: C000)."""
    assert FailureReason.CANNOT_UNDERSTAND == reason(await store(archive, octets))
    assert 0 == (await archive.counts()).instances


@pytest.mark.parametrize("whole", [an_instance(), encapsulated(), bare()])
@pytest.mark.parametrize("missing", [1, 7, 8, 9])
async def test_what_is_cut_short_is_refused(archive: Archive, whole: bytes, missing: int) -> None:
    """Pixel data, native or not, have to be there to the last octet; the UIDs are told."""
    result = await store(archive, whole[:-missing])

    assert FailedInstance(CT, "1.2.3.4", FailureReason.CANNOT_UNDERSTAND) == result
    assert 0 == (await archive.counts()).instances


@pytest.mark.parametrize("uid", ["../../x", "1/2", "..", "1.2\n", "1" * 65, "a.b"])
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
async def test_uids_that_are_none_are_refused(archive: Archive, keyword: str, uid: str) -> None:
    """They would become paths of files and URLs."""
    octets = an_instance().replace(*_element(keyword, uid))

    assert FailureReason.CANNOT_UNDERSTAND == reason(await store(archive, octets))
    assert 0 == (await archive.counts()).instances


def _element(keyword: str, uid: str) -> tuple[bytes, bytes]:
    """A UID's element as it is in :func:`an_instance`, and with another value."""
    tag = {"SOPInstanceUID": 0x00080018, "StudyInstanceUID": 0x0020000D}.get(keyword, 0x0020000E)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + b"UI"
    was = str(a_dataset()[tag].value).encode()
    values = [value + b"\0" * (len(value) % 2) for value in (was, uid.encode())]
    old, new = (head + len(value).to_bytes(2, "little") + value for value in values)
    return old, new


async def test_levels_and_order(archive: Archive) -> None:
    """A study's, a series', or the one instance, by series and instance numbers."""
    for series, instance, numbers in [
        ("1.2.9", "1.2.9.1", ("1", "2")),
        ("1.2.9", "1.2.9.2", ("1", "1")),
        ("1.2.3", "1.2.3.1", ("2", "10")),
        ("1.2.3", "1.2.3.2", ("2", "9")),
    ]:
        number = {"SeriesNumber": numbers[0], "InstanceNumber": numbers[1]}
        await store(archive, an_instance(instance, series=series, **number))
    await store(archive, an_instance("1.5.1.1", study="1.5", series="1.5.1"))

    async def instances(*uids: str) -> list[str]:
        return [holding.instance for holding in await archive.holdings(Selector(*uids))]

    assert ["1.2.9.2", "1.2.9.1", "1.2.3.2", "1.2.3.1"] == await instances("1.2")
    assert ["1.2.3.2", "1.2.3.1"] == await instances("1.2", "1.2.3")
    assert ["1.2.3.1"] == await instances("1.2", "1.2.3", "1.2.3.1")
    assert [] == await instances("1.2", "1.2.9", "1.2.3.1")
    assert [] == await instances("1.7")
    assert (2, 3, 5) == _numbers(await archive.counts())


def _numbers(counts: Any) -> tuple[int, int, int]:
    return counts.studies, counts.series, counts.instances


async def test_what_is_stored_is_found(archive: Archive) -> None:
    """A search sees it as soon as it is stored, and no longer once it is deleted."""
    await store(archive, an_instance())
    request = SearchRequest(BASE, Selector(study=""), {"PatientName": "doe*"})

    found = await archive.search(request, 10)
    await archive.delete(STUDY)
    none = await archive.search(request, 10)

    assert ["1.2"] == [dataset.StudyInstanceUID for dataset in datasets_of(found)]
    assert [] == list(none.datasets)


async def test_search_for_what_only_the_file_tells(archive: Archive) -> None:
    """Attributes that are not in the index are looked up in the instance."""
    await store(archive, an_instance("1.2.3.4", ConvolutionKernel="SHARP"))
    await store(archive, an_instance("1.2.3.5", ConvolutionKernel="SOFT"))
    request = SearchRequest(BASE, Selector(instance=""), {"ConvolutionKernel": "SOFT"})

    found = await archive.search(request, 10)

    assert ["1.2.3.5"] == [dataset.SOPInstanceUID for dataset in datasets_of(found)]


@pytest.mark.parametrize(
    ("selector", "left"),
    [
        (Selector("1.2"), []),
        (Selector("1.2", "1.2.3"), ["1.2.9.1"]),
        (Selector("1.2", "1.2.3", "1.2.3.2"), ["1.2.3.1", "1.2.9.1"]),
        (Selector("1.5"), ["1.2.3.1", "1.2.3.2", "1.2.9.1"]),
    ],
)
async def test_deleting(archive: Archive, selector: Selector, left: list[str]) -> None:
    """A study, a series, or the one goes; the number comes back, and the rest stays."""
    for uid in ("1.2.3.1", "1.2.3.2", "1.2.9.1"):
        await store(archive, an_instance(uid, series=uid.rpartition(".")[0]))

    deleted = await archive.delete(selector)

    assert 3 - len(left) == deleted
    assert left == sorted(holding.instance for holding in await archive.holdings(STUDY))


async def test_a_deleted_instance_may_come_again(archive: Archive) -> None:
    """Nothing is left that would make it a duplicate."""
    await store(archive, an_instance())
    await archive.delete(STUDY)

    result = await store(archive, an_instance(PixelData=bytes(8)))

    assert STORED == result
    assert [an_instance(PixelData=bytes(8))] == await contents(archive, STUDY)


async def test_many_of_one_uid_at_once(archive: Archive) -> None:
    """Of different ones with one UID exactly one is stored, and that one is held."""
    octets = [an_instance(PixelData=bytes([number] * 8)) for number in range(12)]
    results: dict[int, StoredInstance | FailedInstance] = {}

    async def put(number: int) -> None:
        results[number] = await store(archive, octets[number])

    async with anyio.create_task_group() as tasks:
        for number in range(len(octets)):
            tasks.start_soon(put, number)

    stored = [n for n, result in results.items() if isinstance(result, StoredInstance)]
    failed = [reason(result) for n, result in results.items() if n not in stored]
    assert 1 == len(stored)
    assert [0x0111] * 11 == failed
    assert [octets[stored[0]]] == await contents(archive, STUDY)


async def test_one_waits_for_the_other(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one of a UID is being stored, no other with that UID gets as far."""
    meeting = threading.Barrier(2)

    def meet_before(function: Callable[..., Any]) -> Callable[..., Any]:
        def meet(*arguments: Any) -> Any:
            with suppress(threading.BrokenBarrierError):  # nobody came
                meeting.wait(0.3)
            return function(*arguments)

        return meet

    monkeypatch.setattr(Index, "add", meet_before(Index.add))
    monkeypatch.setattr(Folder, "_move", meet_before(Folder._move))
    results: list[type] = []

    async def put(octets: bytes) -> None:
        results.append(type(await store(archive, octets)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(put, an_instance())
        tasks.start_soon(put, an_instance(PixelData=bytes(8)))

    assert {StoredInstance, FailedInstance} == set(results)


async def test_one_many_times_at_once(archive: Archive) -> None:
    """The same octets are stored for each sender, and held once."""
    results: list[StoredInstance | FailedInstance] = []

    async def put() -> None:
        results.append(await store(archive, an_instance()))

    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(put)

    assert [STORED] * 12 == results
    assert [an_instance()] == await contents(archive, STUDY)


async def test_storing_and_deleting_at_once(archive: Archive) -> None:
    """Whatever comes first, an instance is there whole or not at all, and never half."""
    results: list[StoredInstance | FailedInstance] = []

    async def put(number: int) -> None:
        results.append(await store(archive, an_instance(f"1.2.3.{number}")))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(put, number)
            tasks.start_soon(archive.delete, STUDY)

    assert {StoredInstance} == set(map(type, results))
    holdings = await archive.holdings(STUDY)
    assert len(holdings) == (await archive.counts()).instances
    assert all(content(holding) == an_instance(holding.instance) for holding in holdings)


@pytest.mark.parametrize(
    "archive_class", [MemoryArchive, lambda: DirectoryArchive("never made")], ids=["memory", "dir"]
)
async def test_an_archive_has_to_be_opened(archive_class: Callable[[], Archive]) -> None:
    """Without that, everything but closing says so."""
    archive = archive_class()

    for call in (archive.counts, archive.deposit, lambda: archive.holdings(STUDY)):
        with pytest.raises(RuntimeError, match="not open"):
            await call()
    await archive.aclose()
