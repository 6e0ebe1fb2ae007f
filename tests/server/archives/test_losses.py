"""What an archive does when somebody removes files, its index or its private folder under it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb.http import URL
from aiodicomweb.server import DirectoryArchive
from aiodicomweb.server.archives import directory_archive as module
from aiodicomweb.services import FailedInstance, SearchRequest, Selector, StoredInstance

from ...support.archives import contents, store
from ...support.instances import CT, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

OWN = ".aiodicomweb"
STUDY = Selector("1.2")
SECOND = an_instance("1.2.3.5")
SEARCH = SearchRequest(URL.parse("http://pacs.example"), Selector(study=""))


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[DirectoryArchive]:
    """An archive with an instance that was stored."""
    archive = DirectoryArchive(tmp_path)
    await archive.open()
    await store(archive, an_instance())
    yield archive
    await archive.aclose()


def remove_index(root: Path) -> None:
    """Remove the file of the index, and those beside it."""
    for file in (root / OWN).glob("index.sqlite3*"):
        file.unlink()


def remove_everything(root: Path) -> None:
    """Remove the private folder."""
    shutil.rmtree(root / OWN)


def remove_drafts(root: Path) -> None:
    """Remove where drafts are."""
    shutil.rmtree(root / OWN / "incoming")


def remove_locks(root: Path) -> None:
    """Remove the locks."""
    shutil.rmtree(root / OWN / "locks")


REMOVALS = [remove_index, remove_everything, remove_drafts, remove_locks]


@pytest.mark.parametrize("remove", REMOVALS)
async def test_storing_goes_on(
    archive: DirectoryArchive, tmp_path: Path, remove: Callable[[Path], None]
) -> None:
    """What is missing is made anew, and nothing that was stored is missing."""
    remove(tmp_path)

    assert isinstance(await store(archive, SECOND), StoredInstance)
    assert [an_instance(), SECOND] == await contents(archive, STUDY)
    assert FailedInstance(CT, "1.2.3.4", 0x0111) == await store(
        archive, an_instance(PixelData=bytes(8))
    )


@pytest.mark.parametrize("remove", [remove_index, remove_everything])
async def test_searching_goes_on(
    archive: DirectoryArchive,
    tmp_path: Path,
    remove: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also of many who ask at once, for whom the index is made anew once."""
    remove(tmp_path)
    found: list[int] = []

    async def search() -> None:
        found.append(len((await archive.search(SEARCH, 10)).datasets))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(search)

    assert [1] * 5 == found
    assert 1 == caplog.text.count("the index was removed")


async def test_deleting_goes_on(archive: DirectoryArchive, tmp_path: Path) -> None:
    """What is deleted is gone."""
    remove_everything(tmp_path)

    assert 1 == await archive.delete(STUDY)
    assert [] == await contents(archive, STUDY)


async def test_a_scan_makes_the_index_anew(archive: DirectoryArchive, tmp_path: Path) -> None:
    """And so whoever scans now and then has one."""
    remove_everything(tmp_path)

    await archive.scan()

    assert (tmp_path / OWN / "index.sqlite3").exists()
    assert 1 == (await archive.counts()).instances


async def test_an_instance_that_arrives_meanwhile(
    archive: DirectoryArchive, tmp_path: Path
) -> None:
    """It began before the loss, which somebody else has noticed, and is stored."""
    deposit = await archive.deposit()
    remove_index(tmp_path)
    assert 1 == (await archive.counts()).instances
    await deposit.write(SECOND)

    assert isinstance(await deposit.commit(), StoredInstance)
    assert [an_instance(), SECOND] == await contents(archive, STUDY)


async def test_an_instance_stored_while_the_index_is_made(
    archive: DirectoryArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes into the old one, and must not be missing in the new one."""
    deposit = await archive.deposit()
    await deposit.write(SECOND)
    scan = module.Scanner.scan
    results = []

    async def scan_and_store(scanner: module.Scanner) -> object:
        progress = await scan(scanner)
        if not results:
            results.append(await deposit.commit())
        return progress

    monkeypatch.setattr(module.Scanner, "scan", scan_and_store)
    remove_index(tmp_path)

    assert 2 == len(await contents(archive, STUDY))
    assert isinstance(results[0], StoredInstance)


async def test_cut_off_while_the_index_is_made(
    archive: DirectoryArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks next makes it."""
    remove_everything(tmp_path)
    with monkeypatch.context() as patch:

        async def hang(_scanner: module.Scanner) -> None:
            cut.cancel()
            await anyio.sleep_forever()

        patch.setattr(module.Scanner, "scan", hang)
        with anyio.CancelScope() as cut:
            await archive.counts()

    assert 1 == (await archive.counts()).instances


async def test_a_folder_that_is_away(archive: DirectoryArchive, tmp_path: Path) -> None:
    """Nothing is made where it was: it may be a disk that comes back, with all that was on it."""
    away = tmp_path.with_name("away")
    move(tmp_path, away)

    with pytest.raises(FileNotFoundError):
        await archive.search(SEARCH, 10)
    with pytest.raises(FileNotFoundError):
        await archive.deposit()

    move(away, tmp_path)
    assert [an_instance()] == await contents(archive, STUDY)


def move(folder: Path, to: Path) -> None:
    """Move a folder to where nothing is."""
    assert not to.exists()
    folder.rename(to)


@pytest.mark.parametrize("selector", [STUDY, Selector("1.2", "1.2.3", "1.2.3.4")])
async def test_a_file_that_vanished(
    archive: DirectoryArchive, tmp_path: Path, selector: Selector
) -> None:
    """It is no longer held as soon as somebody asks for it, nor found."""
    (tmp_path / "1.2/1.2.3/1.2.3.4.dcm").unlink()

    assert [] == await archive.holdings(selector)
    assert 0 == len((await archive.search(SEARCH, 10)).datasets)
