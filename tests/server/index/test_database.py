from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.server.index.database import SCHEMA_VERSION
from aiodicomweb.server.index.index import Counts, Index

from ...support.entries import an_entry
from ...support.searching import found, search

if TYPE_CHECKING:
    from pathlib import Path


def test_open_again(tmp_path: Path) -> None:
    """An index is there again, and a new one says that nothing is in it."""
    path = tmp_path / "folder" / "index.sqlite3"
    first = Index.open(path)
    first.add([an_entry()])
    first.close()
    second = Index.open(path)

    assert (True, False) == (first.stale, second.stale)
    assert Counts(1, 1, 1) == second.counts()
    assert 0 == path.stat().st_mode & 0o077
    second.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"SQLite format 3\0" + b"x" * 5000])
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    """What is no database is made anew, where nobody keeps anything else."""
    path = tmp_path / "index.sqlite3"
    path.write_bytes(content)
    index = Index.open(path, disposable=True)

    assert index.stale
    assert Counts(0, 0, 0) == index.counts()
    index.close()


def test_empty_file(tmp_path: Path) -> None:
    """There is nothing to lose: it becomes an index."""
    path = tmp_path / "index.sqlite3"
    path.touch()
    index = Index.open(path)

    assert index.stale
    assert Counts(0, 0, 0) == index.counts()
    index.close()


@pytest.mark.parametrize("cut", [100, 5000])
def test_truncated_index(tmp_path: Path, cut: int) -> None:
    """It is known by its head, and made anew."""
    path = tmp_path / "index.sqlite3"
    Index.open(path).close()
    path.write_bytes(path.read_bytes()[:cut])
    index = Index.open(path)

    assert index.stale
    assert Counts(0, 0, 0) == index.counts()
    index.close()


def test_head_that_was_never_checkpointed(tmp_path: Path) -> None:
    """An index is known by its head from the first moment, also if its process was killed."""
    path, copy = tmp_path / "index.sqlite3", tmp_path / "copy.sqlite3"
    index = Index.open(path)
    copy.write_bytes(path.read_bytes())
    index.close()

    Index.open(copy).close()


@pytest.mark.parametrize("start", [100, 4096, 8192, 20_000])
def test_damaged_file(tmp_path: Path, start: int) -> None:
    """A database that is damaged somewhere is made anew, or sound where it matters."""
    path = tmp_path / "index.sqlite3"
    index = Index.open(path)
    index.add([an_entry(f"1.{number}", PatientComments="x" * 500) for number in range(100)])
    index.close()
    octets = bytearray(path.read_bytes())
    octets[start : start + 3000] = b"\xff" * 3000
    path.write_bytes(octets)

    index = Index.open(path)

    assert index.stale
    assert [] == found(index)
    index.close()


def test_other_version(tmp_path: Path) -> None:
    """An index of another version is made anew."""
    path = tmp_path / "index.sqlite3"
    Index.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    index = Index.open(path)

    assert index.stale
    index.close()


def _database(path: Path, *statements: str) -> None:
    """Make a database of something else."""
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "content",
    [
        b"Chapter 1\n",
        b"Chapter 1\n" * 1000,
        b"SQLite format 3\0",
        b"SQLite format 3\0" + b"x" * 5000,
        b"x" * 68 + b"aDwI" + b"x" * 5000,
        bytes(5000),
    ],
)
def test_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    """A file that does not begin as an index does is left alone, and so is what is beside it."""
    path = tmp_path / "thesis"
    for name in ("thesis", "thesis-journal", "thesis-wal", "thesis-shm"):
        path.with_name(name).write_bytes(content)

    with pytest.raises(ConfigurationError, match="left as it is"):
        Index.open(path)

    assert dict.fromkeys(["thesis", "thesis-journal", "thesis-wal", "thesis-shm"], content) == (
        _files(tmp_path)
    )


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE thesis (chapter TEXT)"],
        ["PRAGMA user_version = 7"],
        ["PRAGMA application_id = 7"],
        [f"PRAGMA user_version = {SCHEMA_VERSION}", "CREATE TABLE study (uid TEXT)"],
    ],
)
def test_foreign_database(tmp_path: Path, statements: list[str]) -> None:
    """A database of something else is left alone, also where nothing is in it yet."""
    path = tmp_path / "precious.sqlite3"
    _database(path, *statements)
    before = _files(tmp_path)

    with pytest.raises(ConfigurationError, match="left as it is"):
        Index.open(path)

    assert before == _files(tmp_path)


