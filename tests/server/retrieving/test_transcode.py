from __future__ import annotations

import random
from contextlib import ExitStack

import pytest
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from aiodicomweb.dicom.frame_layout import PixelFormat
from aiodicomweb.errors import Part10Error
from aiodicomweb.server.retrieving import transcode
from aiodicomweb.server.retrieving.budget import SENDING_SMALL, WORKING
from aiodicomweb.server.retrieving.transcode import (
    can_convert,
    can_decode,
    decode_frame,
    decoding,
    swap_words,
    word_size,
)

RLE = "1.2.840.10008.1.2.5"
GREY = PixelFormat(4, 6, 1, 16, 16, False, "MONOCHROME2", 0, 1)


def compressed(octets: bytes, pixels: PixelFormat) -> bytes:
    """A frame as run lengths."""
    return get_encoder(RLELossless).encode(
        octets,
        rows=pixels.rows,
        columns=pixels.columns,
        samples_per_pixel=pixels.samples,
        bits_allocated=pixels.bits_allocated,
        bits_stored=pixels.bits_stored,
        pixel_representation=0,
        number_of_frames=1,
        photometric_interpretation=pixels.photometric_interpretation,
        planar_configuration=0,
        encoding_plugin="pydicom",
    )


def by_plane(octets: bytes, size: int) -> bytes:
    """Pixels of three colours as planes."""
    samples = [octets[start : start + size] for start in range(0, len(octets), size)]
    return b"".join(b"".join(samples[colour::3]) for colour in range(3))


# --- what can be done -----------------------------------------------------------------------------


def test_run_lengths_can_always_be_decompressed() -> None:
    """pydicom does that alone; nobody decompresses a video."""
    assert can_decode(RLE)
    assert not can_decode("1.2.840.10008.1.2.4.102")
    assert not can_decode("1.2.3")


def test_what_is_native_can_always_be_converted() -> None:
    """Without any decoder."""
    native = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")

    assert all(map(can_convert, native))
    assert not can_convert("1.2.840.10008.1.2.4.102")


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_come_out_as_the_data_set_says(bits: int, planar: int) -> None:
    """Pixel by pixel, or plane by plane, whatever the decoder makes of them."""
    pixels = PixelFormat(4, 6, 3, bits, bits, False, "RGB", planar, 1)
    octets = random.Random(bits).randbytes(pixels.octets)

    found = decode_frame(compressed(octets, pixels), RLE, pixels)

    assert (by_plane(octets, bits // 8) if planar else octets) == found


def test_a_frame_that_is_broken_is_an_error() -> None:
    """Of our tree, whatever the decoder raises."""
    for octets in (b"", b"nonsense" * 20, compressed(bytes(48), GREY)[:70]):
        with pytest.raises(Part10Error, match="cannot be decompressed|smaller than it can be"):
            decode_frame(octets, RLE, GREY)


def test_words_are_swapped() -> None:
    """Of two, four and eight octets; what is no word stays."""
    assert b"\2\1\4\3\5" == swap_words(b"\1\2\3\4\5", 2)
    assert b"\4\3\2\1" == swap_words(b"\1\2\3\4", 4)
    assert bytes(range(7, -1, -1)) == swap_words(bytes(range(8)), 8)
    assert b"\1\2\3" == swap_words(b"\1\2\3", 1)


@pytest.mark.parametrize(
    ("vr", "tag", "bits", "expected"),
    [
        ("OW", 0x7FE00010, 8, 2),
        ("OW", 0x7FE00010, 16, 2),
        ("OW", 0x7FE00010, 32, 4),
        ("OB", 0x7FE00010, 8, 1),
        ("OW", 0x54001010, 32, 2),
        ("OD", 0x7FE00009, 64, 8),
        ("OF", 0x7FE00008, 32, 4),
        ("UN", 0x00091001, 0, 1),
        ("UT", 0x00091001, 0, 1),
    ],
)
def test_words_are_those_of_the_vr(vr: str, tag: int, bits: int, expected: int) -> None:
    """But pixels of 32 bits in OW are one word each."""
    assert expected == word_size(vr, tag, bits)


def test_few_threads_convert_at_a_time() -> None:
    """Each takes memory."""
    with ExitStack() as stack:
        for _ in range(transcode._AT_ONCE):
            stack.enter_context(transcode.converting())
        assert WORKING.octets == WORKING.taken
    assert 0 == WORKING.taken


def test_a_frame_has_room_until_it_is_sent() -> None:
    """What fails has none, and what nobody has any more neither."""
    octets = compressed(bytes(48), GREY)

    frame = decode_frame(octets, RLE, GREY)

    assert (48, 0) == (SENDING_SMALL.taken, WORKING.taken)
    del frame
    assert (0, 0) == (SENDING_SMALL.taken, WORKING.taken)
    with pytest.raises(Part10Error):
        decode_frame(octets[:70], RLE, GREY)
    assert (0, 0) == (SENDING_SMALL.taken, WORKING.taken)


class Panic(BaseException):
    """What decoders in Rust raise."""


def test_a_panic_of_a_decoder_is_an_error_like_others() -> None:
    """It is no Exception, and would end the server."""
    with pytest.raises(Part10Error, match="^a frame cannot be decompressed$"), decoding():
        raise Panic


def test_an_interrupt_within_a_decoder_stays_what_it_is() -> None:
    """It is the user's."""
    with pytest.raises(KeyboardInterrupt), decoding():
        raise KeyboardInterrupt
