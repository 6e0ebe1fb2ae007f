"""What an archive has, and how it is found: an index in SQLite.

All methods block, and may be called from any thread at the same time: one changes the index, the
others go on reading what was there before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from .database import open_database
from .finding import Search
from .found import SELECT_FOUND, Found, found_of
from .noting import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pydicom import Dataset

    from ...services import SearchRequest, Selector
    from ..archive import Matches
    from .attributes import Entry
    from .database import Database

__all__ = ["Counts", "FileNote", "Found", "Index"]

_CHUNK: Final = 500
"""UIDs or paths in one statement; SQLite takes up to 32,766."""


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file that was looked at, and is not where an instance is taken from.

    Attributes:
        path: Its path, relative to the archive's folder.
        size: Its octets.
        modified: When it was changed last, in nanoseconds of the file system's clock.
        instance: The SOP Instance UID of what it holds, where that is taken from another file;
            ``None`` if it is of no use.
    """

    path: str = field(repr=False)
    size: int
    modified: int
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is."""

    studies: int
    series: int
    instances: int


class Index:
    """What an archive has. :meth:`open` makes one.

    Attributes:
        stale: Whether it was made anew when it was opened, so that nothing is in it: there was
            none, or one of another version, or a broken one.
    """

    def __init__(self, database: Database, *, stale: bool) -> None:
        self._database = database
        self.stale = stale

    @classmethod
    def open(cls, path: Path | None, *, disposable: bool = False) -> Self:
        """Open an index, or make it.

        Args:
            path: Its file; its folder is made. ``None`` for one in memory.
            disposable: Whether a file that is something else is thrown away, because nobody but us
                has any in that place.

        Raises:
            ConfigurationError: The file is something else, and is left as it is.
            OSError: It can be neither opened nor made.
        """
        database, is_new = open_database(path, disposable=disposable)
        return cls(database, stale=is_new)

    def add(self, entries: Iterable[Entry]) -> None:
        """Note instances and their files, in one transaction.

        An instance that is there is replaced, and the file that it was in is forgotten. So is a
        note of the file that it is in now.

        Raises:
            OSError: The index cannot be written; then nothing of it was noted.
        """
        # Whatever makes them is not to be waited for while nobody else can write.
        whole = list(entries)
        with self._database.writing() as connection:
            notes = Notes(connection)
            for entry in whole:
                notes.add(entry)
            notes.settle()

    def remove(self, instances: Iterable[str]) -> None:
        """Forget instances, and all files that hold them, in one transaction.

        Args:
            instances: SOP Instance UIDs; those that are not there don't matter.

        Raises:
            OSError: The index cannot be written.
        """
        whole = list(instances)
        with self._database.writing() as connection:
            notes = Notes(connection)
            for instance in whole:
                notes.remove(instance)
            for marks, uids in _chunks(whole):
                connection.execute(f"DELETE FROM note WHERE instance IN {marks}", uids)  # noqa: S608
            notes.settle()

    def search(
        self,
        request: SearchRequest,
        limit: int,
        load: Callable[[Found], Dataset] | None = None,
    ) -> Matches:
        """Find studies, series or instances (PS3.18 §10.6).

        Args:
            request: What is asked for.
            limit: The most matches wanted, besides the request's own limit.
            load: Reads an instance without its pixels, for attributes that are not noted. What it
                raises of :class:`OSError` and :class:`~aiodicomweb.errors.ContentError` means
                that the instance has none of these. Without it they cannot be searched for. It is
                called while the index is being read, and must not use it.

        Raises:
            RemoteProtocolError: A key has a value that cannot be, or too many instances would
                have to be read (``status_hint`` 413).
            OSError: The index cannot be read.
        """
        search = Search(request, load)
        with self._database.reading() as connection:
            return search.run(connection, limit)

    def holdings(self, selector: Selector) -> list[Found]:
        """The instances of a study, of a series, or the one; by series and instance numbers.

        Raises:
            OSError: The index cannot be read.
        """
        conditions, values = ["t.uid = ?"], [selector.study]
        if selector.series:
            conditions.append("s.uid = ?")
            values.append(selector.series)
        if selector.instance:
            conditions.append("i.uid = ?")
            values.append(selector.instance)
        where = " AND ".join(conditions)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"{SELECT_FOUND} WHERE {where} ORDER BY s.number, s.uid, i.number, i.uid", values
            )
            return [found_of(row) for row in rows]

    def instances(self, instances: Iterable[str]) -> list[Found]:
        """Instances by their SOP Instance UIDs alone; those that are not there are left out.

        Raises:
            OSError: The index cannot be read.
        """
        found: list[Found] = []
        with self._database.reading() as connection:
            for marks, uids in _chunks(instances):
                rows = connection.execute(f"{SELECT_FOUND} WHERE i.uid IN {marks}", uids)
                found += [found_of(row) for row in rows]
        return found

    def duplicates(self, instances: Iterable[str]) -> list[str]:
        """Paths of files that hold these instances, besides those that they are taken from.

        Args:
            instances: SOP Instance UIDs.

        Raises:
            OSError: The index cannot be read.
        """
        paths: list[str] = []
        with self._database.reading() as connection:
            for marks, uids in _chunks(instances):
                rows = connection.execute(
                    f"SELECT path FROM note WHERE instance IN {marks}",  # noqa: S608
                    uids,
                )
                paths += [os.fsdecode(row[0]) for row in rows]
        return paths

    def files(self) -> dict[str, tuple[int, int]]:
        """Each file that was looked at: its path, size, and when it was changed last.

        Raises:
            OSError: The index cannot be read.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT path, offset + length, modified FROM instance WHERE path IS NOT NULL"
                " UNION ALL SELECT path, size, modified FROM note"
            )
            return {os.fsdecode(path): (size, modified) for path, size, modified in rows}

    def note_files(self, files: Iterable[FileNote]) -> None:
        """Note files that need no second look until they change.

        An instance that was taken from one of them is forgotten.

        Raises:
            OSError: The index cannot be written.
        """
        whole = list(files)
        with self._database.writing() as connection:
            notes = Notes(connection)
            for file in whole:
                path = os.fsencode(file.path)
                notes.remove_content(path)
                connection.execute(
                    "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)",
                    (path, file.size, file.modified, file.instance),
                )
            notes.settle()

    def forget_files(self, paths: Iterable[str]) -> list[str]:
        """Forget files, and the instances that were taken from them.

        Returns:
            Paths of other files that hold these instances. They are forgotten, too, so that the
            next look at them finds the instances again.

        Raises:
            OSError: The index cannot be written.
        """
        whole = [os.fsencode(path) for path in paths]
        with self._database.writing() as connection:
            notes = Notes(connection)
            gone: list[str] = []
            for path in whole:
                gone += notes.remove_content(path)
                connection.execute("DELETE FROM note WHERE path = ?", (path,))
            others: list[str] = []
            for marks, uids in _chunks(gone):
                rows = connection.execute(
                    f"DELETE FROM note WHERE instance IN {marks} RETURNING path",  # noqa: S608
                    uids,
                )
                others += [os.fsdecode(row[0]) for row in rows.fetchall()]
            notes.settle()
        return others

    def counts(self) -> Counts:
        """How much there is.

        Raises:
            OSError: The index cannot be read.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM study), (SELECT count(*) FROM series),"
                " (SELECT count(*) FROM instance)"
            ).fetchone()
            return Counts(*row)

    def close(self) -> None:
        """Close the file, once what is under way is done."""
        self._database.close()


def _chunks(texts: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """A list of question marks, and as many texts, for one statement after the other."""
    whole = list(texts)
    for start in range(0, len(whole), _CHUNK):
        chunk = whole[start : start + _CHUNK]
        yield f"({', '.join('?' * len(chunk))})", chunk
