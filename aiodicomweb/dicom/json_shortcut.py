"""DICOM JSON straight out of a file's octets, for metadata of many instances.

The instances of a series have nearly the same elements. Here elements are found in the octets, and
the text of each is remembered by its octets: what was seen before is not read again. What is new
goes the long way, through pydicom and :class:`~aiodicomweb.dicom.json_writer.JsonWriter`, with
those elements before it that decide how it is read; so there is one place that knows values.

Where elements lie in an unusual way, nothing is given, and the caller takes the long way with all.
"""

from __future__ import annotations

import io
import json
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from pydicom.filereader import read_dataset

from ..errors import ContentError
from .frame_layout import PIXEL_DATA, PIXELS
from .json_plain import plain_value
from .json_text import format_json
from .json_writer import JsonWriter
from .layout import LARGE, LONG_VRS, SHORT_VRS, Element, Span, may_be_vr, vr_as_read
from .part10 import is_part10, read_file_meta
from .uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN
from .vrs import is_data

if TYPE_CHECKING:
    from collections.abc import Callable

    IsBulk = Callable[[Element], bool]
    UriOf = Callable[[tuple[int, ...]], str]

__all__ = ["forget", "read_json"]

_WINDOW: Final = 1 << 18
"""Octets that are read at once: all but the pixels of nearly every file."""
_LARGEST_WINDOW: Final = 1 << 23
_MOST_FRAGMENTS: Final = 4096
_DEEPEST: Final = 32
_REMEMBERED: Final = 1 << 15
"""Elements whose text is remembered: some 12 MiB for usual ones, twice that at worst."""
_LONGEST: Final = 256
"""Octets of an element that is remembered."""

_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_CHARACTER_SET: Final = 0x00080005
_PIXEL_REPRESENTATION: Final = 0x00280103
_DECISIVE: Final = frozenset({_CHARACTER_SET, _PIXEL_REPRESENTATION})

_EXPLICIT: Final = struct.Struct("<HH2sH")
_IMPLICIT: Final = struct.Struct("<HHL")
_LENGTH: Final = struct.Struct("<L")
_WRITER: Final = JsonWriter()


class _UnusualError(Exception):
    """The long way is the only one."""


class _ShortError(Exception):
    """The element reaches beyond the octets that are there."""


