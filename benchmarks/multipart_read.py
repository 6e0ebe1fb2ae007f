"""How fast multipart bodies are read, without a network: octets from memory, through the arena.

Claim: a body costs time proportional to its octets and to the number of its parts, whatever the
octets are and however they are cut on their way. Beside each figure stands what copying the same
octets from the same pieces costs if nobody looks at them.

Usage: ``python benchmarks/multipart_read.py [mebibytes]``
"""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from aiodicomweb.http import Headers
from aiodicomweb.wire import (
    BLOCK,
    END,
    NEED_DATA,
    Arena,
    Limits,
    MultipartReader,
    OutgoingPart,
    render_multipart,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KIB, MIB = 1024, 1024 * 1024
BOUNDARY = "0123456789abcdef0123456789abcdef"
ROUNDS = 5


@dataclass(frozen=True)
class Case:
    """A body, and how it arrives.

    Attributes:
        title: What it stands for.
        part: The octets of each of its parts.
        read: Octets that arrive at one time.
        streamed: Whether parts are taken in pieces instead of whole.
        declared: Whether parts have a ``Content-Length``.
        alone: Whether there is one part only, so that none before it hints at its size.
    """

    title: str
    part: bytes
    read: int = BLOCK
    streamed: bool = False
    declared: bool = False
    alone: bool = False

    def body(self, size: int) -> bytes:
        """A body of about this size, of at least one part."""
        fields = {"Content-Type": "application/octet-stream"}
        if self.declared:
            fields["Content-Length"] = str(len(self.part))
        count = 1 if self.alone else max(1, size // len(self.part))
        whole = OutgoingPart(Headers(fields), (self.part,))
        segments = render_multipart([whole] * count, BOUNDARY)
        return b"".join(segment for segment in segments if isinstance(segment, bytes))


def cases() -> list[Case]:
    """Ordinary bodies first, then those made to hurt."""
    noise = os.urandom(8 * MIB)
    frame = noise[: 512 * KIB]
    near = f"\r\n--{BOUNDARY[:-1]}_".encode()
    return [
        Case("frames of 512 KiB", frame),
        Case("frames of 512 KiB, streamed", frame, streamed=True),
        Case("frames of 512 KiB, 16 KiB at a time", frame, read=16 * KIB),
        Case("instances of 8 MiB", noise),
        Case("instances of 8 MiB, length declared", noise, declared=True),
        Case("instances of 8 MiB, streamed", noise, streamed=True),
        Case("one of 8 MiB, 64 KiB at a time", noise, read=64 * KIB, alone=True),
        Case("thumbnails of 4 KiB", noise[: 4 * KIB]),
        Case("nothing but line ends", b"\r\n" * (256 * KIB)),
        Case("nothing but almost-delimiters", near * (512 * KIB // len(near))),
    ]


class Source:
    """Octets that arrive a bounded number at a time, as from a socket."""

    def __init__(self, body: bytes, read: int) -> None:
        self._octets = memoryview(body)
        self._read = read
        self._offset = 0

    def receive_into(self, room: memoryview) -> int:
        """Fill as much of the room as arrives; 0 is the end."""
        count = min(len(room), self._read, len(self._octets) - self._offset)
        room[:count] = self._octets[self._offset : self._offset + count]
        self._offset += count
        return count


def read_parts(body: bytes, case: Case) -> int:
    """Read a body, and return the octets of its parts."""
    source = Source(body, case.read)
    arena = Arena()
    reader = MultipartReader(arena, BOUNDARY, Limits())
    take = reader.read_chunk if case.streamed else reader.read_part

    def answer(ask: Callable[[], object]) -> object:
        while (answered := ask()) is NEED_DATA:
            count = source.receive_into(arena.writable(reader.wanted))
            arena.commit(count)
            arena.deliver(count)
            if not count:
                reader.receive_eof(delimited=True)
        return answered

    total = 0
    while answer(reader.next_part) is not END:
        while isinstance(piece := answer(take), memoryview):
            total += len(piece)
            if not case.streamed:
                break
    return total


def copy_only(body: bytes, case: Case) -> int:
    """What the same reads cost if nobody looks at the octets."""
    source = Source(body, case.read)
    room = memoryview(bytearray(BLOCK))
    total = 0
    while count := source.receive_into(room):
        total += count
    return total


def rate(work: Callable[[], int]) -> float:
    """Gigabytes a second, the median of some rounds."""
    seconds = []
    octets = 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        octets = work()
        seconds.append(time.perf_counter() - started)
    return octets / median(seconds) / 1e9


def main() -> None:
    """Print a line for each case."""
    size = int(sys.argv[1]) * MIB if len(sys.argv) > 1 else 256 * MIB
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, {size // MIB} MiB a body, median of {ROUNDS}\n"
    )
    print(f"{'':38}{'read':>12}{'copied only':>14}")
    for case in cases():
        body = case.body(size)
        read = rate(lambda: read_parts(body, case))  # noqa: B023 - called before the next turn
        copied = rate(lambda: copy_only(body, case))  # noqa: B023
        print(f"{case.title:38}{read:7.2f} GB/s{copied:9.2f} GB/s")


if __name__ == "__main__":
    main()
