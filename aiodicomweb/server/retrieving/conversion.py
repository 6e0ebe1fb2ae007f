"""Instances as DICOM files that they are not stored as, piece by piece (PS3.18 §8.7.3.5.2).

The elements are written anew, without those whose values are large: these are put between what was
written. Of native pixels in little endian the octets are equal, so that they go from file to socket
unseen; big-endian words are swapped block by block, compressed frames are decompressed one by one.
What is held is the elements that are written, and a frame.
"""

from __future__ import annotations

import io
import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pydicom import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from ...dicom.excerpt import read_excerpt
from ...dicom.frame_layout import PIXEL_DATA, FrameLayout, read_frame_layout
from ...dicom.frames import set_transfer_syntax
from ...dicom.layout import Span, read_layout, read_span
from ...dicom.part10 import encode
from ...dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, is_encapsulated
from ...dicom.vrs import BINARY_VRS
from ...errors import Part10Error
from ...http import Deferred, OutgoingBody, Produced, segment_length
from .content import Stored, open_content, piece_of
from .frame_check import check_frames
from .transcode import (
    Decoded,
    converting,
    decode,
    swap_values,
    swap_words,
    word_size,
)

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...dicom.layout import Element
    from ...http import Segment
    from ..archive import Holding
    from .budget import Claim
    from .content import Content

__all__ = ["Conversion", "to_file"]

