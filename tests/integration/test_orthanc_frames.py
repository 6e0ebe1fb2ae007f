"""What Orthanc does otherwise when frames are retrieved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless

from aiodicomweb import ServerError, StatusError

from ..support.dicom_files import sample
from .expected_frames import BAD_COUNT, BIG_ENDIAN, DEFLATED, OCTETS, SUBSAMPLED
from .peers import ORTHANC

if TYPE_CHECKING:
    from aiodicomweb import Client

    from .conftest import Hold

pytestmark = [pytest.mark.slow, ORTHANC]


async def test_implicit_little_endian(client: Client, hold: Hold) -> None:
    """Orthanc gives native pixels in a transfer syntax that they need not come in."""
    file = hold(sample("MR_small_RLE.dcm"))
    kind = (OCTETS, ImplicitVRLittleEndian)

    (found,) = await client.retrieve_instance_frames(*file.uids, [1], [kind])

    assert kind == (found.media_type, found.transfer_syntax)
    assert sample("MR_small.dcm").dataset.PixelData == bytes(found)


async def test_compressed_for_us(client: Client, hold: Hold) -> None:
    """An image that is not compressed is, if it is asked for so."""
    file = hold(sample("MR_small.dcm"))

    (jpeg,) = await client.retrieve_instance_frames(*file.uids, [1], ["image/jpeg"])
    (jls,) = await client.retrieve_instance_frames(*file.uids, [1], ["image/jls"])

    assert ("image/jpeg", JPEGLosslessSV1) == (jpeg.media_type, jpeg.transfer_syntax)
    assert ("image/jls", JPEGLSLossless) == (jls.media_type, jls.transfer_syntax)
    assert [b"\xff\xd8"] * 2 == [bytes(jpeg)[:2], bytes(jls)[:2]]


@pytest.mark.parametrize("name", sorted(BIG_ENDIAN | DEFLATED))
async def test_frames_that_are_not_stored_so(client: Client, hold: Hold, name: str) -> None:
    """Frames of big endian and deflated data can't be had as they are stored."""
    file = hold(sample(name))

    with pytest.raises(ServerError) as caught:
        await client.retrieve_instance_frames(*file.uids, [1])

    assert 500 == caught.value.status
    assert "Internal error" == json.loads(caught.value.body)["Message"]


@pytest.mark.parametrize("name", sorted(SUBSAMPLED | BAD_COUNT))
async def test_frames_that_are_miscounted(client: Client, hold: Hold, name: str) -> None:
    """Orthanc takes three octets for each pixel, and needs a number of frames."""
    file = hold(sample(name))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance_frames(*file.uids, [1])

    assert 400 == caught.value.status
    assert "Bad file format" == json.loads(caught.value.body)["Message"]


@pytest.mark.parametrize("numbers", [[16], [1, 16], [16, 1]])
async def test_frames_out_of_range(client: Client, hold: Hold, numbers: list[int]) -> None:
    """If one of the numbers is beyond the last frame, Orthanc gives none, and says why."""
    file = hold(sample("rtdose.dcm"))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance_frames(*file.uids, numbers)

    assert 400 == caught.value.status
    assert "Parameter out of range" == json.loads(caught.value.body)["Message"]


async def test_impossible_media_type(client: Client, hold: Hold) -> None:
    """A transfer syntax that the media type does not have is refused, with Orthanc's reason."""
    file = hold(sample("SC_rgb_jpeg_gdcm.dcm"))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance_frames(*file.uids, [1], [("image/jp2", JPEGLossless)])

    assert 400 == caught.value.status
    assert b"is incompatible with media type" in caught.value.body