def test_foreign_database_with_a_log(tmp_path: Path) -> None:
    """What its program has not yet moved into it stays where it is."""
    path, copies = tmp_path / "precious.sqlite3", tmp_path / "copies"
    copies.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE thesis (chapter TEXT)")
    for name, octets in _files(tmp_path).items():
        (copies / name).write_bytes(octets)
    connection.close()
    before = _files(copies)

    with pytest.raises(ConfigurationError):
        Index.open(copies / path.name)

    assert "precious.sqlite3-wal" in before
    assert before == _files(copies)


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_neighbour_of_something_else(tmp_path: Path, suffix: str) -> None:
    """A file whose name SQLite would use beside the index is left alone."""
    neighbour = tmp_path / f"index{suffix}"
    neighbour.write_text("Chapter 1")

    with pytest.raises(ConfigurationError, match="left as it is"):
        Index.open(tmp_path / "index")

    assert {neighbour.name: b"Chapter 1"} == _files(tmp_path)


def test_what_a_removed_index_left_behind(tmp_path: Path) -> None:
    """Its log does not stand in the way of a new one."""
    path, copy = tmp_path / "index.sqlite3", tmp_path / "copy.sqlite3"
    index = Index.open(path)
    index.add([an_entry()])
    for suffix in ("-wal", "-shm"):
        copy.with_name(copy.name + suffix).write_bytes(
            path.with_name(path.name + suffix).read_bytes()
        )
    index.close()

    renewed = Index.open(copy)

    assert renewed.stale
    assert Counts(0, 0, 0) == renewed.counts()
    renewed.close()


@pytest.mark.parametrize("disposable", [True, False])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_no_regular_file(tmp_path: Path, kind: str, disposable: bool) -> None:
    """A folder is no index, nor is a pipe, which would be waited for."""
    path = tmp_path / "index.sqlite3"
    if kind == "folder":
        path.mkdir()
        (path / "thesis").write_text("Chapter 1")
    else:
        os.mkfifo(path)

    with pytest.raises(ConfigurationError, match="no regular file"):
        Index.open(path, disposable=disposable)

    assert kind != "folder" or {"thesis": b"Chapter 1"} == _files(path)
    assert path.is_dir() or path.is_fifo()


@pytest.mark.parametrize("disposable", [True, False])
def test_link_to_something_else(tmp_path: Path, disposable: bool) -> None:
    """Neither the link nor what it leads to is touched."""
    thesis, link = tmp_path / "thesis", tmp_path / "index.sqlite3"
    thesis.write_text("Chapter 1")
    link.symlink_to(thesis)

    with pytest.raises(ConfigurationError, match="left as it is"):
        Index.open(link, disposable=disposable)

    assert link.is_symlink()
    assert "Chapter 1" == thesis.read_text()


@pytest.mark.parametrize("content", [None, b"", "damaged"])
def test_link_to_an_index(tmp_path: Path, content: bytes | str | None) -> None:
    """The index is where the link leads to, also if it is made anew, and the link stays."""
    index, link = tmp_path / "elsewhere" / "index", tmp_path / "index.sqlite3"
    index.parent.mkdir()
    if content is not None:
        Index.open(index).close()
        index.write_bytes(index.read_bytes()[:5000] if content == "damaged" else b"")
    link.symlink_to(index)

    Index.open(link).close()

    assert link.is_symlink()
    assert b"SQLite format 3\0" == index.read_bytes()[:16]
    assert b"aDwI" == index.read_bytes()[68:72]


_TAKE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
try:
    print(connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0])
except sqlite3.OperationalError as error:
    print(error)
"""


def test_opening_twice_keeps_the_locks(tmp_path: Path) -> None:
    """A look at a file that is open in this process must not take SQLite's locks of it away.

    Whoever closes a file loses all locks that the process has of it.
    """
    path = tmp_path / "index.sqlite3"
    first, second = Index.open(path), Index.open(path)

    taken = subprocess.run(
        [sys.executable, "-c", _TAKE, path], capture_output=True, text=True, check=True
    )

    assert "database is locked\n" == taken.stdout
    first.close()
    second.close()


def test_something_else_in_place_of_an_open_index(tmp_path: Path) -> None:
    """What stands in the place of an index that is still open is looked at as any other file."""
    path = tmp_path / "index"
    index = Index.open(path)
    for file in _files(tmp_path):
        (tmp_path / file).unlink()
    path.write_text("Chapter 1")

    with pytest.raises(ConfigurationError, match="left as it is"):
        Index.open(path)

    assert {"index": b"Chapter 1"} == _files(tmp_path)
    index.close()


def test_breaking_while_open(tmp_path: Path) -> None:
    """Whatever SQLite says is an error of the system, without a word of what was searched."""
    path = tmp_path / "index.sqlite3"
    index = Index.open(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE study")
    connection.close()

    with pytest.raises(OSError, match="the index cannot be used") as raised:
        search(index, filters={"PatientName": "Doe"})
    assert "Doe" not in repr(raised.value)
    assert raised.value.__cause__ is None
    index.close()


def test_no_folder(tmp_path: Path) -> None:
    """An index that cannot be made is an error of the system."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FileExistsError):
        Index.open(tmp_path / "file" / "index.sqlite3")
