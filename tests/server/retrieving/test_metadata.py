from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.dicom import dataset_from_json, dataset_to_json
from aiodicomweb.dicom.frames import join_frames
from aiodicomweb.dicom.part10 import encode, is_dicom
from aiodicomweb.dicom.uids import EXPLICIT_VR_BIG_ENDIAN, is_encapsulated
from aiodicomweb.http import FileSpan, Produced
from aiodicomweb.services.wado import Resource, RetrieveResponse

from ...support.comparison import differences
from ...support.dicom_files import sample, samples
from ...support.fake_archive import BASE, FakeArchive, ask, get, holding_of, path_of

XML = 'multipart/related; type="application/dicom+xml"'
JSON = "application/dicom+json"
BULK = 'multipart/related; type="application/octet-stream"; transfer-syntax=*, */*; q=0.5'

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# No instances; an instance whose items are longer than their sequence, and one with a value that
# no text can hold.
UNUSUAL = {"DICOMDIR", "rtplan_truncated.dcm", "badVR.dcm"}
FILES = [
    name
    for name, one in samples().items()
    if is_dicom(one.octets) and not any(unusual in name for unusual in UNUSUAL)
]


async def resolved(archive: FakeArchive, obj: dict[str, Any]) -> dict[str, bytes]:
    """The values of all bulk data that an object names, by their URIs."""
    values: dict[str, bytes] = {}
    for attribute in obj.values():
        if uri := attribute.get("BulkDataURI"):
            response = await get(archive, uri, BULK)
            parts = RetrieveResponse.from_http(response, resource=Resource.BULKDATA).bulk_data
            assert {uri} == {part.location for part in parts}
            octets = [bytes(part.data) for part in parts]
            compressed = is_encapsulated(parts[0].transfer_syntax or "1.2.840.10008.1.2.1")
            values[uri] = join_frames(octets) if compressed else b"".join(octets)
        if attribute["vr"] == "SQ":
            for item in attribute.get("Value", []):
                values |= await resolved(archive, item)
    return values


@pytest.mark.parametrize("name", FILES)
async def test_metadata_with_their_bulk_data_are_the_data_set(name: str) -> None:
    """In JSON and in XML, every element but compressed pixels, which have a table now (RET-56)."""
    holding = holding_of(sample(name))
    archive = FakeArchive([holding])
    expected = dataset_from_json(dataset_to_json(sample(name).read()))

    response = await get(archive, f"{path_of(holding)}/metadata", JSON)

    (obj,) = json.loads(response.body)
    values = await resolved(archive, obj)
    told = differences(expected, dataset_from_json(obj, lambda _tag, _vr, uri: values[uri]))
    if is_encapsulated(holding.transfer_syntax):
        told = [line for line in told if line != "7FE00010 value"]
    elif (
        holding.transfer_syntax == EXPLICIT_VR_BIG_ENDIAN
        and sample(name).dataset.get("BitsAllocated") == 32
    ):
        told = [line for line in told if line != "7FE00010 value"]  # compared as frames
    assert [] == told
    assert "InlineBinary" not in obj.get("7FE00010", {})


@pytest.mark.parametrize("name", ["CT_small.dcm", "waveform_ecg.dcm", "MR_small_bigendian.dcm"])
async def test_xml_says_the_same_as_json(name: str) -> None:
    """One part for each instance (RET-54)."""
    holding = holding_of(sample(name))
    archive = FakeArchive([holding])
    as_json = await get(archive, f"{path_of(holding)}/metadata", JSON)
    values = await resolved(archive, json.loads(as_json.body)[0])

    as_xml = await get(archive, f"{path_of(holding)}/metadata", XML)

    def value(_tag: str, _vr: str, uri: str) -> bytes:
        return values[uri]

    first, second = (
        RetrieveResponse.from_http(one, resource=Resource.METADATA, bulk_data=value).datasets[0]
        for one in (as_json, as_xml)
    )
    private = [line for line in differences(first, second) if int(line[3], 16) % 2 == 0]
    assert [] == private
    assert as_xml.media_type is not None
    assert "application/dicom+xml" == as_xml.media_type.parameter("type")


