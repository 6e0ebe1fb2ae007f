from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import generate_frames

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.source import MOST_SAMPLES, Source

from ...support.dicom_files import sample, samples
from ...support.fake_archive import holding_of
from ...support.images import an_image, compressed

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
RGB = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
OCTETS = {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "BitsStored": 8, "PixelRepresentation": 0}


def frame(pixels: Any, index: int = 0, **attributes: Any) -> Any:
    """The samples of a frame of an image."""
    source = Source.read(an_image(pixels, **attributes))
    assert source is not None
    return source.frame(index).tolist()


# --- native pixels --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<f4", "<f8"])
def test_samples_are_of_any_kind(dtype: str) -> None:
    """Octets, words, long words and floats, signed or not."""
    values = np.array([[1, 2], [3, 100]], dtype=dtype)

    assert values.tolist() == frame(values)


def test_bits_that_are_not_stored_do_not_count() -> None:
    """Old images have overlays there; the sign is that of what is stored (PS3.5 §8.1.1)."""
    stored = np.array([[0xF001, 0x0FFF]], dtype="<u2")

    assert [[1, 4095]] == frame(stored, BitsStored=12)
    assert [[1, -1]] == frame(stored, BitsStored=12, PixelRepresentation=1)


def test_one_bit_is_a_sample() -> None:
    """From the lowest on, and a frame may start within an octet."""
    stored = np.array([[0b01_011_010]], dtype="u1")
    told = {"Rows": 1, "Columns": 3, "BitsAllocated": 1, "BitsStored": 1, "NumberOfFrames": "2"}

    assert [[0, 1, 0]] == frame(stored, **told)
    assert [[1, 1, 0]] == frame(stored, 1, **told)


@pytest.mark.parametrize("planes", [0, 1])
def test_colors_may_be_pixel_by_pixel_or_plane_by_plane(planes: int) -> None:
    """They come out pixel by pixel (PS3.3 §C.7.6.3.1.3)."""
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], dtype="u1")
    stored = np.moveaxis(pixels, 2, 0) if planes else pixels

    found = frame(np.ascontiguousarray(stored), **{**RGB, "PlanarConfiguration": planes})

    assert pixels.tolist() == found


def test_colors_have_no_sign() -> None:
    """Whatever the data set says."""
    pixels = np.array([[[0, 128, 255]]], dtype="u1")

    assert [[[0, 128, 255]]] == frame(pixels, **RGB, PixelRepresentation=1)


