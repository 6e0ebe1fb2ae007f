"""From samples to red, green and blue of 8 bits each (PS3.4 §N.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from .lookup_table import LookupTable

if TYPE_CHECKING:
    from pydicom import Dataset

    from .source import Samples

__all__ = ["Colors", "from_palette", "to_octets"]

Colors: TypeAlias = npt.NDArray[np.uint8]

_MOST_BITS: Final = 16
"""Of the table that deeper colours are looked up in; what is below makes no difference."""


def from_palette(stored: Samples, attributes: Dataset, *, is_signed: bool = False) -> Colors:
    """The colours that stored values are numbers of (PS3.3 §C.7.6.3.1.5 and .6).

    Args:
        stored: Stored values.
        attributes: The data set with the palette, segmented or not.
        is_signed: Whether stored values may be negative.

    Raises:
        Part10Error: There is no palette, or it is broken.
    """
    found = np.empty((*stored.shape, 3), dtype=np.uint8)
    for place, color in enumerate(("Red", "Green", "Blue")):
        data = f"{color}PaletteColorLookupTableData"
        if data not in attributes:
            data = f"Segmented{data}"
        descriptor = f"{color}PaletteColorLookupTableDescriptor"
        table = LookupTable.read(attributes, descriptor, data, is_signed=is_signed)
        shown = LookupTable(table.first, to_octets(table.entries, table.bits), 8)
        found[..., place] = shown.look_up(stored)
    return found


def to_octets(samples: Samples, bits: int) -> Colors:
    """Colours of any depth as ones of 8 bits, black as black, white as white.

    Args:
        samples: Unsigned.
        bits: How many of each count.
    """
    if bits == 8:
        return samples.astype(np.uint8)
    if bits > _MOST_BITS:
        samples, bits = samples >> (bits - _MOST_BITS), _MOST_BITS
    most = (1 << bits) - 1
    table = ((np.arange(most + 1) * 510 + most) // (2 * most)).astype(np.uint8)
    found: Colors = table[np.minimum(samples, most)]
    return found
