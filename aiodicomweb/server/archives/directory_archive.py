"""An archive in a folder of files."""

from __future__ import annotations

import errno
import logging
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from ...http import FileSpan
from ..archive import Holding
from ..index.database import files_of
from ..index.index import Index
from .deposits import FileDeposit, Incoming, sync
from .folder import Folder
from .inspection import inspect
from .locks import Locks
from .scan import Scanner, file_version

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from pydicom import Dataset

    from ...services import FailedInstance, SearchRequest, Selector, StoredInstance
    from ..archive import Deposit, Matches
    from ..index.index import Counts, Found
    from .deposits import Draft
    from .scan import ScanProgress

__all__ = ["DirectoryArchive"]

_T = TypeVar("_T")

_log = logging.getLogger("aiodicomweb.server")

_OWN = ".aiodicomweb"


class DirectoryArchive:
    """An archive in a folder: see :class:`~aiodicomweb.server.Archive`.

    Any folder of DICOM files will do, whatever their names, with other files between them; only
    names that begin with a dot are passed over. What is stored goes to
    ``<study>/<series>/<instance>.dcm``. What can be searched for is kept in an index, which is
    brought up to date when the archive is opened, and by :meth:`scan`.

    Two files with the same SOP Instance UID are one instance: the one that was there first counts,
    else the first by path. Files that are cut short or lack UIDs are not shown.

    Files that are copied into the folder later are found by :meth:`scan`; call it again and again,
    or let :class:`~aiodicomweb.server.Rescan` do that. Files that vanish are noticed at once when
    they are asked for. An index that somebody removes is made anew; who asks meanwhile waits.

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
        self._scanning = anyio.Lock()

    async def open(self) -> None:
        """Open or make the index, and scan the folder.

        Raises:
            ConfigurationError: The file named for the index is something else, and is left as it
                is.
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

        It may be called at any time, also while requests are served, which do not wait for it; one
        scan runs after the other. Files that have not changed are not opened.

        Raises:
            OSError: The folder cannot be listed, or the index not be written.
        """
        opened = self._get()
        if not await anyio.to_thread.run_sync(opened.has_index):
            await self._renew(opened)
        async with self._scanning:
            return await self._get().scanner.scan()

    async def counts(self) -> Counts:
        """How many studies, series and instances there are."""
        return await self._do(lambda opened: opened.index.counts())

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        """Find studies, series or instances: see :meth:`Archive.search`."""
        return await self._do(lambda opened: opened.index.search(request, limit, self._load))

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        """The instances of a study, of a series, or the one: see :meth:`Archive.holdings`.

        Files that have changed since the last scan are looked at again.
        """
        return await self._do(lambda opened: self._holdings(opened, selector))

    async def deposit(self) -> Deposit:
        """Begin to store an instance.

        Raises:
            PermissionError: The archive is read-only.
        """
        draft = await self._do(lambda opened: opened.writable()[1].draft())
        return FileDeposit(draft, self._keep)

    async def delete(self, selector: Selector) -> int:
        """Delete instances and their files; how many instances there were.

        Raises:
            PermissionError: The archive is read-only, or its folder is.
            OSError: A file cannot be deleted; others may be.
        """
        return await self._do(lambda opened: opened.writable()[0].delete(selector))

    def _get(self) -> _Opened:
        if self._opened is None:
            raise RuntimeError("the archive is not open")
        return self._opened

    async def _do(self, work: Callable[[_Opened], _T]) -> _T:
        """Do something in a thread with what is open; with a new index if it was removed."""
        opened = self._get()
        try:
            return await anyio.to_thread.run_sync(opened.do, work)
        except _IndexRemovedError:
            await self._renew(opened)
            return await anyio.to_thread.run_sync(work, self._get())

    async def _renew(self, opened: _Opened) -> None:
        """Make anew the index that somebody removed."""
        async with self._scanning:
            if self._opened is not opened:
                return  # another task has done it
            _log.warning("the index was removed while it was in use; it is made anew")
            renewed = await anyio.to_thread.run_sync(
                self._with_index, opened.locks, opened.incoming
            )
            try:
                await renewed.scanner.scan()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(renewed.index.close)
                raise
            self._opened = renewed
            await anyio.to_thread.run_sync(opened.index.close)
            # What was stored during the scan went into the old one.
            await renewed.scanner.scan()

    def _open(self) -> None:
        if self._read_only:
            if not self._root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "no folder", str(self._root))
            self._opened = self._with_index(None, None)
            return
        own = self._root / _OWN
        if not self._root.exists():
            self._root.mkdir()
            sync(self._root.parent)
        locks = Locks(own / "locks")
        with locks.all():
            incoming = Incoming(own / "incoming", own / "locks" / "incoming.lock")
        try:
            self._opened = self._with_index(locks, incoming)
        except BaseException:
            incoming.close()
            raise

    def _with_index(self, locks: Locks | None, incoming: Incoming | None) -> _Opened:
        """Open the index, or make it; and what works with it."""
        path, is_own = self._index_path, self._index_path is None
        if path is None and not self._read_only:
            path = self._root / _OWN / "index.sqlite3"
        with locks.all() if locks else nullcontext():
            index = Index.open(path, disposable=is_own)
        folder = Folder(self._root, index, locks, replace=self._replace) if locks else None
        own = [] if path is None else _paths_within(self._root, files_of(path))
        scanner = Scanner(self._root, index, locks, self._on_progress, own)
        return _Opened(index, path, _identity(path), scanner, locks, folder, incoming)

    def _keep(self, draft: Draft, study: str | None) -> StoredInstance | FailedInstance:
        folder, _ = self._get().writable()
        return folder.keep(draft, study)

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


def _paths_within(root: Path, files: Iterable[Path]) -> list[str]:
    """Paths relative to a folder, of those files that are in it."""
    real = root.resolve()
    return [file.relative_to(real).as_posix() for file in files if file.is_relative_to(real)]


class _IndexRemovedError(OSError):
    """The file of the index is not the one that was opened."""


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file has this name; ``None`` if there is none."""
    if path is None:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@dataclass(frozen=True, slots=True)
class _Opened:
    """What an open archive works with; without locks, folder and drafts if it is read-only."""

    index: Index
    index_path: Path | None
    identity: tuple[int, int] | None
    scanner: Scanner
    locks: Locks | None
    folder: Folder | None
    incoming: Incoming | None

    def do(self, work: Callable[[_Opened], _T]) -> _T:
        """Do something, if the index is still there. Blocks."""
        if not self.has_index():
            raise _IndexRemovedError
        return work(self)

    def has_index(self) -> bool:
        """Whether the file of the index is still the one that was opened. Blocks."""
        return _identity(self.index_path) == self.identity

    def writable(self) -> tuple[Folder, Incoming]:
        if self.folder is None or self.incoming is None:
            raise PermissionError(errno.EROFS, "the archive is read-only")
        return self.folder, self.incoming

    def close(self) -> None:
        self.index.close()
        if self.incoming is not None:
            self.incoming.close()
