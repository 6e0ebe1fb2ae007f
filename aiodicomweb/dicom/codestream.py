"""What the head of a compressed image says of its size, before anybody makes room for it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pydicom.uid import RLELossless

from ..errors import Part10Error

if TYPE_CHECKING:
    from .frame_layout import PixelFormat

__all__ = ["check_coded_size", "coded_size"]

_START_OF_JPEG: Final = b"\xff\xd8"
_START_OF_JPEG_2000: Final = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE: Final = b"\0\0\0\x0cjP  "
_BARE: Final = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a segment."""
_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame's head in JPEG (ITU-T T.81 Table B.1), and in JPEG-LS (T.87 Table C.1)."""
_MOST_SEGMENTS: Final = 4096
"""Segments before a frame's head. A large ICC profile takes 255."""


def check_coded_size(octets: bytes, transfer_syntax: str, pixels: PixelFormat) -> None:
    """Refuse an image of another size than the data set says.

    Decoders believe the stream: one makes room for whatever it says, one never ends where it
    says that there are no rows.

    Args:
        octets: A compressed frame.
        transfer_syntax: How it is compressed.
        pixels: What the data set says of it.

    Raises:
        Part10Error: It has another size, or none, or is longer than its size allows.
    """
    if transfer_syntax == RLELossless:
        # Without a head. At worst there is an octet more for each 128.
        if len(octets) > 2 * pixels.octets + 1024:
            raise Part10Error("a compressed frame is larger than it can be")
    elif coded_size(octets) != (pixels.columns, pixels.rows):
        raise Part10Error("a compressed frame has another size than the data set says")


def coded_size(octets: bytes) -> tuple[int, int] | None:
    """Columns and rows of a JPEG, JPEG-LS or JPEG 2000 image, as its head tells.

    Args:
        octets: The compressed frame.

    Returns:
        ``None`` if it is none of these, such as run lengths, which have no such head.
    """
    if octets.startswith(_START_OF_JPEG):
        return _size_of_jpeg(octets)
    start = 0
    if octets.startswith(_JP2_SIGNATURE):
        start = max(0, octets.find(_START_OF_JPEG_2000))
    return _size_of_jpeg_2000(octets, start)


def _size_of_jpeg(octets: bytes) -> tuple[int, int] | None:
    position = 2
    for _ in range(_MOST_SEGMENTS):
        while octets[position : position + 2] == b"\xff\xff":
            position += 1
        head = octets[position : position + 9]
        if len(head) < 9 or head[0] != 0xFF:
            return None
        if head[1] in _START_OF_FRAME:
            rows, columns = struct.unpack_from(">HH", head, 5)
            return columns, rows
        (length,) = struct.unpack_from(">H", head, 2)
        position += 2 if head[1] in _BARE else 2 + length
    return None


def _size_of_jpeg_2000(octets: bytes, start: int) -> tuple[int, int] | None:
    """The reference grid is at least as large as the image (ITU-T T.800 §A.5.1)."""
    head = octets[start : start + 24]
    if len(head) < 24 or not head.startswith(_START_OF_JPEG_2000):
        return None
    right, bottom, left, top = struct.unpack_from(">4L", head, 8)
    return max(0, right - left), max(0, bottom - top)
