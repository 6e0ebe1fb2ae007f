"""A folder is looked through, and the index keeps in step with it."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.from_thread
import pytest

from aiodicomweb.dicom.layout import read_layout
from aiodicomweb.server import DirectoryArchive, ScanProgress
from aiodicomweb.server.archives import scan
from aiodicomweb.server.archives.scan import Kind, Scanner, examine, list_files
from aiodicomweb.server.index.index import Index
from aiodicomweb.services import Selector

from ...support.archives import contents, store
from ...support.dicom_files import FOLDERS
from ...support.instances import an_instance, encapsulated, sparse_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = Selector("1.2")

HEAD = an_instance()[: read_layout(io.BytesIO(an_instance())).start]
"""A file of which the data set has not been written yet."""


class Rig:
    """A scanner of a folder, and what it reported and examined."""

    def __init__(self, root: Path, index: Index, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.index = index
        self.reports: list[ScanProgress] = []
        self.examined: list[str] = []
        self._scanner = Scanner(root, index, None, self.reports.append)

        def examine_and_tell(folder: Path, path: str) -> scan.Finding:
            self.examined.append(path)
            return examine(folder, path)

        patch.setattr(scan, "examine", examine_and_tell)

    async def scan(self) -> ScanProgress:
        """One scan; ``examined`` has what was looked at in it."""
        self.examined.clear()
        self.reports.clear()
        progress = await self._scanner.scan()
        self.examined.sort()
        return progress

    def put(self, path: str, octets: bytes) -> Path:
        """Write a file of the folder."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
        return file

    def held(self, study: str = "1.2") -> list[str | None]:
        """Paths of a study's instances."""
        return [found.path for found in self.index.holdings(Selector(study))]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A scanner of an empty folder."""
    index = Index.open(None)
    yield Rig(tmp_path, index, monkeypatch)
    index.close()


# --- what is found ------------------------------------------------------------------------------


async def test_any_folder(rig: Rig) -> None:
    """Nested, with any names, mixed with other files."""
    rig.put("IM0001", an_instance("1.2.3.1"))
    rig.put("a/b/c/d.dcm", an_instance("1.2.3.2"))
    rig.put("a/b/notes.txt", b"notes")
    rig.put("a/empty", b"")

    progress = await rig.scan()

    assert ScanProgress(files=4, to_examine=4, examined=4, instances=2, foreign=2) == progress
    assert ["IM0001", "a/b/c/d.dcm"] == rig.held()


async def test_bundled_files(rig: Rig) -> None:
    """Real files: two are cut short, others have no study, and those DICOMDIR are not counted."""
    scanner = Scanner(FOLDERS[2], rig.index, None, None)

    progress = await scanner.scan()

    assert progress.done
    assert 0 == progress.unreadable
    assert progress.instances == rig.index.counts().instances
    assert progress.files == sum(
        (
            progress.instances,
            progress.duplicates,
            progress.foreign,
            progress.broken + progress.unfinished,
            progress.unidentified,
        )
    )
    assert 2 == progress.broken + progress.unfinished
    assert Kind.INSTANCE is examine(FOLDERS[2], "rtplan.dcm").kind
    assert Kind.UNIDENTIFIED is examine(FOLDERS[2], "UN_sequence.dcm").kind
    assert Kind.FOREIGN is examine(FOLDERS[2], "dicomdirtests/DICOMDIR").kind
    assert Kind.FOREIGN is examine(FOLDERS[2], "dicomdirtests/DICOMDIR-nooffset").kind


@pytest.mark.parametrize(
    "octets",
    [an_instance()[:-1], encapsulated()[:-9], HEAD],
    ids=["native", "encapsulated", "file meta information only"],
)
async def test_what_is_not_whole_is_left_out(rig: Rig, octets: bytes) -> None:
    """It is counted, and not looked at again until it changes."""
    path = rig.put("a", octets)
    settle(path)

    assert 1 == (await rig.scan()).broken
    assert [] == rig.held()
    await rig.scan()
    assert [] == rig.examined
    path.write_bytes(an_instance())
    assert 1 == (await rig.scan()).instances


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
async def test_what_lacks_its_uids_is_left_out(rig: Rig, keyword: str) -> None:
    """It is whole, also if it was written just now: it is counted as such, and looked at once."""
    path = rig.put("a", an_instance(**{keyword: None}))

    assert ScanProgress(files=1, to_examine=1, examined=1, unidentified=1) == await rig.scan()
    assert [] == rig.held()
    await rig.scan()
    assert [] == rig.examined
    path.write_bytes(an_instance())
    assert 1 == (await rig.scan()).instances


@pytest.mark.parametrize("size", [-1, None])
async def test_directories_of_media_are_no_instances(rig: Rig, size: int | None) -> None:
    """A DICOMDIR, cut short or not, is passed over as any other file that is none."""
    octets = (FOLDERS[2] / "dicomdirtests" / "DICOMDIR").read_bytes()
    rig.put("DICOMDIR", octets[:size])

    assert ScanProgress(files=1, to_examine=1, examined=1, foreign=1) == await rig.scan()
    await rig.scan()
    assert [] == rig.examined


@pytest.mark.parametrize("ahead", [0, 3])
async def test_what_may_still_be_written(rig: Rig, ahead: int) -> None:
    """A file that is cut short and was changed just now is not called so, but tried again.

    The clock of a file server may be ahead of ours.
    """
    path = rig.put("a", an_instance()[:-1])
    os.utime(path, (time.time() + ahead,) * 2)

    progress = await rig.scan()

    assert (1, 0) == (progress.unfinished, progress.broken)
    await rig.scan()
    assert ["a"] == rig.examined
    settle(path)
    assert 1 == (await rig.scan()).broken


async def test_an_instance_that_is_written_over(rig: Rig) -> None:
    """Of what it was nothing is shown while it is cut short, and then what it is."""
    path = rig.put("a", an_instance())
    await rig.scan()
    path.write_bytes(an_instance()[:-1])
    await rig.scan()
    assert [] == rig.held()
    path.write_bytes(an_instance(PixelData=bytes(8)))

    assert 1 == (await rig.scan()).instances


def settle(path: Path) -> None:
    """Make a file old: nobody is writing it."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


