"""From one transfer syntax to Explicit VR Little Endian (PS3.18 §8.7.3.5.2, PS3.5 §10).

What is native only has its elements written anew. Pixel data are decompressed if pydicom has a
decoder: that of RLE always, others where their plugins are installed.
"""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from ...dicom.codestream import check_coded_size
from ...dicom.excerpt import read_excerpt
from ...dicom.frame_layout import PIXEL_DATA, PixelFormat, read_frame_layout
from ...dicom.frames import set_transfer_syntax
from ...dicom.part10 import decode, encode
from ...dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, is_encapsulated
from ...dicom.vrs import WORD_FORMATS
from ...errors import Part10Error
from .content import Stored, open_content

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydicom import Dataset

    from ..archive import Holding

__all__ = [
    "can_convert",
    "can_decode",
    "check_convertible",
    "decode_frame",
    "decoding",
    "swap_values",
    "swap_words",
    "to_explicit_little_endian",
    "to_file",
    "word_size",
]

_LARGEST: Final = (1 << 32) - 2
"""Octets of the largest element in Explicit VR Little Endian (PS3.5 §7.1.2)."""
_LARGE: Final = 1 << 16
"""Octets of elements that are not looked at before it is their turn."""
_OFFSET_TABLES: Final = (0x7FE00001, 0x7FE00002)
_SUBSAMPLED: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
"""Of native pixels these say that two share their colour (PS3.3 §C.7.6.3.1.2)."""
_WORDS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}


@cache
def can_decode(transfer_syntax: str) -> bool:
    """Whether compressed pixel data can be decompressed here."""
    try:
        return get_decoder(UID(transfer_syntax)).is_available
    except NotImplementedError:
        return False


def can_convert(transfer_syntax: str) -> bool:
    """Whether instances can be given in Explicit VR Little Endian."""
    return not is_encapsulated(transfer_syntax) or can_decode(transfer_syntax)


def swap_words(octets: bytes, size: int) -> bytes:
    """Big-endian words as little-endian ones; what is left at the end stays as it is.

    Args:
        octets: The words.
        size: Octets of a word: 1, 2, 4 or 8.
    """
    end = len(octets) // size * size
    words = array(_WORDS[size], octets[:end])
    words.byteswap()
    return words.tobytes() + octets[end:]


# --- frames -------------------------------------------------------------------------------------


def decode_frame(octets: bytes, transfer_syntax: str, pixels: PixelFormat) -> bytes:
    """Decompress one frame. Blocks.

    Args:
        octets: The frame, without anything around it.
        transfer_syntax: How it is compressed.
        pixels: What the data set says of it. Planes of colours come out as it says.

    Raises:
        Part10Error: The frame cannot be decompressed.
    """
    return _decode(octets, transfer_syntax, pixels)[0]


def _decode(
    octets: bytes, transfer_syntax: str, pixels: PixelFormat
) -> tuple[bytes, dict[str, str | int]]:
    check_coded_size(octets, transfer_syntax, pixels)
    with decoding():
        decoded, found = get_decoder(UID(transfer_syntax)).as_buffer(
            encapsulate([octets]),
            index=0,
            rows=pixels.rows,
            columns=pixels.columns,
            samples_per_pixel=pixels.samples,
            bits_allocated=pixels.bits_allocated,
            bits_stored=pixels.bits_stored,
            pixel_representation=int(pixels.is_signed),
            photometric_interpretation=pixels.photometric_interpretation,
            planar_configuration=pixels.planar_configuration,
            number_of_frames=1,
            pixel_keyword="PixelData",
        )
    planar = int(found.get("planar_configuration", pixels.planar_configuration))
    if pixels.samples == 1 or planar == pixels.planar_configuration:
        return bytes(decoded), found
    size = int(found["bits_allocated"]) // 8
    return _rearrange(bytes(decoded), pixels.samples, size, by_plane=planar == 1), found


def _rearrange(octets: bytes, samples: int, size: int, *, by_plane: bool) -> bytes:
    """From plane by plane to pixel by pixel, or the reverse."""
    values = array(_WORDS[size], octets)
    result = array(_WORDS[size], bytes(len(octets)))
    plane = len(values) // samples
    for sample in range(samples):
        whole, strided = slice(sample * plane, (sample + 1) * plane), slice(sample, None, samples)
        source, target = (whole, strided) if by_plane else (strided, whole)
        result[target] = values[source]
    return result.tobytes()


