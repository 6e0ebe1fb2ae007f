"""Where the frames of pixel data are in a file (PS3.5 §8.1, §A.4, PS3.3 §C.7.6.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final

from ..errors import Part10Error
from .excerpt import read_excerpt
from .layout import Span, read_span
from .uids import bulk_data_media_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from .layout import Element, Layout

__all__ = ["FrameLayout", "PixelFormat", "extract_bits", "read_frame_layout"]

DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
FLOAT_PIXEL_DATA: Final = 0x7FE00008
PIXEL_DATA: Final = 0x7FE00010
PIXELS: Final = (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)
"""Elements that hold pixels; a data set has one of them (PS3.3 §C.7.6.3)."""

_EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
_EXTENDED_OFFSET_TABLE_LENGTHS: Final = 0x7FE00002
_IMAGE: Final = 0x0028
_END_OF_IMAGE: Final = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """What the Image Pixel module says of the pixels (PS3.3 §C.7.6.3).

    Attributes:
        rows: Pixels in a column.
        columns: Pixels in a row.
        samples: Samples per pixel.
        bits_allocated: Bits of a sample in native form.
        bits_stored: Bits of a sample that count.
        is_signed: Whether samples are signed.
        photometric_interpretation: Such as ``MONOCHROME2``.
        planar_configuration: Whether colours stand pixel by pixel (0) or plane by plane (1).
        number_of_frames: At least one.
    """

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    photometric_interpretation: str
    planar_configuration: int
    number_of_frames: int

    @property
    def bits(self) -> int:
        """Bits of a frame in native form."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated
        # Two pixels share the samples of their colour (PS3.3 §C.7.6.3.1.2).
        return bits // 3 * 2 if self.photometric_interpretation == "YBR_FULL_422" else bits

    @property
    def octets(self) -> int:
        """Octets that a frame takes by itself."""
        return (self.bits + 7) // 8

    @property
    def decoded_octets(self) -> int:
        """Octets that a compressed frame has once it is decompressed, to whole pixels."""
        return (self.rows * self.columns * self.samples * self.bits_allocated + 7) // 8

    @classmethod
    def of(cls, dataset: Dataset) -> PixelFormat:
        """Read the module.

        Raises:
            Part10Error: Something is missing, or is no number that it could be.
        """
        try:
            frames = int(dataset.get("NumberOfFrames") or 1)
            found = cls(
                int(dataset["Rows"].value),
                int(dataset["Columns"].value),
                int(dataset.get("SamplesPerPixel") or 1),
                int(dataset["BitsAllocated"].value),
                int(dataset.get("BitsStored") or dataset["BitsAllocated"].value),
                bool(dataset.get("PixelRepresentation")),
                str(dataset.get("PhotometricInterpretation") or ""),
                int(dataset.get("PlanarConfiguration") or 0),
                max(1, frames),
            )
        except Exception:  # noqa: BLE001
            # What pydicom's classes raise for a broken value is not defined.
            raise Part10Error("the pixels are not described") from None
        if found.bits < 1:
            raise Part10Error("the image has no pixels")
        return found


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """Where the frames of an instance are.

    Attributes:
        element: Pixel Data (7FE0,0010), or its float or double float kin.
        pixels: What they are like; ``None`` for compressed ones that are not described.
        compressed: The pieces of each compressed frame, in order; ``None`` for native pixel
            data. A video is one frame.
    """

    element: Element
    pixels: PixelFormat | None
    compressed: tuple[tuple[Span, ...], ...] | None

    def __len__(self) -> int:
        """How many frames there are whole."""
        if self.compressed is not None:
            return len(self.compressed)
        pixels = self._native()
        return min(pixels.number_of_frames, self.element.value.length * 8 // pixels.bits)

    def native(self, index: int) -> tuple[Span, int]:
        """Octets that a native frame is in, and the bits of the first of them to be passed over.

        Args:
            index: From 0.

        Raises:
            Part10Error: There is no such frame, or it is compressed.
        """
        pixels = self._native()
        if not 0 <= index < len(self):
            raise Part10Error("there is no such frame")
        first, skipped = divmod(index * pixels.bits, 8)
        length = (skipped + pixels.bits + 7) // 8
        return Span(self.element.value.offset + first, length), skipped

    def _native(self) -> PixelFormat:
        if self.pixels is None or self.compressed is not None:
            raise Part10Error("the pixel data are not native")
        return self.pixels


def extract_bits(octets: bytes, skipped: int, bits: int) -> bytes:
    """Bits as octets of their own, from the least significant one on (PS3.5 §8.1.1).

    Args:
        octets: What they are in.
        skipped: How many bits before them.
        bits: How many there are; the last octet is filled with zeros.
    """
    number = int.from_bytes(octets, "little") >> skipped & (1 << bits) - 1
    return number.to_bytes((bits + 7) // 8, "little")


def read_frame_layout(file: BinaryIO, layout: Layout) -> FrameLayout | None:
    """Find the frames of a file.

    Args:
        file: What the layout is of.
        layout: Where its elements are.

    Returns:
        ``None`` if there are no pixels.

    Raises:
        Part10Error: The pixels are not described, or frames cannot be told apart.
        OSError: The file cannot be read.
    """
    element = next((e for tag in PIXELS if (e := layout.find(tag)) is not None), None)
    if element is None or not element.value.length:
        return None
    described = read_excerpt(file, layout, _is_no_description)
    if element.fragments is None:
        return FrameLayout(element, PixelFormat.of(described), None)
    try:
        pixels = PixelFormat.of(described)
    except Part10Error:
        pixels = None
    source = layout.source(file)
    is_video = bulk_data_media_type(layout.transfer_syntax).startswith("video/")
    number = 1 if is_video or pixels is None else pixels.number_of_frames
    if is_video:
        return FrameLayout(element, pixels, (element.fragments[1:],))
    return FrameLayout(element, pixels, tuple(_frames(source, layout, element, number)))


def _is_no_description(element: Element) -> bool:
    return element.tag >> 16 != _IMAGE or element.vr == "SQ"


def _frames(
    file: BinaryIO, layout: Layout, element: Element, number: int
) -> Sequence[tuple[Span, ...]]:
    table, *fragments = element.fragments or (Span(0, 0),)
    offsets = _numbers(file, layout.find(_EXTENDED_OFFSET_TABLE), "Q")
    lengths = _numbers(file, layout.find(_EXTENDED_OFFSET_TABLE_LENGTHS), "Q")
    if offsets and len(offsets) == len(lengths):
        return _by_extended_table(fragments, offsets, lengths)
    starts = _unpack(read_span(file, table), "L")
    # Where there is a fragment for each frame, the table can only be needless, or wrong.
    if starts and len(fragments) != number and _is_table_of(fragments, starts):
        return _by_basic_table(fragments, starts)
    if len(fragments) in (1, number):
        return [(fragment,) for fragment in fragments]
    if number == 1:
        return [tuple(fragments)] if fragments else []
    if len(fragments) < number:
        raise Part10Error("there are fewer fragments than frames")
    if starts:
        raise Part10Error("the Basic Offset Table names no fragment")
    return _by_end_of_image(file, fragments)


def _numbers(file: BinaryIO, element: Element | None, kind: str) -> list[int]:
    return [] if element is None else _unpack(read_span(file, element.value), kind)


def _unpack(octets: bytes, kind: str) -> list[int]:
    size = struct.calcsize(f"<{kind}")
    if len(octets) % size:
        raise Part10Error("an offset table is cut short")
    return list(struct.unpack(f"<{len(octets) // size}{kind}", octets))


def _by_extended_table(
    fragments: Sequence[Span], offsets: Sequence[int], lengths: Sequence[int]
) -> list[tuple[Span, ...]]:
    """Each frame is one fragment, and its length is told without padding (PS3.3 §C.7.6.3.1.8)."""
    start = fragments[0].offset - 8 if fragments else 0
    known = {fragment.offset - 8 - start: fragment for fragment in fragments}
    frames: list[tuple[Span, ...]] = []
    for offset, length in zip(offsets, lengths, strict=True):
        fragment = known.get(offset)
        if fragment is None or length > fragment.length:
            raise Part10Error("the Extended Offset Table names no fragment")
        frames.append((Span(fragment.offset, length),))
    return frames


def _is_table_of(fragments: Sequence[Span], starts: Sequence[int]) -> bool:
    """Whether fragments start where a table says; its 32 bits don't reach beyond 4 GiB."""
    offset = 0
    known: set[int] = set()
    for fragment in fragments:
        known.add(offset)
        offset += fragment.length + 8
    return starts[0] == 0 and known.issuperset(starts) and all(a < b for a, b in pairwise(starts))


def _by_basic_table(fragments: Sequence[Span], starts: Sequence[int]) -> list[tuple[Span, ...]]:
    """A frame has the fragments from its own start to that of the next one (PS3.5 §A.4)."""
    frames: list[list[Span]] = [[]]
    offset = 0
    for fragment in fragments:
        if len(frames) < len(starts) and offset >= starts[len(frames)]:
            frames.append([])
        frames[-1].append(fragment)
        offset += fragment.length + 8
    return [tuple(frame) for frame in frames if frame]


def _by_end_of_image(file: BinaryIO, fragments: Sequence[Span]) -> list[tuple[Span, ...]]:
    """JPEG, JPEG-LS and JPEG 2000 end with the same marker, perhaps with padding behind it."""
    frames: list[tuple[Span, ...]] = []
    frame: list[Span] = []
    for fragment in fragments:
        frame.append(fragment)
        tail = min(10, fragment.length)
        end = Span(fragment.offset + fragment.length - tail, tail)
        if _END_OF_IMAGE in read_span(file, end):
            frames.append(tuple(frame))
            frame = []
    return [*frames, tuple(frame)] if frame else frames
