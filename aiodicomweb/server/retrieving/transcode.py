"""Pixels from one transfer syntax to Explicit VR Little Endian (PS3.18 §8.7.3.5.2, PS3.5 §10).

They are decompressed if pydicom has a decoder: that of RLE always, others where their plugins are
installed. Words that are big endian are turned round.
"""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from ...dicom.codestream import check_coded_size
from ...dicom.frame_layout import PIXEL_DATA
from ...dicom.uids import is_encapsulated
from ...dicom.vrs import WORD_FORMATS
from ...errors import Part10Error
from .budget import WORKING, Claimed, sending

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydicom import Dataset

    from ...dicom.frame_layout import PixelFormat

__all__ = [
    "Decoded",
    "can_convert",
    "can_decode",
    "converting",
    "decode",
    "decode_frame",
    "decoding",
    "swap_values",
    "swap_words",
    "word_size",
]

_AT_ONCE: Final = 4
"""Threads that convert at one time: each holds a frame, compressed and not, or the elements of an
instance as octets and as objects. More would not be faster."""
_TIMES_DECODED: Final = 6
"""How many times its octets a frame takes while it is decompressed (measured, with JPEG 2000)."""
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


class Decoded(NamedTuple):
    """A frame that was decompressed.

    Attributes:
        octets: Its pixels, for which there is room among what is to be sent.
        photometric_interpretation: Which the decoder may have changed.
        bits_allocated: Bits of a sample, too.
    """

    octets: Claimed
    photometric_interpretation: str
    bits_allocated: int


def decode_frame(octets: bytes, transfer_syntax: str, pixels: PixelFormat) -> bytes:
    """Decompress one frame. Blocks.

    Args:
        octets: The frame, without anything around it.
        transfer_syntax: How it is compressed.
        pixels: What the data set says of it. Planes of colours come out as it says.

    Raises:
        Part10Error: The frame cannot be decompressed.
        OverloadedError: Too many frames wait to be sent.
    """
    return decode(octets, transfer_syntax, pixels).octets


def decode(octets: bytes, transfer_syntax: str, pixels: PixelFormat) -> Decoded:
    """Decompress one frame, and say what the decoder made of it. As :func:`decode_frame`."""
    check_coded_size(octets, transfer_syntax, pixels)
    with (
        sending(pixels.decoded_octets).claim_for(pixels.decoded_octets) as claim,
        converting(_TIMES_DECODED * pixels.decoded_octets),
        decoding(),
    ):
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
        told, bits = str(found["photometric_interpretation"]), int(found["bits_allocated"])
        if pixels.samples > 1 and planar != pixels.planar_configuration:
            decoded = _rearrange(bytes(decoded), pixels.samples, bits // 8, by_plane=planar == 1)
        return Decoded(Claimed.of(decoded, claim), told, bits)


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
def converting(octets: int = 0) -> Generator[None]:
    """Within, memory is taken for an instance or a frame: few threads are here at a time.

    Args:
        octets: How many it may take; where that is much, others wait.
    """
    with WORKING.claim(max(octets, WORKING.octets // _AT_ONCE)):
        yield


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


# --- words ----------------------------------------------------------------------------------------


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