@contextmanager
def decoding() -> Generator[None]:
    """Within, whatever a decoder raises is an error of ours.

    Raises:
        Part10Error: The frame cannot be decompressed.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001
        # Decoders raise anything, and those in Rust what is no Exception: it would end the
        # server. Their texts may quote what they were given.
        raise Part10Error("a frame cannot be decompressed") from None


# --- instances ----------------------------------------------------------------------------------


def to_file(holding: Holding) -> bytes:
    """A bare data set as a DICOM file, in its own transfer syntax (PS3.10 §7.1). Blocks.

    Raises:
        Part10Error: It cannot be read, or not be written.
        OSError: It cannot be read.
    """
    dataset = _read(holding)
    set_transfer_syntax(dataset, holding.transfer_syntax)
    return encode(dataset)


def to_explicit_little_endian(holding: Holding) -> bytes:
    """An instance as a DICOM file in Explicit VR Little Endian. Blocks.

    Its UIDs stay as they are: it is the same instance (PS3.18 §8.7.3.5.2).

    Raises:
        Part10Error: It cannot be read, decompressed or written.
        OSError: It cannot be read.
    """
    dataset = _read(holding)
    _convert(holding, dataset)
    return encode(dataset)


def check_convertible(holding: Holding) -> None:
    """Convert an instance but for what is large, and decompress its first frame. Blocks.

    That shows nearly always whether it can be converted, and holds little.

    Raises:
        Part10Error: It cannot be read, decompressed or written.
        OSError: It cannot be read.
    """
    stored = Stored.read(holding)
    with stored.open() as file:
        dataset = read_excerpt(file, stored.layout, lambda one: one.end - one.start > _LARGE)
        frames = read_frame_layout(file, stored.layout) if _is_compressed(holding) else None
    if frames is not None and frames.compressed and frames.pixels is not None:
        octets = stored.octets(*frames.compressed[0])
        decode_frame(octets, holding.transfer_syntax, frames.pixels)
    if PIXEL_DATA in dataset:
        del dataset[PIXEL_DATA]
    _convert(holding, dataset)
    encode(dataset)


def _convert(holding: Holding, dataset: Dataset) -> None:
    try:
        if holding.transfer_syntax == EXPLICIT_VR_BIG_ENDIAN:
            swap_values(dataset)
        elif _is_compressed(holding) and PIXEL_DATA in dataset:
            _decompress(Stored.read(holding), dataset)
        set_transfer_syntax(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    except Part10Error:
        raise
    except Exception:  # noqa: BLE001
        # pydicom converts on access; what it raises for a broken value is not defined.
        raise Part10Error("the data set cannot be converted") from None


def _is_compressed(holding: Holding) -> bool:
    return is_encapsulated(holding.transfer_syntax)


def _read(holding: Holding) -> Dataset:
    with open_content(holding.content) as file:
        octets = file.read()
    return decode(octets)


def swap_values(dataset: Dataset) -> None:
    """Make the words of a big-endian data set little endian, which pydicom keeps as they are."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                swap_values(item)
        elif isinstance(element.value, bytes):
            size = word_size(element.VR, element.tag, int(dataset.get("BitsAllocated") or 0))
            element.value = swap_words(element.value, size)


def word_size(vr: str, tag: int, bits_allocated: int) -> int:
    """Octets of the words of a value, as it is stored in a big-endian data set.

    Args:
        vr: The VR.
        tag: The element.
        bits_allocated: Bits of a sample. Those of pixels of 32 bits are swapped as a whole by
            all writers that are known.
    """
    size = array(WORD_FORMATS.get(vr, "B")).itemsize
    return max(size, bits_allocated // 8) if tag == PIXEL_DATA and vr == "OW" else size


def _decompress(stored: Stored, dataset: Dataset) -> None:
    with stored.open() as file:
        frames = read_frame_layout(file, stored.layout)
    if frames is None or frames.compressed is None or frames.pixels is None:
        raise Part10Error("the pixels are not described")
    syntax, pixels = stored.holding.transfer_syntax, frames.pixels
    found: dict[str, str | int] = {}
    decoded: list[bytes] = []
    for spans in frames.compressed:
        octets, found = _decode(stored.octets(*spans), syntax, pixels)
        decoded.append(octets)
    whole = b"".join(decoded)
    if len(whole) > _LARGEST:
        raise Part10Error("the pixel data are too large for Explicit VR Little Endian")
    _describe(dataset, found, pixels)
    _set_pixels(dataset, whole, int(found["bits_allocated"]))


def _describe(dataset: Dataset, found: dict[str, str | int], pixels: PixelFormat) -> None:
    """Say what decompression has made of the pixels."""
    told = found["photometric_interpretation"]
    # A decoder gives every pixel its colour, but keeps the name of what was subsampled.
    dataset.PhotometricInterpretation = "YBR_FULL" if told in _SUBSAMPLED else told
    dataset.BitsAllocated = found["bits_allocated"]
    if pixels.samples > 1:
        dataset.PlanarConfiguration = pixels.planar_configuration


def _set_pixels(dataset: Dataset, octets: bytes, bits_allocated: int) -> None:
    element: Any = dataset[PIXEL_DATA]
    element.VR = "OW" if bits_allocated > 8 else "OB"
    element.value = octets + bytes(len(octets) % 2)
    element.is_undefined_length = False
    for tag in _OFFSET_TABLES:
        if tag in dataset:
            del dataset[tag]
