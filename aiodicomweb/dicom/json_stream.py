"""The data sets of a DICOM JSON body, one by one as its octets arrive, without I/O.

A body of metadata has an object for each instance, and a study has thousands of them. Here is
memory for one::

    stream = JsonStream()
    while (obj := stream.next()) is not END:
        if obj is NEED_DATA:
            stream.feed(octets)                      # and feed_eof() behind the last ones
        else:
            dataset = dataset_from_json(obj)

How it works: octets are looked at once, to find where an object ends. That takes counting braces
outside of strings, which a regular expression does for long runs at a time: a data set of 250
attributes is about ten matches. It stops at a brace, and at a string that has an escape or a brace
in it, or that is not there whole. The object's octets then go to :mod:`json` at once. All that is
structure is ASCII, and no octet of a longer UTF-8 character is, so that nothing is decoded before.

Time is linear however the octets are cut: one that the pattern gave up, because the object or the
string around it turned out not to be simple, is looked at once more inside of these.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Literal

from ..errors import DicomWebError, JsonModelError, LimitExceeded
from .json_text import parse_json
from .vrs import MAX_DEPTH

if TYPE_CHECKING:
    from .part10 import Buffer

__all__ = ["END", "MAX_OBJECT", "NEED_DATA", "End", "JsonStream", "NeedData", "Signal"]

MAX_OBJECT: Final = 64 * 1024 * 1024
"""Octets of one object: what ``Limits.json_object`` is by default, with the arithmetic there."""

_PLAIN = rb'[^{}"\\]*+(?:"[^{}"\\]*+"[^{}"\\]*+)*+'
_FLAT: Final = re.compile(_PLAIN + rb"(?:\{" + _PLAIN + rb"\}" + _PLAIN + rb")*+")
"""Strings without escapes and braces, and objects of such, all of them whole."""
_NO_OBJECT: Final = re.compile(_PLAIN)
_IN_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BLANK: Final = re.compile(rb"[ \t\r\n]*+")
_BOM: Final = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _OPEN, _CLOSE, _OPEN_ARRAY, _CLOSE_ARRAY, _BACKSLASH = b'",{}[]\\'


class Signal(Enum):
    """What a stream answers where it has no object to give."""

    NEED_DATA = "more octets must arrive first"
    END = "there is no more"


NEED_DATA: Final = Signal.NEED_DATA
END: Final = Signal.END
NeedData = Literal[Signal.NEED_DATA]
End = Literal[Signal.END]


class _Expect(Enum):
    """What may come next, between objects."""

    MARK = auto()
    ANY = auto()
    FIRST = auto()
    OBJECT = auto()
    SEPARATOR = auto()
    NOTHING = auto()


_AFTER_SIGN: Final = {
    (_Expect.ANY, _OPEN_ARRAY): _Expect.FIRST,
    (_Expect.FIRST, _CLOSE_ARRAY): _Expect.NOTHING,
    (_Expect.SEPARATOR, _COMMA): _Expect.OBJECT,
    (_Expect.SEPARATOR, _CLOSE_ARRAY): _Expect.NOTHING,
}
_AFTER_OBJECT: Final = {
    _Expect.ANY: _Expect.NOTHING,
    _Expect.FIRST: _Expect.SEPARATOR,
    _Expect.OBJECT: _Expect.SEPARATOR,
}
_BEFORE_OBJECT: Final = frozenset(_AFTER_OBJECT)


class JsonStream:
    """Reads the objects of a JSON body: an array of them, or a lone one (PS3.18 §F.2.1).

    Like :func:`~aiodicomweb.dicom.parse_objects` it tolerates a byte order mark and takes an
    empty or blank body for no objects. The text is UTF-8 (RFC 8259 §8.1).

    Args:
        max_object: Octets of the longest object that is taken.
        max_depth: Sequences within sequences that are followed.

    Attributes:
        count: Number of objects given so far.
        cut: Whether the body was complete before its JSON was.
    """

    __slots__ = (
        "_braces",
        "_broken",
        "_buffer",
        "_complete",
        "_expect",
        "_in_string",
        "_max_braces",
        "_max_depth",
        "_max_object",
        "_position",
        "count",
        "cut",
    )

    def __init__(self, *, max_object: int = MAX_OBJECT, max_depth: int = MAX_DEPTH) -> None:
        self._max_object = max_object
        self._max_depth = max_depth
        # Two objects for each nested sequence, and a person's name in the last.
        self._max_braces = 2 * max_depth + 3
        self._buffer = bytearray()
        self._position = 0
        self._braces = 0
        self._in_string = False
        self._expect = _Expect.MARK
        self._complete = False
        self._broken: DicomWebError | None = None
        self.count: int = 0
        self.cut: bool = False

    def feed(self, octets: Buffer) -> None:
        """Take octets of the body, cut anywhere; they are copied."""
        self._buffer += octets

    def feed_eof(self) -> None:
        """Take note that the body is complete."""
        self._complete = True

    def next(self) -> dict[str, Any] | NeedData | End:
        """Give the next object, which is yours.

        Returns:
            The object; ``NEED_DATA`` if it is not there whole; ``END`` behind the last one, when
            the body is complete.

        Raises:
            JsonModelError: The body is not JSON, not objects, or cut short; ``path`` starts with
                the object's index.
            LimitExceeded: An object is longer or deeper than the bounds. Every later call raises
                what one raised.
        """
        if self._broken is not None:
            raise self._broken
        try:
            if not self._braces and not self._find_object():
                return self._pause(self._expect in {_Expect.ANY, _Expect.NOTHING})
            if not self._find_end():
                return self._pause(at_end=False)
            text = self._take_object().decode("utf-8")
            obj: dict[str, Any] = parse_json(text)
        except JsonModelError as error:
            error.path = f"[{self.count}]"
            self._broken = error
        except LimitExceeded as error:
            self._broken = error
        except UnicodeDecodeError:
            self._broken = JsonModelError("not JSON: the text is not UTF-8", path=f"[{self.count}]")
        else:
            self.count += 1
            return obj
        self._buffer = bytearray()
        raise self._broken

    def _pause(self, at_end: bool) -> NeedData | End:
        if not self._complete:
            return NEED_DATA
        if not at_end:
            self.cut = True
            raise JsonModelError("the text ends too early")
        return END

    def _find_object(self) -> bool:
        """Go to the brace that opens the next object; whether it is there."""
        buffer = self._buffer
        if self._expect is _Expect.MARK:
            start = bytes(buffer[: len(_BOM)])
            if start != _BOM and _BOM.startswith(start) and not self._complete:
                return False
            del buffer[: len(_BOM) if start == _BOM else 0]
            self._expect = _Expect.ANY
        position = 0
        while (position := _end(_BLANK, buffer, position, len(buffer))) < len(buffer):
            sign = buffer[position]
            if sign == _OPEN and self._expect in _BEFORE_OBJECT:
                del buffer[:position]
                self._position = self._braces = 1
                self._expect = _AFTER_OBJECT[self._expect]
                return True
            if (self._expect, sign) not in _AFTER_SIGN:
                raise JsonModelError(
                    "not an object" if self._expect in _BEFORE_OBJECT else "not JSON: more text"
                )
            self._expect = _AFTER_SIGN[self._expect, sign]
            position += 1
        buffer.clear()
        return False

    def _find_end(self) -> bool:
        """Go on to the brace that closes the object; whether it is there."""
        buffer, position = self._buffer, self._position
        limit = min(len(buffer), self._max_object)
        while self._braces:
            position = _end(self._pattern(), buffer, position, limit)
            # A backslash, the last octet there is, still needs what it escapes.
            if position == limit or (self._in_string and buffer[position] == _BACKSLASH):
                break
            self._pass(buffer[position])
            position += 1
        self._position = position
        if self._braces and limit == self._max_object:
            raise LimitExceeded(
                f"object [{self.count}] is too long", limit="json_object", value=self._max_object
            )
        return not self._braces

    def _pattern(self) -> re.Pattern[bytes]:
        """What goes on from here; at the deepest place, none that passes over objects."""
        if self._in_string:
            return _IN_STRING
        return _FLAT if self._braces < self._max_braces else _NO_OBJECT

    def _pass(self, sign: int) -> None:
        """Note what a pattern stopped at."""
        if sign == _QUOTE:
            self._in_string = not self._in_string
        elif sign == _CLOSE:
            self._braces -= 1
        elif sign == _BACKSLASH:
            raise JsonModelError("not JSON: a backslash is not in a string")
        elif self._braces == self._max_braces:
            raise LimitExceeded(
                f"sequences of object [{self.count}] are nested too deep",
                limit="json_depth",
                value=self._max_depth,
            )
        else:
            self._braces += 1

    def _take_object(self) -> bytearray:
        taken = self._buffer[: self._position]
        del self._buffer[: self._position]
        return taken


def _end(pattern: re.Pattern[bytes], buffer: bytearray, position: int, limit: int) -> int:
    """Where a match ends of a pattern that matches everywhere, if only nothing."""
    match = pattern.match(buffer, position, limit)
    return match.end() if match is not None else position
