"""Instances that arrive: where their octets go meanwhile, and whether they can be taken."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import anyio.lowlevel
import anyio.to_thread

from ...dicom.part10 import PEEK_OCTETS, peek, peek_instance_uid
from ...dicom.status import FailureReason
from ...dicom.uids import is_uid
from ...errors import Part10Error
from ...services import FailedInstance, Selector, StoredInstance
from ..index.attributes import describe
from .inspection import inspect
from .locks import make_private, open_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..index.attributes import Description

__all__ = [
    "Candidate",
    "Draft",
    "FileDeposit",
    "Incoming",
    "MemoryDeposit",
    "assess",
    "reason_of",
    "sync",
]

_log = logging.getLogger("aiodicomweb.server")

_PIECE: Final = 256 * 1024
"""Octets that are gathered before a thread writes them."""

_inspecting: Final = threading.BoundedSemaphore(4)
"""Files that are looked at in memory at one time: what few KB say may take 50 MiB."""

_WANT: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
    | {errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT}
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance that is whole, and has what it needs.

    Attributes:
        description: What it says.
        transfer_syntax: UID of the transfer syntax that it is in.
    """

    description: Description
    transfer_syntax: str

    def accept(self) -> StoredInstance:
        """Say that it is stored, and where below the base URL it can be retrieved."""
        seen = self.description
        path = Selector(seen.study, seen.series, seen.instance).path()
        return StoredInstance(seen.sop_class, seen.instance, path)

    def refuse(self, reason: FailureReason) -> FailedInstance:
        """Say why it is not stored."""
        return FailedInstance(self.description.sop_class, self.description.instance, reason)


