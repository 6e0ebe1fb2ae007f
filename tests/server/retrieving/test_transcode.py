from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from aiodicomweb.dicom.frame_layout import PixelFormat
from aiodicomweb.dicom.part10 import decode, encode
from aiodicomweb.errors import Part10Error
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving.transcode import (
    can_convert,
    can_decode,
    check_convertible,
    decode_frame,
    decoding,
    swap_words,
    to_explicit_little_endian,
    to_file,
    word_size,
)

from ...support.dicom_files import sample
from ...support.fake_archive import holding_of

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
        with pytest.raises(Part10Error, match="cannot be decompressed"):
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


# --- instances ------------------------------------------------------------------------------------


def image() -> Dataset:
    """A compressed image of two frames with an icon, and a table that will not hold."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = 0, "MONOCHROME2"
    dataset.NumberOfFrames = "2"
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = bytes(16), bytes(16)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = RLELossless
    return dataset


def test_offset_tables_go_with_what_they_are_of() -> None:
    """Native pixel data have none (PS3.3 §C.7.6.3.1.8)."""
    frames = [random.Random(seed).randbytes(48) for seed in range(2)]
    packed = [compressed(frame, GREY) for frame in frames]
    dataset = image()
    dataset.PixelData = encapsulate(packed)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    lengths = [len(one) for one in packed]
    offsets = [0, lengths[0] + 8]
    for keyword, numbers in (("", offsets), ("Lengths", lengths)):
        value = b"".join(number.to_bytes(8, "little") for number in numbers)
        setattr(dataset, f"ExtendedOffsetTable{keyword}", value)
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    found = decode(to_explicit_little_endian(holding))

    assert b"".join(frames) == found.PixelData
    assert "ExtendedOffsetTable" not in found
    assert "ExtendedOffsetTableLengths" not in found
    assert ("OW", "MONOCHROME2") == (found["PixelData"].VR, found.PhotometricInterpretation)


@pytest.mark.parametrize("name", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_what_is_decompressed_is_not_subsampled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel has its own colour, and the data set says so (PS3.3 §C.7.6.3.1.2)."""

    def decoded(*_: object) -> tuple[bytes, dict[str, str | int]]:
        return bytes(72), {"photometric_interpretation": name, "bits_allocated": 8}

    monkeypatch.setattr("aiodicomweb.server.retrieving.transcode._decode", decoded)
    dataset = image()
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored = 3, 8, 8
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = name, 0
    dataset.NumberOfFrames = "1"
    dataset.PixelData = encapsulate([b"ab"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    found = decode(to_explicit_little_endian(holding))

    assert ("YBR_FULL", 72) == (found.PhotometricInterpretation, len(found.PixelData))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.skipif(not can_decode("1.2.840.10008.1.2.4.50"), reason="no decoder of JPEG")
def test_a_decompressed_jpeg_can_be_read() -> None:
    """Its length is that of the pixels that it says it has."""
    pytest.importorskip("numpy")

    found = decode(to_explicit_little_endian(holding_of(sample("examples_ybr_color.dcm"))))

    assert (int(found.NumberOfFrames), found.Rows, found.Columns, 3) == found.pixel_array.shape


def test_what_is_not_described_is_not_decompressed() -> None:
    """An image of unknown size."""
    dataset = image()
    del dataset.Rows
    dataset.PixelData = encapsulate([b"ab"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    del dataset.ExtendedOffsetTable
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    with pytest.raises(Part10Error, match="not described"):
        to_explicit_little_endian(holding)


def test_a_broken_value_is_an_error() -> None:
    """Of our tree; numbers are read when they are to be turned round."""
    holding = holding_of(sample("MR_small_bigendian.dcm"))
    octets = sample("MR_small_bigendian.dcm").octets + b"\x7f\xe1\0\x10US\0\3abc"

    for convert in (to_explicit_little_endian, check_convertible):
        with pytest.raises(Part10Error, match="^the data set cannot be converted$"):
            convert(replace(holding, content=octets))


def test_pixels_beyond_32_bits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no length for them (MED-65)."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.transcode._LARGEST", 1000)

    with pytest.raises(Part10Error, match="too large"):
        to_explicit_little_endian(holding_of(sample("MR_small_RLE.dcm")))


def test_long_values_of_short_lengths_become_unknown() -> None:
    """More than 65534 octets have no length of 16 bits (MED-66)."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PixelSpacing = ["1.5"] * 20000
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    holding = Holding("1", "2", "1.2.3", "1.2.840", "1.2.840.10008.1.2", encode(dataset), "v")

    with pytest.warns(UserWarning, match="64 kByte"):
        octets = to_explicit_little_endian(holding)

    assert b"\x28\0\x30\0UN" in octets


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_is_made_in_its_own_transfer_syntax() -> None:
    """Of a data set without file meta information."""
    holding = replace(holding_of(sample("rtstruct.dcm")), transfer_syntax="1.2.840.10008.1.2")

    assert "1.2.840.10008.1.2" == decode(to_file(holding)).file_meta.TransferSyntaxUID


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
