from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset

from aiodicomweb.dicom.codestream import (
    CODESTREAM_SYNTAXES,
    Codestream,
    check_coded_size,
    coded_size,
    complete_image_pixel,
    read_codestream,
    reader_of,
)
from aiodicomweb.dicom.frame_layout import PixelFormat
from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.source import Source

from ..support.codestreams import (
    BASELINE,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROGRESSIVE,
    boxed,
    jpeg,
    jpeg_2000,
)
from ..support.dicom_files import sample
from ..support.fake_archive import holding_of


def written(kind: str, **options: object) -> bytes:
    """An image of 7 columns and 5 rows."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((5, 7), dtype=np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "octets",
    [
        written("JPEG"),
        written("JPEG", progressive=True),
        written("JPEG", icc_profile=bytes(200_000)),
        written("JPEG2000"),  # with boxes around it
        written("JPEG2000", no_jp2=True),
        b"\xff\xd8\xff\xff" + written("JPEG")[3:],  # filled up
    ],
)
def test_the_head_tells_columns_and_rows(octets: bytes) -> None:
    """Of JPEG and JPEG 2000, without decoding."""
    assert (7, 5) == coded_size(octets)


@pytest.mark.parametrize(
    "name", ["JPEGLSNearLossless_08.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm"]
)
def test_the_head_of_a_bundled_file_tells_what_the_data_set_says(name: str) -> None:
    """JPEG-LS, and JPEG of 12 bits."""
    source = Source.read(holding_of(sample(name)))
    assert source is not None
    assert source.frames.compressed is not None

    octets = source.stored.octets(*source.frames.compressed[0])

    assert (source.pixels.columns, source.pixels.rows) == coded_size(octets)


@pytest.mark.parametrize(
    "octets", [b"", b"\xff\xd8", b"\xff\xd8\0\0\0\0\0\0\0\0\0\0", b"\xff\xd8" + b"\xff\xd0" * 9999]
)
def test_what_has_no_such_head_has_no_size(octets: bytes) -> None:
    """Nothing, a beginning, and markers without end."""
    assert coded_size(octets) is None


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51"]), st.binary(max_size=64))
def test_any_octets_are_read(start: bytes, octets: bytes) -> None:
    """A size, or none."""
    size = coded_size(start + octets)

    assert size is None or min(size) >= 0


@pytest.mark.parametrize(
    ("syntax", "octets", "is_refused"),
    [
        ("1.2.840.10008.1.2.4.50", written("JPEG"), False),
        ("1.2.840.10008.1.2.4.50", b"", True),
        ("1.2.840.10008.1.2.4.50", b"\0" + written("JPEG"), True),
        ("1.2.840.10008.1.2.5", bytes(1094), False),
        ("1.2.840.10008.1.2.5", bytes(1095), True),
    ],
)
def test_a_frame_has_the_size_that_is_said(syntax: str, octets: bytes, *, is_refused: bool) -> None:
    """In its head; run lengths have none, but are not longer than twice the image."""
    pixels = PixelFormat(5, 7, 1, 8, 8, False, "MONOCHROME2", 0, 1)

    if not is_refused:
        check_coded_size(octets, syntax, pixels)
        return
    with pytest.raises(Part10Error):
        check_coded_size(octets, syntax, pixels)


@pytest.mark.parametrize(
    ("octets", "side", "is_refused"),
    [
        (1094, 256, False),
        (1023, 256, True),
        (2 << 20, 8192, False),
        (9 << 20, 23170, False),
        (9 << 20, 23171, True),
    ],
)
def test_run_lengths_become_only_so_much(octets: int, side: int, *, is_refused: bool) -> None:
    """Two octets 128 at most, and all of them 512 MiB."""
    pixels = PixelFormat(side, side, 1, 8, 8, False, "MONOCHROME2", 0, 1)

    if not is_refused:
        check_coded_size(bytes(octets), "1.2.840.10008.1.2.5", pixels)
        return
    with pytest.raises(Part10Error, match="smaller than it can be|more than 512 MiB"):
        check_coded_size(bytes(octets), "1.2.840.10008.1.2.5", pixels)


@pytest.mark.parametrize(
    ("side", "samples", "padding", "message"),
    [
        (8000, 1, 0, None),
        (12000, 1, 0, "1000 times as large"),
        (12000, 1, 144_000, None),
        (20000, 3, 1_200_000, "more than 512 MiB"),
        (1000, 16384, 0, "more than 512 MiB"),
    ],
)
def test_a_head_that_claims_too_much_is_refused(
    side: int, samples: int, padding: int, message: str | None
) -> None:
    """A large image has octets; what counts is what the decoder makes room for."""
    size = struct.pack(">H8LH", 0, side, side, 0, 0, side, side, 0, 0, samples)
    coding = b"\xff\x52\0\x0c" + bytes(10)
    head = b"\xff\x4f\xff\x51" + struct.pack(">H", 38 + 3 * samples & 0xFFFF) + size
    octets = head + b"\7\1\1" * samples + coding + b"\xff\x90\0\x0a" + bytes(8 + padding)
    pixels = PixelFormat(side, side, min(samples, 3), 8, 8, False, "MONOCHROME2", 0, 1)

    if message is None:
        check_coded_size(octets, "1.2.840.10008.1.2.4.90", pixels)
        return
    with pytest.raises(Part10Error, match=message):
        check_coded_size(octets, "1.2.840.10008.1.2.4.90", pixels)


# --- all that a head tells ----------------------------------------------------------------------


def read(octets: bytes) -> Codestream:
    """What a head tells."""
    found = read_codestream(reader_of(octets))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("suffixes", "octets"),
    [
        ("50 51", jpeg(BASELINE)),
        ("51", jpeg(EXTENDED, bits=12)),
        ("", jpeg(PROGRESSIVE)),
        ("70 57", jpeg(LOSSLESS, 1, bits=16)),
        ("57", jpeg(LOSSLESS, 6, bits=16)),
        ("80 81", jpeg(JPEG_LS, 0)),
        ("81", jpeg(JPEG_LS, 2)),
        ("90 91 92 93", jpeg_2000()),
        ("91 93", jpeg_2000(reversible=False)),
        ("91 93", jpeg_2000(samples=3, coarse=1)),
        ("92 93", jpeg_2000(part_2=True)),
        ("93", jpeg_2000(part_2=True, reversible=False)),
        ("201 203", jpeg_2000(high_throughput=True)),
        ("203", jpeg_2000(high_throughput=True, reversible=False)),
        ("202 201 203", jpeg_2000(high_throughput=True, progression=2, tile_lengths=True)),
        ("201 203", jpeg_2000(high_throughput=True, progression=2)),
        ("201 203", jpeg_2000(high_throughput=True, tile_lengths=True)),
    ],
)
def test_the_head_tells_the_transfer_syntax(suffixes: str, octets: bytes) -> None:
    """The narrowest first, and those that allow more than it needs (PS3.5 Annex A.4)."""
    syntaxes = tuple(f"1.2.840.10008.1.2.4.{suffix}" for suffix in suffixes.split())

    assert syntaxes == read(octets).transfer_syntaxes
    assert set(syntaxes) <= CODESTREAM_SYNTAXES


@pytest.mark.parametrize(
    ("photometric_interpretation", "octets"),
    [
        ("MONOCHROME2", jpeg()),
        ("YBR_FULL", jpeg(samples=3)),
        ("YBR_FULL_422", jpeg(samples=3, sampling=0x21)),
        ("YBR_FULL_422", jpeg(samples=3, sampling=0x22)),
        ("YBR_FULL", jpeg(samples=3, transform=1)),
        ("RGB", jpeg(samples=3, transform=0)),
        ("RGB", jpeg(samples=3, names=b"RGB")),
        ("RGB", jpeg(LOSSLESS, 1, samples=3)),
        ("RGB", jpeg(JPEG_LS, samples=3)),
        ("", jpeg(samples=4)),
        ("MONOCHROME2", jpeg_2000()),
        ("RGB", jpeg_2000(samples=3)),
        ("YBR_RCT", jpeg_2000(samples=3, transform=1)),
        ("YBR_ICT", jpeg_2000(samples=3, transform=1, reversible=False)),
        ("", jpeg_2000(samples=4)),
    ],
)
def test_the_head_tells_what_the_samples_are(
    photometric_interpretation: str, octets: bytes
) -> None:
    """As far as anybody can tell (STW-14, STW-22)."""
    assert photometric_interpretation == read(octets).photometric_interpretation


@pytest.mark.parametrize("octets", [jpeg(bits=12), jpeg_2000(bits=12, signed=True)])
def test_the_head_tells_the_samples_and_their_bits(octets: bytes) -> None:
    """JPEG has none with a sign."""
    found = read(octets)

    assert (7, 5, 1, 12) == (found.columns, found.rows, found.samples, found.bits)
    assert found.is_signed == octets.startswith(b"\xff\x4f")


@pytest.mark.parametrize(
    "name",
    [
        "693_J2KI.dcm",
        "examples_jpeg2k.dcm",
        "examples_ybr_color.dcm",
        "GDCMJ2K_TextGBR.dcm",
        "JPEG-lossy.dcm",
        "JPEG2000.dcm",
        "JPEGLSNearLossless_16.dcm",
        "JPGExtended.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
    ],
)
def test_bundled_files_are_what_they_say(name: str) -> None:
    """Transfer syntax, size, colours and samples."""
    source = Source.read(holding_of(sample(name)))
    assert source is not None
    assert source.frames.compressed is not None

    found = read(source.stored.octets(*source.frames.compressed[0]))

    assert sample(name).transfer_syntax in found.transfer_syntaxes
    pixels = source.pixels
    assert (pixels.rows, pixels.columns, pixels.samples) == (
        found.rows,
        found.columns,
        found.samples,
    )
    assert pixels.photometric_interpretation == found.photometric_interpretation
    assert pixels.bits_stored <= found.bits <= pixels.bits_allocated


@pytest.mark.parametrize(
    ("whole", "needed"),
    [
        (octets := jpeg(samples=3, transform=1), len(octets)),
        (octets := jpeg_2000(samples=3), octets.index(b"\xff\x90")),
    ],
)
def test_a_head_that_is_not_whole_tells_nothing(whole: bytes, needed: int) -> None:
    """Wherever it is cut."""
    assert [None] * needed == [read_codestream(reader_of(whole[:cut])) for cut in range(needed)]
    assert read_codestream(reader_of(whole[:needed])) is not None


@pytest.mark.parametrize(
    ("length", "file"),
    [
        (len(jpeg_2000()), boxed(jpeg_2000(), behind=b"more")),
        (len(jpeg_2000()), boxed(jpeg_2000(), length=1, behind=b"more")),
        (None, boxed(jpeg_2000(), length=0)),
    ],
)
def test_a_stream_is_found_in_its_boxes(length: int | None, file: bytes) -> None:
    """Data sets have no boxes (MED-111)."""
    found = read(file)

    assert (length, jpeg_2000()) == (found.length, file[found.offset :].removesuffix(b"more"))


@pytest.mark.parametrize("file", [boxed(b""), boxed(jpeg_2000())[:31], boxed(jpeg())])
def test_boxes_without_a_stream(file: bytes) -> None:
    """They tell nothing."""
    assert read_codestream(reader_of(file)) is None


def test_little_is_read_of_a_head() -> None:
    """Segments are passed over, however long they are."""
    octets = written("JPEG", icc_profile=bytes(200_000))
    asked: list[int] = []

    def take(offset: int, length: int) -> bytes:
        asked.append(length)
        return octets[offset : offset + length]

    assert read_codestream(take) is not None
    assert sum(asked) < 20_000


def test_what_a_data_set_lacks_is_completed() -> None:
    """The Image Pixel Description Macro; an empty element is none (STW-14)."""
    dataset = Dataset()
    dataset.Rows = 9
    dataset.Columns = None

    complete_image_pixel(dataset, read(jpeg(samples=3, bits=12, sampling=0x21)))

    expected = Dataset()
    expected.SamplesPerPixel = 3
    expected.PhotometricInterpretation = "YBR_FULL_422"
    expected.PlanarConfiguration = 0
    expected.Rows = 9
    expected.Columns = 7
    expected.BitsAllocated = 16
    expected.BitsStored = 12
    expected.HighBit = 11
    expected.PixelRepresentation = 0
    assert expected == dataset


def test_one_channel_has_no_planes() -> None:
    """Planar Configuration is of colours (PS3.3 §C.7.6.3.1.3)."""
    dataset = Dataset()

    complete_image_pixel(dataset, read(jpeg_2000(bits=16, signed=True)))

    assert ("MONOCHROME2", 1, 16, 15) == (
        dataset.PhotometricInterpretation,
        dataset.PixelRepresentation,
        dataset.BitsAllocated,
        dataset.HighBit,
    )
    assert "PlanarConfiguration" not in dataset
