from __future__ import annotations

import sqlite3
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
    """What is no database is made anew."""
    path = tmp_path / "index.sqlite3"
    path.write_bytes(content)
    index = Index.open(path)

    assert index.stale
    assert Counts(0, 0, 0) == index.counts()
    index.close()


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


def test_foreign_database(tmp_path: Path) -> None:
    """A database of something else is left alone."""
    path = tmp_path / "precious.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE thesis (chapter TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="another database"):
        Index.open(path)
    assert before == path.read_bytes()


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
