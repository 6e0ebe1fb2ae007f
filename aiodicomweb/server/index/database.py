"""The index's SQLite file: its schema, its connections, and what happens when it is broken.

The index is a cache. All that it says can be read from the files again, so that a file of another
version, or one that is broken, is thrown away. But only what is an index by its head, or stands
where nobody keeps anything else: people mistype paths. It is written in WAL mode: one writes, and
many read meanwhile, each what had been committed when it began.

Errors of SQLite leave here as :class:`OSError`, with SQLite's name for them and nothing else.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...errors import ConfigurationError
from .names import any_resembles

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["SCHEMA_VERSION", "Database", "files_of", "open_database"]

SCHEMA_VERSION: Final = 2
"""To be raised with every change of what is in the file, also of how texts are folded."""

_APPLICATION_ID: Final = int.from_bytes(b"aDwI")
"""Marks the file as an index, so that no other database is taken for one and thrown away."""
_BUSY: Final = 30.0
"""Seconds to wait for another process that writes."""
_IDLE_READERS: Final = 8
_HEAD: Final = 100
"""Octets of a database's head: https://www.sqlite.org/fileformat.html#the_database_header."""
_opening: Final = threading.Lock()
_open: Final[set[Database]] = set()
"""Those of this process. A file of theirs must not be opened otherwise: as soon as it is closed
the system drops SQLite's locks of it (https://www.sqlite.org/howtocorrupt.html, 2.2)."""
_SIDE_FILES: Final = {
    "-wal": (bytes.fromhex("377f0682"), bytes.fromhex("377f0683")),
    "-shm": ((3_007_000).to_bytes(4, "little"), (3_007_000).to_bytes(4, "big")),
    "-journal": (bytes.fromhex("d9d505f9"),),
}
"""What SQLite has beside a database, and how it begins, unless with zeros.

Those that are left over from a database that is gone SQLite deletes, whatever is in them."""

# "note" has the files that no instance is taken from.
# "said" has every wording that instances use about their study or series, once. Nearly always
# there is one; where they differ, newer ones win, and what only an older one knows is kept.
# The long indices hold all that most searches look at: the rows stay where they are.
_SCHEMA: Final = """
CREATE TABLE study (
    key INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    date TEXT NOT NULL DEFAULT '',
    time TEXT NOT NULL DEFAULT '',
    patient_name TEXT NOT NULL DEFAULT '',
    patient_id TEXT NOT NULL DEFAULT '',
    birth_date TEXT NOT NULL DEFAULT '',
    sex TEXT NOT NULL DEFAULT '',
    accession_number TEXT NOT NULL DEFAULT '',
    physician_name TEXT NOT NULL DEFAULT '',
    study_id TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    modalities TEXT NOT NULL DEFAULT '',
    attributes TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX study_order ON study (
    date DESC, time DESC, uid,
    patient_name, patient_id, birth_date, sex, accession_number, physician_name, study_id,
    description, modalities
);
CREATE TABLE series (
    key INTEGER PRIMARY KEY,
    study INTEGER NOT NULL REFERENCES study,
    uid TEXT NOT NULL,
    number REAL NOT NULL DEFAULT 9e999,
    modality TEXT NOT NULL DEFAULT '',
    attributes TEXT NOT NULL DEFAULT '{}',
    UNIQUE (uid, study)
);
CREATE INDEX series_order ON series (study, number, uid, modality);
CREATE TABLE instance (
    key INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series,
    uid TEXT NOT NULL UNIQUE,
    number REAL NOT NULL,
    sop_class TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    path BLOB,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    version TEXT NOT NULL,
    said_of_study INTEGER NOT NULL REFERENCES said,
    said_of_series INTEGER NOT NULL REFERENCES said,
    attributes TEXT NOT NULL
);
CREATE INDEX instance_order ON instance (series, number, uid, sop_class);
CREATE INDEX instance_path ON instance (path) WHERE path IS NOT NULL;
CREATE TABLE said (
    key INTEGER PRIMARY KEY,
    level INTEGER NOT NULL,
    about INTEGER NOT NULL,
    attributes TEXT NOT NULL
);
CREATE INDEX said_about ON said (level, about);
CREATE TABLE note (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    instance TEXT
) WITHOUT ROWID;
CREATE INDEX note_instance ON note (instance) WHERE instance IS NOT NULL;
"""


