from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from aiodicomweb.dicom.frame_layout import (
    FrameLayout,
    PixelFormat,
    extract_bits,
    read_frame_layout,
)
from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.layout import read_layout
from aiodicomweb.dicom.part10 import encode, is_dicom
from aiodicomweb.errors import Part10Error

from ..support.dicom_files import sample, samples

if TYPE_CHECKING:
    from collections.abc import Sequence

JPEG = "1.2.840.10008.1.2.4.50"
MPEG = "1.2.840.10008.1.2.4.102"
RAW = "1.2.840.10008.1.2.1"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# Image Pixel modules that are not whole.
UNDESCRIBED = {"badVR.dcm", "nested_priv_SQ.dcm", "meta_missing_tsyntax.dcm"}
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
IMAGES = [
    name
    for name, one in samples().items()
    if is_dicom(one.octets)
    and name not in UNDESCRIBED | {"MR_truncated.dcm"}
    and any(keyword in one.dataset for keyword in PIXELS)
]


def frames_of(octets: bytes) -> FrameLayout | None:
    """Where the frames of a file are."""
    file = io.BytesIO(octets)
    return read_frame_layout(file, read_layout(file))


def joined(octets: bytes, frames: FrameLayout) -> list[bytes]:
    """The compressed frames."""
    assert frames.compressed is not None
    return [
        b"".join(octets[offset : offset + length] for offset, length in frame)
        for frame in frames.compressed
    ]


def image(value: bytes, syntax: str = JPEG, frames: int = 1, **further: object) -> bytes:
    """A file with this pixel data."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 2, 3, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation = 8, 8, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.NumberOfFrames = str(frames)
    for keyword, own in further.items():
        setattr(dataset, keyword, own)
    dataset.PixelData = value
    dataset["PixelData"].VR = "OB"
    set_transfer_syntax(dataset, syntax)
    return encode(dataset)


def fragments(*pieces: bytes, table: Sequence[int] = ()) -> bytes:
    """Encapsulated pixel data, without delimiter."""
    offsets = struct.pack(f"<{len(table)}L", *table)
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(p)) + p for p in (offsets, *pieces))


# --- against pydicom ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMAGES)
def test_frames_are_where_pydicom_finds_them(name: str) -> None:
    """Compressed ones as ``pydicom.encaps`` gives them, native ones as pieces of the value."""
    octets = sample(name).octets
    dataset = sample(name).read()
    layout = read_layout(io.BytesIO(octets))
    frames = frames_of(octets)
    number = int(dataset.get("NumberOfFrames") or 1)
    source = layout.source(io.BytesIO(octets)).read()

    assert frames is not None
    assert number == len(frames)
    if frames.compressed is not None:
        assert list(generate_frames(dataset.PixelData, number_of_frames=number)) == joined(
            source, frames
        )
        return
    keyword = next(keyword for keyword in PIXELS if keyword in dataset)
    value = dataset[keyword].value
    assert frames.pixels is not None
    for index in range(number):
        span, skipped = frames.native(index)
        found = source[span.offset : span.offset + span.length]
        start = index * frames.pixels.bits
        assert (start % 8, value[start // 8 : start // 8 + span.length]) == (skipped, found)


def test_a_file_without_pixels_has_no_frames() -> None:
    """A plan is no image."""
    assert frames_of(sample("rtplan.dcm").octets) is None


# --- how compressed frames are told apart ---------------------------------------------------------


def test_the_extended_offset_table_tells_frames_without_padding() -> None:
    """Offsets and lengths of 64 bits (PS3.3 §C.7.6.3.1.8)."""
    value, offsets, _ = encapsulate_extended([b"abc", b"defgh"])
    lengths = struct.pack("<2Q", 3, 5)
    octets = image(value, frames=2, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abc", b"defgh"] == joined(octets, frames)


def test_the_basic_offset_table_tells_which_fragments_are_a_frame() -> None:
    """Frames have several fragments, from one offset to the next (PS3.5 §A.4)."""
    octets = image(fragments(b"ab", b"cd", b"ef", table=(0, 20)), frames=2)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abcd", b"ef"] == joined(octets, frames)


@pytest.mark.parametrize("table", [(0, 14), (0, 0), (4, 14), (0,), (0, 0xFFFFFFF0)])
def test_a_table_is_not_believed_where_each_fragment_is_a_frame(table: tuple[int, ...]) -> None:
    """Offsets that are wrong, or beyond 32 bits, would give other frames than were asked for."""
    octets = image(fragments(b"ab", b"cd", table=table), frames=2)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"ab", b"cd"] == joined(octets, frames)


@pytest.mark.parametrize("table", [(0, 12), (20, 0), (0, 0), (10, 20), (0, 1000)])
def test_a_table_that_names_no_fragment_is_an_error(table: tuple[int, ...]) -> None:
    """There is nothing else to go by."""
    octets = image(fragments(b"ab", b"cd", b"ef", table=table), frames=2)

    with pytest.raises(Part10Error, match="names no fragment"):
        frames_of(octets)


def test_without_a_table_each_fragment_is_a_frame() -> None:
    """As many fragments as frames."""
    octets = image(fragments(b"ab", b"cd"), frames=2)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"ab", b"cd"] == joined(octets, frames)


def test_without_a_table_one_frame_has_all_fragments() -> None:
    """However many there are."""
    octets = image(fragments(b"ab", b"cd"))
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abcd"] == joined(octets, frames)


def test_without_a_table_images_end_with_their_marker() -> None:
    """More fragments than frames: the end of image tells, with padding behind it."""
    octets = image(fragments(b"ab", b"cd\xff\xd9", b"ef", b"gh\xff\xd9\0\0"), frames=2)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abcd\xff\xd9", b"efgh\xff\xd9\0\0"] == joined(octets, frames)


def test_a_video_is_one_stream() -> None:
    """Its frames are not separate, whatever their number (PS3.18 §8.7.3.3.2; RET-62)."""
    octets = image(fragments(b"ab", b"cd"), MPEG, frames=30)
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abcd"] == joined(octets, frames)


@pytest.mark.parametrize(
    ("value", "further", "message"),
    [
        (fragments(b"ab", b"cd"), {}, "fewer fragments"),
        (fragments(b"ab", b"cd")[:4] + b"\x02\0\0\0\0\0" + fragments(b"ab")[8:], {}, "cut short"),
        (
            fragments(b"ab"),
            {
                "ExtendedOffsetTable": struct.pack("<Q", 4),
                "ExtendedOffsetTableLengths": struct.pack("<Q", 2),
            },
            "names no fragment",
        ),
        (
            fragments(b"ab"),
            {
                "ExtendedOffsetTable": struct.pack("<Q", 0),
                "ExtendedOffsetTableLengths": struct.pack("<Q", 3),
            },
            "names no fragment",
        ),
    ],
)
def test_frames_that_cannot_be_told_apart_are_an_error(
    value: bytes, further: dict[str, object], message: str
) -> None:
    """Rather than to give another frame than was asked for."""
    with pytest.raises(Part10Error, match=message):
        frames_of(image(value, frames=3, **further))


def test_pixels_that_are_not_described_are_an_error() -> None:
    """Without rows and columns there are no native frames."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PixelData = b"ab"
    dataset["PixelData"].VR = "OB"
    set_transfer_syntax(dataset, RAW)

    with pytest.raises(Part10Error, match="not described"):
        frames_of(encode(dataset))


