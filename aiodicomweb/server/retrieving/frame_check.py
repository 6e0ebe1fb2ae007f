"""Whether compressed frames are where they should be, before an answer begins that has them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pydicom.uid import RLELossless

from ...dicom.layout import read_span
from ...errors import Part10Error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...dicom.frame_layout import FrameLayout, PixelFormat
    from .content import Stored

__all__ = ["check_frames"]

_HEAD: Final = 64
"""Octets at the beginning of run lengths (PS3.5 §G.5); other streams tell what they are sooner."""
_STARTS: Final = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
"""Of JPEG and JPEG-LS, of JPEG 2000, and of the same in boxes."""


def check_frames(stored: Stored, frames: FrameLayout, indices: Iterable[int]) -> None:
    """Look whether compressed frames begin as they must. Blocks.

    That is cheap, and shows where an offset table is wrong. Whether a decoder takes the rest is
    seen only when it does.

    Args:
        stored: The instance.
        frames: Where its frames are.
        indices: Those that are asked for, from 0.

    Raises:
        Part10Error: One begins otherwise; it is told which.
        OSError: The file cannot be read.
    """
    if frames.compressed is None or frames.pixels is None:
        return
    is_run_lengths = stored.holding.transfer_syntax == RLELossless
    with stored.open() as file:
        source = stored.layout.source(file)
        for index in indices:
            spans = frames.compressed[index]
            head = read_span(source, spans[0]._replace(length=min(spans[0].length, _HEAD)))
            length = sum(span.length for span in spans)
            if not (
                _is_head_of_run_lengths(head, length, frames.pixels)
                if is_run_lengths
                else head.startswith(_STARTS)
            ):
                raise Part10Error(f"frame {index + 1} does not begin like one")


def _is_head_of_run_lengths(head: bytes, length: int, pixels: PixelFormat) -> bool:
    """Whether segments are counted, one for each octet of a pixel, and are within the frame."""
    if len(head) < _HEAD:
        return False
    count, *offsets = struct.unpack("<16L", head)
    told = offsets[:count]
    expected = pixels.samples * ((pixels.bits_allocated + 7) // 8)
    return count == expected == len(told) and told == sorted(told) and told[-1] < length
