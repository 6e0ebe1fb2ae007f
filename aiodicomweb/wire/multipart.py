r"""An incremental reader of ``multipart/related`` bodies (RFC 2046 §5.1, PS3.18 §8.6.1.2).

Theory of operation. The reader searches an :class:`~aiodicomweb.wire.arena.Arena` in place for
``CRLF--boundary`` and remembers how far it searched, so that a body of n octets costs O(n)
however it is cut by the network. A match is a delimiter only if the line goes on as one: padding
and CRLF (a part follows) or ``--`` (the end). Otherwise it is data: a boundary may well be the
beginning of a longer line in a payload. If the rest of the line hasn't arrived, the reader waits.

Behind the last place searched at most ``len(CRLF--boundary) - 1`` octets can belong to a
delimiter, so that a streamed part is released but for them, and a part that is read whole is
handed over together with the memory that it arrived in.

What real servers send is accepted: no boundary parameter (learned from the first line), no close
CRLF, padding, preamble, epilogue, parts without a head. What says that something is missing is
not: a body without close delimiter, a part shorter than its own ``Content-Length``.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import cast

from ..errors import LimitExceeded, MultipartError
from ..http import Headers
from .arena import BLOCK, SMALL_PART, Allocator, Arena
from .heads import check_fields
from .limits import Limits
from .parts import END, NEED_DATA, End, NeedData, PartHead, WholePart, growth

__all__ = ["MultipartReader", "read_parts"]


class _State(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    DATA = auto()
    CLOSED = auto()  # the close delimiter was seen; an epilogue may follow


class _Line(Enum):
    """What a line that begins with ``--boundary`` turns out to be."""

    DELIMITER = auto()
    CLOSE = auto()
    DATA = auto()
    UNDECIDED = auto()


_PADDING = b" \t"
_MOST_PADDING = 256
_MOST_BOUNDARY = 256  # RFC 2046 says 70; products send 73 and more
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
# The white space around a value is taken off afterwards: here it would cost its length squared.
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00\r\n]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")


def read_parts(
    body: bytes | bytearray | memoryview, boundary: str | None, limits: Limits | None = None
) -> list[tuple[Headers, bytes]]:
    """Read a multipart body that is there whole.

    Args:
        body: The octets of the body, and no more.
        boundary: See :class:`MultipartReader`.
        limits: Bounds; the usual ones if ``None``.

    Returns:
        Head and octets of each part.

    Raises:
        MultipartError: The body is malformed, or ends without its close delimiter.
        LimitExceeded: A head is too long, or there are too many parts.
    """
    arena = Arena(len(body))
    arena.write(body)
    arena.deliver(arena.undecoded)
    reader = MultipartReader(arena, boundary, limits or Limits())
    reader.receive_eof(delimited=True)
    parts: list[tuple[Headers, bytes]] = []
    # At the end of the input the reader never asks for more.
    while (head := cast("PartHead | End", reader.next_part())) is not END:
        parts.append((head.headers, bytes(cast("memoryview", reader.read_part()))))
    return parts


class MultipartReader:
    """Reads the parts of one multipart body; see :class:`~aiodicomweb.wire.parts.PartReader`.

    Args:
        arena: Where the body's octets are delivered.
        boundary: The ``boundary`` parameter, without quotes; ``None`` to learn it from the
            body's first line, as some servers leave it out.
        limits: Bounds for heads, parts and preamble.

    Attributes:
        part_number: Number of the part being read; 0 before the first.
        complete_parts: Number of parts that were seen whole.
        wanted: Octets that the reader would like to see arrive in one read.
    """

    __slots__ = (
        "_arena",
        "_declared",
        "_delimited",
        "_delimiter",
        "_eof",
        "_fresh",
        "_head",
        "_headers",
        "_length",
        "_limits",
        "_piece",
        "_previous",
        "_searched",
        "_size",
        "_state",
        "complete_parts",
        "part_number",
        "wanted",
    )

    part_number: int
    complete_parts: int
    wanted: int

    def __init__(self, arena: Arena, boundary: str | None, limits: Limits) -> None:
        self._arena = arena
        self._limits = limits
        self._delimiter = b""
        if boundary is not None:
            self._set_boundary(boundary.encode("latin-1", "replace").rstrip(_PADDING))
        self._state = _State.PREAMBLE
        self._fresh = True  # at the start of a line: a delimiter here has no CRLF of its own
        self._searched = 0  # octets behind the arena's start in which no delimiter begins
        self._size = 0  # octets of the current part that were given out
        self._head = b""  # the octets of the latest head, which the next one often repeats
        self._headers = Headers()  # what they say
        self._declared: int | None = None  # and the Content-Length among that
        self._length: int | None = None  # the current part's Content-Length
        self._previous = 0  # size of the previous whole part, the best guess for the next
        self._piece: memoryview | None = None
        self._eof = False
        self._delimited = False
        self.part_number = 0
        self.complete_parts = 0
        self.wanted = BLOCK

    # --- the calls -------------------------------------------------------------------------------

    def next_part(self) -> PartHead | NeedData | End:
        """The next part's head; ``NEED_DATA``; or ``END`` once the close delimiter was seen.

        Raises:
            MultipartError: The body isn't multipart, a head is malformed, or the body ends
                without its close delimiter.
            LimitExceeded: A head is too long, or there are too many parts.
        """
        while self._state is _State.DATA:
            if self.read_chunk() is NEED_DATA:
                return NEED_DATA
        if self._state is _State.PREAMBLE and not self._skip_preamble():
            return self._need(BLOCK)
        if self._state is _State.HEAD:
            return self._read_head()
        self._arena.consume(self._arena.available)  # the epilogue
        return END

    def peek(self, most: int) -> bytes | NeedData:
        """The first octets of a part that is not read yet, ``most`` or all; none is taken.

        Raises:
            MultipartError: The body ends.
        """
        end = self._find_delimiter()
        if end is None and self._searched < most:
            return self._need(BLOCK)
        return self._arena.octets(0, min(most, self._searched if end is None else end))

    def read_part(self, allocator: Allocator | None = None) -> memoryview | NeedData:
        """The current part whole: read-only memory of the caller's own.

        Args:
            allocator: Gives that memory; called once the part is there.

        Raises:
            MultipartError: The part is shorter than its ``Content-Length``, or the body ends.
            LimitExceeded: The part is longer than ``Limits.part``.
        """
        self.let_go()
        end = self._find_end()
        size = self._searched if end is None else end
        if max(size, self._length or 0) > self._limits.part:
            raise LimitExceeded(
                "a part is too long for memory", limit="part", value=self._limits.part
            )
        if end is None:
            return self._need(growth(self._length or self._previous, self._arena.available))
        part = self._arena.detach(end, allocator)
        self._size += end
        self._previous = end
        self._end_part()
        return part

    def take_ready(self) -> list[WholePart]:
        """The parts that follow, as far as they are here whole, small and like the last one.

        Of small parts there are many, with the same head each: what they cost is this loop.
        Whatever else comes is left to the other methods, and so are errors.
        """
        parts: list[WholePart] = []
        if self._state is not _State.HEAD or not self._head:
            return parts
        delimiter, mark, line = self._delimiter, self._delimiter[2:], self._delimiter + b"\r\n"
        head, headers, length = self._head, self._headers, self._length
        buffer, place, end = self._arena.window()
        view, begin = memoryview(buffer), place
        number, most = self.part_number, min(SMALL_PART, self._limits.part)
        while buffer.startswith(head, place, end) and number < self._limits.parts:
            data = place + len(head)
            stop = buffer.find(delimiter, data, end) if length is None else data + length
            whole = stop >= 0 and buffer.startswith(line, stop, end)
            if not whole or stop - data >= most or buffer.startswith(mark, data, end):
                break
            number += 1
            octets = memoryview(bytes(view[data:stop]))
            parts.append(WholePart(PartHead(headers, number), octets))
            place = stop + len(line)
        self._arena.consume(place - begin)
        self.complete_parts += len(parts)
        self.part_number = number
        return parts

    def read_chunk(self) -> memoryview | NeedData | End:
        """A piece of the current part: read-only, released by the reader's next call.

        Raises:
            MultipartError: The part is shorter than its ``Content-Length``, or the body ends.
        """
        self.let_go()
        if self._state is not _State.DATA:
            return END
        end = self._find_delimiter()
        if end == 0:
            self._previous = 0
            self._end_part()
            return END
        size = self._searched if end is None else end
        if size == 0:
            return self._need(BLOCK)
        self._piece = self._arena.view(size)
        return self._piece

    def receive_eof(self, *, delimited: bool) -> None:
        """No more octets come; the next call tells whether the parts are complete.

        Let pass is a last delimiter that lacks its ``--``, as in the standard's own examples,
        but only where the message's framing says that nothing was cut off (MUL-08).
        """
        self._eof = True
        self._delimited = delimited

    # --- delimiters ------------------------------------------------------------------------------

    def _set_boundary(self, boundary: bytes) -> None:
        if not 1 <= len(boundary) <= _MOST_BOUNDARY:
            raise MultipartError(f"a boundary of {len(boundary)} octets")
        self._delimiter = b"\r\n--" + boundary

    def _classify(self, offset: int) -> tuple[_Line, int]:
        """What the line at ``offset``, which begins with ``--boundary``, is; and its length."""
        length = len(self._delimiter) - 2
        if self._arena.startswith(b"\r\n", offset + length):
            return _Line.DELIMITER, length + 2
        tail = self._arena.octets(offset + length, offset + length + _MOST_PADDING + 4)
        closing = tail.startswith(b"--")
        padded = tail[2:] if closing else tail
        rest = padded.lstrip(_PADDING)
        length += len(tail) - len(rest)
        kind = _Line.CLOSE if closing else _Line.DELIMITER
        if len(padded) - len(rest) > _MOST_PADDING:
            return _Line.DATA, 0
        if rest.startswith(b"\r\n") or (closing and rest.startswith(b"\n")):
            return kind, length + rest.index(b"\n") + 1
        if self._eof:
            # A line cut off behind its boundary may have been any line, unless the framing says
            # that it was not cut off.
            ended = rest in (b"", b"\r") if closing else self._delimited and not rest
            return (kind, length) if ended else (_Line.DATA, 0)
        return (_Line.UNDECIDED if rest in (b"", b"\r", b"-") else _Line.DATA), 0

    def _find_delimiter(self) -> int | None:
        """Where the data before the next delimiter end, from the arena's start on.

        ``None`` if that isn't known yet; then ``_searched`` octets are known to be data.
        """
        if self._fresh:
            line = self._line_at_start()
            if line is not _Line.DATA:
                return None if line is _Line.UNDECIDED else 0
            self._fresh = False
        while True:
            found = self._arena.find(self._delimiter, self._searched)
            if found < 0:
                # The longest tail that can be the beginning of a delimiter is held back.
                held = len(self._delimiter) - 1
                self._searched = max(self._searched, self._arena.available - held)
                return None
            self._searched = found
            line, _ = self._classify(found + 2)
            if line is _Line.UNDECIDED:
                return None
            if line is not _Line.DATA:
                return found
            self._searched = found + 2

    def _find_end(self) -> int | None:
        """The same, where the part is wanted whole: its length may tell without a search.

        It counts only if a delimiter stands there (RFC 2046 §5.1.1 forbids one before it).
        """
        length = self._length
        if length and not self._eof:
            if self._arena.available < length + len(self._delimiter):
                return None
            if self._arena.startswith(self._delimiter, length):
                line, _ = self._classify(length + 2)
                if line is _Line.UNDECIDED:
                    return None
                if line is not _Line.DATA:
                    self._fresh = False
                    return length
        return self._find_delimiter()

    def _line_at_start(self) -> _Line:
        """What stands at the arena's start, where a line begins without a CRLF before it.

        That is so at the start of the body, and behind the head of a part without data, whose
        last CRLF is the delimiter's (RFC 2046 §5.1.1).
        """
        mark = self._delimiter[2:]
        if self._arena.startswith(mark):
            return self._classify(0)[0]
        start = self._arena.octets(0, len(mark))
        unfinished = len(start) < len(mark) and mark.startswith(start) and not self._eof
        return _Line.UNDECIDED if unfinished else _Line.DATA

    def _pass_delimiter(self) -> None:
        """Consume the delimiter that begins at the arena's start."""
        own_line_end = 0 if self._fresh else 2
        line, length = self._classify(own_line_end)
        self._arena.consume(own_line_end + length)
        self._searched = 0
        self._state = _State.CLOSED if line is _Line.CLOSE else _State.HEAD

    # --- the states ------------------------------------------------------------------------------

    def _skip_preamble(self) -> bool:
        """Go behind the first delimiter; false if it hasn't arrived."""
        if not self._delimiter and not self._learn_boundary():
            return False
        end = self._find_delimiter()
        if max(self._searched, end or 0) > self._limits.preamble:
            raise LimitExceeded(
                "no delimiter at the start of the body",
                limit="preamble",
                value=self._limits.preamble,
            )
        if end is None:
            return False
        self._arena.consume(end)
        self._pass_delimiter()
        return True

    def _learn_boundary(self) -> bool:
        """Take the boundary from the body's first line; false if it hasn't arrived."""
        start = self._arena.octets(0, _MOST_BOUNDARY + 8)
        line, end, _ = start.lstrip(b"\r\n").partition(b"\r\n")
        if not end and not self._eof and len(start) < _MOST_BOUNDARY + 8:
            return False
        boundary = line[2:].rstrip(_PADDING)
        if not line.startswith(b"--") or not boundary:
            raise self._error("there is no boundary, neither in the Content-Type nor in the body")
        self._set_boundary(boundary)
        return True

    def _read_head(self) -> PartHead | NeedData | End:
        """Read the head of a part, behind its delimiter."""
        if self._head and self._arena.startswith(self._head):
            return self._begin_part()
        limit = self._limits.part_head
        octets = self._arena.octets(0, limit)
        if octets.startswith(b"\r\n"):
            self._head, self._headers, self._declared = b"\r\n", Headers(), None
            return self._begin_part()
        match = _HEAD_END.search(octets)
        if match is not None:
            self._headers = self._parse_head(octets[: match.start()])
            self._head = octets[: match.end()]
            declared = self._headers.get("Content-Length", "")
            self._declared = int(declared) if _LENGTH.fullmatch(declared) else None
            return self._begin_part()
        if len(octets) >= limit:
            raise LimitExceeded("a part's head is too long", limit="part_head", value=limit)
        if self._eof and self._delimited and self.part_number and not octets:
            self._state = _State.CLOSED
            return END
        return self._need(max(BLOCK, growth(self._previous, self._arena.available)))

    def _begin_part(self) -> PartHead:
        """Go behind the head that was read, and stands at the arena's start."""
        if self.part_number >= self._limits.parts:
            raise LimitExceeded("too many parts", limit="parts", value=self._limits.parts)
        self.part_number += 1
        self._arena.consume(len(self._head))
        self._state = _State.DATA
        self._length = self._declared
        self._size = self._searched = 0
        self._fresh = True
        return PartHead(self._headers, self.part_number)

    def _parse_head(self, octets: bytes) -> Headers:
        fields: list[tuple[bytes, bytes]] = []
        for line in _LINE_END.split(_FOLD.sub(b" ", octets)):
            match = _FIELD.fullmatch(line)
            if match is None:
                raise self._error("a part's head is malformed")
            fields.append((match[1], match[2].strip(_PADDING)))
        headers = Headers.from_wire(fields)
        check_fields(headers, self._limits)
        coded = headers.get("Content-Transfer-Encoding", "binary").lower()
        if coded not in ("binary", "8bit", "7bit") or "Transfer-Encoding" in headers:
            raise self._error("a part has a transfer encoding, which HTTP doesn't know there")
        if headers.tokens("Content-Encoding") not in ([], ["identity"]):
            raise self._error("a part has a content coding of its own")
        return headers

    def _end_part(self) -> None:
        """The current part's data were taken; go behind the delimiter that follows them."""
        if self._length is not None and self._size < self._length:
            raise self._error(
                f"a part of {self._size} octets is shorter than its Content-Length {self._length}"
            )
        self.complete_parts += 1
        self._pass_delimiter()

    def let_go(self) -> None:
        """The piece that was read last is needed no longer."""
        if self._piece is not None:
            size = len(self._piece)
            self._piece.release()
            self._piece = None
            self._arena.consume(size)
            self._searched -= size
            self._size += size

    def _need(self, wanted: int) -> NeedData:
        if self._eof:
            raise self._error("the body ends without its close delimiter")
        self.wanted = wanted
        return NEED_DATA

    def _error(self, message: str) -> MultipartError:
        # A head belongs to the part that it begins.
        part = self.part_number + (self._state is _State.HEAD)
        return MultipartError(message, part=part, offset=self._arena.position)
