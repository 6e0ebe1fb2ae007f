"""pydicom data sets to DICOM JSON objects (PS3.18 §F.2).

What is written is always the standard's own form: tags in ascending order, empty attributes
without a value, never a bare ``NaN``. IS and DS are numbers where a number says the same text, and
strings where it doesn't (``1.50``), so that a data set comes back as it went.
"""

from __future__ import annotations

import math
from binascii import b2a_base64
from collections.abc import Callable
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from pydicom import DataElement, Dataset, Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import IS, DSfloat, PersonName

from ..errors import JsonModelError
from .json_values import clean_text
from .vrs import (
    BINARY_VRS,
    BOUNDS,
    BULK_VRS,
    INTEGER_VRS,
    NAME_GROUPS,
    STANDARD_VRS,
    TEXT_VRS,
    is_data,
    little_endian,
    not_finite,
    octets_of,
    resolve,
    sample_bits,
    shortest,
    to_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataelem import RawDataElement

__all__ = ["BulkDataChooser", "JsonWriter", "to_values"]

BulkDataChooser = Callable[[DataElement], str | None]
"""Gives the URI of an element that travels as bulk data, ``None`` for one in line."""

_VRS: Final = {vr: vr for vr in STANDARD_VRS}
_SINGLE: Final = frozenset({BaseTag, DSfloat, IS, NoneType, PersonName, UID, float, int, str})
"""Types of the usual values of elements that have one."""

_EXACT: Final = 2**53 - 1
"""The largest integer that a reader keeps whose numbers are doubles (RFC 8259 §6)."""


class JsonWriter:
    """Makes objects of data sets; one writer serves any number of them.

    Args:
        bulk_data: Called for each element that has a value and may travel as bulk data.
    """

    __slots__ = ("_bulk_data",)

    def __init__(self, bulk_data: BulkDataChooser | None = None) -> None:
        self._bulk_data = bulk_data

    def write(self, dataset: Dataset) -> dict[str, Any]:
        """Make an object of a data set.

        Raises:
            JsonModelError: An element's value is not one of its VR; ``path`` names it.
        """
        # pydicom keeps the words of binary VRs in the byte order of the file that they are from.
        return self._object(dataset, swapped=dataset.original_encoding[1] is False)

    def _object(self, dataset: Dataset, *, swapped: bool) -> dict[str, Any]:
        result: dict[str, Any] = {}
        swapped_in = dataset if swapped else None
        for name, element in _named_elements(dataset):
            try:
                result[name] = self._attribute(_decoded(dataset, element), swapped_in)
            except JsonModelError as error:
                error.path = f"{name}{error.path}"
                raise
        return result

    def _attribute(self, element: DataElement, swapped_in: Dataset | None) -> dict[str, Any]:
        """An attribute; of a big-endian data set, with that data set."""
        vr = _VRS.get(element.VR) or _resolved(element)
        if vr == "SQ":
            return self._sequence(element, swapped=swapped_in is not None)
        if self._bulk_data is not None and vr in BULK_VRS and not element.is_empty:
            uri = self._bulk_data(element)
            if uri is not None:
                return {"vr": vr, "BulkDataURI": uri}
        try:
            if vr in BINARY_VRS:
                octets = _octets(vr, element, swapped_in)
                return {"vr": vr, "InlineBinary": octets} if octets else {"vr": vr}
            values = to_values(vr, element)
        except Exception:  # noqa: BLE001
            # What pydicom's classes raise for a broken value is not defined.
            raise JsonModelError("the value is not one of its VR") from None
        return {"vr": vr, "Value": values} if values != [None] * len(values) else {"vr": vr}

    def _sequence(self, element: DataElement, *, swapped: bool) -> dict[str, Any]:
        # pydicom leaves text in a sequence that it could not read, and only once says so.
        if not isinstance(element.value, Sequence):
            raise JsonModelError("the value is not one of its VR")
        items = [
            self._item(index, item, swapped=swapped) for index, item in enumerate(element.value)
        ]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}

    def _item(self, index: int, item: Dataset, *, swapped: bool) -> dict[str, Any]:
        try:
            return self._object(item, swapped=swapped)
        except JsonModelError as error:
            error.path = f"[{index}].{error.path}"
            raise


