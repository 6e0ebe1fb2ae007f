"""Retrieving: the octets that the archive holds, in every way to get them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import BARE, FILES, HELD
from .transcoded import little_endian_values, values_of

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.peer import Peer
    from .conftest import Hold

pytestmark = pytest.mark.slow

BARE_STUDIES = {file.study for file in BARE}
STUDIES = {file.study for file in HELD} - BARE_STUDIES
SERIES = {file.uids[:2] for file in HELD if file.study not in BARE_STUDIES}


@pytest.mark.parametrize("file", FILES, ids=str)
async def test_instance_in_every_way(
    client: Client, hold: Hold, empty: Peer, tmp_path: Path, file: Sample
) -> None:
    """Read whole, in pieces and to disk, at each scope, it is what is held, to the octet."""
    hold(file)

    whole = [
        (bytes(await part.read()), part.media_type)
        async for part in client.retrieve_instance(*file.uids)
    ]
    pieces = [
        b"".join([bytes(piece) async for piece in part])
        async for part in client.retrieve_series(file.study, file.series)
    ]
    paths = [await part.save(tmp_path) async for part in client.retrieve_study(file.study)]

    assert file.octets == empty.file(file.instance)
    assert [(file.octets, "application/dicom")] == whole
    assert [file.octets] == pieces
    assert [file.octets] == [path.read_bytes() for path in paths]
    assert [tmp_path / f"{file.instance}.dcm"] == paths
    assert paths == list(tmp_path.iterdir())  # noqa: ASYNC240


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
@pytest.mark.parametrize("file", FILES, ids=str)
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


def held_of(study: str, series: str | None = None) -> list[bytes]:
    """The files that an archive holds of a study or series."""
    return sorted(
        file.octets for file in HELD if study == file.study and series in (None, file.series)
    )


async def test_every_study(archive_client: Client, tmp_path: Path) -> None:
    """Each study of the archive comes whole: its instances once each, and no other."""
    for uid in STUDIES:
        folder = tmp_path / uid
        folder.mkdir()

        read = [bytes(await part.read()) async for part in archive_client.retrieve_study(uid)]
        async for part in archive_client.retrieve_study(uid):
            await part.save(folder)

        expected = held_of(uid)
        assert expected == sorted(read)
        assert expected == sorted(path.read_bytes() for path in folder.iterdir())


async def test_every_series(archive_client: Client) -> None:
    """Each series of the archive comes whole, with nothing of the study's other series."""
    for study, series in SERIES:
        call = archive_client.retrieve_series(study, series)
        read = [bytes(await part.read()) async for part in call]

        assert held_of(study, series) == sorted(read)
        assert not call.response.partial


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
async def test_other_transfer_syntax(client: Client, hold: Hold, name: str) -> None:
    """In a transfer syntax that was asked for, an instance has the same values as before."""
    file = hold(sample(name))

    found = await client.retrieve_instance(
        *file.uids, [("application/dicom", ExplicitVRLittleEndian)]
    )

    assert ExplicitVRLittleEndian == found.file_meta.TransferSyntaxUID
    assert little_endian_values(file) == values_of(found)


async def test_without_a_transfer_syntax(client: Client, hold: Hold) -> None:
    """Without ``transfer-syntax=*`` an instance is decompressed (PS3.18 §8.7.3.4)."""
    file = hold(sample("MR_small_RLE.dcm"))

    call = client.retrieve_instance(*file.uids, ["application/dicom"])
    octets = [bytes(await part.read()) async for part in call]

    found = dcmread(io.BytesIO(octets[0]))
    assert ExplicitVRLittleEndian == found.file_meta.TransferSyntaxUID
    assert sample("MR_small.dcm").dataset.PixelData == found.PixelData
