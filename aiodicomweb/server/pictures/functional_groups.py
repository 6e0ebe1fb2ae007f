"""Attributes that a frame has for itself, in multi-frame functional groups (PS3.3 §C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["macro_of", "numbers_in"]


def macro_of(attributes: Dataset, index: int, keyword: str) -> Dataset:
    """Where a frame's attributes of a macro are: its own, those of all frames, the data set's.

    Args:
        attributes: The data set.
        index: The frame, from 0.
        keyword: The macro's sequence.
    """
    of_frames: Any = attributes.get("PerFrameFunctionalGroupsSequence") or []
    shared: Any = attributes.get("SharedFunctionalGroupsSequence") or []
    for groups in (*of_frames[index : index + 1], *shared[:1]):
        items: Any = groups.get(keyword)
        if items:
            return cast("Dataset", items[0])
    return attributes


def numbers_in(attributes: Dataset, keyword: str) -> list[float]:
    """The values of an element; none if one is no number, or not finite."""
    try:
        value: Any = attributes.get(keyword)
        if value is None or value == "":
            return []
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
        values = cast("Iterable[Any]", value if several else [value])
        found = [float(one) for one in values]
    except Exception:  # noqa: BLE001
        # What pydicom's classes raise for a broken value is not defined.
        return []
    return found if all(map(math.isfinite, found)) else []
