"""What reading and writing the Native DICOM Model share: the model's rules, and its values.

Values are between the text of XML and what pydicom keeps (PS3.19 §A.1.5).

What is no value of its VR raises ``ValueError``; the caller keeps it otherwise.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from ..errors import NativeXmlError
from . import vrs
from .vrs import BINARY_VRS, FLOAT_VRS, INTEGER_VRS, SINGLE_TEXT_VRS, TEXT_VRS, WORD_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "NAMESPACE",
    "creator_name",
    "decode_base64",
    "from_octets",
    "from_texts",
    "to_texts",
    "unfolded",
]

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_PROSE: Final = frozenset({"LT", "ST", "UT"})
"""Text of several lines."""
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")


def creator_name(value: object) -> str:
    """The name that a private creator has as its value; empty where that is none."""
    return value.strip() if isinstance(value, str) else ""


def from_texts(vr: str, texts: Sequence[str]) -> Any:
    """Turn the texts of ``Value`` or ``PersonName`` into what pydicom takes for an element.

    Args:
        vr: A standard VR other than ``SQ``.
        texts: One for each value, at least one; empty ones for empty values.

    Returns:
        One value, or a list of them; octets for the binary VRs; ``None`` for none at all.

    Raises:
        ValueError: A text is no value of the VR.
    """
    if vr in TEXT_VRS:
        return _from_texts(vr, texts)
    if not any(text.strip() for text in texts):
        return None
    if vr == "UN":
        return "\\".join(texts).encode()
    if vr in WORD_FORMATS:
        # Orthanc writes words as numbers, as it did in JSON before 1.24.
        return vrs.pack_words(vr, [text.strip() for text in texts])
    values = [_from_text(vr, text.strip()) for text in texts]
    return values[0] if len(values) == 1 else values


def from_octets(vr: str, octets: bytes) -> Any:
    """Turn a value field, received as bulk data or in line, into what pydicom takes.

    Args:
        vr: A standard VR other than ``SQ``.
        octets: Numbers are little endian, text is UTF-8 (PS3.18 §8.7.3.3.1, §F.2.2).

    Raises:
        ValueError: The octets are no value of the VR.
    """
    if vr in BINARY_VRS:
        return octets
    if vr in TEXT_VRS:
        return _from_texts(vr, [octets.decode("utf-8", "replace").rstrip(" \0")])
    values = vrs.unpack_numbers(vr, octets)
    return values[0] if len(values) == 1 else values or None


def decode_base64(text: str) -> bytes:
    """Decode ``InlineBinary``, which may be folded and lack its padding.

    Raises:
        NativeXmlError: It is not base64.
    """
    try:
        return vrs.decode_base64(text)
    except ValueError as error:
        raise NativeXmlError(str(error)) from None


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


def _to_text(vr: str, value: Any) -> str:
    if vr == "AT":
        return f"{vrs.to_number(vr, value):08X}"
    if vr in INTEGER_VRS:
        return str(vrs.to_number(vr, value))
    if vr in FLOAT_VRS:
        number = vrs.shortest(float(value)) if vr == "FL" else float(value)
        return repr(number) if math.isfinite(number) else vrs.not_finite(number)
    return str(value)


def _from_texts(vr: str, texts: Sequence[str]) -> str | list[str]:
    # Servers join values, or split at the backslashes of a text that is one value.
    joined = "\\".join(text if vr in _PROSE else unfolded(text) for text in texts)
    if vr in SINGLE_TEXT_VRS:
        return joined
    values = joined.split("\\")
    if vr == "UI":
        values = [value.strip() for value in values]
    return values[0] if len(values) == 1 else values


def _from_text(vr: str, text: str) -> int | float | None:
    if not text:
        # As null in JSON is: pydicom can write NaN to a file, but no missing number.
        return math.nan if vr in FLOAT_VRS else None
    if vr != "AT":
        return vrs.to_number(vr, text)
    if _TAG.fullmatch(text) is None:
        raise ValueError("a value is not a tag of eight hexadecimal digits")
    return int(text, 16)
