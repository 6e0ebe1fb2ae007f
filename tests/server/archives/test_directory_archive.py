"""An archive in a folder: what of it can be seen in the folder."""

from __future__ import annotations

import os
import resource
import sqlite3
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.dicom import FailureReason
from aiodicomweb.server import DirectoryArchive, ScanProgress
from aiodicomweb.server.index.index import Index
from aiodicomweb.services import FailedInstance, Selector, StoredInstance

from ...support.archives import content, contents, store
from ...support.instances import CT, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

STUDY = Selector("1.2")
OTHER_PIXELS = an_instance(PixelData=bytes(8))
STORED = StoredInstance(CT, "1.2.3.4", "/studies/1.2/series/1.2.3/instances/1.2.3.4")


@asynccontextmanager
async def opened(path: Path, **settings: Any) -> AsyncIterator[DirectoryArchive]:
    """An open archive."""
    archive = DirectoryArchive(path, **settings)
    await archive.open()
    try:
        yield archive
    finally:
        await archive.aclose()


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[DirectoryArchive]:
    """An archive in an empty folder."""
    async with opened(tmp_path) as archive:
        yield archive


def visible(path: Path) -> list[str]:
    """Files below a folder, without the archive's own."""
    files = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return sorted(file for file in files if not file.startswith(".aiodicomweb/"))


def snapshot(path: Path) -> dict[str, tuple[int, int, int]]:
    """All below a folder, and when it was changed."""
    return {
        str(file): (status.st_ino, status.st_size, status.st_mtime_ns)
        for file in [path, *path.rglob("*")]
        for status in [file.lstat()]
    }


def names(path: Path) -> list[str]:
    """What is in a folder."""
    return sorted(entry.name for entry in path.iterdir())


