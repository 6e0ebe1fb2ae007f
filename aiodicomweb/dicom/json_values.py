"""The values of one attribute, from DICOM JSON to what pydicom keeps (PS3.18 §F.2.3).

Reading is generous, since archives relay what modalities wrote: numbers come as strings and the
reverse, names as bare strings, ``null`` in many places. What is no value of its VR raises
``ValueError`` or ``TypeError``; the caller keeps it otherwise.

Nearly all attributes have one value, of a type that the standard says. For these there is a table;
the readers below take anything.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from pydicom.tag import BaseTag

from ..errors import JsonModelError
from .elements import decimal_string, integer_string, person_name, uid
from .vrs import (
    BINARY_VRS,
    BOUNDS,
    FLOAT_VRS,
    INTEGER_VRS,
    NAME_GROUPS,
    SINGLE_TEXT_VRS,
    TEXT_VRS,
    WORD_FORMATS,
    decode_base64,
    pack_words,
    single,
    to_number,
    unpack_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "SIMPLE_VALUES",
    "clean_text",
    "decode_binary",
    "from_octets",
    "from_values",
    "is_list",
    "is_object",
]

_TAG_PUNCTUATION: Final = re.compile(r"[(),\s]")
_HEX_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def from_values(vr: str, values: list[Any]) -> Any:
    """Turn the members of a JSON ``Value`` into what pydicom keeps for an element of a VR.

    Args:
        vr: A standard VR other than ``SQ``.
        values: The members, at least one of which is not empty.

    Returns:
        One value, or a list of them; octets for the binary VRs.

    Raises:
        ValueError: A member is not a value of the VR.
        TypeError: A member is neither text nor a number.
        OverflowError: A number in IS is infinite.
    """
    return _READERS[vr](values)


def from_octets(vr: str, octets: bytes) -> Any:
    """Turn a value field, received as bulk data or in line, into what pydicom keeps.

    Args:
        vr: A standard VR other than ``SQ``.
        octets: Numbers are little endian, text is UTF-8 (PS3.18 §8.7.3.3.1, §F.2.2).

    Raises:
        ValueError: The octets are not a value of the VR.
        OverflowError: A number in IS is infinite.
    """
    if vr in BINARY_VRS:
        return octets
    if vr in TEXT_VRS:
        return from_values(vr, [octets.decode("utf-8", "replace").rstrip(" \0")])
    return from_values(vr, unpack_numbers(vr, octets))


def decode_binary(text: Any) -> bytes:
    """Decode ``InlineBinary``: base64, of which old examples make a list of one string.

    Raises:
        JsonModelError: It is not base64.
    """
    if is_list(text):
        text = text[0] if len(text) == 1 else None
    if not isinstance(text, str):
        raise JsonModelError("InlineBinary is not a string")
    try:
        return decode_base64(text)
    except ValueError as error:
        raise JsonModelError(str(error)) from None


def clean_text(text: str) -> str:
    """Text without lone surrogates, which JSON can escape, but no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


# --- members of text VRs ------------------------------------------------------------------------


