"""An archive in a folder of files."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import anyio.to_thread

from ...http import FileSpan
from ..archive import Holding
from ..index.index import Index
from .deposits import FileDeposit, Incoming, sync
from .folder import Folder
from .inspection import inspect
from .locks import Locks
from .scan import Scanner, file_version

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from pydicom import Dataset

    from ...services import SearchRequest, Selector
    from ..archive import Deposit, Matches
    from ..index.index import Counts, Found
    from .scan import ScanProgress

__all__ = ["DirectoryArchive"]

_OWN = ".aiodicomweb"


class DirectoryArchive:
    """An archive in a folder: see :class:`~aiodicomweb.server.Archive`.

    Any folder of DICOM files will do, whatever their names, with other files between them; only
    names that begin with a dot are passed over. What is stored goes to
    ``<study>/<series>/<instance>.dcm``. What can be searched for is kept in an index, which is
    brought up to date when the archive is opened, and by :meth:`scan`.

    Two files with the same SOP Instance UID are one instance: the one that was there first counts,
    else the first by path. Files that are cut short or lack UIDs are not shown.

    Several processes may use a folder at once; what one stores the others have at once, too, if
    the index is the same.

    Args:
        path: The folder. It is made if need be, unless it is read-only.
        index: File of the index; by default within the folder, in ``.aiodicomweb``. Of a
            read-only folder it is in memory by default, and made anew each time.
        read_only: Nothing is written to the folder, not even an index.
        replace: Whether an instance that is stored replaces another one with its UID. Otherwise
            it is refused, unless its octets are the same.
        on_progress: Called in the event loop during each scan.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        index: str | os.PathLike[str] | None = None,
        read_only: bool = False,
        replace: bool = False,
        on_progress: Callable[[ScanProgress], None] | None = None,
    ) -> None:
        self._root = Path(path)
        self._index_path = None if index is None else Path(index)
        self._read_only = read_only
        self._replace = replace
        self._on_progress = on_progress
        self._opened: _Opened | None = None

    async def open(self) -> None:
        """Open or make the index, and scan the folder.

        Raises:
            ConfigurationError: The file of the index is something else.
            OSError: The folder cannot be used.
        """
        try:
            await anyio.to_thread.run_sync(self._open)
            await self.scan()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close the index."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await anyio.to_thread.run_sync(opened.close)

    async def scan(self) -> ScanProgress:
        """Look for files that are new, changed or gone since the last scan. Pixels are not read.

        Raises:
            OSError: The folder cannot be listed, or the index not be written.
        """
        return await self._get().scanner.scan()

    async def counts(self) -> Counts:
        """How many studies, series and instances there are."""
        return await anyio.to_thread.run_sync(self._get().index.counts)

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        """Find studies, series or instances: see :meth:`Archive.search`."""
        opened = self._get()
        return await anyio.to_thread.run_sync(opened.index.search, request, limit, self._load)

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        """The instances of a study, of a series, or the one: see :meth:`Archive.holdings`.

        Files that have changed since the last scan are looked at again.
        """
        return await anyio.to_thread.run_sync(self._holdings, self._get(), selector)

    async def deposit(self) -> Deposit:
        """Begin to store an instance.

        Raises:
            PermissionError: The archive is read-only.
        """
        opened = self._get()
        await anyio.lowlevel.checkpoint()
        folder, incoming = opened.writable()
        return FileDeposit(incoming.draft(), folder.keep)

    async def delete(self, selector: Selector) -> int:
        """Delete instances and their files; how many instances there were.

        Raises:
            PermissionError: The archive is read-only, or its folder is.
            OSError: A file cannot be deleted; others may be.
        """
        folder, _ = self._get().writable()
        return await anyio.to_thread.run_sync(folder.delete, selector)

    def _get(self) -> _Opened:
        if self._opened is None:
            raise RuntimeError("the archive is not open")
        return self._opened

    def _open(self) -> None:
        if self._read_only:
            if not self._root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "no folder", str(self._root))
            index = Index.open(self._index_path)
            self._opened = _Opened(index, self._scanner(index, None))
            return
        own = self._root / _OWN
        if not self._root.exists():
            self._root.mkdir()
            sync(self._root.parent)
        for made in (own / "incoming", own / "locks"):
            made.mkdir(parents=True, exist_ok=True)
        locks = Locks(own / "locks")
        with locks.all():
            incoming = Incoming(own / "incoming", own / "locks" / "incoming.lock")
            try:
                index = Index.open(self._index_path or own / "index.sqlite3")
            except BaseException:
                incoming.close()
                raise
        folder = Folder(self._root, index, locks, replace=self._replace)
        self._opened = _Opened(index, self._scanner(index, locks), folder, incoming)

    def _scanner(self, index: Index, locks: Locks | None) -> Scanner:
        return Scanner(self._root, index, locks, self._on_progress)

    def _holdings(self, opened: _Opened, selector: Selector) -> list[Holding]:
        founds = opened.index.holdings(selector)
        changed = [_path(found) for found in founds if not self._is_current(found)]
        if changed:
            opened.scanner.look_again(changed)
            founds = list(filter(self._is_current, opened.index.holdings(selector)))
        return [self._holding(found) for found in founds]

    def _is_current(self, found: Found) -> bool:
        try:
            return file_version((self._root / _path(found)).stat()) == found.version
        except OSError:
            return False

    def _holding(self, found: Found) -> Holding:
        path = str(self._root / _path(found))
        return Holding(
            study=found.study,
            series=found.series,
            instance=found.instance,
            sop_class=found.sop_class,
            transfer_syntax=found.transfer_syntax,
            content=FileSpan(path, found.offset, found.length),
            version=found.version,
        )

    def _load(self, found: Found) -> Dataset:
        with (self._root / _path(found)).open("rb") as file:
            return inspect(file).dataset


def _path(found: Found) -> str:
    if found.path is None:
        raise FileNotFoundError(errno.ENOENT, "the index is that of another archive")
    return found.path


@dataclass(frozen=True, slots=True)
class _Opened:
    """What an open archive works with; without folder and drafts if it is read-only."""

    index: Index
    scanner: Scanner
    folder: Folder | None = None
    incoming: Incoming | None = None

    def writable(self) -> tuple[Folder, Incoming]:
        if self.folder is None or self.incoming is None:
            raise PermissionError(errno.EROFS, "the archive is read-only")
        return self.folder, self.incoming

    def close(self) -> None:
        self.index.close()
        if self.incoming is not None:
            self.incoming.close()
