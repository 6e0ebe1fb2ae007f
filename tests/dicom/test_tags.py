from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.tag import BaseTag, Tag

from aiodicomweb.dicom import AttributePath, parse_attribute_path
from aiodicomweb.errors import ConfigurationError

SEQUENCES = st.sampled_from(
    sorted(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")
)
TAGS = st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from(sorted(DicomDictionary)))
PATHS = st.tuples(st.lists(SEQUENCES, max_size=3), TAGS).map(
    lambda pair: AttributePath(tuple(map(BaseTag, (*pair[0], pair[1]))))
)


@given(PATHS)
def test_a_path_survives_its_text(path: AttributePath) -> None:
    """Both forms, keywords and tags, read back as the same path (QID-20)."""
    assert path == parse_attribute_path(str(path))
    assert path == parse_attribute_path(path.format(numerical=True))
    assert path == parse_attribute_path(path.format(numerical=True).lower())


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_a_configuration_error(text: str) -> None:
    """No text raises anything else."""
    try:
        path = parse_attribute_path(text)
    except ConfigurationError:
        return
    assert path == parse_attribute_path(str(path))


@pytest.mark.parametrize(
    ("keywords", "tags", "attribute"),
    [
        ("StudyDate", "00080020", "StudyDate"),
        ("StudyInstanceUID", "0020000D", "0020000d"),
        (
            "OtherPatientIDsSequence.PatientID",
            "00101002.00100020",
            "OtherPatientIDsSequence.00100020",
        ),
        (
            "OtherPatientIDsSequence.IssuerOfPatientIDQualifiersSequence.UniversalEntityID",
            "00101002.00100024.00400032",
            "00101002.00100024.00400032",
        ),
        ("RequestAttributesSequence", "00400275", "RequestAttributesSequence"),  # QID-21
        ("00231001", "00231001", "00231001"),
        ("StudyDate", "00080020", 0x00080020),
        ("StudyDate", "00080020", Tag("StudyDate")),
        ("StudyDate", "00080020", (0x0008, 0x0020)),
        ("60020010", "60020010", 0x60020010),  # the keyword would mean 60xx0010
    ],
)
def test_an_attribute_can_be_named_in_many_ways(keywords: str, tags: str, attribute: Any) -> None:
    """Keyword, tag in either case, mixed path, number and pair (QID-20)."""
    path = parse_attribute_path(attribute)

    assert keywords == str(path)
    assert tags == path.format(numerical=True)
    assert path is parse_attribute_path(path)


@pytest.mark.parametrize(
    "attribute",
    [
        "",
        ".",
        "Patientname",
        "PatientName.",
        "PatientName.PatientID",  # not a sequence (QID-21)
        "0010,0010",
        "0010001",
        "Doe^John, née Smith",
        -1,
        1 << 32,
        True,
        (0x10000, 0),
        (1, 2, 3),
        None,
        1.5,
        AttributePath,
    ],
)
def test_what_names_no_attribute_is_refused(attribute: Any) -> None:
    """Unknown keywords, malformed tags and paths through non-sequences are refused."""
    with pytest.raises(ConfigurationError):
        parse_attribute_path(attribute)


def test_the_error_shows_a_keyword_but_no_value() -> None:
    """A slip of the keyboard is shown; what may be a patient's name is not."""
    with pytest.raises(ConfigurationError, match="'Patientname' is not the keyword"):
        parse_attribute_path("Patientname")
    with pytest.raises(ConfigurationError) as caught:
        parse_attribute_path("Doe^John")

    assert "Doe" not in str(caught.value)


def test_an_empty_path_is_refused() -> None:
    """A path has at least one tag."""
    with pytest.raises(ConfigurationError):
        AttributePath(())


def test_a_private_attribute_knows_its_creator() -> None:
    """The creator is beside the attribute, in the same item (QID-24, PS3.5 §7.8)."""
    path = parse_attribute_path("00101002.00231001")

    assert parse_attribute_path("00101002.00230010") == path.private_creator
    assert parse_attribute_path("00230010").private_creator is None
    assert parse_attribute_path("PatientID").private_creator is None


def test_a_path_knows_its_tag_and_vr() -> None:
    """Tag and VR are those of the last attribute; unknown ones have no VR."""
    path = parse_attribute_path("OtherPatientIDsSequence.PatientID")

    assert path.tag == 0x00100020
    assert path.vr == "LO"
    assert parse_attribute_path("00231001").vr is None
