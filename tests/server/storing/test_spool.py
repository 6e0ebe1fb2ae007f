"""Parts that wait (PS3.18 §8.6.1.2)."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.http import MediaType
from aiodicomweb.server.storing.spool import BLOCK, Spool, SpooledPart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OCTETS = MediaType.parse("application/octet-stream")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files would be seen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    """One that is closed behind the test."""
    spool = Spool()
    yield spool
    spool.close()


def test_octets_come_back(spool: Spool) -> None:
    """Each part its own, in any order, again and again."""
    parts = []
    for octets in (b"first", b"", b"third"):
        parts.append(SpooledPart(OCTETS, "x", spool, spool.length, len(octets)))
        spool.add(octets)
        spool.write()

    assert [b"third", b"", b"first", b"third"] == [parts[at].octets for at in (2, 1, 0, 2)]


def test_a_part_is_read_in_pieces(spool: Spool) -> None:
    """Never beyond its own octets."""
    spool.add(b"before" + bytes(BLOCK) + b"part" + b"behind")
    spool.write()
    part = SpooledPart(OCTETS, "x", spool, 6, BLOCK + 4)

    assert [bytes(BLOCK), b"part"] == list(part.blocks())
    assert [b"\0par", b"part", b"", b""] == [
        part.read(offset, 4) for offset in (BLOCK - 1, BLOCK, BLOCK + 4, BLOCK + 9)
    ]
    assert [b"ar", b"art", b"art", b""] == [
        part.within(BLOCK + offset, length).octets
        for offset, length in ((1, 2), (1, None), (1, 99), (5, None))
    ]


def test_nothing_can_be_seen_in_the_folder(spool: Spool, folder: Path) -> None:
    """The file has no name, so that a kill leaves none behind."""
    spool.add(b"a patient's pixels")
    spool.write()

    assert [] == list(folder.iterdir())


def test_small_pieces_are_gathered(spool: Spool) -> None:
    """A thread is asked for a quarter of a MiB."""
    spool.add(bytes(256 * 1024 - 1))
    assert not spool.is_full

    spool.add(b"x")
    assert spool.is_full

    spool.write()
    assert not spool.is_full
    assert 256 * 1024 == spool.length


def test_what_was_not_written_cannot_be_read(spool: Spool) -> None:
    """Nor what is gathered only."""
    with pytest.raises(OSError, match="not written"):
        spool.read(0, 1)
    spool.add(b"ab")
    spool.write()
    with pytest.raises(OSError, match="not written"):
        spool.read(1, 2)


def test_where_there_is_no_room(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's error comes out."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/folder")
    spool.add(b"x")

    with pytest.raises(OSError, match="No such file"):
        spool.write()
