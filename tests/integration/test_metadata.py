"""Metadata, against the files; and the bulk data that they refer to, octet by octet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import NotFound

from ..support.comparison import differences
from ..support.dicom_files import sample, samples
from .accepted import ONE_BY_ONE
from .expected_metadata import PIXEL_DATA, elements, is_compressed

if TYPE_CHECKING:
    from pydicom import Dataset

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.peer import Peer
    from .conftest import Hold

pytestmark = [
    pytest.mark.slow,
    # What is no value of its VR: pydicom says so when the element of the file is looked at.
    pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning"),
]

LARGE_WORDS = {"rtdose_expb.dcm", "rtdose_expb_1frame.dcm"}
"""Big endian pixels of 32 bits, whose halves Orthanc takes for the words of OW."""


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_metadata_at_each_scope(client: Client, hold: Hold, file: Sample) -> None:
    """Metadata of the series and the study have the same of the instance."""
    hold(file)

    instance = await client.retrieve_instance_metadata(*file.uids)
    series = await client.retrieve_series_metadata(file.study, file.series)
    study = [each async for each in client.retrieve_study_metadata(file.study)]

    assert [1, 1] == [len(series), len(study)]
    assert [] == differences(instance, series[0])
    assert [] == differences(instance, study[0])


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtplan.dcm", "charset_files/chrX1.dcm"])
async def test_metadata_as_json(client: Client, hold: Hold, empty: Peer, name: str) -> None:
    """As JSON, metadata are the objects that were sent."""
    file = hold(sample(name))
    target = "/dicom-web/studies/{}/series/{}/instances/{}/metadata".format(*file.uids)
    sent = empty.get(target).json()

    found = [each async for each in client.retrieve_study_metadata(file.study).as_json()]

    assert sent == found
    assert sent[0] == await client.retrieve_instance_metadata(*file.uids).as_json()


async def test_metadata_of_many(archive_client: Client) -> None:
    """Metadata of a study have each of its instances once."""
    tiny = [each for each in samples().values() if each.path.name.startswith("IM0000")]

    found = await archive_client.retrieve_study_metadata(tiny[0].study)

    expected = {each.instance: each.dataset for each in tiny}
    assert 50 == len(found)
    assert expected.keys() == {each.SOPInstanceUID for each in found}
    for each in found:
        assert [] == differences(expected[each.SOPInstanceUID], each)


def value_field(source: Dataset, path: str, vr: str) -> bytes:
    """The octets of an element in the file, little endian."""
    element = source.get_item(int(path[-8:], 16))
    assert element is not None
    value = element.value
    if source.is_little_endian is False and vr == "OW":
        swapped = bytearray(len(value))
        swapped[0::2], swapped[1::2] = value[1::2], value[0::2]
        return bytes(swapped)
    return bytes(value)


@pytest.mark.parametrize(
    "file", [each for each in ONE_BY_ONE if each.name not in LARGE_WORDS], ids=str
)
async def test_bulk_data(client: Client, hold: Hold, file: Sample) -> None:
    """What metadata refer to is the value field of the file, whole and streamed."""
    hold(file)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    source = file.read()

    references = [each for each in elements(as_json, source) if "BulkDataURI" in each[1]]

    if is_compressed(file):  # each frame has a part of its own, if they are referred to at all
        references = [each for each in references if each[0] != PIXEL_DATA]
    else:
        referred = {path for path, _, _ in references}
        assert ("PixelData" in source) == (PIXEL_DATA in referred)
    for path, attribute, around in references:
        expected = value_field(around, path, attribute["vr"])
        (whole,) = await client.retrieve_bulkdata(attribute["BulkDataURI"])
        streamed = [
            b"".join([bytes(piece) async for piece in part])
            async for part in client.retrieve_bulkdata(attribute["BulkDataURI"])
        ]
        assert expected == bytes(whole), path
        assert [expected] == streamed, path
        assert "application/octet-stream" == whole.media_type


async def test_bulk_data_of_all_kinds(client: Client, hold: Hold) -> None:
    """A waveform's samples are bulk data within a sequence; metadata hold an empty element."""
    file = hold(sample("waveform_ecg.dcm"))

    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    found = await client.retrieve_instance_metadata(*file.uids)

    uri = as_json["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    (data,) = await client.retrieve_bulkdata(uri)
    assert file.dataset.WaveformSequence[0].WaveformData == bytes(data)
    assert found.WaveformSequence[0]["WaveformData"].is_empty


async def test_bulk_data_of_nothing(client: Client, hold: Hold) -> None:
    """An element that is not there has none."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    with pytest.raises(NotFound):
        await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"].replace("0010", "0099"))
