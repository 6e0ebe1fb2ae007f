"""Where values are in a file, found without reading the large ones (PS3.5 §7, §A.4, PS3.10 §7).

A server sends frames and bulk data straight out of a file: all that it needs is where they start
and how long they are. The headers of elements are read one by one, values are passed over.

Reading is as lenient as pydicom's, so that both see the same data set: a VR that is none means
that the element is implicit, UN of a known attribute has that attribute's VR, and a file that ends
within an element of its top level ends there.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from ..errors import Part10Error
from .inflation import Inflation
from .part10 import is_part10, peek
from .uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LARGE",
    "LONG_VRS",
    "SHORT_VRS",
    "Element",
    "Encoding",
    "Item",
    "Layout",
    "Span",
    "may_be_vr",
    "read_layout",
    "read_span",
    "vr_as_read",
]

LARGE: Final = 1024
"""Octets from which on a value is bulk: what is nested and smaller has no place of its own."""
MAX_DEPTH: Final = 64
"""Sequences within each other. Real ones have five or six levels."""
MAX_ELEMENTS: Final = 2_000_000
"""Elements, items and fragments of a file. A slide of 500,000 tiles has as many fragments."""
MAX_KEPT_IF_DEFLATED: Final = 1 << 14
"""Elements, items and fragments of a deflated data set that have a place of their own: those of the
top level and large ones. Without a bound, a few KB would take hundreds of MiB."""

_PREAMBLE: Final = 132
_BLOCK: Final = 4096
_FORMATS: Final = {
    little: (struct.Struct(f"{order}H"), struct.Struct(f"{order}HHL"))
    for little, order in ((True, "<"), (False, ">"))
}
"""Of lengths of 16 bits; of tags with lengths of 32."""
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
SHORT_VRS: Final = {
    vr.encode(): vr
    for vr in (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN"),
        *("SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
    )
}
"""VRs by their octets, whose lengths have 16 bits (PS3.5 §7.1.2)."""
LONG_VRS: Final = {
    vr.encode(): vr
    for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
}
"""Those whose lengths have 32."""


class Span(NamedTuple):
    """A piece of a file.

    Attributes:
        offset: Where it starts, in octets.
        length: Octets in it.
    """

    offset: int
    length: int


class Encoding(NamedTuple):
    """How the elements of a data set are written.

    Attributes:
        is_implicit: Without their VRs (PS3.5 §7.1.3).
        is_little_endian: The least significant octet first.
    """

    is_implicit: bool
    is_little_endian: bool


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a file.

    Attributes:
        tag: The tag.
        vr: Its VR in the file, else that of the dictionary, which may be ``OB or OW``.
        start: Where its tag is.
        value: Its value field, without the delimiter of one of undefined length.
        end: Where the next element starts.
        is_undefined: Whether the length is undefined (PS3.5 §7.1.3).
        fragments: Of encapsulated pixel data: the Basic Offset Table, which may be empty, then
            the fragments (PS3.5 §A.4). ``None`` for other elements.
        items: Of a sequence: those items in which there is a large value.
    """

    tag: int
    vr: str
    start: int
    value: Span
    end: int
    is_undefined: bool = False
    fragments: tuple[Span, ...] | None = field(default=None, repr=False)
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a sequence, with a large value somewhere in it.

    Attributes:
        number: Its place in the sequence, from 1.
        value: Its data set, without the delimiter.
        end: Where the next item starts.
        is_undefined: Whether the length is undefined.
        elements: Large values, and sequences with such. All others are left out.
    """

    number: int
    value: Span
    end: int
    is_undefined: bool
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the elements of a file are.

    Attributes:
        transfer_syntax: As the file says; for a bare data set what it looks like.
        encoding: How the data set really is.
        start: Where the data set starts.
        elements: Those of the top level, all of them.
        is_complete: Whether the file ends with an element, and not within one.
        inflation: Of a deflated data set: what all places refer to; else ``None``.
    """

    transfer_syntax: str
    encoding: Encoding
    start: int
    elements: tuple[Element, ...]
    is_complete: bool
    inflation: Inflation | None = field(default=None, repr=False, compare=False)

    def source(self, file: BinaryIO) -> BinaryIO:
        """What the places are in: the file itself, or its octets inflated.

        Args:
            file: What the layout is of. Stays open meanwhile.
        """
        return file if self.inflation is None else self.inflation.open(file)

    def find(self, *path: int) -> Element | None:
        """An element by its tag; one that is nested by tags and item numbers in turn.

        Of nested elements only large ones are known.
        """
        elements: Sequence[Element] = self.elements
        for number, tag in zip((*path[1::2], 0), path[::2], strict=False):
            found = next((element for element in elements if element.tag == tag), None)
            if found is None or not number:
                return found
            elements = next((i.elements for i in found.items if i.number == number), ())
        return None