async def test_a_value_in_a_sequence_has_a_url_of_tags_and_items() -> None:
    """Below its instance, so that it can be found again."""
    holding = holding_of(sample("waveform_ecg.dcm"))

    response = await get(FakeArchive([holding]), f"{path_of(holding)}/metadata", JSON)

    (obj,) = json.loads(response.body)
    uri = obj["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    assert f"{BASE}{path_of(holding)}/bulkdata/54000100/1/54001010" == uri


def study_of(*names: str) -> FakeArchive:
    """Files as instances of one study."""
    holdings = [holding_of(sample(name)) for name in names]
    return FakeArchive([replace(one, study="1.2", series="1.2.3") for one in holdings])


@pytest.mark.parametrize("accept", [JSON, XML])
async def test_each_instance_is_described_in_its_turn(accept: str) -> None:
    """An array of one object each, or parts; never a study in memory (RET-54)."""
    archive = study_of("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")

    answer = await ask(archive, "/studies/1.2/metadata", accept)
    response = await get(archive, "/studies/1.2/metadata", accept)

    assert 3 == sum(isinstance(segment, Produced) for segment in answer.body)
    found = RetrieveResponse.from_http(response, resource=Resource.METADATA)
    assert [one.instance for one in archive.instances] == [
        one.SOPInstanceUID for one in found.datasets
    ]


async def test_there_is_no_group_0002() -> None:
    """It is no part of a data set (RET-55)."""
    holding = holding_of(sample("CT_small.dcm"))

    response = await get(FakeArchive([holding]), f"{path_of(holding)}/metadata", JSON)

    assert not [tag for tag in json.loads(response.body)[0] if tag.startswith("0002")]


# --- what goes wrong ------------------------------------------------------------------------------


async def test_a_file_that_cannot_be_read_does_not_hide_the_others() -> None:
    """Of it there is what the archive knows."""
    archive = study_of("CT_small.dcm", "MR_small.dcm")
    gone = replace(archive.instances[0], content=FileSpan("/nonexistent", 0, 10))
    archive.instances[0] = gone

    response = await get(archive, "/studies/1.2/metadata", JSON)

    first, second = json.loads(response.body)
    assert [gone.instance] == first["00080018"]["Value"]
    assert {"00080016", "00080018", "0020000D", "0020000E"} == set(first)
    assert "00100010" in second


@pytest.mark.parametrize("accept", [JSON, XML])
async def test_a_broken_value_does_not_hide_the_others(accept: str) -> None:
    """It is left out."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840", "1.2.3.4"
    dataset.PatientID = "A"
    dataset.set_original_encoding(False, True)
    octets = encode(dataset) + b"\x28\0\x02\0US\3\0abc"
    holding = replace(holding_of(sample("CT_small.dcm")), content=octets)

    response = await get(FakeArchive([holding]), f"{path_of(holding)}/metadata", accept)

    (found,) = RetrieveResponse.from_http(response, resource=Resource.METADATA).datasets
    assert "A" == found.PatientID
    assert "SamplesPerPixel" not in found


async def test_a_real_file_with_broken_values_is_described() -> None:
    """One that comes with pydicom."""
    holding = holding_of(sample("badVR.dcm"))

    response = await get(FakeArchive([holding]), f"{path_of(holding)}/metadata", JSON)

    assert 10 < len(json.loads(response.body)[0])


# --- what is given --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        ("application/json", "application/json"),
        (f"{JSON}; transfer-syntax=1.2.840.10008.1.2.1; charset=UTF-8", JSON),
        (f"{XML}; q=0.5, {JSON}; q=0.4", "multipart/related"),
        (f"{XML}, {JSON}", JSON),
        ("multipart/related", "multipart/related"),
    ],
)
async def test_metadata_are_json_or_xml(accept: str | None, expected: str) -> None:
    """JSON is the default (MED-24, MED-25)."""
    response = await get(study_of("CT_small.dcm"), "/studies/1.2/metadata", accept)

    assert response.media_type is not None
    assert (200, expected) == (response.status, response.media_type.essence)
    assert "Accept" == response.headers["Vary"]


async def test_other_media_types_are_406() -> None:
    """One line of text says what was asked for, and what there is."""
    response = await get(study_of("CT_small.dcm"), "/studies/1.2/metadata", "text/html")

    assert 406 == response.status
    assert (
        b"asked for: text/html; metadata are application/dicom+json, application/json, or"
        b' multipart/related; type="application/dicom+xml"\n'
    ) == response.body


@pytest.mark.parametrize("accept", [JSON, XML])
async def test_who_has_the_metadata_already_does_not_get_them(accept: str) -> None:
    """The entity tag is that of all versions, and of the representation (HTP-84)."""
    archive = study_of("CT_small.dcm", "MR_small.dcm")
    path = "/studies/1.2/metadata"
    tag = (await get(archive, path, accept)).headers["ETag"]

    for known in (tag, f'"other", W/{tag}', "*"):
        answer = await ask(archive, path, accept, If_None_Match=known)
        assert (304, (), tag) == (answer.head.status, answer.body, answer.head.headers["ETag"])
    other = XML if accept == JSON else JSON
    assert 200 == (await ask(archive, path, other, If_None_Match=tag)).head.status
    assert 200 == (await ask(archive, path, accept, If_Match=tag)).head.status
    assert 412 == (await ask(archive, path, other, If_Match=tag)).head.status
    archive.instances[1] = replace(archive.instances[1], version="2")
    assert 412 == (await ask(archive, path, accept, If_Match=tag)).head.status
    assert 200 == (await ask(archive, path, accept, If_None_Match=tag)).head.status
