"""The values of one attribute, between DICOM JSON and what pydicom keeps (PS3.18 §F.2.3).

Reading is generous, since archives relay what modalities wrote: numbers come as strings and the
reverse, names as bare strings, ``null`` in many places. What cannot be understood raises
:class:`JsonModelError` without its path, which the caller knows, and without the value.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ..errors import JsonModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import DataElement

__all__ = [
    "BINARY_VRS",
    "STANDARD_VRS",
    "decode_binary",
    "from_octets",
    "from_values",
    "is_list",
    "is_object",
    "to_values",
]

# struct formats, little endian (PS3.18 §F.2.7: as in Explicit VR Little Endian).
_NUMBER_FORMATS: Final = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
_WORD_FORMATS: Final = {"OB": "B", "OD": "d", "OF": "f", "OL": "I", "OV": "Q", "OW": "H"}
_FLOATS: Final = frozenset({"FD", "FL", "OD", "OF"})
_SINGLE_TEXTS: Final = frozenset({"LT", "ST", "UR", "UT"})
"""Text VRs that hold one value, in which a backslash is a character (PS3.5 §6.2)."""
_TEXTS: Final = _SINGLE_TEXTS | frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
)

BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""VRs whose value is octets."""
STANDARD_VRS: Final = BINARY_VRS | _TEXTS | frozenset(_NUMBER_FORMATS) | {"AT", "SQ"}
"""The VRs of PS3.5 §6.2."""

_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_NOT_FINITE: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}

_TAG_PUNCTUATION: Final = re.compile(r"[(),\s]")
_HEX_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_WHITE_SPACE: Final = re.compile(r"\s+")


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def from_values(vr: str, values: Sequence[Any]) -> Any:
    """Turn the members of a JSON ``Value`` into what pydicom takes for an element of a VR.

    Args:
        vr: A standard VR other than ``SQ``.
        values: The members, at least one of which is not empty.

    Returns:
        One value, or a list of them; octets for the binary VRs.

    Raises:
        JsonModelError: A member is of no use for the VR.
    """
    if vr == "UN":
        return "\\".join(map(_text, values)).encode("utf-8")
    if vr in _WORD_FORMATS:
        return _pack(vr, values)
    if vr in _SINGLE_TEXTS:
        # Orthanc splits these at backslashes, too.
        return "\\".join(map(_text, values))
    if vr == "AT":
        members: list[Any] = [_attribute_tag(value) for value in values]
    elif vr == "PN":
        members = [_person_name(value) for value in values]
    elif vr == "UI":
        members = [_text(value).strip(" \0") for value in values]
    elif vr in _NUMBER_FORMATS:
        members = [_number(vr, value) for value in values]
    else:
        members = [_text(value) for value in values]
    return members[0] if len(members) == 1 else members


def from_octets(vr: str, octets: bytes) -> Any:
    """Turn a value field, received as bulk data or in line, into what pydicom takes.

    Args:
        vr: A standard VR other than ``SQ``.
        octets: Numbers are little endian, text is UTF-8 (PS3.18 §8.7.3.3.1, §F.2.2).

    Raises:
        JsonModelError: The octets are of no use for the VR.
    """
    if vr in BINARY_VRS:
        return octets
    if vr in _TEXTS:
        text = octets.decode("utf-8", "replace").rstrip(" \0")
        return from_values(vr, [text] if vr in _SINGLE_TEXTS else text.split("\\"))
    if vr == "AT":
        # Two 16-bit numbers, the group first.
        return from_values(vr, [n << 16 & 0xFFFF0000 | n >> 16 for n in _unpack("I", octets)])
    return from_values(vr, _unpack(_NUMBER_FORMATS[vr], octets))


def decode_binary(text: Any) -> bytes:
    """Decode ``InlineBinary``: base64, of which old examples make a list of one string.

    Raises:
        JsonModelError: It is not base64.
    """
    if is_list(text):
        text = text[0] if len(text) == 1 else None
    if not isinstance(text, str):
        raise JsonModelError("InlineBinary is not a string")
    compact = _WHITE_SPACE.sub("", text).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise JsonModelError("InlineBinary is not base64") from None


def to_values(vr: str, element: DataElement) -> list[Any]:
    """The JSON ``Value`` of an element that is neither a sequence nor octets.

    Members without a value are ``None``.

    Args:
        vr: A standard VR other than ``SQ`` and the binary ones.
        element: pydicom's element; its own VR may be an ambiguous one.

    Raises:
        Exception: A value is not one of the element's VR; pydicom does not say which error.
    """
    values = element.value if element.VM > 1 else [element.value]
    return [_to_json(vr, value) for value in values]


def _to_json(vr: str, value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if vr == "PN":
        return _name_to_json(value)
    if vr == "AT":
        return f"{int(value):08X}"
    if vr == "DS" or vr in _FLOATS:
        # A Decimal String that pydicom could not convert stays a string.
        return str(value) if isinstance(value, str) else _float_to_json(float(value))
    if vr in _NUMBER_FORMATS:
        return int(value)
    return int(value) if vr == "IS" and isinstance(value, int) else str(value)


def _float_to_json(number: float) -> float | str:
    # JSON has no number for these; the strings are what most products write (CP-2352).
    return number if math.isfinite(number) else _NOT_FINITE.get(number, "NaN")


def _name_to_json(value: Any) -> dict[str, str] | None:
    groups = zip(_NAME_GROUPS, str(value).split("="), strict=False)
    return {name: text for name, text in groups if text} or None


def _text(value: Any) -> str:
    """A member of a text VR: also a number, and ``null`` for an empty value."""
    if value is None:
        return ""
    if isinstance(value, str):
        # A lone surrogate can be escaped in JSON, but never be written to a file.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise JsonModelError("a value is neither string nor number")


def _person_name(value: Any) -> str:
    """A name as ``Alphabetic=Ideographic=Phonetic``; some servers send this very string."""
    if not is_object(value):
        return _text(value)
    groups = (value.get(group) for group in _NAME_GROUPS)
    return "=".join(map(_text, groups)).rstrip("=")


def _attribute_tag(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFFFFFF:
        return value
    digits = _TAG_PUNCTUATION.sub("", value) if isinstance(value, str) else ""
    if _HEX_TAG.fullmatch(digits) is None:
        raise JsonModelError("a value is not a tag")
    return int(digits, 16)


def _number(vr: str, value: Any) -> int | float | None:
    """A member of a number VR: also a numeric string, and ``null``."""
    floating = vr in _FLOATS
    if value is None or value == "":
        # dcm4che writes null for NaN; an integer has no such value.
        return math.nan if floating else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise JsonModelError("a value is not a number")
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        raise JsonModelError("a value is not a number")
    try:
        return float(value) if floating else _integer(value)
    except (ValueError, OverflowError):
        raise JsonModelError("a value is not a number of its VR") from None


def _integer(value: float | str) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    number = int(value)
    if number != value:
        raise ValueError
    return number


def _pack(vr: str, values: Sequence[Any]) -> bytes:
    """Octets of a binary VR that a server wrote as numbers, as Orthanc did before 1.24."""
    numbers = [_number(vr, value) for value in values]
    try:
        return struct.pack(f"<{len(numbers)}{_WORD_FORMATS[vr]}", *numbers)
    except (struct.error, OverflowError):
        raise JsonModelError("a value does not fit into its VR") from None


def _unpack(code: str, octets: bytes) -> tuple[Any, ...]:
    size = struct.calcsize(code)
    if len(octets) % size:
        raise JsonModelError("the length of the octets is not one of the VR")
    return struct.unpack(f"<{len(octets) // size}{code}", octets)
