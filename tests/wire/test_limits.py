"""Bounds as values; those who keep them test that they do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

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


def test_value() -> None:
    """Limits are values: equal by content, and frozen."""
    limits = Limits(parts=5)

    assert Limits(parts=5) == limits
    assert Limits() != limits
    with pytest.raises(FrozenInstanceError):
        limits.parts = 6  # type: ignore[misc]