@lru_cache(maxsize=8192)
def _property_name(tag: int) -> str | None:
    """The name of a tag's property; ``None`` if it is no part of a data set (PS3.18 §F.2.2)."""
    return f"{tag:08X}" if is_data(tag) else None


def _named_elements(dataset: Dataset) -> list[tuple[str, DataElement | RawDataElement]]:
    """Elements with the names of their properties, in the order of these (PS3.18 §F.2.2)."""
    named = [
        (name, element)
        for tag, element in dataset.items()
        if (name := _property_name(int(tag))) is not None
    ]
    named.sort(key=_name)
    return named


def _name(item: tuple[str, object]) -> str:
    return item[0]


def _decoded(dataset: Dataset, element: DataElement | RawDataElement) -> DataElement:
    """An element that pydicom converted, which it does at the first access."""
    if isinstance(element, DataElement):
        return element
    try:
        return dataset[element.tag]
    except Exception:  # noqa: BLE001
        raise JsonModelError("the value is not one of its VR") from None


def _resolved(element: DataElement) -> str:
    """One VR for an ambiguous one, which an element has that was made by its keyword."""
    return resolve(element.VR, _members(element.value))


def _octets(vr: str, element: DataElement, swapped_in: Dataset | None) -> str:
    """Octets as base64; their words are little endian (PS3.18 §F.2.7)."""
    octets = octets_of(element.value)
    if swapped_in is not None:
        octets = little_endian(vr, octets, sample_bits(swapped_in, element.tag))
    return b2a_base64(octets, newline=False).decode("ascii")


def to_values(vr: str, element: DataElement) -> list[Any]:
    """The JSON ``Value`` of an element that is neither a sequence nor octets.

    Members without a value are ``None``.

    Args:
        vr: A standard VR other than ``SQ`` and the binary ones.
        element: pydicom's element; its own VR may be an ambiguous one.

    Raises:
        Exception: A value is not one of the element's VR; pydicom does not say which error.
    """
    value = element.value
    to_json = _MEMBERS[vr]
    if type(value) in _SINGLE:
        return [to_json(value)]
    return [to_json(member) for member in _members(value)]


def _members(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | PersonName) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


# --- one member ---------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value)
    return clean_text(text) if text.strip() else None


def _person_name(value: Any) -> dict[str, str] | None:
    groups = zip(NAME_GROUPS, (_text(value) or "").split("="), strict=False)
    return {name: text for name, text in groups if text} or None


def _attribute_tag(value: Any) -> str | None:
    return None if value is None or value == "" else f"{to_number('AT', value):08X}"


def _integer(vr: str) -> Callable[[Any], int | str | None]:
    lowest, highest = max(BOUNDS[vr][0], -_EXACT), min(BOUNDS[vr][1], _EXACT)

    def integer(value: Any) -> int | str | None:
        # Nearly all are of this kind, and a call costs.
        if value.__class__ is int and lowest <= value <= highest:
            return value
        if value is None or value == "":
            return None
        number = to_number(vr, value)
        return int(number) if lowest <= number <= highest else str(number)

    return integer


def _single(value: Any) -> float | str | None:
    return _float(value if value is None or value == "" else shortest(float(value)))


def _float(value: Any) -> float | str | None:
    # JSON has no number for these; the strings are what most products write (CP-2352).
    if value is None or value == "":
        return None
    number = float(value)
    return number if math.isfinite(number) else not_finite(number)


def _integer_string(value: Any) -> int | str | None:
    text = _text(value)
    if text is None or not isinstance(value, int) or text != int.__repr__(value):
        return text
    return int(value)


def _decimal_string(value: Any) -> float | str | None:
    text = _text(value)
    if text is None or isinstance(value, str):
        return text
    number = float(value)
    if text == repr(number) and math.isfinite(number):
        return number
    if number.is_integer() and text == str(int(number)):
        return int(number)
    return _float(number) if text.lstrip("+-").isalpha() else text


_MEMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(TEXT_VRS, _text),
    **{vr: _integer(vr) for vr in INTEGER_VRS},
    "FD": _float,
    "FL": _single,
    "AT": _attribute_tag,
    "DS": _decimal_string,
    "IS": _integer_string,
    "PN": _person_name,
}