@pytest.mark.parametrize(
    ("color", "expected"),
    [((76, 85, 255), (254, 0, 0)), ((255, 128, 128), (255, 255, 255)), ((0, 128, 128), (0, 0, 0))],
)
def test_ybr_becomes_rgb(color: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Full, and with one colour for two pixels (PS3.3 §C.7.6.3.1.2)."""
    y, b, r = color
    full = np.array([[color, color]], dtype="u1")
    halved = np.array([[y, y, b, r]], dtype="u1")

    as_full = frame(full, **{**RGB, "PhotometricInterpretation": "YBR_FULL"})
    told = {**RGB, **OCTETS, "PhotometricInterpretation": "YBR_FULL_422"}
    as_halved = frame(halved[..., None], **told)

    assert [[list(expected)] * 2] == as_full == as_halved


def test_frames_are_told_apart() -> None:
    """Each is read by itself."""
    values = np.arange(12, dtype="<u2").reshape(3, 2, 2)

    assert [[4, 5], [6, 7]] == frame(values, 1, NumberOfFrames="3")


@pytest.mark.parametrize("index", [-1, 3])
def test_a_frame_that_is_not_there_is_refused(index: int) -> None:
    """Before the first and behind the last."""
    with pytest.raises(Part10Error):
        frame(np.zeros((3, 2, 2), dtype="u1"), index, NumberOfFrames="3")


# --- what is not rendered -------------------------------------------------------------------------


def test_an_instance_without_pixels_is_no_image() -> None:
    """A plan, a report."""
    assert Source.read(holding_of(sample("rtplan.dcm"))) is None


@pytest.mark.parametrize(
    "told",
    [
        {"PhotometricInterpretation": "CMYK"},
        {"PhotometricInterpretation": "RGB"},
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "MONOCHROME2", "Columns": 1},
        {"Rows": None},
        {"Rows": 20_000, "Columns": 20_000},
        {"Columns": 2, "Rows": 3},
    ],
)
def test_what_cannot_be_rendered_is_refused(told: dict[str, Any]) -> None:
    """Colours of no kind, no description, a size beyond all bounds, and a frame cut short."""
    with pytest.raises(Part10Error):
        Source.read(an_image(np.zeros((1, 4), dtype="u1"), **told))


def test_a_transfer_syntax_without_decoder_is_refused() -> None:
    """Such as that of a video."""
    holding = compressed([bytes(10)], "1.2.840.10008.1.2.4.102", **OCTETS)

    with pytest.raises(Part10Error, match=r"1\.2\.840\.10008\.1\.2\.4\.102"):
        Source.read(holding)


def test_a_stream_may_not_be_larger_than_it_says() -> None:
    """A small file that becomes a huge image: it is refused before it is decoded."""
    source = Source.read(holding_of(sample("SC_rgb_jpeg.dcm")))
    assert source is not None
    (octets,) = generate_frames(sample("SC_rgb_jpeg.dcm").dataset.PixelData, number_of_frames=1)
    start = octets.index(b"\xff\xc0")
    huge = octets[: start + 5] + struct.pack(">HH", 65_000, 65_000) + octets[start + 9 :]
    large = Source.read(compressed([huge], JPEG, **{**OCTETS, **RGB}))
    assert large is not None

    tracemalloc.start()
    with pytest.raises(Part10Error, match="another size"):
        large.frame(0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize("rows", [0, 44, 46])
def test_a_stream_may_not_have_other_rows_than_it_says(rows: int) -> None:
    """A decoder of JPEG-LS never ends where there are none."""
    dataset = sample("JPEGLSNearLossless_08.dcm").dataset
    (octets,) = generate_frames(dataset.PixelData, number_of_frames=1)
    other = octets[:7] + struct.pack(">H", rows) + octets[9:]
    told = {**OCTETS, "Rows": 45, "Columns": 10}
    source = Source.read(compressed([other], "1.2.840.10008.1.2.4.81", **told))
    assert source is not None

    with pytest.raises(Part10Error, match="another size"):
        source.frame(0)


def test_run_lengths_may_not_be_longer_than_an_image() -> None:
    """They have no head that says how large the image becomes."""
    source = Source.read(compressed([bytes(4096)], RLE, **OCTETS))
    assert source is not None

    with pytest.raises(Part10Error, match="larger"):
        source.frame(0)


def test_what_a_decoder_cannot_read_is_refused() -> None:
    """Whatever it raises."""
    source = Source.read(compressed([bytes(66)], RLE, **OCTETS))
    assert source is not None

    with pytest.raises(Part10Error, match="cannot be decompressed"):
        source.frame(0)


def test_the_largest_radiographs_fit() -> None:
    """The bound is above what there is: 40 million pixels."""
    assert 40_000_000 < MOST_SAMPLES


def test_a_file_that_is_gone_is_an_os_error() -> None:
    """Not one of DICOM."""
    holding = holding_of(sample("CT_small.dcm"))
    content = replace(holding.content, path="/nowhere")  # type: ignore[type-var]

    with pytest.raises(OSError, match="nowhere"):
        Source.read(replace(holding, content=content))


# --- bundled files --------------------------------------------------------------------------------

# What pydicom's own decoders refuse too, but for the second: its columns are a delimiter.
REFUSED = {
    "JPEG-lossy.dcm": "cannot be decompressed",
    "JPEG2000-embedded-sequence-delimiter.dcm": "another size",
    "MR_truncated.dcm": "no frame that is whole",
    "badVR.dcm": "not described",
}


def has_image(name: str) -> bool:
    """Whether a bundled file has pixels that are described."""
    dataset = sample(name).dataset
    return "PixelData" in dataset and "Rows" in dataset and name not in REFUSED


IMAGES = [name for name in samples() if has_image(name)]


@pytest.mark.parametrize("name", IMAGES)
def test_frames_of_bundled_files_are_those_of_pydicom(name: str) -> None:
    """Last frames, where each has several."""
    source = Source.read(holding_of(sample(name)))
    assert source is not None

    found = source.frame(len(source.frames) - 1)

    pixels = sample(name).read().pixel_array
    assert np.array_equal(pixels[-1] if len(source.frames) > 1 else pixels, found)


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_other_bundled_files_are_refused_with_a_reason(name: str, reason: str) -> None:
    """When they are looked at, or when they are decoded."""
    with pytest.raises(Part10Error, match=reason):
        frame_of(name)


def frame_of(name: str) -> Any:
    """The first frame of a bundled file."""
    source = Source.read(holding_of(sample(name)))
    assert source is not None
    return source.frame(0)


def test_words_of_tables_are_little_endian() -> None:
    """Those of big-endian data sets are turned round."""
    table = np.array([1, 2, 3], dtype=">u2").tobytes()
    holding = an_image(
        np.array([[0, 1]], dtype="u1"),
        syntax="1.2.840.10008.1.2.2",
        PhotometricInterpretation="PALETTE COLOR",
        RedPaletteColorLookupTableDescriptor=[3, 0, 16],
        RedPaletteColorLookupTableData=table,
    )

    source = Source.read(holding)

    assert source is not None
    assert (1, 2, 3) == struct.unpack("<3H", source.attributes.RedPaletteColorLookupTableData)
