"""Value representations (PS3.5 §6.2), and what JSON and XML have to know of them alike.

The two say the same of a data set in other words (PS3.18 §F.3.1). Here is what does not depend on
the words: which VRs there are, of what kind, and how numbers and octets become each other.

What is of no use for its VR raises ``ValueError``, whose message has no value in it; readers make
errors of their own of it.
"""

from __future__ import annotations

import math
import struct
from array import array
from binascii import a2b_base64
from contextlib import suppress
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, Final

from pydicom.datadict import dictionary_VR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pydicom import Dataset
    from pydicom.tag import BaseTag

__all__ = [
    "BINARY_VRS",
    "BOUNDS",
    "BULK_VRS",
    "FLOAT_VRS",
    "INTEGER_VRS",
    "MAX_DEPTH",
    "NAME_GROUPS",
    "SINGLE_TEXT_VRS",
    "STANDARD_VRS",
    "TEXT_VRS",
    "WORD_FORMATS",
    "decode_base64",
    "find_vr",
    "is_data",
    "little_endian",
    "not_finite",
    "octets_of",
    "pack_words",
    "resolve",
    "sample_bits",
    "shortest",
    "single",
    "to_number",
    "unpack_numbers",
]

_PIXEL_DATA: Final = 0x7FE00010

# struct formats. Octets are little endian (PS3.18 §F.2.7: as in Explicit VR Little Endian).
_INTEGER_FORMATS: Final = {"SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_SAMPLE_FORMATS: Final = {32: "I", 64: "Q"}
_FLOAT_FORMATS: Final = {"FD": "d", "FL": "f"}
_NUMBER_FORMATS: Final = _INTEGER_FORMATS | _FLOAT_FORMATS
WORD_FORMATS: Final = {"OB": "B", "OD": "d", "OF": "f", "OL": "I", "OV": "Q", "OW": "H"}
"""The words that binary VRs are made of, as formats of :mod:`struct`."""

INTEGER_VRS: Final = frozenset(_INTEGER_FORMATS)
FLOAT_VRS: Final = frozenset(_FLOAT_FORMATS)
_FLOATING: Final = FLOAT_VRS | {"OD", "OF"}


def _bounds(code: str) -> tuple[int, int]:
    """The smallest and the largest integer of a format."""
    bits = 8 * struct.calcsize(f"<{code}")
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if code.islower() else (0, (1 << bits) - 1)


BOUNDS: Final = {
    vr: _bounds(code)
    for vr, code in {**_INTEGER_FORMATS, **WORD_FORMATS, "AT": "I"}.items()
    if vr not in _FLOATING
}
"""The smallest and the largest number of VRs that hold integers, tags or words."""
SINGLE_TEXT_VRS: Final = frozenset({"LT", "ST", "UR", "UT"})
"""Text VRs that hold one value, in which a backslash is a character (PS3.5 §6.2)."""
TEXT_VRS: Final = SINGLE_TEXT_VRS | frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
)
BINARY_VRS: Final = frozenset(WORD_FORMATS) | {"UN"}
"""VRs whose value is octets."""
STANDARD_VRS: Final = BINARY_VRS | TEXT_VRS | INTEGER_VRS | FLOAT_VRS | {"AT", "SQ"}
"""The VRs of PS3.5 §6.2."""
BULK_VRS: Final = BINARY_VRS | INTEGER_VRS | FLOAT_VRS | {"DS", "IS", "LT", "ST", "UC", "UT"}
"""VRs whose value may travel as bulk data (PS3.18 §F.2.2); of the long ones, UR may not."""

NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
"""The component groups of a person's name, as JSON and XML call them (PS3.18 §F.2.2)."""
MAX_DEPTH: Final = 64
"""Nested sequences that are followed: in JSON, what ``Limits.json_depth`` is by default, with the
arithmetic there."""


# --- which ones a data set has, and of what VR --------------------------------------------------


def is_data(tag: int) -> bool:
    """Whether a tag is one of a data set's own (PS3.18 §F.2.2, PS3.19 §A.1.5).

    Group lengths, file meta information and item delimiters are not.
    """
    return bool(tag & 0xFFFF) and tag >> 16 not in (0x0002, 0xFFFE)


def find_vr(tag: BaseTag, sent: str, values: Collection[object], *, has_items: bool) -> str:
    """The VR of an attribute: that sent, else the dictionary's, else by content (PS3.5 §6.2.2).

    Args:
        tag: The attribute, whose VR is ``LO`` if it is a private creator.
        sent: What stands for its VR, if anything.
        values: Its values that are not empty, items apart.
        has_items: Whether there are items, which only sequences have.
    """
    vr = sent.upper()
    # UN has octets, not values; who sends these did not know better.
    if vr in STANDARD_VRS and not (vr == "UN" and (values or has_items)):
        return vr
    if tag.is_private_creator:
        return "LO"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        vr = "UN"
    if vr == "UN" and has_items:
        return "SQ"
    return vr if vr in STANDARD_VRS else resolve(vr, values)


def resolve(vr: str, values: Iterable[object]) -> str:
    """One VR for the dictionary's ambiguous ones, such as ``US or SS`` (PS3.6).

    Args:
        vr: The VRs to choose from.
        values: Numbers, or their text; anything else is octets.
    """
    numbers = [str(value).strip() for value in values if isinstance(value, int | float | str)]
    if numbers and "US" in vr:
        return "SS" if any(number.startswith("-") for number in numbers) else "US"
    return "OW" if "OW" in vr else "US" if "US" in vr else "UN"


