"""The comparison that other tests rely on."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from pydicom import DataElement, Dataset

from .comparison import differences

if TYPE_CHECKING:
    from collections.abc import Callable


def data_set() -> Dataset:
    """A data set with all sorts of values."""
    item = Dataset()
    item.CodeValue = "1"
    result = Dataset()
    result.PatientName = "Doe^John=A=B"
    result.PixelSpacing = [1, 2]
    result.add_new(0x00720076, "FL", [float("nan"), 1.5])
    result.PixelData = b"\1\2"
    result["PixelData"].VR = "OW"
    result.ConceptNameCodeSequence = [item]
    return result


def test_equal_data_sets_differ_in_nothing() -> None:
    """A copy is equal, NaN and all."""
    assert [] == differences(data_set(), deepcopy(data_set()))


def _octets_for_text(found: Dataset) -> None:
    found[0x00100010] = DataElement(0x00100010, "PN", "")
    found[0x00100010]._value = b"Doe^John=A=B"


def _another_vr(found: Dataset) -> None:
    found["PixelData"].VR = "OB"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda found: delattr(found, "PatientName"), "00100010 missing"),
        (lambda found: setattr(found, "PatientID", ""), "00100020 extra"),
        (lambda found: setattr(found, "PatientName", "Doe^John=A"), "00100010 value"),
        (lambda found: setattr(found, "PixelSpacing", [1, 2, 3]), "00280030 value"),
        (lambda found: setattr(found, "PixelSpacing", [1, 3]), "00280030 value"),
        (lambda found: setattr(found, "PixelData", b"\1\3"), "7FE00010 value"),
        (lambda found: setattr(found[0x00720076], "value", [0.0, 1.5]), "00720076 value"),
        (
            lambda found: setattr(found.ConceptNameCodeSequence[0], "CodeValue", "2"),
            "0040A043[0].00080100 value",
        ),
        (lambda found: found.ConceptNameCodeSequence.append(Dataset()), "0040A043 items 1 2"),
        (_octets_for_text, "00100010 value"),
        (_another_vr, "7FE00010 VR OW OB"),
    ],
)
def test_each_difference_is_told(change: Callable[[Dataset], None], expected: str) -> None:
    """Whatever is changed in the copy is the one difference."""
    found = data_set()
    change(found)

    assert [expected] == differences(data_set(), found)
