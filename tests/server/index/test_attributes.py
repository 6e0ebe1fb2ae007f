from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset
from pydicom.datadict import keyword_dict

from aiodicomweb.dicom import parse_attribute_path
from aiodicomweb.errors import Part10Error
from aiodicomweb.server.index.attributes import (
    COMPUTED,
    LARGEST_ATTRIBUTE,
    NOTED,
    RETURNED,
    Level,
    describe,
    empty_attribute,
    level_of,
    read_attributes,
)

from ...support.dicom_files import sample
from ...support.instances import CT, a_dataset


def names(*keywords: str) -> set[str]:
    """Names of JSON properties."""
    return {f"{keyword_dict[keyword]:08X}" for keyword in keywords}


# Tables 10.6.1-4 and 10.6.1-5, by row of the facts
KEYS = {
    Level.STUDY: names(  # QID-60
        *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy"),
        *("ReferringPhysicianName", "PatientName", "PatientID", "StudyInstanceUID", "StudyID"),
    ),
    Level.SERIES: names(  # QID-61
        *("Modality", "SeriesInstanceUID", "SeriesNumber", "RequestAttributesSequence"),
        *("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    ),
    Level.INSTANCE: names("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),  # QID-62
}
# Tables 10.6.3-3 to 10.6.3-5, without RetrieveURL
REQUIRED = {
    Level.STUDY: names(  # QID-70 to QID-85
        *("StudyDate", "StudyTime", "AccessionNumber", "InstanceAvailability"),
        *("ModalitiesInStudy", "ReferringPhysicianName", "PatientName", "PatientID"),
        *("PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
        *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
    ),
    Level.SERIES: names(  # QID-90 to QID-98
        *("Modality", "SeriesInstanceUID", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    ),
    Level.INSTANCE: names(  # QID-100 to QID-108
        *("SOPClassUID", "SOPInstanceUID", "InstanceAvailability", "InstanceNumber"),
    ),
}
IF_KNOWN = {
    Level.STUDY: names("TimezoneOffsetFromUTC"),
    Level.SERIES: names(
        *("TimezoneOffsetFromUTC", "SeriesDescription", "PerformedProcedureStepStartDate"),
        *("PerformedProcedureStepStartTime", "RequestAttributesSequence"),
    ),
    Level.INSTANCE: names(
        *("TimezoneOffsetFromUTC", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
        "AvailableTransferSyntaxUID",
    ),
}


@pytest.mark.parametrize("level", Level)
def test_tables(level: Level) -> None:
    """All keys that must be matched are known, and what is returned is that of the tables."""
    known = NOTED[level] | COMPUTED[level]

    assert set() == KEYS[level] - known
    assert REQUIRED[level] == set(RETURNED[level].always)
    assert IF_KNOWN[level] == set(RETURNED[level].known)
    assert set() == (REQUIRED[level] | IF_KNOWN[level]) - known


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("PatientName", Level.STUDY),
        ("ModalitiesInStudy", Level.STUDY),
        ("OtherPatientIDsSequence.PatientID", Level.STUDY),
        ("RequestAttributesSequence.StudyInstanceUID", Level.SERIES),
        ("Modality", Level.SERIES),
        ("TimezoneOffsetFromUTC", Level.STUDY),
        ("Rows", Level.INSTANCE),
        ("AcquisitionContrast", Level.INSTANCE),
        ("00231001", None),
        ("00230010", None),
    ],
)
def test_level_of(path: str, expected: Level | None) -> None:
    """The highest level counts; what nobody notes is of instances, and private is anywhere."""
    assert expected == level_of(parse_attribute_path(path))


def test_describe() -> None:
    """An instance says something of its study, its series and itself; no more is taken."""
    described = describe(
        a_dataset("1.2.3.4", StudyDescription="Knee", OperatorsName="A^B=Ä", ScanOptions="X")
    )

    assert ("1.2", "1.2.3", "1.2.3.4", CT) == (
        described.study,
        described.series,
        described.instance,
        described.sop_class,
    )
    assert {"vr": "LO", "Value": ["Knee"]} == described.attributes[Level.STUDY]["00081030"]
    operator = {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "Ä"}]}
    assert operator == described.attributes[Level.SERIES]["00081070"]
    assert {"vr": "US", "Value": [2]} == described.attributes[Level.INSTANCE]["00280010"]
    assert all("00180022" not in noted for noted in described.attributes.values())
    assert all("7FE00010" not in noted for noted in described.attributes.values())


def test_no_names_in_repr() -> None:
    """A description does not show what it says of the patient."""
    assert "Doe" not in repr(describe(a_dataset()))


@pytest.mark.parametrize(
    ("keyword", "what"),
    [
        ("StudyInstanceUID", "Study Instance UID"),
        ("SeriesInstanceUID", "Series Instance UID"),
        ("SOPInstanceUID", "SOP Instance UID"),
        ("SOPClassUID", "SOP Class UID"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "../etc", "1.2\\1.3"])
def test_without_uid(keyword: str, what: str, value: str | None) -> None:
    """What has no UIDs, or ones that are none, cannot be told apart."""
    dataset = a_dataset()
    del dataset[keyword]
    if value is not None:
        tag = keyword_dict[keyword]
        dataset = Dataset.from_json(
            dataset.to_json_dict() | {f"{tag:08X}": {"vr": "LO", "Value": value.split("\\")}}
        )

    with pytest.raises(Part10Error, match=f"no {what}"):
        describe(dataset)


@pytest.mark.parametrize(
    "value",
    ["x" * (LARGEST_ATTRIBUTE + 1), ["x" * 1000] * 20],
    ids=["one", "several"],
)
def test_large_attributes(value: Any) -> None:
    """What is too large for a header is not noted; the rest is."""
    dataset = a_dataset()
    dataset.add_new("PatientComments", "UC", value)
    noted = describe(dataset).attributes[Level.STUDY]

    assert "00104000" not in noted
    assert "00100010" in noted


def test_large_sequences() -> None:
    """Neither are sequences of very many items."""
    item = Dataset()
    item.CodeValue = "x" * 16

    noted = describe(a_dataset(ProcedureCodeSequence=[item] * 1000)).attributes[Level.STUDY]
    assert "00081032" not in noted
    noted = describe(a_dataset(ProcedureCodeSequence=[item] * 10)).attributes[Level.STUDY]
    assert 10 == len(noted["00081032"]["Value"])


def test_broken_attributes() -> None:
    """An attribute whose value is none of its VR is left out, and the others are not."""
    dataset = a_dataset()
    dataset["Rows"]._value = "many"
    noted = describe(dataset).attributes[Level.INSTANCE]

    assert "00280010" not in noted
    assert {"vr": "US", "Value": [2]} == noted["00280011"]


def test_character_sets() -> None:
    """Names are noted as Unicode, whatever a file encodes them in."""
    read = read_attributes(sample("charset_files/chrH31.dcm").read(), ["00100010"])

    name = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    assert {"00100010": {"vr": "PN", "Value": [name]}} == read


def test_empty_attribute() -> None:
    """An attribute without value has the VR of the dictionary, one of them if there are more."""
    assert {"vr": "PN"} == empty_attribute("00100010")
    assert {"vr": "US"} == empty_attribute("00280106")
