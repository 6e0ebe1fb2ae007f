"""Bounds as values; those who keep them test that they do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from aiodicomweb.dicom.json_stream import MAX_OBJECT
from aiodicomweb.dicom.vrs import MAX_DEPTH
from aiodicomweb.errors import ConfigurationError
from aiodicomweb.wire import Limits

NAMES = [field.name for field in fields(Limits)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1])
def test_bounds_are_positive(name: str, value: int) -> None:
    """A bound that would refuse everything is a mistake, told by its name."""
    with pytest.raises(ConfigurationError, match=rf"Limits\.{name} "):
        Limits(**{name: value})

    assert 1 == getattr(Limits(**{name: 1}), name)


@pytest.mark.parametrize("value", [None, "5", 5.0, True])
def test_bounds_are_whole_numbers(value: Any) -> None:
    """What can't be counted up to is a mistake too."""
    with pytest.raises(ConfigurationError, match=r"Limits\.parts must be a whole number"):
        Limits(parts=value)


def test_bounds_of_json_are_those_of_its_readers() -> None:
    """Who reads DICOM JSON without ``Limits`` has the same bounds."""
    assert (MAX_OBJECT, MAX_DEPTH) == (Limits().json_object, Limits().json_depth)


def test_value() -> None:
    """Limits are values: equal by content, and frozen."""
    limits = Limits(parts=5)

    assert Limits(parts=5) == limits
    assert Limits() != limits
    with pytest.raises(FrozenInstanceError):
        limits.parts = 6  # type: ignore[misc]
