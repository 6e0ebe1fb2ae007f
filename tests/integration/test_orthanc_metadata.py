"""Metadata from Orthanc, against the files: every element, and bulk data octet by octet.

What may differ is listed, all of it Orthanc's doing:

- group lengths and the file meta information are left out, as PS3.18 §F.2.2 wants it;
- Pixel Data that are compressed are left out, with no reference to them;
- numbers below about 1e-20 become 0;
- and :data:`DIFFERENCES`, file by file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import UID

from aiodicomweb import ContentError, NotFound

from ..support.comparison import differences
from ..support.dicom_files import sample, samples
from .accepted import ONE_BY_ONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.orthanc import Orthanc
    from .conftest import Hold

pytestmark = [
    pytest.mark.slow,
    # What is no value of its VR: pydicom says so when the element of the file is looked at.
    pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning"),
]

PIXEL_DATA = "7FE00010"
TINIEST = 1e-20

# The first value of Specific Character Set is empty, and dropped.
JAPANESE = {"vr": "CS", "Value": ["ISO 2022 IR 87"]}
KOREAN = {"vr": "CS", "Value": ["ISO 2022 IR 149"]}
# Escape sequences that the character set of the file doesn't provide for are shown as text.
ESCAPED = {"Alphabetic": "$B$d$^$@(B^$B$?$m$&(B"}
NO_NUMBERS = {"vr": "DS", "Value": []}

DIFFERENCES: dict[str, dict[str, Any]] = {
    "charset_files/chrH31.dcm": {"00080005": JAPANESE},
    "charset_files/chrI2.dcm": {"00080005": KOREAN},
    "charset_files/chrJapMulti.dcm": {"00080005": JAPANESE},
    "charset_files/chrKoreanMulti.dcm": {"00080005": KOREAN},
    # ISO 2022 IR 13 is taken as if there were no escape sequences to other sets.
    "charset_files/chrH32.dcm": {
        "00100010": {
            "vr": "PN",
            "Value": [
                {
                    "Alphabetic": "ﾔﾏﾀﾞ^ﾀﾛｳ",
                    "Ideographic": ";3ED^B@O:",
                    "Phonetic": "$d$^$@^$?$m$&",
                }
            ],
        }
    },
    "charset_files/chrJapMultiExplicitIR6.dcm": {
        "00100010": {"vr": "PN", "Value": [ESCAPED]},
        "00101001": {"vr": "PN", "Value": [ESCAPED, ESCAPED]},
        "001021B0": {"vr": "LT", "Value": ["$B$?$m$&(B"]},
    },
    # In ISO_IR 13 the octet of the backslash is a yen sign, for Orthanc in CS and DS too. Several
    # numbers are none, then. Nor is trailing space cut off.
    "J2K_pixelrep_mismatch.dcm": {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL¥PRIMARY¥AXIAL¥NORMAL"]},
        "00090010": {"vr": "LO", "Value": ["HMC "]},
        "00090011": {"vr": "LO", "Value": ["HMC - CT - ID "]},
        "00200020": {"vr": "CS", "Value": ["L¥PF"]},
        "00200032": NO_NUMBERS,
        "00200037": NO_NUMBERS,
        "00280030": NO_NUMBERS,
        "00281050": NO_NUMBERS,
        "00281051": NO_NUMBERS,
    },
    # Number of Frames is "1A".
    "badVR.dcm": {"00280008": {"vr": "IS", "Value": []}},
}


def elements(
    found: dict[str, Any], source: Dataset, above: str = ""
) -> Iterator[tuple[str, dict[str, Any], Dataset]]:
    """Path, JSON attribute and the file's data set around it, of all elements at all depths."""
    for tag, attribute in found.items():
        yield above + tag, attribute, source
        if attribute["vr"] == "SQ":
            for index, item in enumerate(attribute.get("Value", [])):
                inner = source[int(tag, 16)].value[index]
                yield from elements(item, inner, f"{above}{tag}[{index}].")


def remove(dataset: Dataset, *, tags: set[str], above: str = "") -> Dataset:
    """Leave out elements by their paths, and all group lengths."""
    for element in list(dataset):
        path = f"{above}{int(element.tag):08X}"
        if path in tags or element.tag.element == 0:
            del dataset[element.tag]
        elif element.VR == "SQ":
            for index, item in enumerate(element.value):
                remove(item, tags=tags, above=f"{path}[{index}].")
    return dataset


def is_compressed(file: Sample) -> bool:
    """Whether its pixel data are in fragments."""
    return UID(file.transfer_syntax).is_encapsulated


def is_tiny(file: Sample, path: str) -> bool:
    """Whether an element holds a number that Orthanc takes for none."""
    element = file.dataset.get(int(path, 16))
    return element.VR in ("FL", "FD") and 0 < abs(element.value) < TINIEST


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_metadata_of_instance(client: Client, hold: Hold, file: Sample) -> None:
    """Metadata equal the file in each element that is not bulk data."""
    hold(file)

    found = await client.retrieve_instance_metadata(*file.uids)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    source = file.read()
    bulk = {path for path, each, _ in elements(as_json, source) if "BulkDataURI" in each}
    left_out = bulk | ({PIXEL_DATA} if is_compressed(file) else set())
    expected, found = remove(source, tags=left_out), remove(found, tags=bulk)
    different = {line.removesuffix(" value") for line in differences(expected, found)}
    tiny = {path for path in different if is_tiny(file, path)}
    assert {path: {"vr": "FL", "Value": [0]} for path in tiny} == {
        path: as_json[path] for path in tiny
    }
    assert DIFFERENCES.get(file.name, {}) == {path: as_json.get(path) for path in different - tiny}


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
async def test_metadata_as_json(client: Client, hold: Hold, empty: Orthanc, name: str) -> None:
    """As JSON, metadata are the objects that Orthanc sent."""
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


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_bulk_data(client: Client, hold: Hold, file: Sample) -> None:
    """What metadata refer to is the value field of the file, whole and streamed."""
    hold(file)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    source = file.read()

    references = [each for each in elements(as_json, source) if "BulkDataURI" in each[1]]

    pixels = "PixelData" in source and not is_compressed(file)
    assert pixels == (PIXEL_DATA in {path for path, _, _ in references})
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


async def test_bulk_data_by_range(client: Client, hold: Hold) -> None:
    """Orthanc ignores ranges; all octets in place of some are an error."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    with pytest.raises(ContentError, match="other octets than the byte_range"):
        await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"], byte_range=(0, 9))


async def test_bulk_data_of_nothing(client: Client, hold: Hold) -> None:
    """An element that is not there has none."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    with pytest.raises(NotFound):
        await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"].replace("0010", "0099"))
