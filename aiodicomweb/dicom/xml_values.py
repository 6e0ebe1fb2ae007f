"""What reading and writing the Native DICOM Model share: the model's rules, and its values.

Values are between the text of XML and what pydicom keeps (PS3.19 §A.1.5).

What cannot be understood raises :class:`NativeXmlError` without the place, which the caller
knows, and without the value.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import TYPE_CHECKING, Any, Final

from ..errors import NativeXmlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BINARY_VRS",
    "BULK_VRS",
    "MAX_DEPTH",
    "NAMESPACE",
    "STANDARD_VRS",
    "creator_name",
    "decode_base64",
    "from_octets",
    "from_texts",
    "is_data",
    "little_endian",
    "resolve",
    "to_texts",
    "unfolded",
]

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
MAX_DEPTH: Final = 64
"""Nested sequences that are followed, as in JSON. Structured reports nest about ten deep."""

# struct formats: of the numbers that stand in the text, and of those within octets.
_INTEGERS: Final = {"SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_FLOATS: Final = {"FD": "d", "FL": "f"}
_NUMBERS: Final = _INTEGERS | _FLOATS
_WORDS: Final = {"OB": "B", "OD": "d", "OF": "f", "OL": "I", "OV": "Q", "OW": "H"}

_PROSE: Final = frozenset({"LT", "ST", "UT"})
"""Text of several lines."""
_SINGLE: Final = _PROSE | {"UR"}
"""Text VRs that hold one value, in which a backslash is a character (PS3.5 §6.2)."""
_TEXTS: Final = _SINGLE | frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
)

BINARY_VRS: Final = frozenset(_WORDS) | {"UN"}
"""VRs whose value is octets."""
STANDARD_VRS: Final = BINARY_VRS | _TEXTS | frozenset(_NUMBERS) | {"AT", "SQ"}
"""The VRs of PS3.5 §6.2."""
BULK_VRS: Final = BINARY_VRS | frozenset(_NUMBERS) | frozenset({"DS", "IS", "LT", "ST", "UC", "UT"})
"""VRs whose value may travel as bulk data (PS3.18 §F.2.2)."""

_NOT_FINITE: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")


def is_data(tag: int) -> bool:
    """Whether a tag is one of a data set's own (PS3.19 §A.1.5, PS3.18 §F.2.2)."""
    return bool(tag & 0xFFFF) and tag >> 16 not in (0x0002, 0xFFFE)


def creator_name(value: object) -> str:
    """The name that a private creator has as its value; empty where that is none."""
    return value.strip() if isinstance(value, str) else ""


def resolve(vr: str, values: Iterable[object]) -> str:
    """One VR for the dictionary's ambiguous ones, such as ``US or SS``.

    Args:
        vr: The VRs to choose from.
        values: Numbers, or their text; anything else is octets.
    """
    numbers = [str(value) for value in values if isinstance(value, int | str)]
    if numbers and "US" in vr:
        return "SS" if any(number.startswith("-") for number in numbers) else "US"
    return "OW" if "OW" in vr else "US"


def from_texts(vr: str, texts: Sequence[str]) -> Any:
    """Turn the texts of ``Value`` or ``PersonName`` into what pydicom takes for an element.

    Args:
        vr: A standard VR other than ``SQ``.
        texts: One for each value, at least one; empty ones for empty values.

    Returns:
        One value, or a list of them; octets for the binary VRs; ``None`` for none at all.

    Raises:
        NativeXmlError: A text is no value of the VR.
    """
    if vr in _TEXTS:
        return _from_texts(vr, texts)
    if not any(text.strip() for text in texts):
        return None
    if vr == "UN":
        return "\\".join(texts).encode()
    if vr in _WORDS:
        # Orthanc writes words as numbers, as it did in JSON before 1.24.
        return _pack(_WORDS[vr], [_number(_WORDS[vr], text.strip()) for text in texts])
    values = [_from_text(vr, text.strip()) for text in texts]
    return values[0] if len(values) == 1 else values


