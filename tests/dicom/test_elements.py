from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import pytest
from pydicom import DataElement, Dataset, config
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import DS, IS, PersonName

from aiodicomweb.dicom import elements
from aiodicomweb.dicom.elements import (
    decimal_string,
    integer_string,
    new_dataset,
    new_element,
    person_name,
    uid,
)

TAG = BaseTag(0x00091001)


def inside(value: Any) -> tuple[type, Any]:
    """Type and attributes, which is all there is."""
    return type(value), getattr(value, "__dict__", None)


@pytest.mark.parametrize("vr", ["LO", "UN", "US", "OB"])
def test_an_element_is_that_of_pydicom(vr: str) -> None:
    """Every attribute that pydicom's constructor sets is there, with its value."""
    theirs = DataElement(TAG, vr, b"1", already_converted=True)

    assert inside(theirs) == inside(new_element(TAG, vr, b"1", config.WARN))


def test_attributes_of_later_versions_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not known here is as pydicom starts it."""
    monkeypatch.setattr(elements, "_MORE_OF_AN_ELEMENT", {"novelty": 1})

    assert 1 == vars(new_element(TAG, "LO", "x", config.WARN))["novelty"]


def test_a_data_set_is_that_of_pydicom() -> None:
    """So is a data set, which shares nothing with others."""
    theirs, ours, other = Dataset(), new_dataset({}), new_dataset({})

    assert inside(theirs) == inside(ours)
    ours.PatientID = "1"
    ours.private_block(0x0009, "ACME", create=True)
    assert inside(theirs) == inside(other)
    assert inside(theirs) == inside(new_dataset({}))


@pytest.mark.parametrize("value", ["4", " 04 ", "+4", "4.0", "1.5", "", "  ", 4, 4.0, 2**40])
def test_an_integer_string_is_that_of_pydicom(value: Any) -> None:
    """Of text its form is kept; what is no integer is a float, and blank text stays."""
    theirs: Any = IS(value, config.IGNORE)

    assert inside(theirs) == inside(integer_string(value))
    assert str(theirs) == str(integer_string(value))


def test_a_number_with_a_fraction_is_not_cut() -> None:
    """IS of 1.5 is a float, which knows its text."""
    assert "1.5" == str(integer_string(1.5))
    assert 1.5 == integer_string(1.5)


@pytest.mark.parametrize("value", ["4", " 1.50 ", "+1e3", "nan", "", "  ", 1.5, -0.0, 1e22])
def test_a_decimal_string_is_that_of_pydicom(value: Any) -> None:
    """Of text its form is kept, and blank text stays."""
    theirs: Any = DS(value, validation_mode=config.IGNORE)

    assert inside(theirs) == inside(decimal_string(value))
    assert str(theirs) == str(decimal_string(value))


def test_a_whole_number_of_ds_has_no_fraction() -> None:
    """JSON's 1 is written to a file as it came, not as 1.0."""
    assert "1" == str(decimal_string(1))


@pytest.mark.parametrize("convert", [integer_string, decimal_string])
@pytest.mark.parametrize("text", ["abc", "1,5", "1 2"])
def test_other_text_is_no_number(convert: Any, text: str) -> None:
    """It is the caller who knows what to do with it."""
    with pytest.raises(ValueError, match="could not convert|invalid literal"):
        convert(text)


def test_names_and_uids_are_those_of_pydicom() -> None:
    """Padding of UIDs goes, names are not validated."""
    assert inside(UID("1.2", config.IGNORE)) == inside(uid("1.2\0"))
    assert "1.2" == uid(" 1.2 \0")
    assert inside(PersonName("A=B==", validation_mode=0)) == inside(person_name("A=B=="))


@pytest.mark.parametrize(
    ("vr", "member", "new"),
    [("LO", "A", "B"), ("DS", decimal_string("1.50"), "2.50"), ("US", 1, 2), ("UI", uid("1"), "2")],
)
def test_several_values_are_a_list_of_pydicom(vr: str, member: Any, new: Any) -> None:
    """It converts what is put into it, is copied and pickled, and makes no cycle."""
    element = new_element(TAG, vr, [member, member], config.WARN)

    assert type(element.value) is MultiValue
    assert DataElement(TAG, vr, [member, member], validation_mode=0) == element
    for again in (pickle.loads(pickle.dumps(element)), copy.deepcopy(element)):
        again.value.append(new)
        assert type(member) is type(again.value[2])
        assert new == again.value[2]
    assert 2 == element.VM
    gc.collect()
    del element, again
    assert 0 == gc.collect()


def test_what_is_assigned_later_is_validated() -> None:
    """The mode is that of the element's making."""
    element = new_element(BaseTag(0x00080020), "DA", ["20200101", "x"], config.RAISE)

    with pytest.raises(ValueError, match="Invalid value for VR DA"):
        element.value.append("1.1.2020")
    with pytest.raises(ValueError, match="Invalid value for VR DA"):
        element.value = "1.1.2020"
