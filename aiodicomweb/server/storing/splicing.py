"""DICOM files whose bulk data stay where they are until their turn comes.

All but the bulk data is written first, in pieces, and what is wrong with it is known then. Between
the pieces stand the parts, which are read block by block as the file is copied into the archive
(PS3.10 §7, PS3.5 §7.1, §7.5, §A.4).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import UID

from ...dicom.padding import with_even_lengths
from ...dicom.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, is_encapsulated
from ...errors import Part10Error
from .spool import BLOCK, SpooledPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydicom import DataElement, Dataset

    from ...dicom.codestream import Codestream

__all__ = ["SplicedValue", "items_of", "splice_file"]

_PIXEL_DATA: Final = 0x7FE00010
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = b"\xfe\xff\x00\xe0"
_END_OF_ITEM: Final = b"\xfe\xff\x0d\xe0" + bytes(4)
_END_OF_SEQUENCE: Final = b"\xfe\xff\xdd\xe0" + bytes(4)
_ODD: Final = b"\0"

_Piece = bytes | SpooledPart


@dataclass(frozen=True, slots=True, eq=False)
class SplicedValue:
    """What an element of a binary VR has in place of its octets.

    Attributes:
        parts: Where these are: in one part, or one for each frame.
        syntax: Of pixel data, their transfer syntax.
        codestream: Of compressed pixel data, what the head of the first frame says, if anything.
    """

    parts: Sequence[SpooledPart]
    syntax: str | None = None
    codestream: Codestream | None = None

    @property
    def is_encapsulated(self) -> bool:
        """Whether the parts are frames, and each of them goes into an item."""
        return self.syntax is not None and is_encapsulated(self.syntax)

    def pieces(self) -> tuple[int, list[_Piece]]:
        """The length that the element tells, and what follows it.

        Raises:
            Part10Error: A frame is empty, or there is more than an element can hold.
        """
        length = sum(part.length for part in self.parts)
        if self.is_encapsulated:
            return _UNDEFINED, self._items()
        if length + length % 2 >= _UNDEFINED:
            raise Part10Error("a value is longer than an element can be")
        return length + length % 2, [*self.parts, *([_ODD] * (length % 2))]

    def _items(self) -> list[_Piece]:
        """An offset table, and one item for each frame (PS3.5 §A.4)."""
        lengths = [part.length + part.length % 2 for part in self.parts]
        if not all(lengths) or max(lengths) >= _UNDEFINED:
            raise Part10Error("a frame has no octets, or more than an item can hold")
        offsets = [0, *accumulate(8 + length for length in lengths)]
        # Without a table where one says nothing, and where its numbers don't reach.
        starts = offsets[:-1] if len(lengths) > 1 and offsets[-1] < _UNDEFINED else []
        pieces: list[_Piece] = [_item(4 * len(starts)) + struct.pack(f"<{len(starts)}L", *starts)]
        for part, length in zip(self.parts, lengths, strict=True):
            pieces += [_item(length), part, *([_ODD] * (part.length % 2))]
        return [*pieces, _END_OF_SEQUENCE]


def items_of(element: DataElement) -> list[Dataset]:
    """The items of a sequence; none of what is none."""
    return list(element.value or ()) if element.VR == "SQ" else []


def splice_file(dataset: Dataset, syntax: str) -> Iterator[bytes]:
    """Write a data set as a DICOM file.

    Args:
        dataset: A data set with SOP Class UID and SOP Instance UID. Elements of binary VRs may have
            a :class:`SplicedValue`.
        syntax: Its transfer syntax, of explicit VR and little endian.

    Returns:
        The file, in blocks of at most about 1 MiB. What fails while iterating is an ``OSError``:
        a part cannot be read.

    Raises:
        Part10Error: The UIDs are missing, or a value cannot be written.
    """
    if _PIXEL_DATA in dataset:
        dataset[_PIXEL_DATA].is_undefined_length = is_encapsulated(syntax)
    writer = _Writer()
    try:
        head = _head(dataset, syntax)
        writer.write(with_even_lengths(dataset), None)
    except Part10Error:
        raise
    except Exception as error:  # noqa: BLE001
        # pydicom's own text may quote the value: it is neither shown nor chained.
        raise Part10Error(f"the data set cannot be written ({type(error).__name__})") from None
    blocks = _blocks(writer.pieces())
    if syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        blocks = _deflate(blocks)
    return _behind(head, blocks)


def _head(dataset: Dataset, syntax: str) -> bytes:
    """Preamble and file meta information (PS3.10 §7.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    buffer = _buffer()
    buffer.write(bytes(128) + b"DICM")
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()


class _Writer:
    """Writes data sets into pieces."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._buffer = _buffer()

    def pieces(self) -> list[_Piece]:
        """All that was written."""
        self._add()
        return self._pieces

    def write(self, dataset: Dataset, encoding: Any) -> None:
        """Write the elements of a data set, or of an item, whose text is encoded like this."""
        encoding = dataset.get("SpecificCharacterSet", encoding)
        for element in dataset:
            if isinstance(element.value, SplicedValue):
                self._splice(element, element.value)
            elif any(map(_has_spliced, items_of(element))):
                self._write_items(element, encoding)
            else:
                write_data_element(self._buffer, element, encoding)

    def _splice(self, element: DataElement, value: SplicedValue) -> None:
        length, pieces = value.pieces()
        self._buffer.write(_header(element, length))
        self._add(*pieces)

    def _write_items(self, element: DataElement, encoding: Any) -> None:
        """A sequence of items without lengths, as these would need all that is in them."""
        self._buffer.write(_header(element, _UNDEFINED))
        for item in items_of(element):
            self._buffer.write(_item(_UNDEFINED))
            self.write(item, encoding)
            self._buffer.write(_END_OF_ITEM)
        self._buffer.write(_END_OF_SEQUENCE)

    def _add(self, *pieces: _Piece) -> None:
        self._pieces += [self._buffer.getvalue(), *pieces]
        self._buffer = _buffer()


def _has_spliced(dataset: Dataset) -> bool:
    return any(
        isinstance(element.value, SplicedValue) or any(map(_has_spliced, items_of(element)))
        for element in dataset
    )


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = False
    buffer.is_little_endian = True
    return buffer


def _header(element: DataElement, length: int) -> bytes:
    """Tag, VR and length (PS3.5 §7.1.2); all VRs here are those with lengths of 32 bits."""
    tag = element.tag
    return struct.pack("<HH2sHL", tag.group, tag.element, element.VR.encode(), 0, length)


def _item(length: int) -> bytes:
    return _ITEM + struct.pack("<L", length)


# --- octets -------------------------------------------------------------------------------------


def _blocks(pieces: Iterable[_Piece]) -> Iterator[bytes]:
    """The octets of all pieces, small ones together."""
    gathered = bytearray()
    for piece in pieces:
        for block in piece.blocks() if isinstance(piece, SpooledPart) else (piece,):
            gathered += block
            if len(gathered) >= BLOCK:
                yield bytes(gathered)
                gathered.clear()
    yield bytes(gathered)


def _deflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What is behind the file meta information, compressed, of an even length (PS3.5 §A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for block in blocks:
        length += len(octets := compressor.compress(block))
        yield octets
    length += len(octets := compressor.flush())
    yield octets + _ODD * (length % 2)


def _behind(head: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from blocks
