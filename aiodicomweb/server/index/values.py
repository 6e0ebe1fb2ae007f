"""The values of one attribute, and whether they match a key (PS3.4 §C.2.2.2).

Attributes are DICOM JSON objects, and keys the texts that stood in the URL. Each function below
makes a test of a key; what can be prepared is prepared once, since a test is run on thousands.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ...dicom.json_values import is_object
from ...dicom.vrs import NAME_GROUPS
from .names import fold_name, resemble, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...dicom import JsonObject

__all__ = [
    "NUMBER_VRS",
    "SEVERAL_VALUE_VRS",
    "WILDCARD_VRS",
    "equals_number",
    "equals_text",
    "has_value",
    "is_universal",
    "matches_name",
    "matches_text",
    "name_groups",
    "parse_number",
    "texts_of",
    "trimmed",
    "wildcard",
]

WILDCARD_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs in whose keys ``*`` and ``?`` stand for other characters (PS3.4 §C.2.2.2.4)."""
SEVERAL_VALUE_VRS: Final = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})
"""VRs of which several values may have to match, all of them (PS3.4 §C.2.2.2.8)."""
NUMBER_VRS: Final = frozenset(
    {"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "US or SS", "UV"}
)
"""VRs whose values are numbers, so that ``01`` and ``1`` are the same."""

_NUMBER: Final = re.compile(
    r"[+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64})(?:[Ee][+-]?\d{1,3})?", re.ASCII
)
_STARS: Final = re.compile(r"\*+")
_PARAGRAPHS: Final = frozenset({"LT", "ST", "UC", "UR", "UT"})
"""VRs in which spaces at the start have a meaning (PS3.5 §6.2)."""
_PADDING: Final = " \0"


def has_value(attribute: JsonObject) -> bool:
    """Whether an attribute has a value that is not empty."""
    match attribute:
        case {"Value": [*values]}:
            return any(value not in (None, "", {}) for value in values)
        case {"InlineBinary": octets} | {"BulkDataURI": octets}:
            return bool(octets)
        case _:
            return False


def texts_of(attribute: JsonObject) -> list[str]:
    """Values as texts, those that are empty left out; none for sequences.

    Octets of an unknown VR count as text, since private attributes are mostly that.
    """
    vr = attribute.get("vr", "UN")
    if vr == "PN":
        return [group for groups in name_groups(attribute) for group in groups if group]
    if vr == "UN" and "InlineBinary" in attribute:
        return _decoded(attribute["InlineBinary"])
    values = attribute.get("Value", ())
    return [text for text in (trimmed(vr, value) for value in values) if text]


def _decoded(text: Any) -> list[str]:
    try:
        octets = base64.b64decode(text)
    except (TypeError, binascii.Error, ValueError):
        return []
    return [value.strip(_PADDING) for value in octets.decode("utf-8", "replace").split("\\")]


def trimmed(vr: str | None, value: Any) -> str:
    """A value or key as text, without the spaces that have no meaning for the VR."""
    if value is None or isinstance(value, dict):
        return ""
    text = str(value)
    return text.rstrip(_PADDING) if vr in _PARAGRAPHS else text.strip(_PADDING)


def is_universal(vr: str | None, key: str) -> bool:
    """Whether a key matches whatever there is, and also nothing (PS3.4 §C.2.2.2.3).

    A key of nothing but padding is an empty one, and so is a name whose components are empty.
    """
    # A list of UIDs one of which is blank is still that list.
    text = key if vr == "UI" else trimmed(vr, key)
    groups = _folded_groups(text) if vr == "PN" else [text]
    return not any(group.strip("*") for group in groups)


# --- text ---------------------------------------------------------------------------------------


def wildcard(key: str) -> Callable[[str], bool]:
    """A test of texts: ``*`` is any run of characters, ``?`` is one (PS3.4 §C.2.2.2.4).

    The pieces between the stars are looked for one after the other. A regular expression for the
    whole would try all their combinations, which a key of many stars makes last for years.
    """
    if "*" not in key and "?" not in key:
        return key.__eq__
    first, *others = (_piece(piece) for piece in _STARS.split(key))
    if not others:
        return lambda text: first.fullmatch(text) is not None
    *middle, last = others
    length = len(_STARS.split(key)[-1])

    def test(text: str) -> bool:
        start = first.match(text)
        if start is None:
            return False
        position = start.end()
        for piece in middle:
            found = piece.search(text, position)
            if found is None:
                return False
            position = found.end()
        end = len(text) - length
        return position <= end and last.match(text, end) is not None

    return test


def _piece(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\?", "."), re.DOTALL)


def matches_text(vr: str | None, key: str) -> Callable[[JsonObject], bool]:
    """A test of an attribute of text, with wildcards where the VR has them."""
    sought = trimmed(vr, key)
    if vr is not None and vr not in WILDCARD_VRS:
        return equals_text(vr, key)
    test = wildcard(sought)
    return lambda attribute: any(map(test, texts_of(attribute)))


def equals_text(vr: str | None, key: str) -> Callable[[JsonObject], bool]:
    """A test of an attribute of text, without wildcards."""
    sought = trimmed(vr, key)
    if vr == "PN":
        folded = _folded_groups(sought)
        return lambda attribute: any(
            _groups_match([group.__eq__ if group else None for group in folded], groups)
            for groups in name_groups(attribute)
        )
    return lambda attribute: sought in texts_of(attribute)


# --- numbers ------------------------------------------------------------------------------------


def parse_number(text: str) -> Decimal | None:
    """A number of IS or DS; ``None`` for other text."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def equals_number(vr: str, key: str) -> Callable[[JsonObject], bool]:
    """A test of an attribute of numbers; by text where either side is none."""
    sought = trimmed(vr, key)
    number = parse_number(sought)
    if number is None:
        return equals_text(vr, key)
    if vr == "FL":
        single = _single(number)
        return lambda attribute: single in map(_single, map(parse_number, texts_of(attribute)))
    return lambda attribute: number in map(parse_number, texts_of(attribute))


def _single(number: Decimal | None) -> float | None:
    """The nearest number of 32 bits: ``0.1`` of FL has other digits as a double."""
    try:
        return None if number is None else struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return None


# --- names --------------------------------------------------------------------------------------


def name_groups(attribute: JsonObject) -> list[list[str]]:
    """Component groups of each name, folded; those that are not there are empty."""
    return [_groups_of(value) for value in attribute.get("Value", ()) if value]


def _groups_of(value: Any) -> list[str]:
    if is_object(value):
        texts: Sequence[Any] = [value.get(group, "") for group in NAME_GROUPS]
    else:
        texts = str(value).split("=")
    return [fold_name(str(text)) for text in texts]


def _folded_groups(key: str) -> list[str]:
    return [fold_name(group) for group in key.split("=")]


def matches_name(key: str, *, fuzzy: bool) -> Callable[[JsonObject], bool]:
    """A test of an attribute of names.

    A key of one component group may match any of the name's; one of several must match each of
    them in its place, those left out matching all (PS3.5 §6.2.1.2).

    Args:
        key: The key.
        fuzzy: Whether it is enough that each word of the key resembles a word of the name.
    """
    tests = [
        None if is_universal("PN", group) else wildcard(group) for group in _folded_groups(key)
    ]
    words = _fuzzy_words(key) if fuzzy else []

    def test(attribute: JsonObject) -> bool:
        for groups in name_groups(attribute):
            if _groups_match(tests, groups):
                return True
            if words:
                its = [word for group in groups for word in words_of(group)]
                if all(any(map(like, its)) for like in words):
                    return True
        return False

    return test


def _groups_match(tests: list[Callable[[str], bool] | None], groups: list[str]) -> bool:
    if len(tests) == 1:
        test = tests[0]
        return test is None or any(test(group) for group in groups if group)
    padded = [*groups, "", "", ""]
    return all(test is None or test(padded[i]) for i, test in enumerate(tests[: len(padded)]))


def _fuzzy_words(key: str) -> list[Callable[[str], bool]]:
    return [_resembles(word) for word in words_of(fold_name(key)) if word.strip("*")]


def _resembles(word: str) -> Callable[[str], bool]:
    if "*" in word or "?" in word:
        return wildcard(f"{word}*")
    return lambda other: resemble(word, other)