# --- numbers ------------------------------------------------------------------------------------


def to_number(vr: str, value: float | str) -> int | float:
    """A member of a number VR or AT, or a word of a binary one, of a number or its text.

    Raises:
        ValueError: It is no number, or has a fraction or a size which the VR cannot hold.
    """
    # Python would take digits of all scripts, and underscores between them.
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        raise ValueError("a value is not a number")
    try:
        if vr not in _FLOATING:
            return _to_integer(value, *BOUNDS[vr])
        return single(float(value)) if vr == "FL" else float(value)
    except (ValueError, OverflowError):
        raise ValueError("a value is not a number of its VR") from None


def _to_integer(value: float | str, lowest: int, highest: int) -> int:
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            value = float(value)
    number = int(value)
    if number != value or not lowest <= number <= highest:
        raise ValueError
    return number


def single(number: float) -> float:
    """A number of VR FL, in that precision: text has fewer digits than a double of the same value.

    What a single cannot hold is infinite. As such dcm4che writes the largest double.
    """
    try:
        return _SINGLE.unpack(_SINGLE.pack(number))[0]  # type: ignore[no-any-return]
    except OverflowError:
        return math.copysign(math.inf, number)


_SINGLE: Final = struct.Struct("<f")
_EXACT_SINGLE: Final = 1 << 24
"""All whole numbers up to it are singles."""


def shortest(number: float) -> float:
    """The double of the fewest digits which is this number in single precision.

    The double nearest to a single has up to 17: 0.10000000149011612 for 0.1.

    Raises:
        ValueError: A single cannot hold it.
    """
    if number.is_integer() and abs(number) < _EXACT_SINGLE:
        return number
    rounded = single(number)
    if math.isinf(rounded) and not math.isinf(number):
        raise ValueError("a value is not a number of its VR")
    for digits in (6, 7, 8):
        candidate = float(f"{rounded:.{digits}g}")
        if single(candidate) == rounded:
            return candidate
    return float(f"{rounded:.9g}")


def not_finite(number: float) -> str:
    """The text of NaN or an infinity, as most products write it (CP-2352 has none)."""
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def unpack_numbers(vr: str, octets: bytes) -> list[Any]:
    """The numbers in a value field of a number VR, or the tags in one of AT.

    Raises:
        ValueError: The octets are not whole numbers.
    """
    code = "I" if vr == "AT" else _NUMBER_FORMATS[vr]
    count, rest = divmod(len(octets), struct.calcsize(code))
    if rest:
        raise ValueError("the length of the octets is not one of the VR")
    numbers = list(struct.unpack(f"<{count}{code}", octets))
    # A tag is two 16-bit numbers, the group first.
    return [n << 16 & 0xFFFF0000 | n >> 16 for n in numbers] if vr == "AT" else numbers


# --- octets -------------------------------------------------------------------------------------


def octets_of(value: bytes | BufferedIOBase | None) -> bytes:
    """The octets of a binary VR; pydicom may keep them in a buffer, whose position stays."""
    # isinstance asks an abstract class, which takes its time.
    if value is None or type(value) is bytes or not isinstance(value, BufferedIOBase):
        return value or b""
    position = value.tell()
    value.seek(0)
    try:
        return value.read()
    finally:
        value.seek(position)


def pack_words(vr: str, values: Iterable[float | str]) -> bytes:
    """Octets of a binary VR other than UN, which came as numbers; so did those of old Orthancs.

    Raises:
        ValueError: A value is not one of the VR's words.
    """
    numbers = [to_number(vr, value) for value in values]
    try:
        return struct.pack(f"<{len(numbers)}{WORD_FORMATS[vr]}", *numbers)
    except (struct.error, OverflowError):
        raise ValueError("a value does not fit into its VR") from None


def decode_base64(text: str) -> bytes:
    """Decode ``InlineBinary``, which may be folded and lack its padding.

    Raises:
        ValueError: It is not base64.
    """
    with suppress(ValueError):
        return a2b_base64(text, strict_mode=True)
    compact = "".join(text.split()).rstrip("=")
    try:
        return a2b_base64(compact + "=" * (-len(compact) % 4), strict_mode=True)
    except ValueError:
        raise ValueError("InlineBinary is not base64") from None


def sample_bits(dataset: Dataset, tag: int) -> int:
    """Bits Allocated (0028,0100) of Pixel Data; 16, the size of a word, of all other elements."""
    bits: object = dataset.get("BitsAllocated") if tag == _PIXEL_DATA else None
    return bits if isinstance(bits, int) else 16


def little_endian(vr: str, octets: bytes, bits_allocated: int = 16) -> bytes:
    """Octets of a big-endian data set, in the byte order of JSON and XML (PS3.19 §A.1.5).

    Args:
        vr: A binary VR. Nobody knows what UN holds: it stays as it is.
        octets: The value field; what is left over behind its last word stays as it is.
        bits_allocated: Of Pixel Data, the size of a sample: in OW, those of 32 and 64 bits are
            written as one number, not as words.
    """
    code = WORD_FORMATS.get(vr, "B")
    if vr == "OW":
        code = _SAMPLE_FORMATS.get(bits_allocated, code)
    end = len(octets) - len(octets) % struct.calcsize(f"<{code}")
    words = array(code, octets[:end])
    words.byteswap()
    return words.tobytes() + octets[end:]
