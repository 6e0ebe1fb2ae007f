"""Keep the index of a folder up to date while the folder is served."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final, NoReturn

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from .directory_archive import DirectoryArchive
    from .scan import ScanProgress

__all__ = ["Rescan"]

_log = logging.getLogger("aiodicomweb.server")

_SHARE: Final = 20
"""A pause is at least as many times as long as the scan before it: scans take 5 % of the time."""


class Rescan:
    """Scans an archive's folder again and again: what is copied into it can be found soon.

    ::

        async with Server(archive) as server, anyio.create_task_group() as tasks:
            tasks.start_soon(Rescan(archive, 60).run)
            ...
            tasks.cancel_scope.cancel()

    Requests are served meanwhile. Of files that have not changed only names, sizes and times are
    looked at. A folder that cannot be listed, such as on a disk that is away for a moment, is
    logged once to ``aiodicomweb.server``, and tried again.

    Args:
        archive: The archive, open as long as :meth:`run` runs.
        seconds: From the end of one scan to the next; more where scans take long, so that they
            take a twentieth of the time at most. 0: only when :meth:`ask` says so.
        on_scan: Called in the event loop behind each scan.
    """

    def __init__(
        self,
        archive: DirectoryArchive,
        seconds: float,
        on_scan: Callable[[ScanProgress], None] | None = None,
    ) -> None:
        self._archive = archive
        self._seconds = seconds
        self._on_scan = on_scan
        self._asked = anyio.Event()
        self._failing = False

    def ask(self) -> None:
        """Let the next scan begin now, or as soon as the one that runs has ended."""
        self._asked.set()

    async def run(self) -> NoReturn:
        """Scan until cancelled. What a cancelled scan has found by then is in the index."""
        took = 0.0
        while True:
            await self._pause(took)
            began = anyio.current_time()
            await self._scan()
            took = anyio.current_time() - began

    async def _pause(self, took: float) -> None:
        seconds = max(self._seconds, _SHARE * took) if self._seconds else None
        with anyio.move_on_after(seconds):
            await self._asked.wait()
        self._asked = anyio.Event()

    async def _scan(self) -> None:
        try:
            progress = await self._archive.scan()
        except Exception as error:  # noqa: BLE001 - what is known already can still be served
            if not self._failing:
                _log.warning(
                    "the folder cannot be looked through, and is tried again: %s", _said(error)
                )
            self._failing = True
            return
        self._failing = False
        if self._on_scan is not None:
            self._on_scan(progress)


def _said(error: Exception) -> str:
    """What went wrong, without names of files."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__qualname__
