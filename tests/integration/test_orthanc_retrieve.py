"""Retrieving from Orthanc: the octets that it holds, in every way to get them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from aiodicomweb import ServerError, StatusError

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import ACCEPTED, ONE_BY_ONE

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.orthanc import Orthanc
    from .conftest import Hold

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_instance_in_every_way(
    client: Client, hold: Hold, empty: Orthanc, tmp_path: Path, file: Sample
) -> None:
    """Read whole, in pieces and to disk, at each scope, it is what Orthanc holds, to the octet."""
    hold(file)

    whole = [
        (bytes(await part.read()), part.media_type, part.transfer_syntax)
        async for part in client.retrieve_instance(*file.uids)
    ]
    pieces = [
        b"".join([bytes(piece) async for piece in part])
        async for part in client.retrieve_series(file.study, file.series)
    ]
    paths = [await part.save(tmp_path) async for part in client.retrieve_study(file.study)]

    assert file.octets == empty.file(file.instance)
    # Orthanc 1.7 does not tell the transfer syntax, and only the file knows it.
    assert [(file.octets, "application/dicom", None)] == whole
    assert [file.octets] == pieces
    assert [file.octets] == [path.read_bytes() for path in paths]
    assert [tmp_path / f"{file.instance}.dcm"] == paths
    assert paths == list(tmp_path.iterdir())  # noqa: ASYNC240


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_data_set_of_instance(client: Client, hold: Hold, file: Sample) -> None:
    """Awaited, it is a data set that equals the file's in every element, at each scope."""
    hold(file)

    instance = await client.retrieve_instance(*file.uids)
    series = await client.retrieve_series(file.study, file.series)
    study = await client.retrieve_study(file.study)

    assert (1, 1) == (len(series), len(study))
    for found in (instance, *series, *study):
        assert [] == differences(file.dataset, found)
        assert [] == differences(file.dataset.file_meta, found.file_meta)
        assert file.dataset.preamble == found.preamble
        assert file.dataset.is_implicit_VR == found.is_implicit_VR
        assert file.dataset.is_little_endian == found.is_little_endian


def held_below(archive: Orthanc, level: str, identifier: str) -> list[bytes]:
    """The files that an archive holds of a study or series."""
    instances = archive.get(f"/{level}/{identifier}/instances").json()
    return sorted(archive.get(f"/instances/{each['ID']}/file").body for each in instances)


def uids(archive: Orthanc, level: str) -> dict[str, str]:
    """UIDs by the archive's own identifiers, of studies or series."""
    keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}[level]
    return {
        each: archive.get(f"/{level}/{each}").json()["MainDicomTags"][keyword]
        for each in archive.get(f"/{level}").json()
    }


async def test_every_study(archive: Orthanc, archive_client: Client, tmp_path: Path) -> None:
    """Each study of the archive comes whole: its instances once each, and no other."""
    studies = uids(archive, "studies")
    for identifier, uid in studies.items():
        folder = tmp_path / uid
        folder.mkdir()

        read = [bytes(await part.read()) async for part in archive_client.retrieve_study(uid)]
        async for part in archive_client.retrieve_study(uid):
            await part.save(folder)

        expected = held_below(archive, "studies", identifier)
        assert expected == sorted(read)
        assert expected == sorted(path.read_bytes() for path in folder.iterdir())
    assert len({file.study for file in ACCEPTED}) == len(studies)


async def test_every_series(archive: Orthanc, archive_client: Client) -> None:
    """Each series of the archive comes whole, with nothing of the study's other series."""
    studies, series = uids(archive, "studies"), uids(archive, "series")
    for identifier, uid in series.items():
        study = studies[archive.get(f"/series/{identifier}").json()["ParentStudy"]]

        call = archive_client.retrieve_series(study, uid)
        read = [bytes(await part.read()) async for part in call]

        assert held_below(archive, "series", identifier) == sorted(read)
        assert not call.response.partial
    assert len({(file.study, file.series) for file in ACCEPTED}) == len(series)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
async def test_other_transfer_syntax(client: Client, hold: Hold, name: str, syntax: str) -> None:
    """In a transfer syntax that was asked for, an instance has the same values as before."""
    file = hold(sample(name))

    found = await client.retrieve_instance(*file.uids, [("application/dicom", syntax)])

    assert syntax == found.file_meta.TransferSyntaxUID
    keywords = ("PatientName", "Rows", "PixelSpacing", "SOPInstanceUID")
    assert [file.dataset.get(each) for each in keywords] == [found.get(each) for each in keywords]
    expected = file.dataset.PixelData
    if file.dataset.is_little_endian is False:
        expected = sample("MR_small.dcm").dataset.PixelData
    assert expected == found.PixelData


async def test_without_a_transfer_syntax(client: Client, hold: Hold) -> None:
    """Without ``transfer-syntax=*`` Orthanc decompresses, as PS3.18 §8.7.3.4 has it."""
    file = hold(sample("MR_small_RLE.dcm"))

    call = client.retrieve_instance(*file.uids, ["application/dicom"])
    octets = [bytes(await part.read()) async for part in call]

    found = dcmread(io.BytesIO(octets[0]))
    assert ExplicitVRLittleEndian == found.file_meta.TransferSyntaxUID
    assert sample("MR_small.dcm").dataset.PixelData == found.PixelData


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
