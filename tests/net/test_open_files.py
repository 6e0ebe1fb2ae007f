"""Files that are opened some ahead of their turn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb.net.open_files import OpenFile, OpenFiles

from ..support.http_server import open_files

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def files() -> Iterator[OpenFiles]:
    """No file is open, and none is in the end."""
    files = OpenFiles()
    yield files
    files.close()


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Twenty files, with their numbers in them."""
    paths = [tmp_path / f"{number:02}" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]))
    return list(map(str, paths))


def hide(path: str) -> None:
    """Let a file be away."""
    Path(path).rename(f"{path}.hidden")


def show(path: str) -> None:
    """Let it be there again."""
    Path(f"{path}.hidden").rename(path)


async def test_each_in_its_turn(files: OpenFiles, paths: list[str]) -> None:
    """What is given is the file that was asked for, with a bounded number of others open."""
    before = open_files()
    files.expect(paths)
    most = 0
    for number, path in enumerate(paths):
        file = await files.turn_to(path)
        assert bytes([number]) == os.pread(file.descriptor, 2, 0)
        assert os.fstat(file.descriptor).st_mtime_ns == file.modified
        most = max(most, open_files() - before)

    assert 8 == most
    assert before + 1 == open_files()
    files.close()
    assert before == open_files()


async def test_a_thread_is_asked_once_for_many(
    files: OpenFiles, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way there is paid for eight files together."""
    asked = 0
    run = anyio.to_thread.run_sync

    async def count(*arguments: object, **settings: object) -> object:
        nonlocal asked
        asked += 1
        return await run(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("anyio.to_thread.run_sync", count)
    files.expect(paths)
    for path in paths:
        await files.turn_to(path)

    assert 3 == asked


async def test_the_same_file_again(files: OpenFiles, paths: list[str]) -> None:
    """It stays open for what follows at once, also of the next body; later it is opened anew."""
    one, other = paths[:2]
    files.expect([one, one, other])
    descriptor = (await files.turn_to(one)).descriptor
    assert descriptor == (await files.turn_to(one)).descriptor
    await files.turn_to(other)

    files.expect([other, one, other])
    for number, path in ((1, other), (0, one), (1, other)):
        assert bytes([number]) == os.pread((await files.turn_to(path)).descriptor, 2, 0)


async def test_a_file_that_is_not_there(files: OpenFiles, paths: list[str]) -> None:
    """It is an error in its turn and not before; one that appears until then is opened."""
    missing, late = paths[2], paths[3]
    hide(missing)
    hide(late)
    files.expect(paths)
    await files.turn_to(paths[0])
    await files.turn_to(paths[1])
    with pytest.raises(FileNotFoundError):
        await files.turn_to(missing)

    show(late)
    assert b"\3" == os.pread((await files.turn_to(late)).descriptor, 2, 0)
    assert b"\4" == os.pread((await files.turn_to(paths[4])).descriptor, 2, 0)


async def test_closed_while_a_thread_opens(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that comes too late leaves no file open."""
    before = open_files()
    file = OpenFile(paths[0])
    opening = os.open

    def late(path: str, flags: int) -> int:
        file.close()
        return opening(path, flags)

    monkeypatch.setattr(os, "open", late)
    file.open()

    assert not file.is_open
    assert before == open_files()