class Database:
    """Connections to one file, or to one database in memory. All methods may be called anywhere.

    Args:
        connection: The one that writes; what :func:`open_database` made ready.
        path: The file; ``None`` for a database in memory, which has this one connection only.

    Attributes:
        file: Which file it is, whatever its name; ``None`` for one in memory.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._writer = connection
        self._path = path
        self.file: tuple[int, int] | None = None if path is None else _identity(path)
        self._write_lock = threading.Lock()
        self._pool_lock = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection that sees one state of the database until it is given back.

        Raises:
            OSError: The database cannot be read.
        """
        if self._path is None:
            with self.writing() as connection:
                yield connection
            return
        with _translated():
            reader = self._take_reader()
            try:
                reader.execute("BEGIN")
                yield reader
            finally:
                self._give_back(reader)

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """The connection that writes, in a transaction, which is undone if an error leaves it.

        Raises:
            OSError: The database cannot be written, such as for want of room.
        """
        with self._write_lock, _translated():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def _take_reader(self) -> sqlite3.Connection:
        with self._pool_lock:
            if self._readers:
                return self._readers.pop()
            closed = self._closed
        if closed or self._path is None:
            raise sqlite3.ProgrammingError
        return _prepared(_connect(self._path))

    def _give_back(self, reader: sqlite3.Connection) -> None:
        if reader.in_transaction:
            reader.execute("ROLLBACK")
        with self._pool_lock:
            if not self._closed and len(self._readers) < _IDLE_READERS:
                self._readers.append(reader)
                return
        reader.close()

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it is given back."""
        with self._pool_lock:
            self._closed = True
            readers, self._readers = self._readers, []
        for reader in readers:
            reader.close()
        with self._write_lock:
            self._writer.close()
        _open.discard(self)


@contextmanager
def _translated() -> Generator[None]:
    """SQLite's errors as those of the operating system, without their text."""
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise OSError(
            errno.ENOSPC if full else errno.EIO, f"the index cannot be used ({name})"
        ) from None


def open_database(path: Path | None, *, disposable: bool = False) -> tuple[Database, bool]:
    """Open a database, or make it anew where there is none, an older one or a broken one.

    Args:
        path: The file; its folder is made. ``None`` for one in memory.
        disposable: Whether a file that is no index may be thrown away as well, because nobody but
            us has any in that place. One that a link leads to is somewhere else.

    Returns:
        The database, and whether it is new.

    Raises:
        ConfigurationError: The file is something else, or damaged so much that this cannot be
            told. It is left as it is.
        OSError: It can be neither opened nor made.
    """
    if path is None:
        with _translated():
            return Database(_new(None), None), True
    path.parent.mkdir(parents=True, exist_ok=True)
    disposable = disposable and not path.is_symlink()
    # What is made anew is made where a link leads to, as SQLite's own files are.
    path = Path(os.path.realpath(path))
    with _opening, _translated():
        if _identity(path) not in {database.file for database in tuple(_open)}:
            _refuse_other_files(path, disposable=disposable)
        existing = _open_existing(path)
        if existing is None:
            _make_private(path)
        database = Database(existing or _new(path), path)
        _open.add(database)
    return database, existing is None


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name; ``None`` if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _refuse_other_files(path: Path, *, disposable: bool) -> None:
    """Let SQLite see nothing but an index: it changes files, too."""
    head = _head(path)
    if disposable:
        return
    if head and not _is_index(head):
        raise ConfigurationError(
            "the file of the index is something else, or too damaged to be told from that; it is"
            " left as it is"
        )
    for suffix, beginnings in _SIDE_FILES.items():
        beginning = _head(path.with_name(path.name + suffix))[:4]
        if beginning.strip(b"\0") and beginning not in beginnings:
            raise ConfigurationError(
                f"a file that is named as the index, with {suffix} behind it, is something else;"
                " it is left as it is"
            )


def _head(path: Path) -> bytes:
    """How a file begins; nothing if it is not there."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError("what is named as the file of the index is no regular file")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError:
        return b""


def _is_index(head: bytes) -> bool:
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72]) == _APPLICATION_ID


def files_of(path: Path) -> list[Path]:
    """The file of a database, and those that SQLite has beside it, where it really is."""
    real = Path(os.path.realpath(path))
    return [real.with_name(real.name + suffix) for suffix in ("", *_SIDE_FILES)]


def _connect(path: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=_BUSY,
        isolation_level=None,
        check_same_thread=False,
    )


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    # After a crash of the machine the last transactions may be missing, but what is there is
    # sound; the next scan finds the rest.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    connection.execute("PRAGMA cache_size = -16384")
    connection.create_function("any_resembles", 2, any_resembles, deterministic=True)
    return connection


def _new(path: Path | None) -> sqlite3.Connection:
    """A connection to an empty index, in a file that is empty, too."""
    connection = _connect(path)
    # Before the journal is a WAL: what is in that reaches the file's head only later.
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    _prepared(connection).executescript(
        f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
    )
    return connection


def _open_existing(path: Path) -> sqlite3.Connection | None:
    """A connection to a sound database of this version; ``None``, and no file, if it is not."""
    if path.exists() and path.stat().st_size:
        connection = None
        try:
            connection = _connect(path)
            if _is_usable(connection):
                return _prepared(connection)
        except sqlite3.OperationalError:
            # Locked, no permission, no room: nothing that a new file would mend.
            _close(connection)
            raise
        except sqlite3.DatabaseError:
            pass
        _close(connection)
    for file in files_of(path):
        file.unlink(missing_ok=True)
    return None


def _is_usable(connection: sqlite3.Connection) -> bool:
    return (
        _pragma(connection, "application_id") == _APPLICATION_ID
        and _pragma(connection, "user_version") == SCHEMA_VERSION
        and _pragma(connection, "quick_check(1)") == "ok"
    )


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _make_private(path: Path) -> None:
    """Make the file with no rights for others: it holds names of patients.

    SQLite gives the files beside it the same rights.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
