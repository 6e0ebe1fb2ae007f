"""Matching keys: attributes and the texts to search them for (PS3.4 §C.2.2.2, PS3.18 §8.3.4.1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from pydicom import Dataset
from pydicom.valuerep import DA, DT, TM, PersonName

from ..errors import ConfigurationError
from .tags import AttributePath, parse_attribute_path

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

__all__ = ["SearchFilters", "matching_keys"]

SearchFilters = Mapping[Any, Any] | Dataset
"""What to search for: see :func:`matching_keys`."""

_NO_KEYS: Final = frozenset({0x00080005, 0x00080052})
"""Specific Character Set and Query/Retrieve Level: identifiers of C-FIND carry them, but on the
web the query is UTF-8 and the resource tells the level."""


def matching_keys(filters: SearchFilters) -> Iterator[tuple[AttributePath, tuple[str, ...]]]:
    """Go through what callers search for.

    Args:
        filters: Attributes (keyword, tag or dotted path) to values: text, number, tag, date,
            time, pydicom's ``PersonName``, or a list of UIDs. Or a data set whose sequences have at
            most one item, as in C-FIND.

    Yields:
        Each attribute, and the texts any of which is to match. There are none for ``None``, for
        an empty value, and for a sequence without keys: the attribute is only to be returned.

    Raises:
        ConfigurationError: An attribute is not known, or a value cannot be searched for.
    """
    if isinstance(filters, Dataset):
        keys = _keys_of_dataset(filters, ())
    else:
        keys = ((parse_attribute_path(name), value) for name, value in filters.items())
    for path, value in keys:
        members = value if _is_several(value) else (value,)
        texts = (_format(path, member) for member in members)
        yield path, tuple(text for text in texts if text)


def _keys_of_dataset(
    dataset: Dataset, above: tuple[BaseTag, ...]
) -> Iterator[tuple[AttributePath, Any]]:
    """Elements with the paths to them (PS3.18 §8.3.4.1)."""
    for element in dataset:
        path = AttributePath((*above, element.tag))
        if element.tag in _NO_KEYS or element.tag.group == 0x0002 or not element.tag.element:
            continue
        if element.VR != "SQ":
            yield path, element.value
        elif not element.value or not element.value[0]:
            yield path, None
        elif len(element.value) > 1:
            raise ConfigurationError(f"{path} has several items to search for")
        else:
            yield from _keys_of_dataset(element.value[0], path.tags)


def _is_several(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes)


def _format(path: AttributePath, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            pass
        case int() if path.vr == "AT":
            return f"{value:08X}"
        case str() | int() | float() | Decimal() | PersonName() | DA() | DT() | TM():
            return str(value)
        case dt.datetime() if path.vr == "DA":
            return _format_date(value)
        case dt.datetime() if path.vr != "TM":
            return _format_date_time(value)
        case dt.datetime() | dt.time():
            return _format_time(value)
        case dt.date():
            return _format_date(value)
        case _:
            pass
    raise ConfigurationError(f"{path} cannot be searched for by a {type(value).__name__}")


def _format_date(value: dt.date) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _format_time(value: dt.time | dt.datetime) -> str:
    fraction = f".{value.microsecond:06}" if value.microsecond else ""
    return f"{value.hour:02}{value.minute:02}{value.second:02}{fraction}"


def _format_date_time(value: dt.datetime) -> str:
    offset = value.utcoffset()
    if offset is not None and offset < dt.timedelta(0):
        # The minus of an offset would be read as that of a range.
        value = value.astimezone(dt.UTC)
    return _format_date(value) + _format_time(value) + value.strftime("%z")