def put(path: Path, octets: bytes) -> None:
    """Put a file into a folder behind the archive's back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)


async def test_a_file_for_each_instance(archive: DirectoryArchive, tmp_path: Path) -> None:
    """Named by its UIDs; and no draft is left."""
    await store(archive, an_instance(PixelData=bytes(600_000)))

    assert ["1.2/1.2.3/1.2.3.4.dcm"] == visible(tmp_path)
    assert [] == names(tmp_path / ".aiodicomweb/incoming")


async def test_a_refused_instance_leaves_nothing(archive: DirectoryArchive, tmp_path: Path) -> None:
    """No file, no draft, and no folder."""
    await store(archive, an_instance(PixelData=bytes(600_000))[:-1])

    assert [] == names(tmp_path / ".aiodicomweb/incoming")
    assert [".aiodicomweb"] == names(tmp_path)


async def test_it_is_there_at_the_next_opening(tmp_path: Path) -> None:
    """Also where the index got lost, or is broken."""
    async with opened(tmp_path) as first:
        await store(first, an_instance())

    async with opened(tmp_path) as second:
        assert [an_instance()] == await contents(second, STUDY)
    (tmp_path / ".aiodicomweb/index.sqlite3").write_bytes(b"broken" * 1000)
    async with opened(tmp_path) as third:
        assert [an_instance()] == await contents(third, STUDY)


async def test_the_folder_is_made_its_parent_is_not(tmp_path: Path) -> None:
    """A new archive may be named; a mistaken path is noticed."""
    async with opened(tmp_path / "new") as archive:
        assert STORED == await store(archive, an_instance())
    with pytest.raises(FileNotFoundError):
        await DirectoryArchive(tmp_path / "a" / "b").open()


async def test_an_index_elsewhere(tmp_path: Path) -> None:
    """It is kept there, and used again."""
    put(tmp_path / "files" / "a.dcm", an_instance())
    index = tmp_path / "elsewhere" / "index"
    async with opened(tmp_path / "files", index=index, read_only=True):
        pass

    again = Index.open(index)
    try:
        assert not again.stale
        assert ["a.dcm"] == [found.path for found in again.holdings(STUDY)]
    finally:
        again.close()


# --- crashes ------------------------------------------------------------------------------------


async def test_leftovers_are_deleted_at_the_next_opening(tmp_path: Path) -> None:
    """What a killed process was writing is of no use."""
    put(tmp_path / ".aiodicomweb/incoming/0123", an_instance()[:-1])

    async with opened(tmp_path) as archive:
        assert 0 == (await archive.counts()).instances
        assert [] == names(tmp_path / ".aiodicomweb/incoming")


async def test_drafts_of_another_process_are_left_alone(
    archive: DirectoryArchive, tmp_path: Path
) -> None:
    """To open a folder does not harm one who is storing to it."""
    deposit = await archive.deposit()
    await deposit.write(an_instance(PixelData=bytes(600_000)))

    async with opened(tmp_path):
        result = await deposit.commit()

    assert STORED == result


async def test_moved_but_not_noted(tmp_path: Path) -> None:
    """Killed between the two, the next opening finds it."""
    async with opened(tmp_path):
        pass
    put(tmp_path / "1.2/1.2.3/1.2.3.4.dcm", an_instance())

    async with opened(tmp_path) as archive:
        assert [an_instance()] == await contents(archive, STUDY)


async def test_on_the_disk_before_it_is_noted(
    archive: DirectoryArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Octets are synced, then the file is moved, then its name is synced, then it is noted."""
    events: list[str] = []
    sync, rename, add = os.fsync, type(tmp_path).rename, Index.add

    def fsync(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        events.append(f"sync {name.removeprefix(str(tmp_path)) or '/'}")
        sync(descriptor)

    def move(path: Path, target: Path) -> Path:
        events.append("move")
        return rename(path, target)

    def note(index: Index, entries: Any) -> None:
        events.append("note")
        add(index, entries)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(type(tmp_path), "rename", move)
    monkeypatch.setattr(Index, "add", note)
    await store(archive, an_instance())

    draft, *rest = events
    assert draft.startswith("sync /.aiodicomweb/incoming/")
    synced = ["/1.2/1.2.3", "/1.2", "/"]
    assert ["move", *(f"sync {path}" for path in synced), "note"] == rest


# --- several archives on one folder -------------------------------------------------------------


async def test_two_on_one_folder(archive: DirectoryArchive, tmp_path: Path) -> None:
    """What one stores or deletes, the other sees at once."""
    async with opened(tmp_path) as other:
        await store(archive, an_instance())

        assert [an_instance()] == await contents(other, STUDY)
        assert FailedInstance(CT, "1.2.3.4", 0x0111) == await store(other, OTHER_PIXELS)
        assert 1 == await other.delete(STUDY)
        assert [] == await contents(archive, STUDY)


async def test_one_with_an_index_of_its_own(tmp_path: Path) -> None:
    """Even where the index knows nothing of it, what another one stored is not overwritten."""
    async with opened(tmp_path, index=tmp_path / ".one") as one, opened(tmp_path) as other:
        await store(one, an_instance())

        assert FailedInstance(CT, "1.2.3.4", 0x0111) == await store(other, OTHER_PIXELS)
        assert STORED == await store(other, an_instance())
        assert [an_instance()] == await contents(other, STUDY)


# --- read-only ----------------------------------------------------------------------------------


async def test_read_only_writes_nothing(tmp_path: Path) -> None:
    """No index, no lock, no new time: the folder is as it was."""
    put(tmp_path / "a" / "b.dcm", an_instance())
    before = snapshot(tmp_path)

    async with opened(tmp_path, read_only=True) as archive:
        assert [an_instance()] == await contents(archive, STUDY)
        with pytest.raises(PermissionError):
            await archive.deposit()
        with pytest.raises(PermissionError):
            await archive.delete(STUDY)
        await archive.scan()

    assert before == snapshot(tmp_path)


async def test_read_only_needs_a_folder(tmp_path: Path) -> None:
    """None is made."""
    with pytest.raises(NotADirectoryError):
        await DirectoryArchive(tmp_path / "missing", read_only=True).open()

    assert [] == names(tmp_path)


# --- files that change --------------------------------------------------------------------------


async def test_who_reads_reads_on(tmp_path: Path) -> None:
    """A replaced file stays whole for who has it open; its name does not get other octets."""
    async with opened(tmp_path, replace=True) as archive:
        await store(archive, an_instance())
        path = tmp_path / "1.2/1.2.3/1.2.3.4.dcm"
        with path.open("rb") as file:
            assert STORED == await store(archive, OTHER_PIXELS)

            assert an_instance() == file.read()
        assert not path.exists()
        assert [OTHER_PIXELS] == await contents(archive, STUDY)


async def test_replaced_for_good(tmp_path: Path) -> None:
    """No older file comes back, wherever it was, and however many there were."""
    put(tmp_path / "a.dcm", an_instance())
    put(tmp_path / "b" / "c.dcm", an_instance(PixelData=bytes(2)))
    async with opened(tmp_path, replace=True) as archive:
        await store(archive, OTHER_PIXELS)

    async with opened(tmp_path) as archive:
        assert [OTHER_PIXELS] == await contents(archive, STUDY)
    assert ["1.2/1.2.3/1.2.3.4.dcm"] == visible(tmp_path)


async def test_the_same_in_a_file_of_any_name(tmp_path: Path) -> None:
    """An instance that was in the folder before is stored already."""
    put(tmp_path / "a.dcm", an_instance())
    async with opened(tmp_path) as archive:
        assert STORED == await store(archive, an_instance())

    assert ["a.dcm"] == visible(tmp_path)


async def test_another_file_has_the_name(archive: DirectoryArchive, tmp_path: Path) -> None:
    """What is not that instance is not overwritten."""
    put(tmp_path / "1.2/1.2.3/1.2.3.4.dcm", b"notes")

    assert STORED == await store(archive, an_instance())
    assert [an_instance()] == await contents(archive, STUDY)
    assert b"notes" == (tmp_path / "1.2/1.2.3/1.2.3.4.dcm").read_bytes()


async def test_changed_behind_its_back(archive: DirectoryArchive, tmp_path: Path) -> None:
    """A file that is otherwise now is looked at again before it is given out."""
    await store(archive, an_instance())
    (before,) = await archive.holdings(STUDY)
    longer = an_instance(PixelData=bytes(100))
    put(tmp_path / "1.2/1.2.3/1.2.3.4.dcm", longer)

    (after,) = await archive.holdings(STUDY)

    assert longer == content(after)
    assert before.version != after.version


@pytest.mark.parametrize("octets", [an_instance()[:-1], b"", None])
async def test_gone_bad_behind_its_back(
    archive: DirectoryArchive, tmp_path: Path, octets: bytes | None
) -> None:
    """A file that was cut or deleted is not given out, and another may be stored."""
    await store(archive, an_instance())
    path = tmp_path / "1.2/1.2.3/1.2.3.4.dcm"
    if octets is None:
        path.unlink()
    else:
        path.write_bytes(octets)

    assert [] == await contents(archive, STUDY)
    assert 0 == (await archive.counts()).instances
    assert STORED == await store(archive, OTHER_PIXELS)


async def test_a_copy_steps_in(tmp_path: Path) -> None:
    """Where the file that counted is gone, another one of the instance is given out."""
    put(tmp_path / "a.dcm", an_instance())
    put(tmp_path / "b.dcm", OTHER_PIXELS)
    async with opened(tmp_path) as archive:
        assert [an_instance()] == await contents(archive, STUDY)
        (tmp_path / "a.dcm").unlink()

        assert [OTHER_PIXELS] == await contents(archive, STUDY)


async def test_deleting_deletes_copies(tmp_path: Path) -> None:
    """A deleted instance does not come back; what else is in the folders stays."""
    put(tmp_path / "a.dcm", an_instance())
    put(tmp_path / "b" / "c.dcm", OTHER_PIXELS)
    put(tmp_path / "b" / "d" / "e.dcm", an_instance())
    put(tmp_path / "b" / "readme.txt", b"read me")
    async with opened(tmp_path) as archive:
        assert 1 == await archive.delete(STUDY)
        await archive.scan()
        assert 0 == (await archive.counts()).instances

    assert ["b/readme.txt"] == visible(tmp_path)
    assert not (tmp_path / "b" / "d").exists()


async def test_empty_folders_go(archive: DirectoryArchive, tmp_path: Path) -> None:
    """Those of the series and of the study, but never the archive's own."""
    await store(archive, an_instance())

    await archive.delete(STUDY)

    assert [".aiodicomweb"] == names(tmp_path)


# --- no room ------------------------------------------------------------------------------------


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """The system refuses to make larger files."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_no_room_at_the_end(archive: DirectoryArchive, tmp_path: Path) -> None:
    """What does not fit is refused for want of resources (STW-63: A700)."""
    with largest_file(100_000):
        result = await store(archive, an_instance(PixelData=bytes(200_000)))

    assert isinstance(result, FailedInstance)
    assert FailureReason.OUT_OF_RESOURCES == result.failure_reason
    assert [] == visible(tmp_path)
    assert [] == names(tmp_path / ".aiodicomweb/incoming")


async def test_no_room_in_between(archive: DirectoryArchive, tmp_path: Path) -> None:
    """Whoever writes more than fits is told, and gives up."""
    deposit = await archive.deposit()
    with largest_file(100_000), pytest.raises(OSError, match="large"):
        await deposit.write(bytes(1_000_000))
    deposit.discard()

    assert [] == names(tmp_path / ".aiodicomweb/incoming")


async def test_no_room_for_the_index(
    archive: DirectoryArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not noted is not stored, and does not turn up later."""

    def full(*_: object) -> None:
        raise OSError(28, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(Index, "add", full)
        result = await store(archive, an_instance())

    assert FailedInstance(CT, "1.2.3.4", FailureReason.OUT_OF_RESOURCES) == result
    assert [] == visible(tmp_path)
    assert STORED == await store(archive, an_instance())


async def test_what_cannot_be_done_for_another_reason(
    archive: DirectoryArchive, tmp_path: Path
) -> None:
    """A file where the study's folder should be is a processing failure (STW-67: 0110)."""
    put(tmp_path / "1.2", b"a file")

    result = await store(archive, an_instance())

    assert FailedInstance(CT, "1.2.3.4", FailureReason.PROCESSING_FAILURE) == result


async def test_an_index_among_the_files(tmp_path: Path) -> None:
    """It is not looked at with them, which would take SQLite's locks of it away."""
    put(tmp_path / "a.dcm", an_instance())
    async with opened(tmp_path, index=tmp_path / "below" / "index") as archive:
        assert ["a.dcm", "below/index", "below/index-shm", "below/index-wal"] == visible(tmp_path)
        assert ScanProgress(files=1) == await archive.scan()


async def test_opening_that_fails_releases_all(tmp_path: Path) -> None:
    """Where the index is another database nothing stays open: the next one opens undisturbed."""
    index = tmp_path / "index"
    with sqlite3.connect(index) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = len(names(Path("/proc/self/fd")))

    with pytest.raises(ValueError, match="left as it is"):
        await DirectoryArchive(tmp_path / "a", index=index).open()

    assert before == len(names(Path("/proc/self/fd")))
