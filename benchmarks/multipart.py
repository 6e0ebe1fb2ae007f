"""Multipart answers of the origin, and what must arrive of them."""

from __future__ import annotations

import functools
import random
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BOUNDARY = b"DICOMwebBoundary-8f0c2f4e7d"
TYPE = 'multipart/related; type="application/octet-stream"; boundary=' + BOUNDARY.decode()
DISTINCT = 16
"""Different frames; they come again and again."""

STUDY, SERIES, INSTANCE = "1.2.3", "1.2.3.4", "1.2.3.4.5"


@functools.cache
def frames(octets: int) -> tuple[bytes, ...]:
    """Different frames of random octets."""
    generator = random.Random(octets)
    return tuple(generator.randbytes(octets) for _ in range(DISTINCT))


def payload(octets: int, count: int) -> tuple[int, int]:
    """Octets and checksum of so many frames."""
    crc = 0
    for number in range(count):
        crc = zlib.crc32(frames(octets)[number % DISTINCT], crc)
    return octets * count, crc


def part_head(octets: int, media_type: bytes = b"application/octet-stream") -> bytes:
    """Delimiter and head of a part, as servers write it."""
    return b"\r\n--%s\r\nContent-Type: %s\r\nContent-Length: %d\r\nMIME-Version: 1.0\r\n\r\n" % (
        BOUNDARY,
        media_type,
        octets,
    )


def short_head() -> bytes:
    """Delimiter and head of a part that doesn't say how long it is."""
    return b"\r\n--%s\r\nContent-Type: application/octet-stream\r\n\r\n" % BOUNDARY


CLOSE = b"\r\n--" + BOUNDARY + b"--\r\n"


def with_length(octets: int, count: int, media_type: str = TYPE) -> Iterator[bytes]:
    """An answer of so many frames, with ``Content-Length``."""
    return selected(octets, range(count), part_head(octets), media_type)


def selected(
    octets: int, places: Sequence[int], head: bytes, media_type: str = TYPE
) -> Iterator[bytes]:
    """An answer of the frames at these places, from 0, with ``Content-Length``."""
    length = (len(head) + octets) * len(places) + len(CLOSE)
    yield response_head(media_type, f"Content-Length: {length}")
    for place in places:
        yield head
        yield frames(octets)[place % DISTINCT]
    yield CLOSE


def asked_for(octets: int, path: str) -> Iterator[bytes]:
    """An answer of the frames whose numbers, from 1, are the path's last segment."""
    numbers = path.rpartition("/")[2].split(",")
    return selected(octets, [int(number) - 1 for number in numbers], part_head(octets))


def chunked(octets: int, count: int, chunk: int = 64 * 1024) -> Iterator[bytes]:
    """The same in chunks, cut without regard to parts."""
    yield response_head(TYPE, "Transfer-Encoding: chunked")
    head = part_head(octets)
    size = b"%x\r\n" % chunk
    free = chunk
    yield size
    for number in range(count):
        for piece in (head, frames(octets)[number % DISTINCT]):
            rest = memoryview(piece)
            while len(rest) >= free:
                yield rest[:free]  # type: ignore[misc]
                yield b"\r\n" + size
                rest, free = rest[free:], chunk
            yield rest  # type: ignore[misc]
            free -= len(rest)
    filler = b"\r\n--" + BOUNDARY + b"--" + b"\r\n" * chunk  # the epilogue fills the last chunk
    yield filler[:free] + b"\r\n0\r\n\r\n"


def response_head(media_type: str, length: str) -> bytes:
    """The head of a successful response."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n{length}\r\n\r\n".encode()
