"""Files appear whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb.client.draft import Draft

if TYPE_CHECKING:
    from pathlib import Path


def _fail(path: Path) -> None:
    with Draft(path) as stream:
        stream.write(b"half")
        raise ZeroDivisionError


def test_file_appears_when_whole(tmp_path: Path) -> None:
    """The place is empty until the block ends, and then nothing else is left."""
    path = tmp_path / "x"

    with Draft(path) as stream:
        stream.write(b"new")
        assert not path.exists()

    assert b"new" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    """A failure keeps what was there, and leaves no draft."""
    path = tmp_path / "x"
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError):
        _fail(path)

    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_name_that_is_taken_by_a_directory(tmp_path: Path) -> None:
    """A file that can't be moved to its place is discarded, and says why."""
    path = tmp_path / "x"
    path.mkdir()

    with pytest.raises(OSError, match="directory"), Draft(path) as stream:
        stream.write(b"new")

    assert [path] == list(tmp_path.iterdir())


def test_a_draft_begins_anew(tmp_path: Path) -> None:
    """What was written before is forgotten, however long it was."""
    path = tmp_path / "x"

    with Draft(path) as stream:
        stream.write(b"much that came to nothing")
        stream.rewind()
        stream.write(b"new")

    assert b"new" == path.read_bytes()
