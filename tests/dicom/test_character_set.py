from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from aiodicomweb.dicom import dataset_from_json
from aiodicomweb.dicom.character_set import fit_character_set, with_fitting_character_set


def fitted(terms: Any, text: str) -> Any:
    """(0008,0005) of a data set with this text, in a sequence."""
    item = Dataset()
    item.PatientName = text
    dataset = Dataset()
    if terms is not None:
        dataset.SpecificCharacterSet = terms
    dataset.OtherPatientIDsSequence = [item]
    fit_character_set(dataset, [text])
    return dataset.SpecificCharacterSet


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ("ISO_IR 100", "Äneas^Rüdiger"),
        ("ISO_IR 192", "王^小東"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Ä Ж"),
        ("GB18030", "王^小东"),
    ],
)
def test_a_repertoire_that_holds_the_text_is_kept(terms: Any, text: str) -> None:
    """It tells how the data set was encoded, and can be again (JSN-53)."""
    assert terms == fitted(terms, text)


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        (None, "é"),
        ("", "é"),
        ("ISO_IR 6", "é"),
        ("ISO_IR 100", "王"),
        ("ISO_IR 13", "山"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Ä 山"),
        (["", "ISO 2022 IR 149"], "洪\n吉洞"),
        ("ISO 8859 1", "é"),
    ],
)
def test_another_one_becomes_unicode(terms: Any, text: str) -> None:
    """Nothing is lost when the data set is written (JSN-53)."""
    assert "ISO_IR 192" == fitted(terms, text)


def test_items_with_their_own_become_unicode_too() -> None:
    """An item's own character set counts for its text; one without has that of the whole."""
    obj = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00101002": {
            "vr": "SQ",
            "Value": [
                {
                    "00080005": {"vr": "CS", "Value": ["ISO_IR 144"]},
                    "00100010": {"vr": "PN", "Value": [{"Ideographic": "王"}]},
                },
                {},
            ],
        },
    }

    dataset = dataset_from_json(obj)

    assert "ISO_IR 192" == dataset.SpecificCharacterSet
    first, second = dataset.OtherPatientIDsSequence
    assert "ISO_IR 192" == first.SpecificCharacterSet
    assert 0 == len(second)


def test_ascii_and_other_vrs_change_nothing() -> None:
    """Only text that is encoded by (0008,0005) counts (PS3.5 §6.1.2.3)."""
    obj = {
        "00080005": {"vr": "CS", "Value": ["what is this?"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe"}]},
        "00100020": {"vr": "LO", "Value": ["1", "2"]},
        "00080060": {"vr": "CS", "Value": ["É"]},
    }

    assert "what is this?" == dataset_from_json(obj).SpecificCharacterSet


def test_bulk_text_counts() -> None:
    """Text of bulk data is Unicode, too (JSN-42)."""
    obj = {"00091001": {"vr": "UT", "BulkDataURI": "x"}}

    assert "ISO_IR 192" == dataset_from_json(obj, lambda *_: "é".encode()).SpecificCharacterSet


def test_a_data_set_whose_text_fits_is_not_copied() -> None:
    """Most need nothing."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "é"

    assert dataset is with_fitting_character_set(dataset)


def test_a_copy_in_unicode_has_all_text() -> None:
    """Also what pydicom had not decoded, which is as the old character set says (JSN-53)."""
    tag = BaseTag(0x00104000)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset[tag] = RawDataElement(tag, "LT", 1, b"\xe9", 0, False, True)
    dataset.PatientName = "王"

    found = with_fitting_character_set(dataset)

    assert ["ISO_IR 192", "é", "王"] == [
        found.SpecificCharacterSet,
        found.PatientComments,
        found.PatientName,
    ]
    assert "ISO_IR 100" == dataset.SpecificCharacterSet
