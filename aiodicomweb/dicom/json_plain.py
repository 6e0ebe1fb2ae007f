"""DICOM JSON of values that are plain: what pydicom and the writer would make, without them.

Nothing is decided here: a value that is in any way unusual has none.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Final

from .vrs import shortest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["plain_value"]

# Printable ASCII that needs no escapes in JSON, not blank at either end, with usual padding.
_TEXT: Final = re.compile(rb"([!#-\[\]-~](?:[ !#-\[\]-~]{0,62}[!#-\[\]-~])?)[ \0]?")
_UID: Final = re.compile(rb"([0-9.]{1,64})\0?")
_NUMBERS: Final = re.compile(rb"([0-9.+\-]{1,16}(?:\\[0-9.+\-]{1,16})*) ?")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,8}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_INTEGERS: Final = {"UL": "L", "US": "H", "SL": "l", "SS": "h"}


def plain_value(vr: str, octets: bytes) -> str:
    """The attribute object of an element, as text.

    Args:
        vr: The VR.
        octets: The value field, little endian.

    Returns:
        Empty where the value is not plain, or the VR has no plain values.
    """
    make = _MAKERS.get(vr)
    values = make(vr, octets) if make is not None and octets else ""
    return f'{{"vr":"{vr}","Value":[{values}]}}' if values else ""


def _text(_: str, octets: bytes) -> str:
    found = _TEXT.fullmatch(octets)
    return f'"{found[1].decode("ascii")}"' if found else ""


def _uid(_: str, octets: bytes) -> str:
    found = _UID.fullmatch(octets)
    return f'"{found[1].decode("ascii")}"' if found else ""


def _integers(vr: str, octets: bytes) -> str:
    code = _INTEGERS[vr]
    count, rest = divmod(len(octets), struct.calcsize(f"<{code}"))
    return "" if rest else ",".join(map(str, struct.unpack(f"<{count}{code}", octets)))


def _doubles(_: str, octets: bytes) -> str:
    return _floats("d", octets, float)


def _singles(_: str, octets: bytes) -> str:
    return _floats("f", octets, shortest)


def _floats(code: str, octets: bytes, fewest: Callable[[float], float]) -> str:
    count, rest = divmod(len(octets), struct.calcsize(f"<{code}"))
    numbers = () if rest else struct.unpack(f"<{count}{code}", octets)
    return ",".join(repr(fewest(n)) for n in numbers) if all(map(math.isfinite, numbers)) else ""


def _integer_strings(_: str, octets: bytes) -> str:
    members = _members(octets)
    return ",".join(members) if all(map(_INTEGER.fullmatch, members)) else ""


def _decimal_strings(_: str, octets: bytes) -> str:
    members = _members(octets)
    return ",".join(map(_decimal, members)) if all(map(_DECIMAL.fullmatch, members)) else ""


def _decimal(text: str) -> str:
    """A number where that says the same, else a string."""
    number = float(text)
    is_same = text == repr(number) or (number.is_integer() and text == str(int(number)))
    return text if is_same else f'"{text}"'


def _members(octets: bytes) -> list[str]:
    found = _NUMBERS.fullmatch(octets)
    return found[1].decode("ascii").split("\\") if found else [""]


_MAKERS: Final[dict[str, Callable[[str, bytes], str]]] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "LO", "SH", "TM"), _text),
    **dict.fromkeys(_INTEGERS, _integers),
    "DS": _decimal_strings,
    "FD": _doubles,
    "FL": _singles,
    "IS": _integer_strings,
    "UI": _uid,
}