async def test_hidden_files_are_left_out(rig: Rig) -> None:
    """Dustbins, snapshots and drafts have names that begin with a dot."""
    rig.put(".trash/a.dcm", an_instance())
    rig.put("a/.1.2.3.dcm.part", an_instance())

    assert ScanProgress() == await rig.scan()


async def test_links(rig: Rig) -> None:
    """They are followed, but never in a circle, and no folder is entered twice."""
    rig.put("a/b.dcm", an_instance())
    (rig.root / "a" / "up").symlink_to("..")
    (rig.root / "a" / "self").symlink_to("self")
    (rig.root / "nowhere").symlink_to("missing")
    (rig.root / "again").symlink_to("a")
    (rig.root / "z.dcm").symlink_to("a/b.dcm")

    progress = await rig.scan()

    assert (1, 1, 2) == (progress.instances, progress.duplicates, progress.unreadable)
    assert ["a/b.dcm"] == rig.held()


async def test_what_is_no_file_is_not_opened(rig: Rig) -> None:
    """To open a pipe would take for ever; neither if it comes in place of a file."""
    os.mkfifo(rig.root / "pipe")

    assert ScanProgress() == await rig.scan()
    assert Kind.GONE is examine(rig.root, "pipe").kind


async def test_names_of_any_kind(rig: Rig) -> None:
    """Old media have names that are no UTF-8."""
    name = os.fsdecode(b"M\xfcller")
    rig.put(f"{name}/a", an_instance())

    assert 1 == (await rig.scan()).instances
    assert [f"{name}/a"] == rig.held()
    await rig.scan()
    assert [] == rig.examined