def from_octets(vr: str, octets: bytes) -> Any:
    """Turn a value field, received as bulk data or in line, into what pydicom takes.

    Args:
        vr: A standard VR other than ``SQ``.
        octets: Numbers are little endian, text is UTF-8 (PS3.18 §8.7.3.3.1, §F.2.2).

    Raises:
        NativeXmlError: The octets are of no use for the VR.
    """
    if vr in BINARY_VRS:
        return octets
    if vr in _TEXTS:
        return _from_texts(vr, [octets.decode("utf-8", "replace").rstrip(" \0")])
    if vr == "AT":
        # Two 16-bit numbers, the group first.
        halves = iter(_unpack("HH", octets))
        values = [group << 16 | element for group, element in zip(halves, halves, strict=True)]
    else:
        values = _unpack(_NUMBERS[vr], octets)
    return values[0] if len(values) == 1 else values or None


def decode_base64(text: str) -> bytes:
    """Decode ``InlineBinary``, which may be folded and lack its padding.

    Raises:
        NativeXmlError: It is not base64.
    """
    compact = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NativeXmlError("InlineBinary is not base64") from None


def to_texts(vr: str, values: Iterable[Any]) -> list[str]:
    """The texts of values that are neither items nor octets.

    Decimal and Integer Strings keep the form that they came in. Names are as in a file.

    Args:
        vr: A standard VR other than ``SQ`` and the binary ones.
        values: What pydicom has of each.

    Raises:
        Exception: A value is not one of the VR; Python does not say which error.
    """
    return ["" if value is None else _to_text(vr, value) for value in values]


def unfolded(text: str) -> str:
    """Text that has no lines, without the white space of a document that was pretty-printed."""
    return text.strip() if "\n" in text else text


def little_endian(vr: str, octets: bytes) -> bytes:
    """Octets of a big-endian data set, in the byte order of XML (PS3.19 §A.1.5).

    Args:
        vr: A binary VR. Nobody knows what UN holds: it stays as it is.
        octets: The value field; what is left over after its last word stays as it is.
    """
    size = struct.calcsize(_WORDS.get(vr, "B"))
    end = len(octets) - len(octets) % size
    swapped = bytearray(octets)
    for position in range(size):
        swapped[position:end:size] = octets[size - 1 - position : end : size]
    return bytes(swapped)


def _to_text(vr: str, value: Any) -> str:
    if vr == "AT":
        return f"{int(value):08X}"
    if vr in _INTEGERS:
        return str(int(value))
    if vr in _FLOATS:
        number = float(value)
        return _NOT_FINITE.get(number, "NaN" if math.isnan(number) else repr(number))
    return str(value)


def _from_texts(vr: str, texts: Sequence[str]) -> str | list[str]:
    # Servers join values, or split at the backslashes of a text that is one value.
    joined = "\\".join(text if vr in _PROSE else unfolded(text) for text in texts)
    if vr in _SINGLE:
        return joined
    values = joined.split("\\")
    if vr == "UI":
        values = [value.strip() for value in values]
    return values[0] if len(values) == 1 else values


def _from_text(vr: str, text: str) -> int | float | None:
    if not text:
        # As null in JSON is: pydicom can write NaN to a file, but no missing number.
        return math.nan if vr in _FLOATS else None
    if vr != "AT":
        return _number(_NUMBERS[vr], text)
    if _TAG.fullmatch(text) is None:
        raise NativeXmlError("a value is not a tag of eight hexadecimal digits")
    return int(text, 16)


def _number(code: str, text: str) -> int | float:
    """A number of a struct format, in the format's precision."""
    # Python would take digits of all scripts, and underscores between them.
    plain = text if text.isascii() and "_" not in text else ""
    try:
        if code not in "df":
            return int(plain)
        # DCMTK writes as many digits as a number of single precision needs.
        (number,) = struct.unpack(f"<{code}", struct.pack(f"<{code}", float(plain)))
    except (ValueError, OverflowError):
        raise NativeXmlError("a value is not a number of its VR") from None
    return float(number)


def _pack(code: str, numbers: Sequence[int | float]) -> bytes:
    try:
        return struct.pack(f"<{len(numbers)}{code}", *numbers)
    except struct.error:
        raise NativeXmlError("a value does not fit into its VR") from None


def _unpack(code: str, octets: bytes) -> list[Any]:
    size = struct.calcsize(f"<{code}")
    if len(octets) % size:
        raise NativeXmlError("the length of the octets is not one of the VR")
    return [number for group in struct.iter_unpack(f"<{code}", octets) for number in group]
