"""An archive in memory."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import anyio.to_thread
from pydicom import Dataset

from ...dicom.part10 import encode, is_dicom
from ...dicom.status import FailureReason
from ...errors import ConfigurationError, Part10Error
from ...services import FailedInstance
from ..archive import Holding
from ..index.attributes import Entry
from ..index.index import Index
from .deposits import MemoryDeposit, assess
from .inspection import inspect
from .scan import list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...errors import DicomWebError
    from ...services import SearchRequest, Selector, StoredInstance
    from ..archive import Deposit, Matches
    from ..index.index import Counts, Found

__all__ = ["MemoryArchive", "Source"]

Source = str | os.PathLike[str] | bytes | Dataset
"""A file or folder by its path, a DICOM file's octets, or a data set."""


class MemoryArchive:
    """An archive in memory: see :class:`~aiodicomweb.server.Archive`. It is gone when closed.

    Args:
        instances: What is in it from the start: DICOM files, or folders of them and other files,
            by their paths; octets of files; data sets.
        replace: Whether an instance that is stored replaces another one with its UID. Otherwise
            it is refused, unless its octets are the same.
    """

    def __init__(self, instances: Iterable[Source] = (), *, replace: bool = False) -> None:
        self._sources = tuple(instances)
        self._replace = replace
        self._octets: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._index: Index | None = None

    async def open(self) -> None:
        """Take in the instances that were given.

        Raises:
            Part10Error: One is not DICOM, is cut short, or lacks its UIDs.
            ConfigurationError: Two that differ have the same UID, and none is to be replaced.
            OSError: A file cannot be read.
        """
        try:
            await anyio.to_thread.run_sync(self._open)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise

    async def aclose(self) -> None:
        """Forget everything."""
        index, self._index = self._index, None
        self._octets.clear()
        if index is not None:
            await anyio.to_thread.run_sync(index.close)

    async def counts(self) -> Counts:
        """How many studies, series and instances there are."""
        return await anyio.to_thread.run_sync(self._get().counts)

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        """Find studies, series or instances: see :meth:`Archive.search`."""
        return await anyio.to_thread.run_sync(self._get().search, request, limit, self._load)

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        """The instances of a study, of a series, or the one: see :meth:`Archive.holdings`."""
        return await anyio.to_thread.run_sync(self._holdings, self._get(), selector)

    async def deposit(self) -> Deposit:
        """Begin to store an instance."""
        self._get()
        await anyio.lowlevel.checkpoint()
        return MemoryDeposit(self._keep)

    async def delete(self, selector: Selector) -> int:
        """Delete the instances of a study, a series, or the one; how many there were."""
        return await anyio.to_thread.run_sync(self._delete, self._get(), selector)

    def _get(self) -> Index:
        if self._index is None:
            raise RuntimeError("the archive is not open")
        return self._index

    def _open(self) -> None:
        self._index = Index.open(None)
        for number, source in enumerate(self._sources, 1):
            for name, octets in _read(source):
                result = self._keep(octets, None)
                if isinstance(result, FailedInstance):
                    raise _failure(result, name or f"instance {number}")

    def _keep(self, octets: bytes, study: str | None) -> StoredInstance | FailedInstance:
        candidate = assess(io.BytesIO(octets), study)
        if isinstance(candidate, FailedInstance):
            return candidate
        description = candidate.description
        version = hashlib.sha256(octets).hexdigest()
        entry = Entry(description, None, candidate.transfer_syntax, version)
        with self._lock:
            present = self._octets.get(description.instance)
            if present is not None and present != octets and not self._replace:
                return candidate.refuse(FailureReason.DUPLICATE_SOP_INSTANCE)
            if present != octets:
                self._get().add([entry])
                self._octets[description.instance] = octets
        return candidate.accept()

    def _holdings(self, index: Index, selector: Selector) -> list[Holding]:
        with self._lock:
            return [self._holding(found) for found in index.holdings(selector)]

    def _holding(self, found: Found) -> Holding:
        return Holding(
            study=found.study,
            series=found.series,
            instance=found.instance,
            sop_class=found.sop_class,
            transfer_syntax=found.transfer_syntax,
            content=self._octets[found.instance],
            version=found.version,
        )

    def _delete(self, index: Index, selector: Selector) -> int:
        with self._lock:
            instances = [found.instance for found in index.holdings(selector)]
            index.remove(instances)
            for instance in instances:
                del self._octets[instance]
        return len(instances)

    def _load(self, found: Found) -> Dataset:
        octets = self._octets.get(found.instance)
        if octets is None:
            raise FileNotFoundError(errno.ENOENT, "the instance was deleted")
        return inspect(io.BytesIO(octets)).dataset


def _read(source: Source) -> Iterator[tuple[str, bytes]]:
    """Name and octets of what is given: one, or all DICOM files of a folder."""
    if isinstance(source, Dataset):
        yield "", encode(source)
    elif isinstance(source, bytes):
        yield "", source
    elif (path := Path(source)).is_dir():
        for name in sorted(list_files(path).files):
            octets = (path / name).read_bytes()
            if is_dicom(octets):
                yield str(path / name), octets
    else:
        yield str(path), path.read_bytes()


def _failure(result: FailedInstance, name: str) -> DicomWebError:
    if result.failure_reason == FailureReason.DUPLICATE_SOP_INSTANCE:
        return ConfigurationError(
            "two instances that differ have the same SOP Instance UID",
            hint="replace=True takes the last of them",
        )
    return Part10Error(f"the instance cannot be taken: {result.reason}", name=name)