async def test_unreadable_files(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted, passed over, and tried again at the next scan."""
    rig.put("a", an_instance("1.2.3.1"))
    rig.put("b", an_instance("1.2.3.2"))
    with monkeypatch.context() as patch:
        _forbid(patch, "a")
        progress = await rig.scan()

    assert (1, 1) == (progress.instances, progress.unreadable)
    assert ["b"] == rig.held()
    await rig.scan()
    assert ["a", "b"] == rig.held()


def _forbid(patch: pytest.MonkeyPatch, name: str) -> None:
    """Files of this name cannot be opened; rights of files do not stop those who have all."""
    open_file = os.open

    def refuse(path: Any, flags: int, mode: int = 0o777) -> int:
        if Path(path).name == name:
            raise PermissionError(13, "forbidden")
        return open_file(path, flags, mode)

    patch.setattr(os, "open", refuse)


# --- what is looked at again --------------------------------------------------------------------


async def test_only_what_changed_is_looked_at(rig: Rig) -> None:
    """DICOM or not; by size or time."""
    rig.put("a", an_instance("1.2.3.1"))
    changed = rig.put("b", an_instance("1.2.3.2"))
    touched = rig.put("c", b"notes")
    rig.put("d", an_instance("1.2.3.1"))
    await rig.scan()
    assert ["a", "b", "c", "d"] == rig.examined

    changed.write_bytes(an_instance("1.2.3.2", PixelData=bytes(100)))
    os.utime(touched, (1, 1))
    progress = await rig.scan()

    assert ["b", "c"] == rig.examined
    assert ScanProgress(files=4, to_examine=2, examined=2, instances=1, foreign=1) == progress


async def test_nothing_changed(rig: Rig) -> None:
    """The second scan reports once, and that it is done."""
    rig.put("a", an_instance())
    await rig.scan()

    assert ScanProgress(files=1) == await rig.scan()
    assert [ScanProgress(files=1)] == rig.reports
    assert rig.reports[0].done


async def test_what_vanished_is_forgotten(rig: Rig) -> None:
    """With its study, where that was all of it."""
    rig.put("a", an_instance()).unlink()
    path = rig.put("a", an_instance())
    await rig.scan()
    path.unlink()

    progress = await rig.scan()

    assert 1 == progress.gone
    assert 0 == rig.index.counts().studies
    assert {} == rig.index.files()


async def test_a_folder_that_is_missing(rig: Rig) -> None:
    """It is an error, and not a folder that was emptied."""
    path = rig.put("a", an_instance())
    await rig.scan()
    path.unlink()
    rig.root.rmdir()

    with pytest.raises(FileNotFoundError):
        await rig.scan()

    assert ["a"] == rig.held()
    rig.root.mkdir()


async def test_a_file_with_another_instance_now(rig: Rig) -> None:
    """The one that was in it is gone."""
    path = rig.put("a", an_instance("1.2.3.1"))
    await rig.scan()
    path.write_bytes(an_instance("1.5.3.12", study="1.5"))

    await rig.scan()

    assert [] == rig.held("1.2")
    assert ["a"] == rig.held("1.5")


async def test_a_file_that_was_renamed(rig: Rig) -> None:
    """The instance is in its new place, wherever that comes in the order of names."""
    path = rig.put("m", an_instance())
    for name in ("a", "z"):
        await rig.scan()
        path = path.rename(rig.root / name)

        await rig.scan()

        assert [name] == rig.held()


# --- duplicates ---------------------------------------------------------------------------------


async def test_the_first_by_path_counts(rig: Rig) -> None:
    """Others with the same UID are counted as duplicates, whatever is in them."""
    rig.put("b", an_instance(PixelData=bytes(2)))
    rig.put("a/z", an_instance(PixelData=bytes(4)))
    rig.put("c", an_instance(PixelData=bytes(6)))

    progress = await rig.scan()

    assert (1, 2) == (progress.instances, progress.duplicates)
    assert ["a/z"] == rig.held()


async def test_who_was_there_stays(rig: Rig) -> None:
    """A file that comes later does not displace one that has been given out."""
    rig.put("b", an_instance())
    await rig.scan()
    rig.put("a", an_instance(PixelData=bytes(2)))

    assert 1 == (await rig.scan()).duplicates
    assert ["b"] == rig.held()


async def test_a_duplicate_steps_in(rig: Rig) -> None:
    """It was not looked at for long, but when the first file goes its turn has come."""
    first = rig.put("a", an_instance())
    rig.put("b", an_instance(PixelData=bytes(2)))
    rig.put("c", an_instance(PixelData=bytes(4)))
    await rig.scan()
    first.unlink()

    progress = await rig.scan()

    assert ["a", "b", "c"] == rig.examined
    assert (1, 1, 1) == (progress.gone, progress.instances, progress.duplicates)
    assert progress.done
    assert ["b"] == rig.held()


# --- many ---------------------------------------------------------------------------------------


async def test_progress(rig: Rig) -> None:
    """It is reported batch by batch, and only the last report is the end."""
    for number in range(1100):
        rig.put(f"{number:04}", b"notes")

    progress = await rig.scan()

    assert [0, 500, 1000, 1100] == [report.examined for report in rig.reports]
    assert [False, False, False, True] == [report.done for report in rig.reports]
    assert progress == rig.reports[-1]


async def test_progress_tells_no_names(rig: Rig) -> None:
    """Names of files may be those of patients."""
    rig.put("Doe^Jane", an_instance())

    assert "Doe" not in repr(await rig.scan())
    assert "Doe" not in repr(examine(rig.root, "Doe^Jane"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system counts no octets")
async def test_pixels_are_not_read(rig: Rig) -> None:
    """1,000 files with 1 GiB of pixel data each, of which a few KiB are read."""
    for number in range(1000):
        sparse_instance(rig.root / f"{number:04}", f"1.2.3.{number}", 1 << 30)
    before = _octets_read()

    progress = await rig.scan()

    assert 1000 == progress.instances
    assert (_octets_read() - before) / 1000 < 32 * 1024


def _octets_read() -> int:
    """What this process asked of the system, whether from the disk or the cache."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


# --- what happens meanwhile ---------------------------------------------------------------------


async def test_a_file_deleted_while_it_is_looked_at(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not come into the index."""

    def examine_and_delete(root: Path, path: str) -> scan.Finding:
        finding = examine(root, path)
        (root / path).unlink()
        return finding

    rig.put("a", an_instance())
    monkeypatch.setattr(scan, "examine", examine_and_delete)
    await rig.scan()

    assert [] == rig.held()


async def test_a_file_that_changes_behind_the_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was does not come into the index."""

    def examine_and_change(root: Path, path: str) -> scan.Finding:
        finding = examine(root, path)
        rig.put(path, an_instance("1.2.3.77"))
        return finding

    rig.put("a", an_instance())
    with monkeypatch.context() as patch:
        patch.setattr(scan, "examine", examine_and_change)
        await rig.scan()

    assert [] == rig.held()
    await rig.scan()
    assert ["1.2.3.77"] == [found.instance for found in rig.index.holdings(STUDY)]


async def test_a_file_that_comes_back_behind_the_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored again in the meantime is not forgotten."""

    def examine_and_bring_back(root: Path, path: str) -> scan.Finding:
        finding = examine(root, path)
        rig.put(path, an_instance())
        return finding

    path = rig.put("a", an_instance())
    await rig.scan()
    path.unlink()
    monkeypatch.setattr(scan, "examine", examine_and_bring_back)
    await rig.scan()

    assert ["a"] == rig.held()


async def test_a_file_that_changes_while_it_is_looked_at(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left to the next scan."""
    inspect = scan.inspect

    def inspect_and_write(file: Any) -> Any:
        seen = inspect(file)
        with (rig.root / "a").open("ab") as other:
            other.write(bytes(8))
        return seen

    rig.put("a", an_instance())
    with monkeypatch.context() as patch:
        patch.setattr(scan, "inspect", inspect_and_write)
        progress = await rig.scan()

    assert (0, 1) == (progress.instances, progress.unfinished)
    assert [] == rig.held()


async def test_what_is_stored_meanwhile_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither if it was not there yet when the folder was listed."""
    archive = DirectoryArchive(tmp_path)
    await archive.open()

    def list_and_store(root: Path) -> Any:
        listing = list_files(root)
        anyio.from_thread.run(store, archive, an_instance())
        return listing

    monkeypatch.setattr(scan, "list_files", list_and_store)
    try:
        await archive.scan()

        assert [an_instance()] == await contents(archive, STUDY)
    finally:
        await archive.aclose()


async def test_what_was_stored_again_meanwhile_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted before the folder was listed, and stored behind: it is there."""
    archive = DirectoryArchive(tmp_path)
    await archive.open()
    await store(archive, an_instance())

    def delete_list_and_store(root: Path) -> Any:
        anyio.from_thread.run(archive.delete, STUDY)
        listing = list_files(root)
        anyio.from_thread.run(store, archive, an_instance())
        return listing

    monkeypatch.setattr(scan, "list_files", delete_list_and_store)
    try:
        await archive.scan()

        assert 1 == (await archive.counts()).instances
        assert [an_instance()] == await contents(archive, STUDY)
    finally:
        await archive.aclose()
