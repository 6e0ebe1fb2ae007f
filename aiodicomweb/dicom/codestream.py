"""What the head of a compressed image says, before anybody makes room for it, or believes a label.

JPEG and JPEG-LS (ITU-T T.81 §B.2, T.87 §C.2) and JPEG 2000 (ITU-T T.800 §A.4) begin with segments
that tell their lengths. They are passed over one by one, a few octets of each are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydicom import config
from pydicom.tag import BaseTag
from pydicom.uid import RLELossless

from ..errors import Part10Error
from .elements import new_element

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

    from .frame_layout import PixelFormat

__all__ = [
    "CODESTREAM_SYNTAXES",
    "Codestream",
    "ReadOctets",
    "check_coded_size",
    "coded_size",
    "complete_image_pixel",
    "read_codestream",
    "reader_of",
]

ReadOctets = Callable[[int, int], bytes]
"""Gives octets from an offset on, of a length; fewer at the end, none behind it."""


def _syntaxes(suffixes: str) -> tuple[str, ...]:
    return tuple(f"1.2.840.10008.1.2.4.{suffix}" for suffix in suffixes.split())


CODESTREAM_SYNTAXES: Final = frozenset(_syntaxes("50 51 57 70 80 81 90 91 92 93 201 202 203"))
"""Transfer syntaxes whose frames :func:`read_codestream` knows."""

_START_OF_JPEG: Final = b"\xff\xd8"
_START_OF_JPEG_2000: Final = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE: Final = b"\0\0\0\x0cjP  "
_CODESTREAM_BOX: Final = b"jp2c"
_BARE: Final = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a segment."""
_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame's head in JPEG (ITU-T T.81 Table B.1), and in JPEG-LS (T.87 Table C.1)."""
_START_OF_SCAN: Final = 0xDA
_BASELINE, _EXTENDED, _LOSSLESS, _JPEG_LS = 0xC0, 0xC1, 0xC3, 0xF7
_ADOBE: Final = 0xEE
_CAPABILITIES, _SIZE, _CODING, _CODING_OF_COMPONENT = 0x50, 0x51, 0x52, 0x53
_TILE_LENGTHS, _START_OF_TILE = 0x55, 0x90
"""Markers of JPEG 2000 (ITU-T T.800 Table A.2)."""
_MOST_BITS: Final = 38
"""Bits of a sample (ITU-T T.800 Table A.11)."""
_MOST_SEGMENTS: Final = 4096
"""Segments before the first scan. A large ICC profile takes 255."""
_MOST_DECODED: Final = 512 << 20
"""Octets of a frame that is decompressed. Those of large mammograms have 60 MiB."""
_MODEST: Final = 64 << 20
_MOST_TIMES: Final = 1000
"""How many times its own octets a frame beyond ``_MODEST`` may become. Real ones become some 50
times as many; only what is empty becomes more, and that is hardly ever large."""
_MOST_TIMES_OF_RUN_LENGTHS: Final = 64
"""Two octets become 128 at most (PS3.5 §G.3.1)."""
_MOST_READ: Final = 1024
"""Octets that are read of a segment: the heads of up to 255 components, of three octets each."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """A compressed image, as its head tells.

    Attributes:
        transfer_syntaxes: UIDs of those that it can be in, the narrowest first: what is without
            loss may be in one that allows loss (PS3.5 §A.4). None where DICOM has none for it.
        rows: Pixels in a column.
        columns: Pixels in a row.
        samples: Samples per pixel.
        bits: Bits of a sample.
        is_signed: Whether samples are signed.
        photometric_interpretation: What the samples are; empty where nobody can tell.
        offset: Where it begins, behind the boxes of a JP2 or JPH file, which data sets don't have.
        length: How long it is; ``None`` where it has no end but that of all octets.
    """

    transfer_syntaxes: tuple[str, ...]
    rows: int
    columns: int
    samples: int
    bits: int
    is_signed: bool
    photometric_interpretation: str
    offset: int = 0
    length: int | None = None


def check_coded_size(octets: bytes, transfer_syntax: str, pixels: PixelFormat) -> None:
    """Refuse an image of another size than the data set says, or one that is too large.

    Decoders believe the stream: one makes room for whatever it says, one never ends where it
    says that there are no rows. A few octets may claim to be gigabytes.

    Args:
        octets: A compressed frame.
        transfer_syntax: How it is compressed.
        pixels: What the data set says of it.

    Raises:
        Part10Error: It has another size, or none, is longer or shorter than its size allows, or
            would be too large.
    """
    found = None
    if transfer_syntax == RLELossless:
        # Without a head. At worst there is an octet more for each 128.
        if len(octets) > 2 * pixels.octets + 1024:
            raise Part10Error("a compressed frame is larger than it can be")
        if pixels.decoded_octets > _MOST_TIMES_OF_RUN_LENGTHS * len(octets):
            raise Part10Error("a compressed frame is smaller than it can be")
    else:
        found = read_codestream(reader_of(octets))
        if found is None or (found.columns, found.rows) != (pixels.columns, pixels.rows):
            raise Part10Error("a compressed frame has another size than the data set says")
    _check_decoded_size(len(octets), pixels, found)


def _check_decoded_size(length: int, pixels: PixelFormat, found: Codestream | None) -> None:
    decoded = pixels.decoded_octets
    if found is not None:
        decoded = max(decoded, found.rows * found.columns * found.samples * ((found.bits + 7) // 8))
    if decoded > _MOST_DECODED:
        raise Part10Error(f"a frame has more than {_MOST_DECODED >> 20} MiB once decompressed")
    if decoded > max(_MODEST, _MOST_TIMES * length):
        raise Part10Error(f"a compressed frame claims to be more than {_MOST_TIMES} times as large")


def coded_size(octets: bytes) -> tuple[int, int] | None:
    """Columns and rows of a JPEG, JPEG-LS or JPEG 2000 image, as its head tells.

    Args:
        octets: The compressed frame.

    Returns:
        ``None`` if it is none of these, such as run lengths, which have no such head.
    """
    found = read_codestream(reader_of(octets))
    return None if found is None else (found.columns, found.rows)


def reader_of(octets: bytes) -> ReadOctets:
    """Gives octets that are there."""
    return lambda offset, length: octets[offset : offset + length]


def read_codestream(read: ReadOctets) -> Codestream | None:
    """Read the head of a JPEG, JPEG-LS or JPEG 2000 image, High-Throughput or not.

    Args:
        read: Gives octets of the compressed frame. What it raises is passed on.

    Returns:
        ``None`` if it is none of these, or its head is not whole.
    """
    start = read(0, len(_JP2_SIGNATURE))
    if start.startswith(_START_OF_JPEG):
        return _read_jpeg(_segments(read, len(_START_OF_JPEG), _START_OF_SCAN))
    offset, length = _find_in_boxes(read) if start == _JP2_SIGNATURE else (0, None)
    if read(offset, len(_START_OF_JPEG_2000)) != _START_OF_JPEG_2000:
        return None
    found = _read_jpeg_2000(_segments(read, offset + 2, _START_OF_TILE))
    return None if found is None else replace(found, offset=offset, length=length)


def complete_image_pixel(dataset: Dataset, codestream: Codestream) -> None:
    """Add what a data set lacks of the Image Pixel Description Macro (PS3.18 §10.5.2).

    What it has stays. A single channel is taken for MONOCHROME2.

    Args:
        dataset: The data set, or the item of an icon, with the pixel data.
        codestream: The pixel data, or the first frame of them.
    """
    allocated = next(size for size in (8, 16, 32, 64) if codestream.bits <= size)
    derived: list[tuple[int, str, int | str]] = [
        (0x00280002, "US", codestream.samples),
        (0x00280004, "CS", codestream.photometric_interpretation),
        (0x00280010, "US", codestream.rows),
        (0x00280011, "US", codestream.columns),
        (0x00280100, "US", allocated),
        (0x00280101, "US", codestream.bits),
        (0x00280102, "US", codestream.bits - 1),
        (0x00280103, "US", int(codestream.is_signed)),
    ]
    if codestream.samples > 1:
        derived.append((0x00280006, "US", 0))
    for tag, vr, value in derived:
        # An empty element says no more than none.
        if value != "" and (tag not in dataset or dataset[tag].is_empty):
            dataset.add(new_element(BaseTag(tag), vr, value, config.WARN))


# --- segments -----------------------------------------------------------------------------------


def _segments(read: ReadOctets, position: int, last: int) -> Iterator[tuple[int, bytes]]:
    """Markers and the begin of their segments, up to a marker; none behind what is no segment."""
    for _ in range(_MOST_SEGMENTS):
        head = read(position, 4)
        if head[:2] == b"\xff\xff":
            position += 1  # filled up
            continue
        if len(head) < 4 or head[0] != 0xFF:
            return
        marker = head[1]
        if marker in _BARE:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", head, 2)
        wanted = min(max(0, length - 2), _MOST_READ)
        segment = read(position + 4, wanted)
        if len(segment) < wanted:
            return
        yield marker, segment
        if marker == last:
            return
        position += 2 + length


def _find_in_boxes(read: ReadOctets) -> tuple[int, int | None]:
    """Where the codestream of a JP2 file is (ITU-T T.800 §I.4), and its length; 0 if nowhere."""
    position = 0
    for _ in range(_MOST_SEGMENTS):
        head = read(position, 16)
        if len(head) < 8:
            break
        length, header = int.from_bytes(head[:4]), 8
        if length == 1:
            length, header = int.from_bytes(head[8:]), 16
        if head[4:8] == _CODESTREAM_BOX:
            return position + header, length - header if length else None
        if length < header:
            break
        position += length
    return 0, None


# --- JPEG and JPEG-LS ---------------------------------------------------------------------------


def _read_jpeg(segments: Iterator[tuple[int, bytes]]) -> Codestream | None:
    transform: int | None = None
    frame: tuple[int, bytes] | None = None
    for marker, segment in segments:
        if marker in _START_OF_FRAME and len(segment) >= 6:
            frame = marker, segment
        elif marker == _ADOBE and segment.startswith(b"Adobe") and len(segment) >= 12:
            transform = segment[11]
        elif marker == _START_OF_SCAN and frame is not None and len(segment) >= 4:
            # Behind the components: what predicts (T.81 §B.2.3), or NEAR (T.87 §C.2.3).
            parameter = segment[-3]
            kind, head = frame
            bits, rows, columns, samples = struct.unpack_from(">BHHB", head)
            if not 1 <= bits <= _MOST_BITS:
                return None
            components = [head[at : at + 2] for at in range(6, 6 + 3 * samples, 3)]
            colours = _colours_of_jpeg(kind, components, transform)
            syntaxes = _syntaxes_of_jpeg(kind, parameter)
            return Codestream(syntaxes, rows, columns, samples, bits, False, colours)
    return None


def _syntaxes_of_jpeg(kind: int, parameter: int) -> tuple[str, ...]:
    if kind == _LOSSLESS:
        return _syntaxes("70 57" if parameter == 1 else "57")
    if kind == _JPEG_LS:
        return _syntaxes("81" if parameter else "80 81")
    # An extended decoder takes what is baseline (T.81 §4.9). Of other processes DICOM has none.
    return _syntaxes({_BASELINE: "50 51", _EXTENDED: "51"}.get(kind, ""))


def _colours_of_jpeg(kind: int, components: Sequence[bytes], transform: int | None) -> str:
    """What JFIF, Adobe's marker and practice have samples be, where they are three."""
    if len(components) != 3:
        return "MONOCHROME2" if len(components) == 1 else ""
    is_rgb = transform == 0
    if transform is None:
        named = b"".join(component[:1] for component in components)
        is_rgb = named == b"RGB" or kind in {_LOSSLESS, _JPEG_LS}
    if is_rgb:
        return "RGB"
    # Horizontally, vertically or both: there is one name for what shares samples of colour.
    is_shared = len({component[1:] for component in components}) > 1
    return "YBR_FULL_422" if is_shared else "YBR_FULL"


