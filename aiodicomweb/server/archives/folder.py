"""The folder of an archive: how files get into it, and out of it.

An instance is written beside the archive, synced, moved to its place, and only then noted in the
index and reported. Whenever the process is killed, a file is at its place whole or not at all; one
that is there without being noted is found by the scan at the next opening. A file is never changed
in place: what replaces it gets another name, so that who is reading it reads on.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO, Final

from ...dicom.status import FailureReason
from ...dicom.uids import check_uid
from ...http import FileSpan
from ...services import FailedInstance
from ..index.attributes import Entry
from .deposits import assess, reason_of, sync
from .scan import examine, file_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...services import Selector, StoredInstance
    from ..index.attributes import Description
    from ..index.index import Index
    from .deposits import Candidate, Draft
    from .locks import Locks
    from .scan import Finding

__all__ = ["Folder"]

_BLOCK: Final = 256 * 1024


class Folder:
    """The files of an archive that can be stored to. Blocks; may be used by threads at once.

    Args:
        root: The folder.
        index: What is in it.
        locks: Those of the folder.
        replace: Whether an instance may be replaced by another one with its UID.
    """

    def __init__(self, root: Path, index: Index, locks: Locks, *, replace: bool) -> None:
        self._root = root
        self._index = index
        self._locks = locks
        self._replace = replace

    def keep(self, draft: Draft, study: str | None) -> StoredInstance | FailedInstance:
        """Make a file part of the archive.

        Args:
            draft: The file, written.
            study: The Study Instance UID that it must have; ``None`` for any.

        Raises:
            OSError: The file is not on the disk whole.
        """
        file = draft.finish()
        candidate = assess(file, study)
        if isinstance(candidate, FailedInstance):
            return candidate
        description = candidate.description
        try:
            with self._locks.of(description.instance):
                reason = self._keep(file, draft.path, candidate)
        except OSError as error:
            reason = reason_of(error)
        if reason is not None:
            return candidate.refuse(reason)
        return candidate.accept()

    def _keep(self, file: BinaryIO, path: Path, candidate: Candidate) -> FailureReason | None:
        description = candidate.description
        present = self._present(description)
        if present:
            first = present[0]
            if self._is_same(file, first.path):
                sync(self._root / first.path)
                self._sync_name(first.path)
                self._index.add([first.entry] if first.entry else [])
                return None
            if not self._replace:
                return FailureReason.DUPLICATE_SOP_INSTANCE
        place = self._move(path, description)
        try:
            self._sync_name(place)
            self._index.add([self._entry(place, candidate)])
        except OSError:
            self._delete([place])  # what failed must not turn up at the next opening
            raise
        replaced = [finding.path for finding in present]
        self._delete(replaced)
        self._index.forget_files(replaced)
        return None

    def _present(self, description: Description) -> list[Finding]:
        """Files that hold this instance by now, the one that counts first.

        The index may be behind the folder: files may have been copied into it, changed or removed.
        """
        uid = description.instance
        paths = [found.path for found in self._index.instances([uid]) if found.path is not None]
        paths += [*self._index.duplicates([uid]), _place(description)]
        findings = [examine(self._root, path) for path in dict.fromkeys(paths)]
        return [
            finding
            for finding in findings
            if finding.entry is not None and finding.entry.description.instance == uid
        ]

    def _is_same(self, file: BinaryIO, path: str) -> bool:
        with (self._root / path).open("rb") as other:
            sizes = [os.fstat(each.fileno()).st_size for each in (file, other)]
            if sizes[0] != sizes[1]:
                return False
            file.seek(0)
            while block := file.read(_BLOCK):
                if block != other.read(_BLOCK):
                    return False
        return True

    def _move(self, path: Path, description: Description) -> str:
        """Move a draft to a place that is free; the place."""
        place = _place(description)
        if os.path.lexists(self._root / place):
            place = f"{place.removesuffix('.dcm')}.{secrets.token_hex(4)}.dcm"
        target = self._root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        return place

    def _entry(self, place: str, candidate: Candidate) -> Entry:
        status = (self._root / place).stat()
        return Entry(
            candidate.description,
            FileSpan(place, 0, status.st_size),
            candidate.transfer_syntax,
            file_version(status),
            modified=status.st_mtime_ns,
        )

    def delete(self, selector: Selector) -> int:
        """Delete the instances of a study, a series, or the one; how many there were.

        Other files with the same instances are deleted, too: they would be found at the next scan.

        Raises:
            OSError: One cannot be deleted; others may be.
        """
        with self._locks.all():
            places: dict[str, list[str]] = {}
            for found in self._index.holdings(selector):
                own = [] if found.path is None else [found.path]
                places[found.instance] = own + self._index.duplicates([found.instance])
            deleted: list[str] = []
            try:
                for instance, files in places.items():
                    for place in files:
                        (self._root / place).unlink(missing_ok=True)
                    deleted.append(instance)
            finally:
                self._index.remove(deleted)
                self._tidy(place for instance in deleted for place in places[instance])
        return len(deleted)

    def _delete(self, places: Sequence[str]) -> None:
        for place in places:
            (self._root / place).unlink(missing_ok=True)
        self._tidy(places)

    def _tidy(self, places: Iterable[str]) -> None:
        """Remove folders that are empty now, and see that what was deleted stays so."""
        for folder in {(self._root / place).parent for place in places}:
            left = folder
            with contextlib.suppress(OSError):  # not empty, which ends it
                while left != self._root:
                    left.rmdir()
                    left = left.parent
            with contextlib.suppress(FileNotFoundError):
                sync(left)

    def _sync_name(self, place: str) -> None:
        """See that the name of a file is on the disk, where its octets are already."""
        path = self._root / place
        while path != self._root:
            path = path.parent
            sync(path)


def _place(description: Description) -> str:
    """Where an instance is stored, relative to the folder."""
    uids = (description.study, description.series, description.instance)
    # They were sent by somebody, and become a path here.
    study, series, instance = (check_uid(uid, "UID") for uid in uids)
    return f"{study}/{series}/{instance}.dcm"