def read_json(file: BinaryIO, is_bulk: IsBulk, uri_of: UriOf) -> bytes | None:
    """Read a data set as an object of DICOM JSON.

    Args:
        file: A DICOM file. Seekable.
        is_bulk: Whether a value that is large, or is pixels, is given by a URI.
        uri_of: Gives that, of the tags and item numbers that lead to the value.

    Returns:
        The text; ``None`` where the data set has to be read in another way, whatever the reason.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        return _Reader(file, is_bulk, uri_of).read()
    except _UnusualError:
        return None


def forget() -> None:
    """Forget what is remembered of elements."""
    _remembered.cache_clear()


@lru_cache(maxsize=_REMEMBERED)
def _remembered(octets: bytes, context: bytes, is_implicit: bool) -> str:
    return _made(octets, context, is_implicit)


def _made(octets: bytes, context: bytes, is_implicit: bool) -> str:
    """The text of an element, the long way unless it is plain."""
    group, number, code = struct.unpack_from("<HH2s", octets)
    name = f"{group:04X}{number:04X}"
    vr = _plain_vr(group << 16 | number) if is_implicit else SHORT_VRS.get(code, "")
    if vr and (value := plain_value(vr, octets[8:])):
        return f'"{name}":{value}'
    try:
        dataset = read_dataset(io.BytesIO(context + octets), is_implicit, True)
        return f'"{name}":{format_json(_WRITER.write(dataset)[name]).decode()}'
    except (ContentError, KeyError):
        raise _UnusualError from None
    except Exception:  # noqa: BLE001
        # What pydicom raises for a broken value is not defined.
        raise _UnusualError from None


class _Context(NamedTuple):
    """What decides how the elements of a data set are read: others of it, or of what it is in."""

    character_set: bytes
    pixel_representation: bytes
    creators: dict[int, bytes]
    names: dict[int, str]

    def within(self) -> _Context:
        """That of an item to begin with."""
        return self._replace(creators={}, names={})


class _Header(NamedTuple):
    tag: int
    vr: str
    is_told: bool
    offset: int
    length: int


class _Reader:
    """Reads one file, of which it has a window: octets from some place on."""

    def __init__(self, file: BinaryIO, is_bulk: IsBulk, uri_of: UriOf) -> None:
        self._file = file
        self._is_bulk = is_bulk
        self._uri_of = uri_of
        self._end = file.seek(0, io.SEEK_END)
        self._window = b""
        self._start = 0
        self._is_implicit = False

    def read(self) -> bytes:
        """The object."""
        position = self._begin()
        texts: list[str] = []
        context = _Context(b"", b"", {}, {})
        last = -1
        while position < self._end:
            position, last = self._plain(position, self._end, context, texts, last)
            if position == self._end:
                break
            try:
                tag, text, position, context = self._element(position, context, ())
            except (_ShortError, struct.error):
                self._widen(position)
                continue
            if tag <= last or tag >> 16 == 0xFFFE:
                raise _UnusualError
            last = tag
            if text:
                texts.append(text)
        if position > self._end:
            raise _UnusualError
        return f"{{{','.join(texts)}}}".encode()

    def _begin(self) -> int:
        """Where the data set starts."""
        self._load(0, _WINDOW)
        if not is_part10(self._window):
            raise _UnusualError
        meta, position = read_file_meta(self._window)
        syntax = meta.transfer_syntax_uid
        odd = (None, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
        if syntax in odd or position + 8 > len(self._window):
            raise _UnusualError
        self._is_implicit = not may_be_vr(self._window[position + 4 : position + 6])
        return position

    def _load(self, start: int, size: int) -> None:
        self._file.seek(start)
        self._window, self._start = self._file.read(size), start

    def _widen(self, position: int) -> None:
        """Go on from an element, with more of what follows if it is there already."""
        size = _WINDOW
        if self._start == position:
            size = len(self._window) * 4
        if size > _LARGEST_WINDOW or self._start + len(self._window) >= self._end:
            raise _UnusualError
        self._load(position, size)

    # --- elements --------------------------------------------------------------------------------

    def _plain(
        self, position: int, end: int, context: _Context, texts: list[str], last: int
    ) -> tuple[int, int]:
        """Pass over elements that are short, as most are, and add their texts.

        Returns:
            Where the first other one starts, and the tag before it.
        """
        window, is_implicit, character_set = self._window, self._is_implicit, context.character_set
        place = position - self._start
        stop = min(end - self._start, len(window))
        while place + 8 <= stop:
            group, number, code, length = _EXPLICIT.unpack_from(window, place)
            tag = group << 16 | number
            if is_implicit:
                length = _LENGTH.unpack_from(window, place + 4)[0]
                is_plain = bool(_plain_vr(tag))
            else:
                is_plain = code in SHORT_VRS and (number > 0xFF or not group & 1)
            after = place + 8 + length
            if (
                not is_plain
                or not last < tag
                or tag in _DECISIVE
                or not (number and 8 <= group < 0xFFFE)
                or length > _LONGEST
                or after > stop
            ):
                break
            texts.append(_remembered(window[place:after], character_set, is_implicit))
            place, last = after, tag
        return place + self._start, last

    def _element(
        self, position: int, context: _Context, above: tuple[int, ...]
    ) -> tuple[int, str, int, _Context]:
        """Tag and text of an element, where the next one starts, and what holds for that."""
        header = self._header(position, context)
        tag, vr, is_told, offset, length = header
        if length == _UNDEFINED:
            if vr == "SQ" and is_told:
                text, end = self._sequence(tag, offset, None, context, above)
                return tag, text, end, context
            return (*self._encapsulated(header, above), context)
        end = offset + length
        if (length > LARGE or (tag in PIXELS and not above)) and self._is_bulk(
            Element(tag, vr, position, Span(offset, length), end)
        ):
            if above and self._start + len(self._window) < end:
                raise _ShortError
            return tag, self._reference(header, above), end, context
        if vr == "SQ" and is_told:
            text, end = self._sequence(tag, offset, end, context, above)
            return tag, text, end, context
        octets = self._window[position - self._start : end - self._start]
        if len(octets) != end - position:
            raise _ShortError
        if not is_data(tag):
            return tag, "", end, context
        before = context.character_set
        if not is_told:
            if tag >> 16 & 1:
                before += context.creators.get(tag >> 16 << 16 | tag >> 8 & 0xFF, b"")
            elif " " in vr:
                told = context.pixel_representation
                if vr != "US or SS" or not told or tag < _PIXEL_REPRESENTATION:
                    raise _UnusualError
                before += told
        find = _remembered if len(octets) <= _LONGEST else _made
        text = find(octets, before, self._is_implicit)
        return tag, text, end, _noted(context, tag, octets, offset - position)

    def _header(self, position: int, context: _Context) -> _Header:
        """Tag, VR, whether that is told, and where the value is (PS3.5 §7.1)."""
        place = position - self._start
        if self._is_implicit:
            group, number, length = _IMPLICIT.unpack_from(self._window, place)
            tag = group << 16 | number
            vr = _public_vr(tag) or vr_as_read(tag, None, length, context.names)
            return _Header(tag, vr, vr == "SQ", position + 8, length)
        group, number, octets, length = _EXPLICIT.unpack_from(self._window, place)
        tag, offset = group << 16 | number, position + 8
        if octets in LONG_VRS:
            (length,) = _LENGTH.unpack_from(self._window, place + 8)
            offset += 4
        elif octets not in SHORT_VRS:
            raise _UnusualError
        if octets == b"UN":
            return _Header(
                tag, vr_as_read(tag, octets, length, context.names), False, offset, length
            )
        return _Header(tag, SHORT_VRS.get(octets) or LONG_VRS[octets], True, offset, length)

    def _reference(self, header: _Header, above: tuple[int, ...]) -> str:
        """The text of an element whose value is elsewhere."""
        vr = header.vr
        if " " in vr:
            # Native pixels are words where nothing is said (PS3.5 §A.1).
            if header.tag != PIXEL_DATA or not self._is_implicit:
                raise _UnusualError
            vr = "OW"
        uri = json.dumps(self._uri_of((*above, header.tag)))
        return f'"{header.tag:08X}":{{"vr":"{vr}","BulkDataURI":{uri}}}'

    def _encapsulated(self, header: _Header, above: tuple[int, ...]) -> tuple[int, str, int]:
        """Compressed pixel data, whose fragments are passed over (PS3.5 §A.4)."""
        if header.tag != PIXEL_DATA or above or header.vr not in ("OB", "OW"):
            raise _UnusualError
        position = header.offset
        for _ in range(_MOST_FRAGMENTS):
            tag, length = self._item(position)
            position += 8
            if tag == _SEQUENCE_END:
                break
            position += length
            if length == _UNDEFINED or position > self._end:
                raise _UnusualError
        else:
            raise _UnusualError
        if position == header.offset + 8:
            raise _UnusualError  # there is not even an offset table
        return header.tag, self._reference(header, above), position

    # --- sequences -------------------------------------------------------------------------------

    def _sequence(
        self, tag: int, position: int, end: int | None, context: _Context, above: tuple[int, ...]
    ) -> tuple[str, int]:
        """The text of a sequence, and where what follows it starts."""
        if len(above) > 2 * _DEEPEST:
            raise _UnusualError
        items: list[str] = []
        while end is None or position < end:
            found, length = self._item(position, is_near=True)
            position += 8
            if found == _SEQUENCE_END and end is None:
                break
            if found != _ITEM:
                raise _UnusualError
            stop = None if length == _UNDEFINED else position + length
            path = (*above, tag, len(items) + 1)
            text, position = self._dataset(position, stop, context.within(), path)
            items.append(text)
        if end is not None and position != end:
            raise _UnusualError
        value = f',"Value":[{",".join(items)}]' if items else ""
        return f'"{tag:08X}":{{"vr":"SQ"{value}}}', position

    def _dataset(
        self, position: int, end: int | None, context: _Context, path: tuple[int, ...]
    ) -> tuple[str, int]:
        """The text of an item, and where it ends."""
        texts: list[str] = []
        last = -1
        while end is None or position < end:
            position, last = self._plain(position, end or self._end, context, texts, last)
            if position == end:
                break
            if end is None and self._item(position, is_near=True)[0] == _ITEM_END:
                position += 8
                break
            tag, text, position, context = self._element(position, context, path)
            if tag <= last or tag >> 16 == 0xFFFE:
                raise _UnusualError
            last = tag
            if text:
                texts.append(text)
        if end is not None and position != end:
            raise _UnusualError
        return f"{{{','.join(texts)}}}", position

    def _item(self, position: int, *, is_near: bool = False) -> tuple[int, int]:
        """Tag and length of an item, or of a delimiter."""
        place = position - self._start
        if is_near or 0 <= place <= len(self._window) - 8:
            group, number, length = _IMPLICIT.unpack_from(self._window, place)
        else:
            self._file.seek(position)
            octets = self._file.read(8)
            if len(octets) < 8:
                raise _UnusualError
            group, number, length = _IMPLICIT.unpack(octets)
        return group << 16 | number, length


def _noted(context: _Context, tag: int, octets: bytes, start: int) -> _Context:
    """What holds behind an element, whose value starts there."""
    if tag == _CHARACTER_SET:
        return context._replace(character_set=octets)
    if tag == _PIXEL_REPRESENTATION:
        return context._replace(pixel_representation=octets)
    if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
        context.creators[tag] = octets
        name = octets[start:].strip(b"\0 ").decode("ascii", "replace")
        context.names[tag] = name
    return context


@lru_cache(maxsize=4096)
def _public_vr(tag: int) -> str:
    """The VR of an attribute of the standard; empty for private ones."""
    return "" if tag >> 16 & 1 else vr_as_read(tag, None, 0, {})


@lru_cache(maxsize=4096)
def _plain_vr(tag: int) -> str:
    """The VR of an attribute of the standard; empty for those of ambiguous ones, and of items."""
    vr = _public_vr(tag)
    return vr if vr not in ("SQ", "UN") and " " not in vr else ""
