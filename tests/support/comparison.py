"""A comparison of data sets that lets nothing pass: for tests that say "equal in every element"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset


def differences(expected: Dataset, found: Dataset) -> list[str]:
    """What two data sets differ in: one line each, which begins with the element's path.

    Compared are presence, VR, the number of values and the values. NaN equals NaN, text and
    octets are never equal, and a name is equal only in all of its components.
    """
    return list(_differences(expected, found, ""))


def _differences(expected: Dataset, found: Dataset, above: str) -> Iterator[str]:
    for tag in sorted({*expected.keys(), *found.keys()}):
        path = f"{above}{int(tag):08X}"
        if tag not in found:
            yield f"{path} missing"
        elif tag not in expected:
            yield f"{path} extra"
        elif expected[tag].VR != found[tag].VR:
            yield f"{path} VR {expected[tag].VR} {found[tag].VR}"
        elif expected[tag].VR == "SQ":
            items = expected[tag].value, found[tag].value
            if len(items[0]) != len(items[1]):
                yield f"{path} items {len(items[0])} {len(items[1])}"
            for index, (item, other) in enumerate(zip(*items, strict=False)):
                yield from _differences(item, other, f"{path}[{index}].")
        elif not same(expected[tag].value, found[tag].value):
            yield f"{path} value"


def same(expected: Any, found: Any) -> bool:
    """Whether two values are the same."""
    if isinstance(expected, MultiValue | list) and isinstance(found, MultiValue | list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(expected, PersonName) and isinstance(found, PersonName):
        return _groups(expected) == _groups(found)
    if isinstance(expected, float) and isinstance(found, float) and math.isnan(expected):
        return math.isnan(found)
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(found, numbers):
        return expected == found
    if isinstance(expected, str) and isinstance(found, str):  # a UID that is empty is just text
        return str(expected) == str(found)
    return type(expected) is type(found) and expected == found


def _groups(name: PersonName) -> tuple[str, str, str]:
    return name.alphabetic, name.ideographic, name.phonetic
