"""An origin in memory whose octets arrive as the reader has room, so that steps can be counted."""

from __future__ import annotations

import logging
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

import aiodicomweb
from aiodicomweb import Client
from aiodicomweb.client import observe
from aiodicomweb.net.dial import Dialer

from .discretion import QUIET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from types import FrameType

    import pytest

__all__ = ["Counter", "CountingOrigin", "calls_made", "count_calls", "counting"]

_PACKAGE = str(Path(aiodicomweb.__file__).parent)


@dataclass
class CountingOrigin:
    """Answers requests on any number of connections, and counts what streams are asked to do.

    A read gets all the octets that it has room for: how often is read, and into how many
    buffers, is then up to the reader alone.

    Attributes:
        answer: A whole response to a target.
        most: Octets that one read gets at most.
        requests: Targets of the requests.
        connections: Streams that were made.
        reads: Reads that gave octets.
        buffers: What they were written to.
        sends: Calls to send octets.
        file_sends: Calls to send pieces of files.
    """

    answer: Callable[[str], bytes]
    most: int = sys.maxsize
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    reads: int = 0
    buffers: dict[int, object] = field(default_factory=dict)
    sends: int = 0
    file_sends: int = 0

    async def dial(self, *_: Any) -> _Stream:
        """A new connection."""
        self.connections += 1
        return _Stream(self)


class _Stream:
    """One connection; see :class:`~aiodicomweb.net.stream.ByteStream`."""

    def __init__(self, origin: CountingOrigin) -> None:
        self._origin = origin
        self._head = b""
        self._missing = -1  # of a request's body; -1 within its head
        self._rest = memoryview(b"")
        self._arrived = anyio.Event()

    async def receive_into(self, view: memoryview) -> int:
        await self._arrived.wait()
        count = min(len(view), len(self._rest), self._origin.most)
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        if not self._rest:
            self._arrived = anyio.Event()
        self._origin.reads += 1
        # Kept, so that another one is not at the same address.
        self._origin.buffers[id(view.obj)] = view.obj
        return count

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        self._origin.sends += 1
        for segment in segments:
            self._take(bytes(segment))

    def send_now(self, octets: bytes | bytearray | memoryview) -> int:
        self._origin.sends += 1
        self._take(bytes(octets))
        return len(octets)

    def send_file_now(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> int:
        self._origin.file_sends += 1
        self._take(bytes(head))
        self._count(length)
        return len(head) + length

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        self._origin.file_sends += 1
        self._take(bytes(head))
        self._count(length)

    def _take(self, octets: bytes) -> None:
        if self._missing < 0:
            self._head += octets
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing, octets = int(length or 0), body
        self._count(len(octets))

    def _count(self, octets: int) -> None:
        """Answer as soon as the request is whole."""
        self._missing -= octets
        if not self._missing:
            target = self._head.split(b" ")[1].decode()
            self._origin.requests.append(target)
            self._rest = memoryview(self._origin.answer(target))
            self._head, self._missing = b"", -1
            self._arrived.set()

    def is_readable(self) -> bool:
        return False

    def abort(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def counting(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], bytes]
) -> AsyncIterator[tuple[Client, CountingOrigin]]:
    """A client with default settings, and the origin that it reaches.

    Nobody wants to know how requests go, as is usual outside of this suite.
    """
    origin = CountingOrigin(answer)
    with monkeypatch.context() as patch, _unobserved():
        patch.setattr(Dialer, "dial", lambda _, *arguments: origin.dial(*arguments))
        patch.setattr("aiodicomweb.client.client.Observer", observe.Observer)
        async with Client("http://archive.example/dicom-web") as client:
            yield client, origin


@contextmanager
def _unobserved() -> Iterator[None]:
    """Let the loggers of which the suite wants to hear all say no more than they usually do."""
    loggers = [logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@dataclass
class Counter:
    """Counts calls.

    Attributes:
        calls: So many were there.
    """

    calls: int = 0


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Counter:
    """Count the calls of a function, a method or a class method from now on."""
    counter, original = Counter(), owner.__dict__[name]
    function = original.__func__ if isinstance(original, classmethod) else original

    def counted(*arguments: Any, **named: Any) -> Any:
        counter.calls += 1
        return function(*arguments, **named)

    wrapped = classmethod(counted) if isinstance(original, classmethod) else counted
    monkeypatch.setattr(owner, name, wrapped)
    return counter


@contextmanager
def calls_made() -> Iterator[Counter]:
    """Count the calls of functions of the package, and each time that one goes on after waiting."""
    counter = Counter()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        counter.calls += event == "call" and frame.f_code.co_filename.startswith(_PACKAGE)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield counter
    finally:
        sys.setprofile(before)
