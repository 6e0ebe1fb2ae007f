"""Look through a folder of files, and keep an index in step with it.

A file is examined once, and again when its size or time has changed. What was seen of it is
noted, DICOM or not: otherwise each scan would open every picture and text in the folder anew.
Nothing here holds a file's name longer than that, or tells it: names may speak of patients.

What happens between the look at a file and the entry in the index is looked for once more, under
the locks that those who store and delete hold as well. So an index never has a file back that was
deleted in the meantime.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from ...dicom.part10 import PEEK_OCTETS, is_instance
from ...errors import Part10Error
from ...http import FileSpan
from ..index.attributes import Entry, describe
from ..index.index import FileNote
from .inspection import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from ..index.index import Index
    from .locks import Locks

__all__ = [
    "Finding",
    "Kind",
    "Listing",
    "ScanProgress",
    "Scanner",
    "examine",
    "file_version",
    "list_files",
]

_BATCH: Final = 500
"""Files that become one transaction. One of each file costs ten times as much."""

_WORKERS: Final = 2
"""Threads that examine files: one waits for the disk while the other thinks. What more of them
think, Python does in turn."""

_SETTLED: Final = 10 * 10**9
"""Nanoseconds behind the last change of a file, after which it counts as finished. Who copies a
file writes all the time, and gives it the time of its original only at the end."""

_BUFFER: Final = 1024
"""Octets read at once: of compressed pixel data, one such piece for each fragment."""


class Kind(Enum):
    """What a file turned out to be."""

    INSTANCE = "instance"
    """An instance, whole, with its UIDs."""
    FOREIGN = "foreign"
    """Not DICOM, or a DICOMDIR, which lists the instances of a medium, and is none."""
    DUPLICATE = "duplicate"
    """An instance of which the archive has another file already."""
    BROKEN = "broken"
    """DICOM that is cut short or damaged."""
    UNFINISHED = "unfinished"
    """The same, but changed just now: it may be that somebody is still writing it."""
    UNIDENTIFIED = "unidentified"
    """DICOM that is whole, and lacks the UIDs that tell an instance apart."""
    UNREADABLE = "unreadable"
    """The system does not give it to us."""
    GONE = "gone"
    """No longer there."""


_NOTED: Final = frozenset({Kind.FOREIGN, Kind.BROKEN, Kind.UNIDENTIFIED, Kind.DUPLICATE})
"""What is not looked at again until it changes, though no instance is taken from it."""


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan has come. Numbers only: names of files may speak of patients.

    Attributes:
        files: Files in the folder.
        to_examine: Of these and of those that vanished, how many are new or otherwise than before.
        examined: Of these, how many are done.
        instances: Of these, how many are instances that the archive has now.
        duplicates: Of these, how many hold an instance that another file holds already; the first
            by path counts.
        foreign: Of these, how many are not DICOM, or are a DICOMDIR.
        broken: Of these, how many are DICOM that is cut short or damaged.
        unfinished: Of these, how many are so, or changed while they were looked at, but perhaps
            are still being written. The next scan looks at them again.
        unidentified: Of these, how many are whole, and lack the UIDs of an instance.
        unreadable: Files and folders that could not be opened. The next scan tries again.
        gone: Files that were there at the last scan.
    """

    files: int = 0
    to_examine: int = 0
    examined: int = 0
    instances: int = 0
    duplicates: int = 0
    foreign: int = 0
    broken: int = 0
    unfinished: int = 0
    unidentified: int = 0
    unreadable: int = 0
    gone: int = 0

    @property
    def done(self) -> bool:
        """Whether this is the end of the scan."""
        return self.examined == self.to_examine


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that was examined.

    Attributes:
        path: Relative to the folder.
        kind: What it is.
        size: Octets.
        modified: When it was changed, in nanoseconds.
        entry: What the index is to have of an instance; else ``None``.
    """

    path: str = field(repr=False)
    kind: Kind
    size: int = -1
    modified: int = -1
    entry: Entry | None = field(default=None, repr=False)


@dataclass(slots=True)
class Listing:
    """The files of a folder.

    Attributes:
        files: Size and time by path.
        unreadable: Folders and files that could not be looked at.
    """

    files: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    unreadable: int = 0


def list_files(root: Path) -> Listing:
    """All regular files below a folder. Blocks.

    Names that begin with a dot are left out. Links are followed; a folder that can be reached in
    two ways, or from within itself, is entered once.

    Raises:
        OSError: The folder itself cannot be listed. It is not taken for an empty one: whoever
            forgot to mount a disk does not lose the index.
    """
    listing = Listing()
    entered: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            status = (root / folder).stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError:
            if not folder:
                raise
            listing.unreadable += 1
            continue
        prefix = f"{folder}/" if folder else ""
        waiting += [prefix + entry.name for entry in found if _list_entry(entry, prefix, listing)]
    return listing


def _list_entry(entry: os.DirEntry[str], prefix: str, listing: Listing) -> bool:
    """Note a file; whether it is a folder."""
    if entry.name.startswith("."):
        return False
    try:
        if entry.is_dir():
            return True
        status = entry.stat()
    except OSError:
        listing.unreadable += 1
        return False
    if stat.S_ISREG(status.st_mode):
        listing.files[prefix + entry.name] = (status.st_size, status.st_mtime_ns)
    return False


def file_version(status: os.stat_result) -> str:
    """A text that is another one whenever a file is.

    Two files of the same size, written one after the other within a tick of the clock, differ in
    the number of the inode.
    """
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"


def examine(root: Path, path: str) -> Finding:
    """Look at a file, without reading pixels. Blocks; never fails."""
    try:
        # Should something else stand there by now, such as a pipe, it must not be waited for.
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=_BUFFER) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return Finding(path, Kind.GONE)
            kind, entry = _examine(file, path, before)
            after = os.fstat(descriptor)
    except FileNotFoundError:
        return Finding(path, Kind.GONE)
    except OSError:
        return Finding(path, Kind.UNREADABLE)
    is_changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    if is_changed or (kind is Kind.BROKEN and _is_fresh(after)):
        return Finding(path, Kind.UNFINISHED)
    return Finding(path, kind, before.st_size, before.st_mtime_ns, entry)


def _is_fresh(status: os.stat_result) -> bool:
    # The clock of a file server may be ahead; that of a scanner may be years ahead.
    return abs(time.time_ns() - status.st_mtime_ns) < _SETTLED


def _examine(file: BinaryIO, path: str, status: os.stat_result) -> tuple[Kind, Entry | None]:
    head = file.read(PEEK_OCTETS)
    if not is_instance(head):
        return Kind.FOREIGN, None
    try:
        seen = inspect(file)
    except Part10Error:
        return Kind.BROKEN, None
    try:
        description = describe(seen.dataset)
    except Part10Error:
        # Who writes a file while it arrives has the head of it first.
        return Kind.UNIDENTIFIED if len(seen.dataset) else Kind.BROKEN, None
    span = FileSpan(path, 0, status.st_size)
    version = file_version(status)
    entry = Entry(description, span, seen.transfer_syntax, version, modified=status.st_mtime_ns)
    return Kind.INSTANCE, entry


class Scanner:
    """Keeps an index in step with a folder.

    Args:
        root: The folder.
        index: The index.
        locks: Those of the folder; ``None`` if nobody stores or deletes.
        on_progress: Called in the event loop, each time that something more is in the index.
        own: Paths of the index's files, if they are in the folder: they are not to be opened.
    """

    def __init__(
        self,
        root: Path,
        index: Index,
        locks: Locks | None,
        on_progress: Callable[[ScanProgress], None] | None,
        own: Iterable[str] = (),
    ) -> None:
        self._root = root
        self._index = index
        self._locks = locks
        self._on_progress = on_progress
        self._own = frozenset(own)

    async def scan(self) -> ScanProgress:
        """Look through the folder. When cancelled, what was done so far is in the index.

        Raises:
            OSError: The folder cannot be listed, or the index not be used.
        """
        listing, changed = await anyio.to_thread.run_sync(self._compare)
        progress = ScanProgress(
            files=len(listing.files), to_examine=len(changed), unreadable=listing.unreadable
        )
        self._report(progress)
        while changed:
            findings = await self._examine(changed[:_BATCH])
            applied, freed = await anyio.to_thread.run_sync(self._apply, findings)
            changed = changed[_BATCH:] + freed
            progress = _advance(progress, len(findings), applied, len(freed))
            self._report(progress)
        return progress

    def _compare(self) -> tuple[Listing, list[str]]:
        """What is in the folder; and what is otherwise than in the index, or gone, in order."""
        # In this order: a file that is stored meanwhile is then not taken for one that vanished.
        known = self._index.files()
        listing = list_files(self._root)
        for path in self._own & listing.files.keys():
            del listing.files[path]
        changed = [path for path, seen in listing.files.items() if known.get(path) != seen]
        changed += known.keys() - listing.files.keys()
        changed.sort()
        return listing, changed

    def look_again(self, paths: Sequence[str]) -> None:
        """Examine some files anew, and others that have the same instances. Blocks."""
        _, freed = self._apply([examine(self._root, path) for path in paths])
        if freed:
            self._apply([examine(self._root, path) for path in freed])

    def _report(self, progress: ScanProgress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    async def _examine(self, paths: Sequence[str]) -> list[Finding]:
        """Examine files in several threads; findings in the same order."""
        shares: list[list[Finding]] = [[] for _ in range(_WORKERS)]

        async def work(number: int) -> None:
            share = paths[number * len(paths) // _WORKERS : (number + 1) * len(paths) // _WORKERS]
            shares[number] = await anyio.to_thread.run_sync(
                lambda: [examine(self._root, path) for path in share]
            )

        async with anyio.create_task_group() as workers:
            for number in range(_WORKERS):
                workers.start_soon(work, number)
        return [finding for share in shares for finding in share]

    def _apply(self, findings: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
        """Bring findings into the index.

        Returns:
            What became of each, and files that have an instance of which the index has lost the
            file that counted.
        """
        with self._locks.all() if self._locks else nullcontext():
            current = [finding for finding in findings if self._is_current(finding)]
            freed = self._index.forget_files(finding.path for finding in current)
            applied = self._mark_duplicates(current)
            self._index.add(
                finding.entry
                for finding in applied
                if finding.entry is not None and finding.kind is Kind.INSTANCE
            )
            self._index.note_files(
                FileNote(finding.path, finding.size, finding.modified, _instance(finding))
                for finding in applied
                if finding.kind in _NOTED
            )
        return applied, freed

    def _is_current(self, finding: Finding) -> bool:
        """Whether the file is still what it was found to be."""
        if finding.kind in {Kind.UNREADABLE, Kind.UNFINISHED}:
            return True
        try:
            status = (self._root / finding.path).stat()
        except OSError:
            return finding.kind is Kind.GONE
        return (finding.size, finding.modified) == (status.st_size, status.st_mtime_ns)

    def _mark_duplicates(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings; those of which another file counts as duplicates."""
        instances = [uid for finding in findings if (uid := _instance(finding)) is not None]
        holders = {found.instance: found.path for found in self._index.instances(instances)}
        marked: list[Finding] = []
        for finding in findings:
            uid = _instance(finding)
            if uid is not None and holders.setdefault(uid, finding.path) != finding.path:
                marked.append(replace(finding, kind=Kind.DUPLICATE))
            else:
                marked.append(finding)
        return marked


def _instance(finding: Finding) -> str | None:
    return None if finding.entry is None else finding.entry.description.instance


def _advance(
    progress: ScanProgress, examined: int, applied: Iterable[Finding], freed: int
) -> ScanProgress:
    """The progress, with a batch more; some of what was done before is to be done again."""
    kinds = Counter(finding.kind for finding in applied)
    return replace(
        progress,
        to_examine=progress.to_examine + freed,
        examined=progress.examined + examined,
        instances=progress.instances + kinds[Kind.INSTANCE],
        duplicates=progress.duplicates + kinds[Kind.DUPLICATE],
        foreign=progress.foreign + kinds[Kind.FOREIGN],
        broken=progress.broken + kinds[Kind.BROKEN],
        unfinished=progress.unfinished + kinds[Kind.UNFINISHED],
        unidentified=progress.unidentified + kinds[Kind.UNIDENTIFIED],
        unreadable=progress.unreadable + kinds[Kind.UNREADABLE],
        gone=progress.gone + kinds[Kind.GONE],
    )
