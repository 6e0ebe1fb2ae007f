"""Runs whole responses through ``ClientExchange``, cut as a network may cut them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.wire import (
    BLOCK,
    NEED_DATA,
    Arena,
    BodyReader,
    ClientExchange,
    Limits,
    MultipartReader,
    NeedData,
    PartHead,
    PartReader,
    SinglePart,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "FRAMINGS",
    "MODES",
    "Conversation",
    "Feed",
    "Framing",
    "Mode",
    "Outcome",
    "Part",
    "chunked",
    "every_octet",
    "framed",
    "read_parts",
]

T = TypeVar("T")

Part = tuple[Headers, bytes]

CHUNK_SIZES = (1, 2, 29, 64)

_URL = URL.parse("http://pacs.example/studies")

_FRAMING_FIELDS = ("Content-Length", "Transfer-Encoding", "Connection", "Content-Encoding")


class Mode(Enum):
    """How the parts are read."""

    PART = "read_part"
    CHUNK = "read_chunk"
    READY = "take_ready"


class Framing(Enum):
    """How the body's end is told."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


MODES = tuple(Mode)
FRAMINGS = tuple(Framing)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a response.

    Attributes:
        parts: Head and octets of each part that was told to be whole.
        error: Class of the error that ended it; ``None`` if the reader told the end.
        part: Number of the part being read at the end.
    """

    parts: tuple[Part, ...]
    error: type[DicomWebError] | None = None
    part: int = 0


def chunked(body: bytes, sizes: Sequence[int] = CHUNK_SIZES) -> bytes:
    """Code a body as chunks of these sizes in turn, with extensions."""
    coded = bytearray()
    position = turn = 0
    while position < len(body):
        chunk = body[position : position + sizes[turn % len(sizes)]]
        size_line = (b"%x", b"%X;name=value", b'00%x; n="q" ')[turn % 3] % len(chunk)
        coded += size_line + b"\r\n" + chunk + b"\r\n"
        position += len(chunk)
        turn += 1
    return bytes(coded) + b"0\r\n\r\n"


def framed(
    body: bytes,
    framing: Framing,
    fields: Iterable[tuple[str, str]] = (),
    sizes: Sequence[int] = CHUNK_SIZES,
) -> bytes:
    """A whole response with this body."""
    lines = list(fields)
    if framing is Framing.LENGTH:
        lines.append(("Content-Length", str(len(body))))
    elif framing is Framing.CHUNKED:
        lines.append(("Transfer-Encoding", "chunked"))
        body = chunked(body, sizes)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1") + body


def every_octet(octets: bytes) -> range:
    """Cuts that give one octet with each read."""
    return range(1, len(octets))


class Conversation:
    """One exchange with a peer that sends these octets, cut at these offsets, and then closes."""

    def __init__(
        self,
        octets: bytes,
        cuts: Iterable[int] = (),
        *,
        method: str = "GET",
        limits: Limits | None = None,
        arena: Arena | None = None,
    ) -> None:
        self.arena = arena or Arena()
        self.exchange = ClientExchange(self.arena, limits or Limits())
        self.exchange.request_head(Request(method, _URL))
        self._octets = memoryview(octets)
        self._cuts = [*(cut for cut in cuts if cut < len(octets)), len(octets)]
        self._position = 0
        self._closed = False

    @property
    def body(self) -> BodyReader:
        """The response's body, once the head was read."""
        return self.exchange.body

    def receive(self, wanted: int = BLOCK) -> None:
        """Take what one read gives; behind the last octet that is the end."""
        assert not self._closed, "the exchange reads behind the end"
        room = self.exchange.writable(wanted)
        assert len(room) > 0
        cut = bisect_right(self._cuts, self._position)
        end = self._cuts[cut] if cut < len(self._cuts) else self._position
        count = min(len(room), end - self._position)
        room[:count] = self._octets[self._position : self._position + count]
        self._position += count
        self._closed = count == 0
        self.exchange.commit(count)

    def head(self) -> int:
        """Read the final response's head; its status."""
        while (response := self.exchange.next_head()) is NEED_DATA:
            self.receive()
        return response.status

    def drive(self, reader: PartReader, step: Callable[[], T | NeedData]) -> T:
        """Call a method of the reader until it answers."""
        while True:
            event = step()
            if event is not NEED_DATA:
                return event
            if not self.body.advance(reader):
                assert reader.wanted >= 1
                self.receive(reader.wanted)

    def each(self, reader: PartReader, mode: Mode) -> Iterator[tuple[PartHead, bytes]]:
        """Read part by part."""
        while isinstance(head := self.drive(reader, reader.next_part), PartHead):
            assert head.number == reader.part_number
            octets_read = self.read(reader, mode)
            assert reader.complete_parts == reader.part_number
            yield head, octets_read
            for ready, octets in reader.take_ready() if mode is Mode.READY else ():
                assert octets.readonly
                yield ready, bytes(octets)
            assert reader.complete_parts == reader.part_number

    def read(self, reader: PartReader, mode: Mode) -> bytes:
        """Read the current part."""
        if mode is not Mode.CHUNK:
            whole = self.drive(reader, reader.read_part)
            assert whole.readonly
            return bytes(whole)
        pieces = []
        while isinstance(piece := self.drive(reader, reader.read_chunk), memoryview):
            assert piece.readonly
            pieces.append(bytes(piece))
        return b"".join(pieces)

    def finish(self) -> None:
        """Read the message to its end, as far as its framing tells one."""
        while not self.body.complete and self.body.delimited and self.body.discard():
            self.receive()
        self.body.discard()