def _text(value: Any) -> str:
    """A member of a text VR: also a number, and ``null`` for an empty value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise TypeError("a value is neither string nor number")


def _one_or_all(members: list[Any]) -> Any:
    return members[0] if len(members) == 1 else members


def _split(texts: Iterator[str]) -> list[str]:
    """Values: a backslash separates them, whoever joined them (PS3.5 §6.2)."""
    return "\\".join(texts).split("\\")


def _texts(values: list[Any]) -> Any:
    return _one_or_all(_split(map(_text, values)))


def _single_text(values: list[Any]) -> str:
    # Orthanc splits these at backslashes, too.
    return "\\".join(map(_text, values))


def _uids(values: list[Any]) -> Any:
    return _one_or_all([uid(text) for text in _split(map(_text, values))])


def _names(values: list[Any]) -> Any:
    return _one_or_all([person_name(text) for text in _split(map(_name, values))])


def _name(value: Any) -> str:
    """A name as ``Alphabetic=Ideographic=Phonetic``; some servers send this very string."""
    if not is_object(value):
        return _text(value)
    groups = (value.get(group) for group in NAME_GROUPS)
    return "=".join(map(_text, groups)).rstrip("=")


def _number_strings(convert: Callable[[str | float], Any], values: list[Any]) -> Any:
    """Members of IS and DS: numbers stay numbers, text keeps its form (PS3.18 §F.2.3)."""
    members: list[Any] = []
    for value in values:
        if type(value) is int or type(value) is float:
            members.append(convert(value))
        else:
            members += map(convert, _text(value).split("\\"))
    return _one_or_all(members)


# --- members of other VRs -----------------------------------------------------------------------


def _tags(values: list[Any]) -> Any:
    return _one_or_all([_attribute_tag(value) for value in values])


def _attribute_tag(value: Any) -> BaseTag | None:
    if value is None:
        return None
    if type(value) is int:
        return BaseTag(to_number("AT", value))
    digits = _TAG_PUNCTUATION.sub("", value) if isinstance(value, str) else ""
    if _HEX_TAG.fullmatch(digits) is None:
        raise ValueError("a value is not a tag")
    return BaseTag(int(digits, 16))


def _numbers(vr: str, values: list[Any]) -> Any:
    return _one_or_all([_number(vr, value) for value in values])


def _number(vr: str, value: Any) -> Any:
    """A member of a number VR: also a numeric string, and ``null``."""
    if value is None or value == "":
        # dcm4che writes null for NaN; an integer has no such value.
        return math.nan if vr in FLOAT_VRS else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a value is not a number")
    return to_number(vr, value)


def _bounded(vr: str) -> Callable[[int], int]:
    """As :func:`to_number` for what is an integer: they are many, and a call costs."""
    lowest, highest = BOUNDS[vr]

    def bounded(value: int) -> int:
        if lowest <= value <= highest:
            return value
        raise ValueError("a value is not a number of its VR")

    return bounded


def _unknown(values: list[Any]) -> bytes:
    return "\\".join(map(_text, values)).encode("utf-8")


def _octets(vr: str, values: list[Any]) -> bytes:
    """Octets of a binary VR that a server wrote as numbers, as Orthanc did before 1.24."""
    numbers = [_number(vr, value) for value in values]
    if None in numbers:
        raise ValueError("a value is not a number")
    return pack_words(vr, numbers)


_READERS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    **dict.fromkeys(TEXT_VRS, _texts),
    **dict.fromkeys(SINGLE_TEXT_VRS, _single_text),
    **{vr: partial(_numbers, vr) for vr in INTEGER_VRS | FLOAT_VRS},
    **{vr: partial(_octets, vr) for vr in WORD_FORMATS},
    "AT": _tags,
    "DS": partial(_number_strings, decimal_string),
    "IS": partial(_number_strings, integer_string),
    "PN": _names,
    "UI": _uids,
    "UN": _unknown,
}

SIMPLE_VALUES: Final[Mapping[type, Mapping[str, tuple[str, Callable[[Any], Any] | None]]]] = {
    str: {
        **{vr: (vr, None) for vr in TEXT_VRS - {"PN"}},
        "DS": ("DS", decimal_string),
        "IS": ("IS", integer_string),
        "UI": ("UI", uid),
    },
    int: {
        **{vr: (vr, _bounded(vr)) for vr in INTEGER_VRS},
        "DS": ("DS", decimal_string),
        "FD": ("FD", float),
        "IS": ("IS", integer_string),
    },
    float: {
        "DS": ("DS", decimal_string),
        "FD": ("FD", None),
        "FL": ("FL", single),
    },
}
"""How lone members become values: by their type, then by VR. Text must be ASCII, not empty and
without a backslash. Beside the conversion, if there is any, stands one text for all elements of
the VR; what the conversion raises at text that is no number is said at :func:`from_values`."""
