"""What SQLite sees of studies, series and instances, and how it narrows a search down.

Both sides are here: what is written into the columns, and the conditions that are asked of them. A
condition leaves out only what cannot match. Whether the rest does match is decided in
:mod:`~aiodicomweb.server.index.matching`, which alone knows what matching is.

A text column has all values of an attribute, each between line feeds, so that one pattern looks
for a value wherever it stands.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from .attributes import NOTED, Level
from .matching import EMPTY, TIMEZONE, range_of
from .moments import parse_moment
from .names import fold_name
from .values import SEVERAL_VALUE_VRS, WILDCARD_VRS, is_universal, parse_number, texts_of, trimmed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from ...dicom import AttributePath, JsonObject
    from .matching import Rules

__all__ = ["columns_of_series", "columns_of_study", "conditions", "first_number"]

_TEXTS: Final = {
    "00080050": ("accession_number", "t"),
    "00080061": ("modalities", "t"),
    "00080090": ("physician_name", "t"),
    "00081030": ("description", "t"),
    "00100010": ("patient_name", "t"),
    "00100020": ("patient_id", "t"),
    "00100040": ("sex", "t"),
    "00200010": ("study_id", "t"),
    "00080060": ("modality", "s"),
}
"""Columns of texts, and the letters that stand for their tables in statements."""
_UIDS: Final = {
    "0020000D": "t.uid",
    "0020000E": "s.uid",
    "00080018": "i.uid",
    "00080016": "i.sop_class",
}
_NUMBERS: Final = {"00200011": "s.number", "00200013": "i.number"}
_DATES: Final = {"00080020": "date", "00100030": "birth_date"}
_STUDY_TIME: Final = "00080030"
_LAST_DAY: Final = "99991231"
_INCOMPARABLE: Final = "?"
"""Stands for several dates, and for what is none."""
_MENTIONED_VRS: Final = (WILDCARD_VRS - {"PN"}) | {"AS", "UI"}
"""VRs whose values are in the JSON of their attributes as they are in the key."""
_WILDCARDS: Final = re.compile(r"[*?]")
_escape: Final = json.JSONEncoder(ensure_ascii=False).encode
_TABLES: Final = "tsi"
_MOST_VALUES: Final = 200
"""Values of one key that become conditions; SQLite takes 32,766 in a statement."""
_LONGEST: Final = 1000
"""Characters of a value that becomes a condition; SQLite takes patterns of up to 50,000."""


def columns_of_study(attributes: JsonObject) -> dict[str, str]:
    """What the columns of a study have, by their names."""
    columns = {
        column: _joined(name, attributes.get(name, {}))
        for name, (column, table) in _TEXTS.items()
        if table == "t"
    }
    for name, column in _DATES.items():
        columns[column] = _moment("DA", attributes.get(name, {}))
    columns["time"] = _moment("TM", attributes.get(_STUDY_TIME, {}))
    return columns


def columns_of_series(attributes: JsonObject) -> dict[str, Any]:
    """What the columns of a series have, by their names."""
    return {
        "number": first_number(attributes.get("00200011", {})),
        "modality": _joined("00080060", attributes.get("00080060", {})),
    }


def first_number(attribute: JsonObject | None) -> float:
    """A number to sort by; infinity where there is not just one."""
    texts = texts_of(attribute or {})
    number = parse_number(texts[0]) if len(texts) == 1 else None
    return math.inf if number is None else float(number)


def _joined(name: str, attribute: JsonObject) -> str:
    texts = [_plain(text) for text in texts_of(attribute)]
    return "\n".join(["", *texts, ""]) if texts else ""


def _plain(text: str) -> str:
    """Text as SQLite's functions can look at it: they end at a NUL, and know no lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _moment(vr: str, attribute: JsonObject) -> str:
    """A date or time in digits that can be compared; empty for none."""
    texts = texts_of(attribute)
    try:
        moment = parse_moment(vr, texts[0] if len(texts) == 1 else "")
    except ValueError:
        return _INCOMPARABLE if texts else ""
    return _format_day(moment.first) if vr == "DA" else moment.first.strftime("%H%M%S%f")


