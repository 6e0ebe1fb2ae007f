from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import UID
from pydicom.valuerep import DA, DT, TM, DSfloat, PersonName

from aiodicomweb.dicom import matching_keys
from aiodicomweb.errors import ConfigurationError

MORNING = dt.datetime(2020, 1, 31, 10, 11, 12)  # noqa: DTZ001  (most DICOM times have no zone)


def keys_of(filters: Any) -> dict[str, tuple[str, ...]]:
    """The keys by the names of their attributes."""
    return {str(path): texts for path, texts in matching_keys(filters)}


@pytest.mark.parametrize(
    "name", ["PatientID", "00100020", 0x00100020, (0x0010, 0x0020), Tag("PatientID")]
)
def test_an_attribute_has_many_names(name: Any) -> None:
    """Keyword, tag, number and pair (QID-20)."""
    assert {"PatientID": ("1",)} == keys_of({name: "1"})


@pytest.mark.parametrize(
    ("expected", "name", "value"),
    [
        ("5", "SeriesNumber", 5),
        ("0", "SeriesNumber", 0),
        ("1.5", "SliceThickness", 1.5),
        ("1.50", "SliceThickness", DSfloat("1.50")),
        ("1.50", "SliceThickness", Decimal("1.50")),
        ("20200131", "StudyDate", dt.date(2020, 1, 31)),
        ("09990131", "StudyDate", dt.date(999, 1, 31)),
        ("20200131", "StudyDate", MORNING),
        ("20200131", "StudyDate", DA("20200131")),
        ("20200101-20200131", "StudyDate", "20200101-20200131"),  # QID-34
        ("101112", "StudyTime", dt.time(10, 11, 12)),
        ("101112.000500", "StudyTime", MORNING.replace(microsecond=500)),
        ("10", "StudyTime", TM("10")),  # QID-35
        ("20200131101112", "AcquisitionDateTime", MORNING),
        (
            "20200131101112.500000+0200",
            "AcquisitionDateTime",
            MORNING.replace(microsecond=500000, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ),
        (
            "20200131151112+0000",  # QID-34: no minus but that of a range
            "AcquisitionDateTime",
            MORNING.replace(tzinfo=dt.timezone(-dt.timedelta(hours=5))),
        ),
        ("2013", "AcquisitionDateTime", DT("2013")),
        ("20200131", "AcquisitionDateTime", dt.date(2020, 1, 31)),
        ("Doe^John", "PatientName", PersonName("Doe^John")),
        ("Yamada^Tarou=山田^太郎", "PatientName", PersonName("Yamada^Tarou=山田^太郎")),
        ("Doe, J&=#", "PatientName", "Doe, J&=#"),
        ("1.2", "StudyInstanceUID", UID("1.2")),
        ("00181063", "FrameIncrementPointer", 0x00181063),
        ("00181063", "FrameIncrementPointer", Tag(0x00181063)),
        ("00181063", "FrameIncrementPointer", "00181063"),
    ],
)
def test_a_value_becomes_text(expected: str, name: str, value: Any) -> None:
    """Text, numbers, dates and times in the form of their VR (PS3.5 §6.2)."""
    assert {name: (expected,)} == keys_of({name: value})


@pytest.mark.parametrize(
    "value",
    [
        ["1.2", "1.3"],
        (UID("1.2"), UID("1.3")),
        MultiValue(UID, ["1.2", "1.3"]),
        {"1.2": 1, "1.3": 2}.keys(),
        ["1.2", None, "", "1.3"],
    ],
)
def test_a_list_is_a_list_of_uids(value: Any) -> None:
    """Any kind of list will do; empty members are dropped (QID-23)."""
    assert {"StudyInstanceUID": ("1.2", "1.3")} == keys_of({"StudyInstanceUID": value})


@pytest.mark.parametrize("value", ["", None, [], (), [None, ""]])
def test_an_empty_value_is_none(value: Any) -> None:
    """There is nothing to match (QID-25)."""
    assert {"StudyInstanceUID": ()} == keys_of({"StudyInstanceUID": value})


@pytest.mark.parametrize("value", [True, b"Doe", object(), {"Doe": 1}, [b"Doe"], 1j])
def test_other_values_are_refused(value: Any) -> None:
    """The error names the attribute and the type, and shows no value."""
    with pytest.raises(ConfigurationError, match="^PatientID cannot be searched for by a ") as e:
        keys_of({"PatientID": value})

    assert "Doe" not in str(e.value)


def test_a_data_set_holds_keys() -> None:
    """Items become paths, empty elements have no texts, as in C-FIND (QID-37)."""
    physician = Dataset()
    physician.PersonIdentificationCodeSequence = [Dataset()]
    physician.InstitutionName = "x"
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"  # QID-40
    query.QueryRetrieveLevel = "STUDY"
    query.add_new(0x00080000, "UL", 10)
    query.PatientName = PersonName("Doe^*")
    query.PatientID = None
    query.StudyInstanceUID = ["1.2", "1.3"]
    query.ModalitiesInStudy = ""
    query.ReferringPhysicianIdentificationSequence = [physician]
    query.ReferencedStudySequence = []

    physicians = "ReferringPhysicianIdentificationSequence"
    assert {
        "ModalitiesInStudy": (),
        f"{physicians}.InstitutionName": ("x",),
        f"{physicians}.PersonIdentificationCodeSequence": (),
        "ReferencedStudySequence": (),
        "PatientName": ("Doe^*",),
        "PatientID": (),
        "StudyInstanceUID": ("1.2", "1.3"),
    } == keys_of(query)


def test_a_sequence_has_one_item_to_search_for() -> None:
    """What two items would mean is nowhere said (QID-37)."""
    query = Dataset()
    query.OtherPatientIDsSequence = [Dataset(), Dataset()]
    query.OtherPatientIDsSequence[0].PatientID = "1"

    with pytest.raises(ConfigurationError, match="OtherPatientIDsSequence has several items"):
        keys_of(query)
