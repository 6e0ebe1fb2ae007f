"""From stored values to shades of gray (PS3.4 §N.2.1).

Modality transformation (rescale slope and intercept, or a LUT), VOI transformation (a window, or
a LUT), and inversion for ``MONOCHROME1``. What is stored in at most 16 bits has few values: each
is transformed once, and pixels look theirs up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import ConfigurationError
from ...services.rendering import VoiFunction, Window
from .functional_groups import macro_of, numbers_in
from .lookup_table import LookupTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import Dataset

    from ...dicom.frame_layout import PixelFormat
    from .source import Samples

__all__ = ["Extent", "Shades", "Values", "apply_window", "to_shades"]

Values: TypeAlias = npt.NDArray[np.float64]
Shades: TypeAlias = npt.NDArray[np.uint8]
Extent: TypeAlias = tuple[float, float] | None

_BLOCK: Final = 1 << 18
"""Samples that are transformed together, as floats: more would not stay in the cache."""
_FUNCTIONS: Final = {
    "LINEAR": VoiFunction.LINEAR,
    "LINEAR_EXACT": VoiFunction.LINEAR_EXACT,
    "SIGMOID": VoiFunction.SIGMOID,
}


def to_shades(
    stored: Samples,
    pixels: PixelFormat,
    attributes: Dataset,
    index: int = 0,
    window: Window | None = None,
) -> Shades:
    """Shades from 0, black, to 255, white.

    Args:
        stored: Stored values.
        pixels: What they are like.
        attributes: The data set, for its transformations.
        index: The frame's number, from 0, where each has transformations of its own.
        window: Takes the place of the data set's VOI transformation.

    Raises:
        Part10Error: A transformation cannot be read.
    """
    pipeline = _Pipeline(pixels, attributes, index, window)
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        return _by_table(stored, pipeline)
    blocks = np.array_split(stored, min(len(stored), 1 + stored.size // _BLOCK))
    extent = _joined(map(pipeline.extent, blocks))
    return np.concatenate([pipeline.shades(block, extent) for block in blocks])


def _by_table(stored: Samples, pipeline: _Pipeline) -> Shades:
    lowest = int(stored.min())
    places = stored.astype(np.int32) - lowest
    occurs = np.zeros(int(places.max()) + 1, dtype=np.bool_)
    occurs[places] = True
    values = np.flatnonzero(occurs) + lowest
    table = np.zeros(len(occurs), dtype=np.uint8)
    table[occurs] = pipeline.shades(values, pipeline.extent(values))
    found: Shades = table[places]
    return found


def _joined(extents: Iterable[Extent]) -> Extent:
    ends = [end for extent in extents if extent is not None for end in extent]
    return (min(ends), max(ends)) if ends else None


class _Pipeline:
    """The transformations of one frame, by the data set and the request."""

    def __init__(
        self, pixels: PixelFormat, attributes: Dataset, index: int, window: Window | None
    ) -> None:
        self._pixels = pixels
        self._attributes = attributes
        self._modality = macro_of(attributes, index, "PixelValueTransformationSequence")
        self._voi = macro_of(attributes, index, "FrameVOILUTSequence")
        self._window = window

    def extent(self, stored: Samples) -> Extent:
        """The lowest and highest value, but for those that fill what is no image."""
        with np.errstate(all="ignore"):
            values, _ = self._to_modality(stored)
        counts = np.isfinite(values)
        padding = numbers_in(self._attributes, "PixelPaddingValue")
        limit = numbers_in(self._attributes, "PixelPaddingRangeLimit")
        if padding:
            ends = sorted((padding[0], _first(limit, padding[0])))
            counts &= (stored < ends[0]) | (stored > ends[1])
        if not counts.any():
            return None
        return float(values[counts].min()), float(values[counts].max())

    def shades(self, stored: Samples, extent: Extent) -> Shades:
        """The shades of stored values.

        Args:
            stored: The values, in any shape.
            extent: From black to white, where nothing else says it.
        """
        with np.errstate(all="ignore"):  # what is not finite in floats is black in the end
            fractions = self._fractions(stored, extent)
            if self._pixels.photometric_interpretation == "MONOCHROME1":
                fractions = 1 - fractions
            shown = np.clip(np.nan_to_num(fractions), 0, 1)
            return np.floor(shown * 255 + 0.5).astype(np.uint8)

    def _fractions(self, stored: Samples, extent: Extent) -> Values:
        values, is_identity = self._to_modality(stored)
        if self._window is not None:
            return apply_window(values, self._window)
        lut = _first_item(self._voi, "VOILUTSequence")
        if lut is not None:
            table = self._read_table(lut)
            return table.look_up(values) / ((1 << table.bits) - 1)
        window = _window_of(self._voi)
        if window is not None:
            return apply_window(values, window)
        # Values of few bits are shades already: no window is identity (PS3.3 §C.11.2).
        bits = self._pixels.bits_stored
        if is_identity and bits <= 8 and not self._pixels.is_signed:
            return values / ((1 << bits) - 1)
        low, high = extent or (0.0, 0.0)
        # Halves, since the range between two doubles may be none.
        return (values / 2 - low / 2) / (high / 2 - low / 2)

    def _to_modality(self, stored: Samples) -> tuple[Values, bool]:
        """Values of the modality, such as Hounsfield units, and whether they are as stored."""
        values = stored.astype(np.float64)
        lut = _first_item(self._attributes, "ModalityLUTSequence")
        if lut is not None:
            return self._read_table(lut).look_up(values).astype(np.float64), False
        slope = _first(numbers_in(self._modality, "RescaleSlope"), 1.0)
        intercept = _first(numbers_in(self._modality, "RescaleIntercept"), 0.0)
        if slope == 1 and intercept == 0:
            return values, True
        return values * slope + intercept, False

    def _read_table(self, item: Dataset) -> LookupTable:
        is_signed = self._pixels.is_signed
        return LookupTable.read(item, "LUTDescriptor", "LUTData", is_signed=is_signed)


# --- windows --------------------------------------------------------------------------------------


def apply_window(values: Values, window: Window) -> Values:
    """Fractions from 0 to 1 (PS3.3 §C.11.2.1.2 and .3).

    Args:
        values: Values of the modality.
        window: Which of them are shown, and how.
    """
    center, width = window.center, window.width
    if window.function is VoiFunction.SIGMOID:
        # 1 / (1 + exp(-4 (x - c) / w)), which would overflow.
        return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - center) / width))
    if window.function is VoiFunction.LINEAR:
        center, width = center - 0.5, width - 1
    if width == 0:
        return np.where(values > center, 1.0, 0.0)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _window_of(voi: Dataset) -> Window | None:
    """The first of the windows; ``None`` if there is none that makes sense."""
    center, width = numbers_in(voi, "WindowCenter"), numbers_in(voi, "WindowWidth")
    if not center or not width:
        return None
    name = str(voi.get("VOILUTFunction") or "").strip()
    try:
        return Window(center[0], width[0], _FUNCTIONS.get(name, VoiFunction.LINEAR))
    except ConfigurationError:
        return None


def _first_item(attributes: Dataset, keyword: str) -> Dataset | None:
    items: Any = attributes.get(keyword)
    return items[0] if items else None


def _first(numbers: Sequence[float], default: float) -> float:
    return numbers[0] if numbers and math.isfinite(numbers[0]) else default