def conditions(
    filters: Iterable[tuple[AttributePath, Sequence[str]]], rules: Rules, tables: int
) -> tuple[list[str], list[Any]]:
    """Conditions that whatever matches fulfils.

    Args:
        filters: Attributes and the values to match.
        rules: How they are to be understood.
        tables: How many of the tables study ``t``, series ``s`` and instance ``i`` there are.

    Returns:
        Terms to be joined by ``AND``, and the values of their question marks.

    Raises:
        RemoteProtocolError: A date is none.
    """
    terms: list[str] = []
    values: list[Any] = []
    for path, keys in filters:
        if path.tags == (TIMEZONE,):
            continue
        given = list(keys)
        if rules.several_values and path.vr in SEVERAL_VALUE_VRS:
            # All of them have to match; one of them is what can be said without more ado.
            given = [part for key in keys for part in key.split("\\") if part]
        if not _can_narrow(path.vr, given):
            continue
        either = [_condition(path, key, rules, _TABLES[:tables]) for key in given]
        known = [condition for condition in either if condition is not None]
        if known and len(known) == len(either):
            terms.append("(" + " OR ".join(term for term, _ in known) + ")")
            values += [value for _, more in known for value in more]
    return terms, values


def _can_narrow(vr: str | None, keys: Sequence[str]) -> bool:
    return len(keys) <= _MOST_VALUES and not any(
        is_universal(vr, key) or key == EMPTY or len(key) > _LONGEST for key in keys
    )


def _condition(
    path: AttributePath, key: str, rules: Rules, tables: str
) -> tuple[str, list[Any]] | None:
    """One condition for one value of a key; ``None`` if there is none."""
    if len(path.tags) > 1:
        return _mention(path, key, tables)
    name = f"{path.tag:08X}"
    if name in _DATES:
        return _date_condition(f"t.{_DATES[name]}", path, key)
    if name in _UIDS and _UIDS[name][0] in tables:
        return f"{_UIDS[name]} = ?", [_plain(trimmed("UI", key))]
    if name in _NUMBERS and _NUMBERS[name][0] in tables:
        number = parse_number(trimmed("IS", key))
        return None if number is None else (f"{_NUMBERS[name]} IN (?, 9e999)", [float(number)])
    column, table = _TEXTS.get(name, ("", "-"))
    if table not in tables:
        return _mention(path, key, tables)
    if path.vr == "PN":
        return _name_condition(f"{table}.{column}", key, fuzzy=rules.fuzzy)
    return _text_condition(f"{table}.{column}", path.vr, trimmed(path.vr, key))


def _date_condition(column: str, path: AttributePath, key: str) -> tuple[str, list[Any]]:
    dates = range_of(path.tag, "DA", key)
    first = "" if dates.start is None else _format_day(dates.start.first)
    last = "" if dates.end is None else _format_day(dates.end.last)
    values = [first or "0", last or _LAST_DAY, _INCOMPARABLE]
    return f"({column} BETWEEN ? AND ? OR {column} = ?)", values


def _format_day(moment: dt.datetime) -> str:
    # The years before 1000 would have fewer digits.
    return moment.strftime("%Y%m%d").rjust(8, "0")


def _text_condition(column: str, vr: str | None, text: str) -> tuple[str, list[Any]]:
    text = _plain(text)
    if vr in WILDCARD_VRS and ("*" in text or "?" in text):
        return f"{column} GLOB ?", [f"*\n{text.replace('[', '[[]')}\n*"]
    return f"instr({column}, ?)", [f"\n{text}\n"]


def _name_condition(column: str, key: str, *, fuzzy: bool) -> tuple[str, list[Any]] | None:
    """Each component group of the key must be somewhere among those of the name."""
    if fuzzy:
        # A wildcard may stand for the end of one word and the start of another.
        if _WILDCARDS.search(key):
            return None
        return f"any_resembles({column}, ?)", [_plain(fold_name(trimmed("PN", key)))]
    groups = [fold_name(group) for group in trimmed("PN", key).split("=")]
    pairs = [
        _text_condition(column, "PN", group) for group in groups if not is_universal("PN", group)
    ]
    if not pairs:
        return None
    terms = " AND ".join(term for term, _ in pairs)
    return f"({terms})", [value for _, more in pairs for value in more]


def _mention(path: AttributePath, key: str, tables: str) -> tuple[str, list[Any]] | None:
    """The text of the key must occur somewhere in all that is noted of a level."""
    name = f"{path.tags[0]:08X}"
    noted = [table for level, table in zip(Level, tables, strict=False) if name in NOTED[level]]
    if len(noted) != 1 or path.vr not in _MENTIONED_VRS:
        return None
    text = trimmed(path.vr, key)
    if path.vr in WILDCARD_VRS:
        text = max(_WILDCARDS.split(text), key=len)
    return (f"instr({noted[0]}.attributes, ?)", [_plain(_escape(text)[1:-1])]) if text else None
