from __future__ import annotations

import io
import random
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom.layout import Span
from aiodicomweb.http import Deferred, FileSpan, body_octets, segment_length
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving.content import Stored, open_content, piece_of

from ...support.dicom_files import sample
from ...support.fake_archive import holding_of

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.server.retrieving.content import Content

OCTETS = bytes(range(256)) * 100


def contents(folder: Path) -> list[Content]:
    """The same octets in a file, within a file, in memory, and promised."""
    alone, within = folder / "alone", folder / "within"
    alone.write_bytes(OCTETS)
    within.write_bytes(b"before" + OCTETS + b"behind")
    return [
        FileSpan(str(alone), 0, len(OCTETS)),
        FileSpan(str(within), 6, len(OCTETS)),
        OCTETS,
        Deferred(len(OCTETS), lambda: OCTETS),
    ]


def deflated(value: bytes) -> Holding:
    """An instance with a large value, deflated."""
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(syntax)) + syntax
    element = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, len(value)) + value
    octets = bytes(128) + b"DICM" + meta + zlib.compress(element, wbits=-zlib.MAX_WBITS)
    return Holding("1.2", "1.3", "1.4", "1.5", syntax.decode(), octets, "v")


def test_each_kind_of_content_is_a_file(tmp_path: Path) -> None:
    """From its first to its last octet, and not beyond."""
    for content in contents(tmp_path):
        with open_content(content) as file:
            assert OCTETS == file.read()
            assert len(OCTETS) == file.seek(0, io.SEEK_END)
            assert b"" == file.read(1)
            file.seek(1000)
            assert OCTETS[1000:1010] == file.read(10)


@given(st.lists(st.tuples(st.integers(0, 26000), st.integers(0, 5000)), max_size=10))
def test_a_piece_of_a_file_is_read_like_octets(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]]
) -> None:
    """In any order, beyond the end too."""
    path = tmp_path_factory.getbasetemp() / "piece"
    path.write_bytes(b"before" + OCTETS + b"behind")
    expected = io.BytesIO(OCTETS)

    with open_content(FileSpan(str(path), 6, len(OCTETS))) as file:
        for offset, length in reads:
            expected.seek(offset)
            file.seek(offset)
            assert (expected.read(length), expected.tell()) == (file.read(length), file.tell())


def test_pieces_are_not_read(tmp_path: Path) -> None:
    """A piece of a file is a piece of a file, that of a promise a promise."""
    alone, within, memory, promised = (
        piece_of(content, Span(10, 20)) for content in contents(tmp_path)
    )

    assert FileSpan(str(tmp_path / "alone"), 10, 20) == alone
    assert FileSpan(str(tmp_path / "within"), 16, 20) == within
    assert memory == OCTETS[10:30]
    assert isinstance(promised, Deferred)
    assert (20, OCTETS[10:30]) == (promised.length, promised.produce())


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Of the operating system."""
    with (
        pytest.raises(FileNotFoundError),
        open_content(FileSpan(str(tmp_path / "gone"), 0, 1)) as file,
    ):
        file.read()


@pytest.mark.parametrize("name", ["CT_small.dcm", "image_dfl.dcm"])
def test_places_are_those_of_the_inflated_octets(name: str) -> None:
    """Pieces and octets of a deflated instance are found like those of any other."""
    stored = Stored.read(holding_of(sample(name)))
    element = stored.layout.find(0x00080018)
    assert element is not None

    octets = stored.octets(element.value)

    assert sample(name).dataset.SOPInstanceUID == octets.decode().strip("\0")
    (segment,) = stored.segments(element.value)
    assert isinstance(segment, FileSpan) or body_octets((segment,)) == octets


@pytest.mark.parametrize("is_alone", [True, False])
def test_what_is_inflated_is_given_block_by_block(is_alone: bool) -> None:
    """None of it is held, and lengths are known."""
    value = random.Random(1).randbytes(5 << 19)
    stored = Stored.read(deflated(value), is_alone=is_alone)
    element = stored.layout.find(0x00091001)
    assert element is not None

    segments = stored.segments(element.value)

    assert [1 << 20, 1 << 20, 1 << 19] == [segment_length(one) for one in segments]
    assert all(isinstance(one, Deferred) for one in segments)
    assert value == body_octets(segments)
    assert value == body_octets(segments)
