"""Lookup tables: of the modality, of values of interest, and of palettes (PS3.3 §C.11.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import Part10Error
from .functional_groups import numbers_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

__all__ = ["Entries", "LookupTable"]

Entries: TypeAlias = npt.NDArray[Any]

_MOST_ENTRIES: Final = 1 << 16
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table.

    Attributes:
        first: The value that its first entry is for.
        entries: Whole numbers, at least one.
        bits: Of an entry, from 1 to 16.
    """

    first: int
    entries: Entries = field(repr=False)
    bits: int

    @classmethod
    def read(
        cls, attributes: Dataset, descriptor: str, data: str, *, is_signed: bool
    ) -> LookupTable:
        """Read a table.

        Args:
            attributes: What it is in.
            descriptor: Keyword of what describes it.
            data: Keyword of its entries. What begins with ``Segmented`` is made of segments.
            is_signed: Whether values that are looked up may be negative.

        Raises:
            Part10Error: There is none, or it is broken.
        """
        told = [int(number) for number in numbers_in(attributes, descriptor)]
        if len(told) != 3 or not 1 <= told[2] <= 16:
            raise Part10Error("a lookup table is not described")
        number, first, bits = told[0] & 0xFFFF or _MOST_ENTRIES, told[1], told[2]
        if is_signed and first > 0x7FFF:
            first -= 1 << 16  # signed, and written as US
        if data.startswith("Segmented"):
            entries = _expand(_segments(attributes, data, bits), number, 1 if bits <= 8 else 2)
        else:
            entries = _entries(attributes, data, number)
        if not len(entries):
            raise Part10Error("a lookup table is empty")
        return cls(first, entries, 8 if entries.dtype.itemsize == 1 else bits)

    def look_up(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The entries for values; those outside have the first and the last entry."""
        last = len(self.entries) - 1
        if values.dtype.kind == "f":
            values = np.nan_to_num(np.rint(values))
        else:
            values = values.astype(np.int64)
        found: npt.NDArray[Any] = self.entries[
            np.clip(values - self.first, 0, last).astype(np.int32)
        ]
        return found


def _entries(attributes: Dataset, keyword: str, number: int) -> Entries:
    """Words or, as some write them, octets."""
    data: Any = attributes.get(keyword)
    if isinstance(data, bytes):
        kind = np.dtype("u1") if len(data) < 2 * number else np.dtype("<u2")
        return np.frombuffer(data, kind, count=min(number, len(data) // kind.itemsize))
    return np.asarray(numbers_in(attributes, keyword)[:number], dtype=np.int64) & 0xFFFF


# --- segments (PS3.3 §C.7.9.2) --------------------------------------------------------------------


def _segments(attributes: Dataset, keyword: str, bits: int) -> list[int]:
    data: Any = attributes.get(keyword)
    if not isinstance(data, bytes) or len(data) > 16 * _MOST_ENTRIES:
        raise Part10Error("a segmented lookup table cannot be read")
    if bits <= 8:
        return list(data)
    words: list[int] = np.frombuffer(data, "<u2", count=len(data) // 2).tolist()
    return words


def _expand(segments: Sequence[int], number: int, size: int) -> Entries:
    """The entries that segments stand for.

    Args:
        segments: Words, or octets.
        number: How many entries there are to be; what is beyond is left out.
        size: Octets of a word.
    """
    table: list[int] = []
    position = 0
    # What fills the value up to an even length is no segment.
    while position + 2 < len(segments) and len(table) < number:
        if segments[position] == _INDIRECT:
            count = segments[position + 1]
            places = segments[position + 2 : position + 2 + 4 // size]
            start = sum(place << 8 * size * index for index, place in enumerate(places)) // size
            position += 2 + 4 // size
            for _ in range(count):
                start = _append(table, segments, start, number)
        else:
            position = _append(table, segments, position, number)
    return np.asarray(table[:number], dtype=np.uint16 if size == 2 else np.uint8)


def _append(table: list[int], segments: Sequence[int], position: int, number: int) -> int:
    """Append what one segment stands for; where the next one is.

    Each has at least one entry, so that the table's size bounds the time it takes.
    """
    code, length, *_ = (*segments[position : position + 2], 0, 0)
    start, end = position + 2, position + 2 + (length if code == _DISCRETE else 1)
    if code not in (_DISCRETE, _LINEAR) or not length or end > len(segments):
        raise Part10Error("a segmented lookup table is broken")
    if len(table) >= number:
        return end
    if code == _DISCRETE:
        table += segments[start:end]
    elif not table:
        raise Part10Error("a segmented lookup table begins in the middle of a line")
    else:
        line = np.linspace(table[-1], segments[start], length + 1)[1:]
        table += np.rint(line).astype(np.int64).tolist()
    return end