_LARGEST: Final = (1 << 32) - 2
"""Octets of the largest element in Explicit VR Little Endian (PS3.5 §7.1.2)."""
_LARGE: Final = 1 << 16
"""Octets of values that are not written anew. Pixels are not, however few."""
_BLOCK: Final = 1 << 22
"""Octets whose words are swapped at once."""
_VRS: Final = BINARY_VRS | {"OB or OW"}
_OFFSET_TABLES: Final = (0x7FE00001, 0x7FE00002)
_SUBSAMPLED: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Of native pixels these say that two share their colour (PS3.3 §C.7.6.3.1.2)."""


def to_file(holding: Holding) -> tuple[Segment, ...]:
    """A bare data set as a DICOM file: file meta information is put before it. Blocks.

    Raises:
        Part10Error: It cannot be read, or has no UIDs.
        OSError: It cannot be read.
    """
    with open_content(holding.content) as file:
        layout = read_layout(file)
        identity = read_excerpt(file, layout, lambda one: one.tag not in (0x00080016, 0x00080018))
    meta = FileMetaDataset()
    head = DicomBytesIO()
    try:
        meta.MediaStorageSOPClassUID = identity.SOPClassUID
        meta.MediaStorageSOPInstanceUID = identity.SOPInstanceUID
        meta.TransferSyntaxUID = UID(holding.transfer_syntax)
        write_file_meta_info(head, meta)
    except Exception:  # noqa: BLE001
        # What pydicom's classes raise for a broken value is not defined.
        raise Part10Error("the data set does not say which instance it is") from None
    length = segment_length(holding.content)
    whole = piece_of(holding.content, Span(0, length))
    return bytes(128) + b"DICM" + head.getvalue(), whole


class Conversion:
    """An instance on its way to Explicit VR Little Endian.

    Its UIDs stay as they are: it is the same instance (PS3.18 §8.7.3.5.2).

    Args:
        holding: The instance. Where its values are is looked up at once. Blocks.
        is_alone: Whether no others are answered with beside it.

    Raises:
        Part10Error: It cannot be read, or its frames cannot be told apart.
        OSError: It cannot be read.
    """

    def __init__(self, holding: Holding, *, is_alone: bool = True) -> None:
        self._holding = holding
        self._is_alone = is_alone
        self._work: _Work | None = self._begin()

    def _begin(self) -> _Work:
        with converting():
            return _Work(Stored.read(self._holding, is_alone=self._is_alone))

    def check(self) -> None:
        """Convert it but for what is large, and decompress its first frame. Blocks.

        That shows nearly always whether it can be converted.

        Raises:
            Part10Error: It cannot be decompressed or written.
            OSError: It cannot be read.
        """
        (self._work or self._begin()).write()

    def pieces(self) -> tuple[Segment, ...]:
        """The file, whose length is known: elements, and the first frame, are made now. Blocks.

        Raises:
            Part10Error: It cannot be decompressed or written.
            OSError: It cannot be read.
        """
        self._work = work = self._work or self._begin()
        work.write()
        pieces: list[Segment] = []
        for text, element in zip(work.texts, work.large, strict=False):
            pieces += [text, *(self._known(work, piece) for piece in self._value(work, element))]
        return (*pieces, work.texts[-1])

    def promises(self) -> OutgoingBody:
        """The file, of which nothing is held before its turn comes, and nothing behind it."""
        work, self._work = self._work or self._begin(), None
        pieces: list[Segment | Produced] = []
        for place, element in enumerate(work.large):
            pieces += [Produced(partial(self._text, place)), *self._value(work, element)]
        return (*pieces, Produced(partial(self._text, len(work.large))))

    def _text(self, place: int) -> bytes:
        """What is written before a large value, or behind the last. Blocks."""
        if self._work is None:
            self._work = self._begin()
            self._work.write()
        text = self._work.texts[place]
        if place == len(self._work.large):
            self._work = None
        return text

    def _value(self, work: _Work, element: Element) -> tuple[Segment | Produced, ...]:
        if work.frames is not None and element.tag == PIXEL_DATA:
            indices = range(len(work.frames))
            return tuple(Produced(partial(self._frame, index)) for index in indices)
        if work.stored.layout.encoding.is_little_endian:
            return work.stored.segments(element.value)
        return tuple(_swapped(work.stored, element))

    def _known(self, work: _Work, piece: Segment | Produced) -> Segment:
        """A piece, now that the first frame has shown how long frames are."""
        if isinstance(piece, Produced):
            return Deferred(work.frame_length, piece.produce)
        return piece

    def _frame(self, index: int) -> bytes:
        """A frame, decompressed. Blocks."""
        work = self._work
        if work is None:
            raise Part10Error("the instance is not being converted")
        return work.frame(index)


class _Work:
    """What is held of an instance while it is converted."""

    def __init__(self, stored: Stored) -> None:
        elements = stored.layout.elements
        self.stored = stored
        self.frames = _compressed_frames(stored)
        self.large = [one for one in elements if one.tag == PIXEL_DATA or _is_large(one)]
        self.texts: list[bytes] = []
        self.frame_length = 0
        self._first: Decoded | None = None
        self._latest: Claim | None = None
        if self.frames is None and any(one.fragments is not None for one in elements):
            raise Part10Error("the pixel data are compressed, which the transfer syntax is not")

    # --- frames ----------------------------------------------------------------------------------

    def frame(self, index: int) -> bytes:
        """A frame. All are of one size; the one before it is let go."""
        if self._latest is not None:
            self._latest.release()
        first, self._first = self._first, None
        decoded = first if first is not None and not index else self._decode(index)
        if len(decoded.octets) != self.frame_length:
            raise Part10Error("a frame has another size than the first")
        self._latest = decoded.octets.claim
        return decoded.octets

    def _decode(self, index: int) -> Decoded:
        frames = self.frames
        if frames is None or frames.compressed is None or frames.pixels is None:
            raise Part10Error("the pixels are not described")
        octets = self.stored.octets(*frames.compressed[index])
        return decode(octets, self.stored.holding.transfer_syntax, frames.pixels)

    # --- elements --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the elements: what stands before each large value, and behind the last."""
        if self.frames is not None:
            check_frames(self.stored, self.frames, range(len(self.frames)))
            self._first = self._decode(0)
            self.frame_length = len(self._first.octets)
        with converting():
            octets = encode(self._excerpt())
            written = read_layout(io.BytesIO(octets))
        start, padding = 0, b""
        self.texts = []
        for element in self.large:
            gap = written.find(element.tag)
            if gap is None:
                raise Part10Error("the data set cannot be converted")
            length = self._length(element)
            header = _header(element.tag, gap.vr, length + length % 2)
            self.texts.append(padding + octets[start : gap.start] + header)
            start, padding = gap.end, bytes(length % 2)
        self.texts.append(padding + octets[start:])

    def _length(self, element: Element) -> int:
        if self.frames is not None and element.tag == PIXEL_DATA:
            return self.frame_length * len(self.frames)
        return element.value.length

    def _excerpt(self) -> Dataset:
        """The data set as it is to be written, in which octets stand for large values."""
        tags = {element.tag for element in self.large}
        if self.frames is not None:
            tags.update(_OFFSET_TABLES)
        # Not by their tags: an icon has pixel data of its own.
        places = {one.start for one in self.stored.layout.elements if one.tag in tags}
        with self.stored.open() as file:
            dataset = read_excerpt(file, self.stored.layout, lambda one: one.start in places)
        try:
            if self.stored.holding.transfer_syntax == EXPLICIT_VR_BIG_ENDIAN:
                swap_values(dataset)
            if self._first is not None:
                self._describe(dataset, self._first)
            for element in self.large:
                dataset[element.tag] = DataElement(element.tag, _vr(element, dataset), bytes(2))
            set_transfer_syntax(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
        except Exception:  # noqa: BLE001
            # pydicom converts on access; what it raises for a broken value is not defined.
            raise Part10Error("the data set cannot be converted") from None
        return dataset

    def _describe(self, dataset: Dataset, decoded: Decoded) -> None:
        """Say what decompression has made of the pixels."""
        told = decoded.photometric_interpretation
        # A decoder gives every pixel its colour, but keeps the name of what was subsampled.
        dataset.PhotometricInterpretation = "YBR_FULL" if told in _SUBSAMPLED else told
        dataset.BitsAllocated = decoded.bits_allocated
        pixels = self.frames.pixels if self.frames is not None else None
        if pixels is not None and pixels.samples > 1:
            dataset.PlanarConfiguration = pixels.planar_configuration


def _compressed_frames(stored: Stored) -> FrameLayout | None:
    """Where the frames are, if they have to be decompressed.

    Raises:
        Part10Error: They cannot be told apart, are fewer than there should be, or not described.
    """
    if not is_encapsulated(stored.holding.transfer_syntax) or not stored.layout.find(PIXEL_DATA):
        return None
    with stored.open() as file:
        frames = read_frame_layout(file, stored.layout)
    if frames is None or not frames.compressed or frames.pixels is None:
        raise Part10Error("the pixels are not described")
    if len(frames) < frames.pixels.number_of_frames:
        raise Part10Error("there are fewer frames than the data set says")
    return frames


def _is_large(element: Element) -> bool:
    return element.vr in _VRS and element.value.length > _LARGE and not element.is_undefined


def _vr(element: Element, dataset: Dataset) -> str:
    """What a large value is, once it is written (PS3.5 §A.2): of pixels, 8 bits may be octets."""
    if element.tag == PIXEL_DATA and (element.is_undefined or " " in element.vr):
        bits: Any = dataset.get("BitsAllocated")
        return "OB" if bits and int(bits) <= 8 else "OW"
    return "OW" if " " in element.vr else element.vr


def _header(tag: int, vr: str, length: int) -> bytes:
    """The beginning of an element of one of the VRs that octets have (PS3.5 §7.1.2)."""
    if length > _LARGEST:
        raise Part10Error("the pixel data are too large for Explicit VR Little Endian")
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), 0, length)


def _swapped(stored: Stored, element: Element) -> list[Deferred]:
    """A value in big endian, in blocks that are turned round when their turn comes."""
    with stored.open() as file:
        described = read_excerpt(file, stored.layout, lambda one: one.tag != 0x00280100)
    try:
        bits = int(described.get("BitsAllocated") or 0)
    except Exception:  # noqa: BLE001
        raise Part10Error("the data set cannot be converted") from None
    size = word_size(element.vr, element.tag, bits)
    content = stored.holding.content
    first, length = element.value
    spans = [Span(first + start, min(_BLOCK, length - start)) for start in range(0, length, _BLOCK)]
    return [Deferred(span.length, partial(_swap, content, span, size)) for span in spans]


def _swap(content: Content, span: Span, size: int) -> bytes:
    with converting(), open_content(content) as file:
        return swap_words(read_span(file, span), size)