def read_span(file: BinaryIO, span: Span) -> bytes:
    """The octets of a piece of a file.

    Raises:
        Part10Error: The file ends before.
    """
    file.seek(span.offset)
    octets = file.read(span.length)
    if len(octets) != span.length:
        raise Part10Error("the file ends early")
    return octets


def read_layout(file: BinaryIO) -> Layout:
    """Find the elements of a DICOM file, or of a bare data set.

    Args:
        file: Seekable. Of a deflated data set all is read.

    Raises:
        Part10Error: It is not DICOM, or its elements, items or fragments make no sense.
        OSError: It cannot be read.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    syntax, start = _read_meta(_Scanner(file, end), file.read(_PREAMBLE))
    if syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        inflation = Inflation(file, start)
        scanner = _Scanner(inflation.open(file), inflation.length, MAX_KEPT_IF_DEFLATED)
        return replace(_scan(scanner, syntax, 0), inflation=inflation)
    return _scan(_Scanner(file, end), syntax, start)


def _read_meta(scanner: _Scanner, head: bytes) -> tuple[str | None, int]:
    """What group 0002 says about the transfer syntax, and where the group ends (PS3.10 §7.1)."""
    if not is_part10(head):
        return peek(head).transfer_syntax_uid, 0
    syntax, position = None, _PREAMBLE
    while (header := scanner.header(position, Encoding(False, True))) and header.tag >> 16 == 2:
        position = header.offset + header.length
        if header.tag == 0x00020010:
            value = scanner.read(header.offset, min(header.length, 128))
            syntax = value.rstrip(b"\0 ").decode("ascii", "replace") or None
    return syntax, position


def _scan(scanner: _Scanner, syntax: str | None, start: int) -> Layout:
    first = scanner.read(start, 6)[4:]
    # What the first element looks like counts for more than what the file says of it.
    is_implicit = not may_be_vr(first) if first else syntax == IMPLICIT_VR_LITTLE_ENDIAN
    encoding = Encoding(is_implicit, syntax != EXPLICIT_VR_BIG_ENDIAN)
    told = syntax or (IMPLICIT_VR_LITTLE_ENDIAN if is_implicit else EXPLICIT_VR_LITTLE_ENDIAN)
    elements, is_complete = scanner.top_level(start, encoding)
    return Layout(told, encoding, start, elements, is_complete)


def may_be_vr(octets: bytes) -> bool:
    """Whether these could be the two letters of a VR, known or not."""
    return all(0x41 <= octet <= 0x5A for octet in octets)


class _Header(NamedTuple):
    tag: int
    vr: bytes | None
    offset: int
    length: int


class _Scanner:
    """Finds the elements in a range of a file."""

    def __init__(self, file: BinaryIO, end: int, most_kept: int | None = None) -> None:
        self._file = file
        self._end = end
        self._left = MAX_ELEMENTS
        self._most_kept = MAX_ELEMENTS if most_kept is None else most_kept
        self._kept = 0
        self._block, self._start = b"", 0

    def read(self, offset: int, length: int) -> bytes:
        """At most so many octets: the file may end before. They are few, and near each other."""
        first = offset - self._start
        if first < 0 or first + length > len(self._block):
            self._file.seek(offset)
            self._block, self._start, first = self._file.read(max(length, _BLOCK)), offset, 0
        return self._block[first : first + length]

    def header(self, position: int, encoding: Encoding) -> _Header | None:
        """Tag, VR and length of an element (PS3.5 §7.1); ``None`` where the file ends."""
        self._left -= 1
        if self._left < 0:
            raise Part10Error(f"the file has more than {MAX_ELEMENTS} elements")
        octets = self.read(position, 12)
        if len(octets) < 8:
            return None
        short, long = _FORMATS[encoding.is_little_endian]
        group, number, length = long.unpack_from(octets)
        tag, vr = group << 16 | number, octets[4:6]
        if encoding.is_implicit or not (vr in SHORT_VRS or vr in LONG_VRS or may_be_vr(vr)):
            return _Header(tag, None, position + 8, length)
        if vr not in LONG_VRS:
            return _Header(tag, vr, position + 8, short.unpack_from(octets, 6)[0])
        if len(octets) < 12:
            return None
        return _Header(tag, vr, position + 12, long.unpack_from(octets, 4)[2])

    def _keep(self) -> None:
        """Count an element, item or fragment that has a place of its own."""
        self._kept += 1
        if self._kept > self._most_kept:
            raise Part10Error(f"the data set has more than {self._most_kept} elements")

    def top_level(self, position: int, encoding: Encoding) -> tuple[tuple[Element, ...], bool]:
        """The elements of a data set, and whether the last of them is whole."""
        elements: list[Element] = []
        creators: dict[int, str] = {}
        while header := self.header(position, encoding):
            if header.tag == _ITEM_END:
                break
            self._keep()
            end = header.offset + header.length
            if header.length != _UNDEFINED and end > self._end:
                value = Span(header.offset, max(0, self._end - header.offset))
                vr = vr_as_read(header.tag, header.vr, header.length, creators)
                elements.append(Element(header.tag, vr, position, value, self._end))
                return tuple(elements), False
            elements.append(self._element(position, header, encoding, creators, 0))
            position = elements[-1].end
        return tuple(elements), header is not None or position == self._end

    def _element(
        self,
        start: int,
        header: _Header,
        encoding: Encoding,
        creators: dict[int, str],
        depth: int,
    ) -> Element:
        tag, _, offset, length = header
        vr = vr_as_read(header.tag, header.vr, header.length, creators)
        if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF and length <= 64:
            name = self.read(offset, length).strip(b"\0 ").decode("ascii", "replace")
            creators[tag] = name
        if length == _UNDEFINED:
            if self._is_sequence(header, vr, encoding):
                element = Element(tag, "SQ", start, Span(offset, 0), 0, is_undefined=True)
                return self._sequence(element, None, encoding, depth)
            return self._encapsulated(tag, vr, start, offset, encoding)
        element = Element(tag, vr, start, Span(offset, length), offset + length)
        # A sequence within UN is as pydicom sees it: octets, until someone looks at them.
        if vr == "SQ" and header.vr != b"UN" and length > LARGE:
            return self._sequence(element, offset + length, encoding, depth)
        return element

    def _is_sequence(self, header: _Header, vr: str, encoding: Encoding) -> bool:
        if header.vr is not None:
            return header.vr in (b"SQ", b"UN")
        if vr != "UN":
            return vr == "SQ"
        item = self.header(header.offset, Encoding(True, encoding.is_little_endian))
        return item is not None and item.tag == _ITEM

    def _sequence(
        self, element: Element, end: int | None, encoding: Encoding, depth: int
    ) -> Element:
        """Look into a sequence; ``end`` is where it ends, unless a delimiter says that."""
        if depth == MAX_DEPTH:
            raise Part10Error(f"sequences are nested deeper than {MAX_DEPTH}")
        position, number = element.value.offset, 0
        items: list[Item] = []
        while end is None or position < end:
            tag, _, offset, length = self._item_header(position, encoding)
            if tag == _SEQUENCE_END:
                break
            number += 1
            defined = None if length == _UNDEFINED else offset + length
            if (self._end if end is None else end) < (defined or offset):
                raise Part10Error("an item reaches beyond its sequence")
            elements: tuple[Element, ...] = ()
            stop = position = offset if defined is None else defined
            if defined is None or length > LARGE:
                elements, stop, position = self._item(offset, defined, encoding, depth)
            if elements:
                self._keep()
                value = Span(offset, stop - offset)
                items.append(Item(number, value, position, defined is None, elements))
        value = Span(element.value.offset, position - element.value.offset)
        # The delimiter of a sequence of undefined length has eight octets of its own.
        after = position + 8 if end is None or position < end else position
        return replace(element, value=value, end=after if end is None else end, items=tuple(items))

    def _item(
        self, position: int, end: int | None, encoding: Encoding, depth: int
    ) -> tuple[tuple[Element, ...], int, int]:
        """What is large in an item, where its data set ends, and where the next item starts."""
        first = self.read(position, 6)[4:]
        # Within sequences of UN the elements are implicit (PS3.5 §6.2.2).
        encoding = encoding._replace(is_implicit=encoding.is_implicit or not may_be_vr(first))
        kept: list[Element] = []
        creators: dict[int, str] = {}
        while end is None or position < end:
            header = self.header(position, encoding)
            if header is None:
                raise Part10Error("the file ends within an item")
            if header.tag == _ITEM_END:
                return tuple(kept), position, position + 8 if end is None else end
            element = self._element(position, header, encoding, creators, depth + 1)
            if element.end > (self._end if end is None else end):
                raise Part10Error("an element reaches beyond its item")
            if element.items or (element.vr != "SQ" and element.value.length > LARGE):
                self._keep()
                kept.append(element)
            position = element.end
        return tuple(kept), position, position

    def _item_header(self, position: int, encoding: Encoding) -> _Header:
        header = self.header(position, Encoding(True, encoding.is_little_endian))
        if header is None or header.tag not in (_ITEM, _SEQUENCE_END):
            raise Part10Error("a sequence holds something other than items")
        return header

    def _encapsulated(
        self, tag: int, vr: str, start: int, offset: int, encoding: Encoding
    ) -> Element:
        position = offset
        fragments: list[Span] = []
        while True:
            item = self._item_header(position, encoding)
            if item.tag == _SEQUENCE_END:
                break
            position = item.offset + item.length
            if item.length == _UNDEFINED or position > self._end:
                raise Part10Error("a fragment reaches beyond the file")
            self._keep()
            fragments.append(Span(item.offset, item.length))
        value = Span(offset, position - offset)
        return Element(tag, vr, start, value, position + 8, True, tuple(fragments))


def vr_as_read(tag: int, vr: bytes | None, length: int, creators: dict[int, str]) -> str:
    """The VR as pydicom sees it, which may be an ambiguous one such as ``OB or OW``.

    Args:
        tag: The element.
        vr: What the file says; ``None`` where it says nothing.
        length: Octets of the value.
        creators: The names of private creators in the same data set, by their tags.
    """
    if vr is not None and vr != b"UN":
        return vr.decode("ascii", "replace")
    if tag >> 16 & 1:
        return _private_vr(tag, creators)
    if vr is not None and length >= 0xFFFF:
        return "UN"
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UL" if not tag & 0xFFFF and vr is None else "UN"


def _private_vr(tag: int, creators: dict[int, str]) -> str:
    if 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"
    creator = creators.get(tag >> 16 << 16 | tag >> 8 & 0xFF)
    try:
        return private_dictionary_VR(tag, creator) if creator else "UN"
    except KeyError:
        return "UN"
