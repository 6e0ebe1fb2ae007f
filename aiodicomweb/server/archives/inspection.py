"""A look into a file that may become part of an archive, or is part of one: all but the pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from ...dicom.layout import Span, read_layout, read_span
from ...dicom.part10 import decode
from ...dicom.uids import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from ...errors import Part10Error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom import Dataset

    from ...dicom.layout import Element, Encoding

__all__ = ["Inspected", "inspect"]

_LARGEST_ELEMENT: Final = 64 * 1024
"""Octets of an element that is worth to be read. Names, dates and codes have some hundred;
documents, overlays, waveforms and what is said of each frame have more."""

_MOST_OCTETS: Final = 4 * 1024 * 1024
"""Octets that are read of one file. Usual files have 5,000, private elements included."""

_MOST_IN_SEQUENCES: Final = 512 * 1024
"""Octets of sequences among them: an empty item is a hundred times as large once it is read."""

_PIXELS: Final = 0x7FE0


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that is whole.

    Attributes:
        dataset: What it says, without what is large.
        transfer_syntax: UID of the transfer syntax that it is in.
    """

    dataset: Dataset
    transfer_syntax: str


def inspect(file: BinaryIO) -> Inspected:
    """Read a DICOM file, or a bare data set, without pixels and what else is large. Blocks.

    Every element of it, pixel data and their fragments included, ends within the file: what is
    cut short does not pass.

    Args:
        file: Seekable. With a small buffer less is read where there are many fragments.

    Raises:
        Part10Error: It is not DICOM, is cut short, or cannot be read.
        OSError: The system does not give it to us.
    """
    layout = read_layout(file)
    if not layout.is_complete:
        raise Part10Error("the file ends within an element")
    source = layout.source(file)
    octets = bytearray(_head(layout.encoding))
    for span in _spans(layout.elements):
        octets += read_span(source, span)
    return Inspected(decode(bytes(octets)), layout.transfer_syntax)


def _spans(elements: Iterable[Element]) -> list[Span]:
    """Where the elements are that are to be read, those in a row as one."""
    spans: list[Span] = []
    left, left_in_sequences = _MOST_OCTETS, _MOST_IN_SEQUENCES
    for element in elements:
        length = element.end - element.start
        most = min(_LARGEST_ELEMENT, left_in_sequences if element.vr == "SQ" else left)
        if element.tag >> 16 == _PIXELS or length > most:
            continue
        left -= length
        left_in_sequences -= length if element.vr == "SQ" else 0
        if spans and sum(spans[-1]) == element.start:
            spans[-1] = Span(spans[-1].offset, spans[-1].length + length)
        else:
            spans.append(Span(element.start, length))
    return spans


def _head(encoding: Encoding) -> bytes:
    """Preamble and file meta information that say how the elements behind them are written."""
    syntax = EXPLICIT_VR_LITTLE_ENDIAN if encoding.is_little_endian else EXPLICIT_VR_BIG_ENDIAN
    if encoding.is_implicit:
        syntax = IMPLICIT_VR_LITTLE_ENDIAN
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return bytes(128) + b"DICM" + struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(value)) + value