def assess(file: BinaryIO, study: str | None) -> Candidate | FailedInstance:
    """Look whether an instance can be taken. Blocks.

    Args:
        file: What arrived.
        study: The Study Instance UID that it must have; ``None`` for any.

    Returns:
        What is wrong, if it is no DICOM file, is cut short, lacks its UIDs or is of another study.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with _inspecting:
            seen = inspect(file)
            candidate = Candidate(describe(seen.dataset), seen.transfer_syntax)
    except Part10Error:
        file.seek(0)
        uids = _uids(file.read(PEEK_OCTETS))
        return FailedInstance(*uids, FailureReason.CANNOT_UNDERSTAND)
    if study is not None and candidate.description.study != study:
        return candidate.refuse(FailureReason.STUDY_MISMATCH)
    return candidate


def _uids(head: bytes) -> tuple[str, str]:
    """SOP Class and Instance UID, as far as they can be seen in what cannot be read."""
    try:
        uids = peek(head).sop_class_uid, peek_instance_uid(head)
    except Part10Error:
        return "", ""
    sop_class, instance = (uid if uid is not None and is_uid(uid) else "" for uid in uids)
    return sop_class, instance


def reason_of(error: OSError) -> FailureReason:
    """The failure reason for what the system did not do (PS3.18 Annex I.2).

    It is logged: the client's operator learns of the reason, whoever runs the archive would not.
    """
    said = os.strerror(error.errno) if error.errno else type(error).__name__
    _log.error("an instance could not be stored: %s", said)
    if isinstance(error, TimeoutError) or error.errno in _WANT:
        return FailureReason.OUT_OF_RESOURCES
    return FailureReason.PROCESSING_FAILURE


class Draft:
    """A file that is being written, and is moved to its place once it is whole. Blocks.

    :meth:`discard` may be called while another thread is in :meth:`write`, and holds for what
    would be written afterwards: a task that asyncio cancels does not wait for its thread.

    Args:
        folder: Where it is until it is whole.
        restore: Makes the folder anew, where somebody removed it.
    """

    def __init__(self, folder: Path, restore: Callable[[], None]) -> None:
        self.path: Path = folder / secrets.token_hex(8)
        self._restore = restore
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._discarded = False

    def write(self, octets: bytes | bytearray) -> None:
        """Append octets; the first call creates the file.

        Raises:
            OSError: There is no room.
        """
        with self._lock:
            if self._discarded:
                return
            if self._file is None:
                self._file = self._create()
            self._file.write(octets)

    def _create(self) -> BinaryIO:
        try:
            return self.path.open("x+b")
        except FileNotFoundError:
            self._restore()
            return self.path.open("x+b")

    def finish(self) -> BinaryIO:
        """The file, all of which is on the disk, to be read.

        Raises:
            OSError: There is no room; or it was discarded.
        """
        with self._lock:
            if self._file is None or self._discarded:
                raise FileNotFoundError(errno.ENOENT, "there is no draft")
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file

    def discard(self) -> None:
        """Close the file, and delete it where it still is. Never fails."""
        with self._lock, contextlib.suppress(OSError):
            self._discarded = True
            if self._file is None:
                return
            try:
                self._file.close()  # a full disk doesn't take what is buffered
            finally:
                self.path.unlink(missing_ok=True)


class Incoming:
    """The folder where drafts are. Blocks.

    What a process that died has left there is deleted when it is opened, unless another one is at
    work in it.

    Args:
        folder: The folder; made if need be. Has nothing else in it.
        lock: A file by which processes see each other.
    """

    def __init__(self, folder: Path, lock: Path) -> None:
        self._folder = folder
        self._path = lock
        self._restoring = threading.Lock()
        self._lock = self._enter()

    def _enter(self) -> int:
        """Make the folder if need be, clear it up if nobody is in it, and let others see us."""
        descriptor = open_lock(self._path)
        try:
            make_private(self._folder)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for left in self._folder.iterdir():
                    left.unlink()
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def draft(self) -> Draft:
        """A new draft."""
        return Draft(self._folder, self._restore)

    def _restore(self) -> None:
        # The lock, too: others would see none, and delete drafts.
        with self._restoring:
            before, self._lock = self._lock, self._enter()
            os.close(before)

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)


class FileDeposit:
    """An instance that arrives in a file: see :class:`~aiodicomweb.server.Deposit`.

    Args:
        draft: Where it is written to.
        keep: Makes it part of the archive, in a worker thread: the study that it must be of comes
            with it.
    """

    def __init__(
        self, draft: Draft, keep: Callable[[Draft, str | None], StoredInstance | FailedInstance]
    ) -> None:
        self._draft = draft
        self._keep = keep
        self._gathered = bytearray()
        self._is_over = False

    async def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Take the next octets of the file.

        Raises:
            OSError: There is no room.
        """
        self._gathered += octets
        if len(self._gathered) < _PIECE:
            await anyio.lowlevel.checkpoint()
            return
        piece, self._gathered = self._gathered, bytearray()
        await anyio.to_thread.run_sync(self._draft.write, piece)

    async def commit(self, study: str | None = None) -> StoredInstance | FailedInstance:
        """The file is whole: store it."""
        self._is_over = True
        return await anyio.to_thread.run_sync(self._commit, study)

    def _commit(self, study: str | None) -> StoredInstance | FailedInstance:
        try:
            self._draft.write(self._gathered)
            return self._keep(self._draft, study)
        except OSError as error:
            return FailedInstance(*_uids(bytes(self._gathered)), reason_of(error))
        finally:
            self._draft.discard()

    def discard(self) -> None:
        """Forget what was written."""
        if not self._is_over:
            self._draft.discard()


class MemoryDeposit:
    """An instance that arrives in memory: see :class:`~aiodicomweb.server.Deposit`.

    Args:
        keep: Makes it part of the archive, in a worker thread: the study that it must be of comes
            with it.
    """

    def __init__(
        self, keep: Callable[[bytes, str | None], StoredInstance | FailedInstance]
    ) -> None:
        self._keep = keep
        self._gathered = bytearray()

    async def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Take the next octets of the file."""
        self._gathered += octets
        await anyio.lowlevel.checkpoint()

    async def commit(self, study: str | None = None) -> StoredInstance | FailedInstance:
        """The file is whole: store it."""
        octets, self._gathered = bytes(self._gathered), bytearray()
        return await anyio.to_thread.run_sync(self._keep, octets, study)

    def discard(self) -> None:
        """Forget what was written."""
        self._gathered = bytearray()


def sync(path: Path) -> None:
    """See that a file, or the names in a folder, are on the disk. Blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