# --- JPEG 2000 ----------------------------------------------------------------------------------


def _read_jpeg_2000(segments: Iterator[tuple[int, bytes]]) -> Codestream | None:
    found: dict[int, bytes] = {}
    components: list[bytes] = []
    for marker, segment in segments:
        if marker == _CODING_OF_COMPONENT:
            components.append(segment)
        elif marker == _START_OF_TILE:
            break
        found.setdefault(marker, segment)
    size, coding = found.get(_SIZE, b""), found.get(_CODING, b"")
    if len(size) < 37 or len(coding) < 10 or (size[36] & 0x7F) >= _MOST_BITS:
        return None
    right, bottom, left, top = struct.unpack_from(">4L", size, 2)
    (samples,) = struct.unpack_from(">H", size, 34)
    # The transformation is the last octet in both, but for sizes of precincts.
    index = 6 if samples < 257 else 7
    transforms = [coding[9], *(segment[index] for segment in components if len(segment) > index)]
    is_reversible = all(transforms)
    # The reference grid is at least as large as the image (ITU-T T.800 §A.5.1).
    rows, columns = max(0, bottom - top), max(0, right - left)
    return Codestream(
        _syntaxes_of_jpeg_2000(found, is_reversible, min(rows, columns)),
        rows,
        columns,
        samples,
        (size[36] & 0x7F) + 1,
        bool(size[36] & 0x80),
        _colours_of_jpeg_2000(samples, coding, is_reversible),
    )


def _syntaxes_of_jpeg_2000(
    found: dict[int, bytes], is_reversible: bool, extent: int
) -> tuple[str, ...]:
    capabilities = int.from_bytes(found.get(_CAPABILITIES, b"")[:4])
    if capabilities & 0x00020000:  # Part 15 (ITU-T T.814 §A.3)
        if not is_reversible:
            return _syntaxes("203")
        coding = found[_CODING]
        # By resolution, with the lengths of tile-parts, down to a thumbnail (PS3.5 §8.2.14).
        is_by_resolution = coding[1] == 2 and extent >> min(coding[5], 32) <= 64
        if is_by_resolution and _TILE_LENGTHS in found:
            return _syntaxes("202 201 203")
        return _syntaxes("201 203")
    if found[_SIZE][0] & 0x80:  # extensions of Part 2
        return _syntaxes("92 93" if is_reversible else "93")
    return _syntaxes("90 91 92 93" if is_reversible else "91 93")


def _colours_of_jpeg_2000(samples: int, coding: bytes, is_reversible: bool) -> str:
    if samples != 3:
        return "MONOCHROME2" if samples == 1 else ""
    if not coding[4]:
        return "RGB"
    return "YBR_RCT" if is_reversible else "YBR_ICT"
