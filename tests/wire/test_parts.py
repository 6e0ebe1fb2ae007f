"""A body that is one part, and the sizes of reads."""

from __future__ import annotations

import pytest

from aiodicomweb.errors import LimitExceeded
from aiodicomweb.http import Headers
from aiodicomweb.wire import BLOCK, END, NEED_DATA, Arena, Limits, PartHead, SinglePart
from aiodicomweb.wire.arena import SMALL_PART
from aiodicomweb.wire.parts import growth

HEADERS = Headers({"Content-Type": "application/dicom"})
ON_TRUST = 64 * 1024 * 1024


def single(length: int | None = None, **limits: int) -> tuple[Arena, SinglePart]:
    """An arena and the reader of the body in it."""
    arena = Arena()
    return arena, SinglePart(arena, HEADERS, length, Limits(**limits))


def arrive(arena: Arena, octets: bytes) -> None:
    """Octets of the body arrive."""
    arena.write(octets)
    arena.deliver(len(octets))


def test_read_whole() -> None:
    """The body is one part with the message's header fields; it is whole when the message is."""
    arena, reader = single()

    assert PartHead(HEADERS, 1) == reader.next_part()
    assert NEED_DATA is reader.read_part()
    arrive(arena, b"abc")
    assert NEED_DATA is reader.read_part()
    assert 0 == reader.complete_parts
    reader.receive_eof(delimited=False)
    part = reader.read_part()
    assert b"abc" == part
    assert isinstance(part, memoryview)
    assert part.readonly
    assert END is reader.next_part()
    assert (1, 1) == (reader.part_number, reader.complete_parts)


def test_peek() -> None:
    """The first octets are shown once there are enough, or no more; they stay to be read."""
    arena, reader = single()
    reader.next_part()

    assert NEED_DATA is reader.peek(2)
    arrive(arena, b"abc")
    assert b"ab" == reader.peek(2)
    assert NEED_DATA is reader.peek(4)
    reader.receive_eof(delimited=True)
    assert b"abc" == reader.peek(4)
    assert b"abc" == reader.read_part()


def test_read_chunks() -> None:
    """Pieces are read-only, and released by the next call."""
    arena, reader = single()
    reader.next_part()
    arrive(arena, b"abc")

    piece = reader.read_chunk()
    assert b"abc" == piece
    assert isinstance(piece, memoryview)
    assert piece.readonly
    assert NEED_DATA is reader.read_chunk()
    with pytest.raises(ValueError, match="released"):
        piece.tobytes()
    reader.receive_eof(delimited=True)
    assert END is reader.read_chunk()
    assert END is reader.next_part()
    assert 1 == reader.complete_parts


def test_skip() -> None:
    """A body that isn't read is skipped, and the end waits for its end."""
    arena, reader = single()
    reader.next_part()
    arrive(arena, b"abc")

    assert NEED_DATA is reader.next_part()
    assert 0 == arena.available
    arrive(arena, b"def")
    reader.receive_eof(delimited=True)
    assert END is reader.next_part()


def test_limit_of_part() -> None:
    """``Limits.part`` octets may be held, by what came and by what was promised."""
    arena, reader = single(part=3)
    arrive(arena, b"abc")
    assert NEED_DATA is reader.read_part()
    arrive(arena, b"d")
    with pytest.raises(LimitExceeded, match=r"Limits\.part is 3"):
        reader.read_part()

    assert NEED_DATA is single(3, part=3)[1].read_part()
    with pytest.raises(LimitExceeded):
        single(4, part=3)[1].read_part()


def test_limit_of_body() -> None:
    """A body that is read whole, whatever it is, is bounded by ``Limits.body``."""
    arena = Arena()
    reader = SinglePart(arena, HEADERS, None, Limits(body=3), "body")
    arrive(arena, b"abcd")

    with pytest.raises(LimitExceeded, match=r"Limits\.body is 3"):
        reader.read_part()


def test_wanted() -> None:
    """A known length guides the reads; a stream takes block by block."""
    arena, reader = single(1_000_000)
    arrive(arena, bytes(1000))

    assert NEED_DATA is reader.read_part()
    assert 999_000 <= reader.wanted <= 1_000_000
    reader.read_chunk()
    assert NEED_DATA is reader.read_chunk()
    assert BLOCK == reader.wanted


@pytest.mark.parametrize(
    ("expected", "size", "available"),
    [
        (BLOCK, 0, 0),
        (BLOCK, 0, 10),
        (5 * BLOCK, 0, 5 * BLOCK),
        (5 * BLOCK, BLOCK, 5 * BLOCK),
        (BLOCK, 100, 10),
        (BLOCK, SMALL_PART - 1, 10),
        (SMALL_PART - 10 + 512, SMALL_PART, 10),
        (512, SMALL_PART, SMALL_PART),
        (BLOCK, SMALL_PART, SMALL_PART + 512),
        (ON_TRUST + 512, 1 << 40, 10),
        (2 * ON_TRUST + 512, 1 << 40, 2 * ON_TRUST),
    ],
)
def test_growth(expected: int, size: int, available: int) -> None:
    """Room for just what is missing; twice what is there, where nothing is known."""
    assert expected == growth(size, available)
