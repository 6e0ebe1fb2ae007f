"""Frames, against what pydicom finds in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.pixels import get_decoder
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from aiodicomweb import ConfigurationError, StatusError

from ..support.dicom_files import sample
from .expected_frames import OCTETS, WITH_FRAMES, count, frames, media_type

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from .conftest import Hold

pytestmark = pytest.mark.slow

MULTI_FRAME = [
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "examples_ybr_color.dcm",
    "rtdose.dcm",
]


def test_samples_are_of_all_kinds() -> None:
    """What follows isn't vacuous: all sorts of compression are there, and many frames."""
    kinds = {media_type(file.transfer_syntax) for file in WITH_FRAMES}

    assert {OCTETS, "image/jpeg", "image/jls", "image/jp2", "image/dicom-rle"} == kinds
    assert {2, 15, 30} <= {count(file) for file in WITH_FRAMES}


@pytest.mark.parametrize("file", WITH_FRAMES, ids=str)
async def test_all_frames_as_stored(client: Client, hold: Hold, file: Sample) -> None:
    """By default frames come as they are stored, and say what they are."""
    hold(file)
    expected = frames(file)
    numbers = list(range(1, count(file) + 1))

    found = await client.retrieve_instance_frames(*file.uids, numbers)

    assert expected == [bytes(frame) for frame in found]
    assert numbers == [frame.number for frame in found]
    assert [len(frame) for frame in expected] == [len(frame) for frame in found]
    assert {media_type(file.transfer_syntax)} == {frame.media_type for frame in found}
    # Octets are the same in both syntaxes, and may be told to be in that which all can read.
    implicit = file.transfer_syntax == ImplicitVRLittleEndian
    syntaxes = (
        {file.transfer_syntax, ExplicitVRLittleEndian} if implicit else {file.transfer_syntax}
    )
    assert {frame.transfer_syntax for frame in found} <= syntaxes
    path = "/studies/{}/series/{}/instances/{}/".format(*file.uids)
    for frame in found:
        assert frame.location is not None
        assert path in frame.location
        assert frame.location.endswith(f"/frames/{frame.number}")


@pytest.mark.parametrize("name", MULTI_FRAME)
async def test_some_frames_in_any_order(client: Client, hold: Hold, name: str) -> None:
    """Subsets, the reversed order and repetitions come as they were asked for."""
    file = hold(sample(name))
    whole, last = frames(file), count(file)
    selections = [[1], [last], list(range(last, 0, -1)), list(range(1, last + 1, 2)), [2, 1, 2]]

    for selection in selections:
        found = await client.retrieve_instance_frames(*file.uids, selection)

        assert selection == [frame.number for frame in found]
        assert [whole[number - 1] for number in selection] == [bytes(frame) for frame in found]


@pytest.mark.parametrize("name", MULTI_FRAME)
async def test_iterated_frames(client: Client, hold: Hold, name: str) -> None:
    """Frames that were iterated over stay valid behind the iteration."""
    file = hold(sample(name))
    numbers = list(range(1, count(file) + 1))

    found = [frame async for frame in client.retrieve_instance_frames(*file.uids, numbers)]

    assert frames(file) == [bytes(frame.data) for frame in found]
    assert all(frame.data.readonly for frame in found)


@pytest.mark.parametrize(
    "name",
    [
        "JPGExtended.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "examples_ybr_color.dcm",
        "JPEG2000.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
    ],
)
async def test_explicit_media_type(client: Client, hold: Hold, name: str) -> None:
    """Asked for by media type and transfer syntax, compressed frames are the stored ones too."""
    file = hold(sample(name))
    kind = media_type(file.transfer_syntax), file.transfer_syntax
    numbers = list(range(1, count(file) + 1))

    found = await client.retrieve_instance_frames(*file.uids, numbers, [kind])

    assert frames(file) == [bytes(frame) for frame in found]
    assert {kind} == {(frame.media_type, frame.transfer_syntax) for frame in found}


