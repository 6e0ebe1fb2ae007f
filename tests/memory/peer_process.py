"""A peer that makes up studies, and takes any; a process of its own. Prints its URL.

A Study Instance UID says what to make: framing, number of instances, octets of each.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from aiodicomweb.testing import End, PeerRequest, Reply, ScriptedPeer

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.messages import (
    DICOM,
    file_head,
    json_response,
    module,
    parts_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH, CHUNKED, CLOSE = 1, 2, 3
BLOCK = memoryview(bytes(range(256)) * 4096)


def answer(request: PeerRequest) -> Reply:
    """The study that a GET asks for; a report without instances for a POST."""
    if request.method == "POST":
        return Reply(json_response(module()))
    framing, count, size = map(int, request.target.rpartition("/")[2].split("."))
    return Reply(response(framing, count, size), End.CLOSE if framing == CLOSE else End.KEEP)


def response(framing: int, count: int, size: int) -> Iterator[bytes | memoryview]:
    """A response, block by block."""
    fields = dict(parts_type())
    if framing == CHUNKED:
        fields["Transfer-Encoding"] = "chunked"
    elif framing == LENGTH:
        fields["Content-Length"] = str(sum(map(len, body(count, 0))) + count * size)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    yield f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
    for block in body(count, size):
        if framing == CHUNKED:
            yield b"%x\r\n" % len(block)
        yield block
        if framing == CHUNKED:
            yield b"\r\n"
    if framing == CHUNKED:
        yield b"0\r\n\r\n"


def body(count: int, size: int) -> Iterator[bytes | memoryview]:
    """A multipart body of instances with so many octets of pixel data."""
    for number in range(1, count + 1):
        yield f"\r\n--end\r\nContent-Type: {DICOM}\r\n\r\n".encode()
        yield file_head(f"1.2.{number:06}", size)
        for begin in range(0, size, len(BLOCK)):
            yield BLOCK[: size - begin]
    yield b"\r\n--end--\r\n"


async def main() -> None:
    """Serve until standard input ends."""
    async with ScriptedPeer(answer, keep=0) as peer:
        print(peer.url, flush=True)  # noqa: T201
        await anyio.to_thread.run_sync(sys.stdin.read)


anyio.run(main)