# --- native frames --------------------------------------------------------------------------------


def test_pixels_that_share_their_colours_take_two_thirds() -> None:
    """YBR_FULL_422 in native form (PS3.3 §C.7.6.3.1.2)."""
    pixels = PixelFormat(2, 4, 3, 8, 8, False, "YBR_FULL_422", 0, 1)

    assert 16 == pixels.octets


def test_a_native_frame_that_is_not_there_is_an_error() -> None:
    """Neither before the first nor behind the last; a value that is cut short has fewer."""
    frames = frames_of(image(bytes(12), RAW, frames=3))

    assert frames is not None
    assert 2 == len(frames)
    for index in (-1, 2):
        with pytest.raises(Part10Error, match="no such frame"):
            frames.native(index)


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.data())
def test_bits_are_cut_out_of_their_octets(bits: list[bool], data: st.DataObject) -> None:
    """From the least significant bit on, the rest filled with zeros (PS3.5 §8.1.1; RET-61)."""
    first = data.draw(st.integers(0, len(bits) - 1))
    count = data.draw(st.integers(1, len(bits) - first))
    packed = sum(bit << place for place, bit in enumerate(bits))
    octets = packed.to_bytes((len(bits) + 7) // 8, "little")

    found = extract_bits(octets[first // 8 :], first % 8, count)

    number = int.from_bytes(found, "little")
    assert bits[first : first + count] == [bool(number >> place & 1) for place in range(count)]
    assert 0 == number >> count


def test_encapsulated_frames_of_odd_length_keep_their_padding() -> None:
    """Nothing but an Extended Offset Table tells it from data."""
    octets = image(encapsulate([b"abc"]))
    frames = frames_of(octets)

    assert frames is not None
    assert [b"abc\0"] == joined(octets, frames)