@pytest.mark.parametrize(
    ("name", "kind", "transfer_syntax"),
    [
        ("MR_small_RLE.dcm", "image/dicom-rle", RLELossless),
        ("MR_small_jpeg_ls_lossless.dcm", "image/jls", JPEGLSLossless),
        ("SC_rgb_jpeg_gdcm.dcm", "image/jpeg", JPEGLosslessSV1),
        ("MR_small_jp2klossless.dcm", "image/jp2", "1.2.840.10008.1.2.4.90"),
    ],
)
async def test_media_type_alone(
    client: Client, hold: Hold, name: str, kind: str, transfer_syntax: str
) -> None:
    """A media type without transfer syntax stands for its default one (PS3.18 Table 8.7.3-4)."""
    file = hold(sample(name))

    found = await client.retrieve_instance_frames(*file.uids, [1], [kind])

    assert [(kind, transfer_syntax)] == [(x.media_type, x.transfer_syntax) for x in found]
    assert frames(file)[0] == bytes(found[0])


def interleaved(planes: bytes, samples: int, width: int) -> bytes:
    """Pixels of colour by planes, put pixel after pixel; samples of ``width`` octets."""
    length = len(planes) // samples
    pixels = bytearray(len(planes))
    for plane in range(samples):
        for octet in range(width):
            source = planes[plane * length + octet : (plane + 1) * length : width]
            pixels[plane * width + octet :: samples * width] = source
    return bytes(pixels)


@pytest.mark.parametrize("transfer_syntax", [None, ExplicitVRLittleEndian])
@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
    ],
)
async def test_decompressed(
    client: Client, hold: Hold, name: str, transfer_syntax: str | None
) -> None:
    """Octets that the archive decompresses are those that pydicom's decoder gives."""
    file = hold(sample(name))
    decoder = get_decoder(RLELossless)
    samples, width = file.dataset.SamplesPerPixel, file.dataset.BitsAllocated // 8
    numbers = list(range(1, count(file) + 1))
    kind = OCTETS if transfer_syntax is None else (OCTETS, transfer_syntax)

    found = await client.retrieve_instance_frames(*file.uids, numbers, [kind])

    for frame in found:
        planes, _ = decoder.as_buffer(file.dataset, index=frame.number - 1)
        assert interleaved(bytes(planes), samples, width) == bytes(frame)
        expected = transfer_syntax or ExplicitVRLittleEndian
        assert (OCTETS, expected) == (frame.media_type, frame.transfer_syntax)


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_implicit.dcm", "MR_small.dcm"),
        ("liver_expb_1frame.dcm", "liver_1frame.dcm"),
        ("image_dfl.dcm", "image_dfl.dcm"),
    ],
)
async def test_uncompressed_twin(client: Client, hold: Hold, name: str, equal: str) -> None:
    """Made explicit little endian by the archive, an image has the pixels of its plain twin."""
    file = hold(sample(name))

    (found,) = await client.retrieve_instance_frames(
        *file.uids, [1], [(OCTETS, ExplicitVRLittleEndian)]
    )

    assert sample(equal).dataset.PixelData == bytes(found)


@pytest.mark.parametrize("numbers", [[16], [1, 16], [16, 1]])
async def test_frames_out_of_range(client: Client, hold: Hold, numbers: list[int]) -> None:
    """If one of the numbers is beyond the last frame, none is given."""
    file = hold(sample("rtdose.dcm"))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance_frames(*file.uids, numbers)

    assert caught.value.status in (400, 404)


@pytest.mark.parametrize("numbers", [[], [0], [-1]])
async def test_no_frame_numbers(client: Client, numbers: list[int]) -> None:
    """Frames count from 1; a mistake is told before anything is sent."""
    with pytest.raises(ConfigurationError):
        client.retrieve_instance_frames(*sample("rtdose.dcm").uids, numbers)


async def test_impossible_media_type(client: Client, hold: Hold) -> None:
    """A transfer syntax that the media type does not have is refused."""
    file = hold(sample("SC_rgb_jpeg_gdcm.dcm"))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance_frames(*file.uids, [1], [("image/jp2", JPEGLossless)])

    assert caught.value.status in (400, 406)


async def test_instance_without_pixels(client: Client, hold: Hold) -> None:
    """A report has no frames."""
    file = hold(sample("reportsi.dcm"))

    with pytest.raises(StatusError):
        await client.retrieve_instance_frames(*file.uids, [1])
