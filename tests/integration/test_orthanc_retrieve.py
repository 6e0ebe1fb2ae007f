"""What Orthanc does otherwise when instances are retrieved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from aiodicomweb import ServerError, StatusError

from ..support.dicom_files import sample
from .accepted import BARE
from .peers import ORTHANC
from .transcoded import little_endian_values, values_of

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from .conftest import Hold

pytestmark = [pytest.mark.slow, ORTHANC]


@pytest.mark.parametrize("file", BARE, ids=str)
async def test_bare_data_set(client: Client, hold: Hold, file: Sample) -> None:
    """A data set without a head comes without one, which no file may be (PS3.10 §7.1)."""
    hold(file)

    call = client.retrieve_instance(*file.uids)

    assert [file.octets] == [bytes(await part.read()) async for part in call]


async def test_transfer_syntax_is_not_told(client: Client, hold: Hold) -> None:
    """Orthanc 1.7 does not tell the transfer syntax, and only the file knows it."""
    file = hold(sample("CT_small.dcm"))

    call = client.retrieve_instance(*file.uids)

    assert [None] == [part.transfer_syntax async for part in call]


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
async def test_implicit_little_endian(client: Client, hold: Hold, name: str) -> None:
    """Orthanc gives what nobody has to, Implicit VR Little Endian, with the same values."""
    file = hold(sample(name))

    found = await client.retrieve_instance(
        *file.uids, [("application/dicom", ImplicitVRLittleEndian)]
    )

    assert ImplicitVRLittleEndian == found.file_meta.TransferSyntaxUID
    assert little_endian_values(file) == values_of(found)


async def test_what_orthanc_cannot_decompress(client: Client, hold: Hold) -> None:
    """Without a decoder for JPEG 2000, Orthanc fails as a server."""
    file = hold(sample("JPEG2000.dcm"))

    with pytest.raises(ServerError) as caught:
        await client.retrieve_instance(*file.uids, [("application/dicom", ExplicitVRLittleEndian)])

    assert 500 == caught.value.status


async def test_media_type_that_is_none_of_orthancs(client: Client, hold: Hold) -> None:
    """Refused with Orthanc's reason."""
    file = hold(sample("CT_small.dcm"))

    with pytest.raises(StatusError) as caught:
        await client.retrieve_instance(*file.uids, ["application/octet-stream"])

    assert 400 == caught.value.status
    assert b"only supports application/dicom" in caught.value.body
