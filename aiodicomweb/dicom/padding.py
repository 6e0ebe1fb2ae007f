"""Values of even lengths, as files have them (PS3.5 §7.1), where pydicom does not see to it."""

from __future__ import annotations

import copy
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, Final

from pydicom import DataElement, Sequence
from pydicom.dataelem import RawDataElement

from .vrs import BINARY_VRS

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["with_even_lengths"]

_CONCERNED: Final = BINARY_VRS | {"SQ"}
_UNDEFINED: Final = 0xFFFFFFFF
_PADDING: Final = b"\0"


def with_even_lengths(dataset: Dataset) -> Dataset:
    """A data set that pydicom writes with even lengths.

    It pads all by itself but octets of VR UN, and those in a buffer, whose length it tells before.

    Args:
        dataset: A data set; it is not changed.

    Returns:
        The data set itself, or a shallow copy where something had to be padded.
    """
    padded = {
        tag: even for tag, element in dataset.items() if (even := _padded(element)) is not element
    }
    if not padded:
        return dataset
    whole = copy.copy(dataset)
    # A copy shares its elements with the original, so that these are not put in one by one.
    vars(whole)["_dict"] = {**dict(dataset.items()), **padded}
    return whole


def _padded(element: DataElement | RawDataElement) -> DataElement | RawDataElement:
    """An element of an even length; itself, if its length is."""
    if isinstance(element, RawDataElement):
        return _padded_raw(element)
    if element.VR not in _CONCERNED:
        return element
    value: Any = element.value
    if element.VR == "SQ":
        items = [with_even_lengths(item) for item in value or ()]
        if all(map(_is_same, items, value or ())):
            return element
        return _with_value(element, Sequence(items))
    if isinstance(value, BufferedIOBase):
        octets = _rest_if_odd(value)
        return element if octets is None else _with_value(element, octets + _PADDING)
    if element.VR == "UN" and not element.is_undefined_length and _is_odd(value):
        return _with_value(element, bytes(value) + _PADDING)
    return element


def _padded_raw(element: RawDataElement) -> RawDataElement:
    """One that is as it was read: from who wrote an odd length."""
    value = element.value
    if element.VR != "UN" or element.length == _UNDEFINED or not _is_odd(value):
        return element
    octets = bytes(value or b"") + _PADDING
    return element._replace(value=octets, length=len(octets))


def _with_value(element: DataElement, value: Any) -> DataElement:
    changed = copy.copy(element)
    changed.value = value
    return changed


def _is_odd(value: Any) -> bool:
    return isinstance(value, bytes | bytearray) and len(value) % 2 == 1


def _is_same(one: object, other: object) -> bool:
    return one is other


def _rest_if_odd(buffer: BufferedIOBase) -> bytes | None:
    """What is left of a buffer, if it is of an odd length; the position stays."""
    position = buffer.tell()
    try:
        is_odd = (buffer.seek(0, 2) - position) % 2
        buffer.seek(position)
        return buffer.read() if is_odd else None
    finally:
        buffer.seek(position)