def _own_fields(reader: PartReader, headers: Headers) -> Headers:
    """A part's header fields; of a message that is one part, without those of the framing."""
    return headers.without(*_FRAMING_FIELDS) if isinstance(reader, SinglePart) else headers


def read_parts(
    octets: bytes,
    cuts: Iterable[int] = (),
    mode: Mode = Mode.PART,
    *,
    limits: Limits | None = None,
    arena: Arena | None = None,
) -> Outcome:
    """Read a whole response, part by part. Errors of other trees than ours are let through."""
    parts: list[Part] = []
    reader: PartReader | None = None
    try:
        conversation = Conversation(octets, cuts, limits=limits, arena=arena)
        conversation.head()
        reader = conversation.body.parts()
        for head, octets_read in conversation.each(reader, mode):
            assert head.number == len(parts) + 1
            parts.append((_own_fields(reader, head.headers), octets_read))
        conversation.finish()
    except DicomWebError as error:
        number = reader.part_number if reader is not None else 0
        return Outcome(tuple(parts), type(error), number)
    return Outcome(tuple(parts), part=reader.part_number)


class Feed:
    """A multipart reader alone, and a body's octets that come as it asks for more."""

    def __init__(
        self,
        body: bytes,
        cuts: Iterable[int] = (),
        *,
        boundary: str | None = "b",
        limits: Limits | None = None,
        delimited: bool = True,
    ) -> None:
        self.arena = Arena()
        self.reader = MultipartReader(self.arena, boundary, limits or Limits())
        offsets = [0, *cuts, len(body)]
        self.pieces = [body[a:b] for a, b in pairwise(offsets) if a < b]
        self.delimited = delimited

    def __call__(self, step: Callable[[], T | NeedData]) -> T:
        """Call a method of the reader until it answers."""
        while (event := step()) is NEED_DATA:
            self.feed()
        return event

    def feed(self) -> None:
        """The next piece arrives, or the end."""
        if self.pieces:
            piece = self.pieces.pop(0)
            self.arena.write(piece)
            self.arena.deliver(len(piece))
        else:
            self.reader.receive_eof(delimited=self.delimited)

    def read(self, mode: Mode = Mode.PART) -> bytes:
        """The current part."""
        if mode is not Mode.CHUNK:
            return bytes(self(self.reader.read_part))
        octets = b""
        while isinstance(piece := self(self.reader.read_chunk), memoryview):
            octets += piece
        return octets

    def parts(self, mode: Mode = Mode.PART) -> list[Part]:
        """All parts."""
        return list(self.each(mode))

    def each(self, mode: Mode) -> Iterator[Part]:
        """Part by part."""
        while isinstance(head := self(self.reader.next_part), PartHead):
            yield head.headers, self.read(mode)
            if mode is Mode.READY:
                for ready, octets in self.reader.take_ready():
                    yield ready.headers, bytes(octets)

    def outcome(self, mode: Mode) -> tuple[list[Part], type[DicomWebError] | None, int]:
        """All whole parts, the error that ended them, and where."""
        parts: list[Part] = []
        try:
            for part in self.each(mode):
                parts.append(part)  # noqa: PERF402 - those before an error count
        except DicomWebError as error:
            return parts, type(error), self.reader.part_number
        return parts, None, self.reader.part_number
