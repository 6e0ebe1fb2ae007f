from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.color import from_palette, to_octets

from ...support.dicom_files import sample

COLORS = ("Red", "Green", "Blue")


def a_palette(bits: int, first: int, *entries: list[int], segments_of: int = 0) -> Dataset:
    """A data set with a palette of these entries, or segments of so many, for each colour."""
    dataset = Dataset()
    kind = "Segmented" if segments_of else ""
    for color, values in zip(COLORS, entries, strict=True):
        descriptor = f"{color}PaletteColorLookupTableDescriptor"
        dataset.add_new(descriptor, "US", [segments_of or len(values), first, bits])
        octets = np.array(values, dtype="<u1" if bits == 8 else "<u2").tobytes()
        dataset.add_new(f"{kind}{color}PaletteColorLookupTableData", "OW", octets)
    return dataset


@pytest.mark.parametrize(
    ("bits", "entries"),
    [
        (8, ([10, 20], [30, 40], [50, 60])),
        (16, ([2570, 5140], [7710, 10280], [12850, 15420])),
    ],
)
def test_stored_values_are_numbers_of_colors(bits: int, entries: tuple[Any, ...]) -> None:
    """From the first that is mapped on; what lies outside has the colours at the ends."""
    dataset = a_palette(bits, 5, *entries)

    found = from_palette(np.array([[0, 5, 6, 200]], dtype=np.uint8), dataset)

    first, second = [10, 30, 50], [20, 40, 60]
    assert [[first, first, second, second]] == found.tolist()


def test_a_palette_may_be_in_segments() -> None:
    """One value, then a line of three to 30000 (PS3.3 §C.7.9.2)."""
    line = [0, 1, 0, 1, 3, 30000]
    dataset = a_palette(16, 0, line, line, line, segments_of=4)

    found = from_palette(np.array([[0, 1, 2, 3]], dtype=np.uint8), dataset)

    assert [[[0] * 3, [39] * 3, [78] * 3, [117] * 3]] == found.tolist()


@pytest.mark.parametrize(("is_signed", "expected"), [(True, [1, 2, 3]), (False, [1, 1, 1])])
def test_the_first_value_may_be_negative(is_signed: bool, expected: list[int]) -> None:
    """65535 is -1 where stored values are signed."""
    dataset = a_palette(8, 65535, [1, 2, 3], [1, 2, 3], [1, 2, 3])

    found = from_palette(np.array([[-1, 0, 1]], dtype=np.int16), dataset, is_signed=is_signed)

    assert expected == found[0, :, 0].tolist()


def test_without_a_palette_there_are_no_colors() -> None:
    """A data set that promises one."""
    with pytest.raises(Part10Error):
        from_palette(np.zeros((1, 1), dtype=np.uint8), Dataset())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pydicom_is_of_the_same_opinion(dtype: Any) -> None:
    """Its colours have 16 bits; as octets they differ by no more than the rounding."""
    dataset = sample("examples_palette.dcm").read()
    stored = dataset.pixel_array.astype(dtype)

    found = from_palette(stored, dataset)

    expected = apply_color_lut(dataset.pixel_array, dataset) / 257
    assert np.abs(expected - found).max() <= 0.51


@pytest.mark.parametrize(
    ("bits", "dtype", "stored", "expected"),
    [
        (8, np.uint8, [0, 100, 255], [0, 100, 255]),
        (16, np.uint16, [0, 25700, 65535], [0, 100, 255]),
        (12, np.uint16, [0, 2048, 4095], [0, 128, 255]),
        (4, np.uint8, [0, 7, 15], [0, 119, 255]),
        (32, np.uint32, [0, 1 << 31, (1 << 32) - 1], [0, 128, 255]),
    ],
)
def test_colors_become_octets(
    bits: int, dtype: Any, stored: list[int], expected: list[int]
) -> None:
    """Black stays black, and white white."""
    assert expected == to_octets(np.array(stored, dtype=dtype), bits).tolist()
