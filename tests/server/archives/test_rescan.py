"""A folder is scanned again and again while it is served."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from aiodicomweb.server import DirectoryArchive, Rescan, ScanProgress
from aiodicomweb.server.archives import rescan as module
from aiodicomweb.services import Selector

from ...support.archives import contents
from ...support.instances import an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE = 10


class Scans:
    """Stands for an archive: counts its scans, each of which may be held up, or fail.

    Attributes:
        number: Scans that began.
        errors: What the next ones fail of.
        began: Set by the first one.
        go_on: What each waits for.
    """

    def __init__(self) -> None:
        self.number = 0
        self.errors: list[Exception] = []
        self.began = anyio.Event()
        self.go_on = anyio.Event()
        self.go_on.set()

    async def scan(self) -> ScanProgress:
        self.number += 1
        self.began.set()
        await self.go_on.wait()
        if self.errors:
            raise self.errors.pop(0)
        return ScanProgress(files=self.number)


class Rig:
    """Scans that go on, and what was told of them."""

    def __init__(self, seconds: float) -> None:
        self.scans = Scans()
        self.told: list[int] = []
        self.rescan = Rescan(cast("Any", self.scans), seconds, self._tell)
        self._heard = anyio.Event()

    def _tell(self, progress: ScanProgress) -> None:
        self.told.append(progress.files)
        self._heard.set()
        self._heard = anyio.Event()

    async def hear(self) -> None:
        """Wait until one more scan has ended."""
        await self._heard.wait()


@asynccontextmanager
async def running(seconds: float) -> AsyncIterator[Rig]:
    """Scans that go on until the end."""
    rig = Rig(seconds)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.rescan.run)
            yield rig
            tasks.cancel_scope.cancel()


async def test_again_and_again() -> None:
    """Each scan is followed by another one, and told of."""
    async with running(0.001) as rig:
        for _ in range(3):
            await rig.hear()

    assert [1, 2, 3] == rig.told[:3]


async def test_only_when_asked() -> None:
    """Without a time nothing happens by itself."""
    async with running(0) as rig:
        await anyio.wait_all_tasks_blocked()
        assert 0 == rig.scans.number
        rig.rescan.ask()
        await rig.hear()
        await anyio.wait_all_tasks_blocked()

    assert 1 == rig.scans.number


async def test_asked_during_a_scan() -> None:
    """What came while one ran may have been overlooked by it: another one follows, and only one."""
    async with running(0) as rig:
        rig.scans.go_on = anyio.Event()
        rig.rescan.ask()
        await rig.scans.began.wait()
        rig.rescan.ask()
        rig.rescan.ask()
        rig.scans.go_on.set()
        await rig.hear()
        await rig.hear()
        await anyio.wait_all_tasks_blocked()

    assert 2 == rig.scans.number


@pytest.mark.parametrize(
    ("expected", "error"),
    [("No such file", FileNotFoundError(2, "no", "/Doe^Jane")), ("Value", ValueError("Doe^Jane"))],
)
async def test_a_scan_that_fails(
    expected: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, without the path, and tried again: the folder may be away for a moment."""
    async with running(0.001) as rig:
        rig.scans.errors += [error, error]
        await rig.hear()

    assert 3 == rig.told[0]
    assert 1 == len(caplog.records)
    assert expected in caplog.text
    assert "Doe" not in caplog.text


@pytest.mark.parametrize(
    ("expected", "seconds", "took"),
    [(60, 60, 0.5), (200, 60, 10), (None, 0, 10)],
)
async def test_scans_take_a_small_share_of_the_time(
    expected: float | None, seconds: float, took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they take long the pauses do, too."""
    pauses: list[float | None] = []
    move_on = anyio.move_on_after

    def note(delay: float | None) -> Any:
        pauses.append(delay)
        return move_on(0)

    monkeypatch.setattr(module.anyio, "move_on_after", note)
    await Rig(seconds).rescan._pause(took)

    assert [expected] == pauses


async def test_a_file_that_is_copied_into_the_folder(tmp_path: Path) -> None:
    """It is found, and forgotten when it is gone."""
    archive = DirectoryArchive(tmp_path)
    await archive.open()
    ended: list[ScanProgress] = []
    more, ready = anyio.create_memory_object_stream[ScanProgress](10)
    rescan = Rescan(archive, 0, more.send_nowait)
    with anyio.fail_after(PATIENCE), more, ready:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rescan.run)
            (tmp_path / "a.dcm").write_bytes(an_instance())
            rescan.ask()
            ended.append(await ready.receive())
            found = await contents(archive, Selector("1.2"))
            (tmp_path / "a.dcm").unlink()
            rescan.ask()
            ended.append(await ready.receive())
            tasks.cancel_scope.cancel()

    assert [an_instance()] == found
    assert [(1, 0), (0, 1)] == [(each.instances, each.gone) for each in ended]
    assert 0 == (await archive.counts()).instances
    await archive.aclose()
