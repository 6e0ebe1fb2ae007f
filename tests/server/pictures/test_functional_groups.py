from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.server.pictures.functional_groups import macro_of, numbers_in

MACRO = "FrameVOILUTSequence"


def groups(center: int | None) -> Dataset:
    """Functional groups, with the macro or without."""
    found = Dataset()
    if center is not None:
        item = Dataset()
        item.WindowCenter = center
        setattr(found, MACRO, [item])
    return found


@pytest.mark.parametrize(("index", "expected"), [(0, 10), (1, 20), (2, 20), (99, 20)])
def test_a_frame_goes_before_all_frames(index: int, expected: int) -> None:
    """Where it has the macro itself; frames without groups have the shared ones."""
    dataset = Dataset()
    dataset.PerFrameFunctionalGroupsSequence = [groups(10), groups(None)]
    dataset.SharedFunctionalGroupsSequence = [groups(20)]

    assert expected == macro_of(dataset, index, MACRO).WindowCenter


def test_without_the_macro_it_is_the_data_set() -> None:
    """As in images of one frame."""
    dataset = Dataset()
    dataset.SharedFunctionalGroupsSequence = [groups(None)]

    assert dataset is macro_of(dataset, 0, MACRO)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.5", [1.5]), (["1", "-2"], [1, -2]), (None, []), ("", []), ("nan", []), ("1e999", [])],
)
def test_numbers_are_finite_or_none(value: Any, expected: list[float]) -> None:
    """What is broken is as if it were not there."""
    dataset = Dataset()
    dataset.add_new("WindowCenter", "LO", value)

    assert expected == numbers_in(dataset, "WindowCenter")


def test_what_is_no_number_is_none() -> None:
    """Neither is an element that is missing."""
    dataset = Dataset()
    dataset.PatientComments = "wide"

    assert [] == numbers_in(dataset, "PatientComments")
    assert [] == numbers_in(dataset, "WindowCenter")
