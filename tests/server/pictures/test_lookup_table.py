from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.lookup_table import LookupTable

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTOR = "RedPaletteColorLookupTableDescriptor"
DATA = "SegmentedRedPaletteColorLookupTableData"


def expanded(segments: Sequence[int], number: int, bits: int = 16) -> list[int]:
    """The entries that segments stand for."""
    dataset = Dataset()
    dataset.add_new(DESCRIPTOR, "US", [number, 0, bits])
    kind = "B" if bits == 8 else "H"
    dataset.add_new(DATA, "OW", struct.pack(f"<{len(segments)}{kind}", *segments))
    table = LookupTable.read(dataset, DESCRIPTOR, DATA, is_signed=False)
    found: list[int] = table.entries.tolist()
    return found


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([0, 3, 7, 8, 9], [7, 8, 9]),
        ([0, 1, 10, 1, 4, 50], [10, 20, 30, 40, 50]),
        ([0, 1, 50, 1, 4, 10], [50, 40, 30, 20, 10]),
        ([0, 1, 3, 1, 2, 3], [3, 3, 3]),
        ([0, 2, 1, 2, 0, 1, 5], [1, 2, 5]),
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_segments_are_values_and_lines(segments: list[int], expected: list[int], bits: int) -> None:
    """A line starts behind the entry before it, and ends with its own (PS3.3 §C.7.9.2)."""
    assert expected == expanded(segments, len(expected), bits)


def test_segments_may_be_used_again() -> None:
    """They are named by their distance in octets from the start (PS3.3 §C.7.9.2.3)."""
    words = [0, 2, 0, 100, 1, 2, 300, 2, 1, 8, 0]
    octets = [0, 2, 0, 100, 1, 2, 200, 2, 1, 4, 0, 0, 0]

    assert [0, 100, 200, 300, 300, 300] == expanded(words, 6)
    assert [0, 100, 150, 200, 200, 200] == expanded(octets, 6, 8)


def test_there_are_never_more_entries_than_described() -> None:
    """However long the segments say they are, and however often they are used."""
    bomb = [0, 1, 0, *[2, 0xFFFF, 0, 0, 1, 0xFFFF, 9] * 50]
    line = [0, 1, 0, *[1, 0xFFFF, 9] * 50]

    assert 0x10000 == len(expanded(line, 0))
    with pytest.raises(Part10Error):
        expanded(bomb, 0)
    assert 10 == len(expanded([0, 1, 0, 1, 0xFFFF, 9], 10))


@pytest.mark.parametrize(
    "segments",
    [
        [1, 2, 3],
        [0, 0, 3],
        [0, 9, 3],
        [3, 1, 1],
        [0, 1, 1, 2, 1, 200, 0],
        [0, 1, 1, 2, 1, 6, 0],  # of itself
        [],
    ],
)
def test_broken_segments_are_refused(segments: list[int]) -> None:
    """Without a start, empty, cut short, of no kind, beyond the end, and without end."""
    with pytest.raises(Part10Error):
        expanded(segments, 10)


@given(st.lists(st.integers(0, 20), max_size=40), st.integers(1, 100), st.sampled_from([8, 16]))
def test_any_segments_are_entries_or_refused(segments: list[int], number: int, bits: int) -> None:
    """Within the number that is described."""
    try:
        found = expanded(segments, number, bits)
    except Part10Error:
        return

    assert 0 < len(found) <= number


def test_a_lookup_stays_within_the_table() -> None:
    """Fractions are rounded, and what is no number is as 0."""
    table = LookupTable(-1, np.array([10, 20, 30]), 8)

    found = table.look_up(np.array([-9, -1, -0.4, 0.6, 99, np.nan, 1e300]))

    assert [10, 10, 20, 30, 30, 20, 30] == found.tolist()
    assert [10, 20, 30] == table.look_up(np.array([-128, 0, 127], dtype=np.int8)).tolist()
