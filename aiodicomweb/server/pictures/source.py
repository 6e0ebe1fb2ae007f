"""The samples of an instance's frames, decompressed, one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from ...dicom.codestream import check_coded_size
from ...dicom.excerpt import read_excerpt
from ...dicom.frame_layout import PIXEL_DATA, FrameLayout, PixelFormat, read_frame_layout
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from ...errors import Part10Error
from ...http import FileSpan, body_octets
from ..retrieving.content import Stored, open_content
from ..retrieving.frames import stored_frame
from ..retrieving.transcode import can_decode, converting, decoding, swap_values

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...dicom.layout import Element
    from ...http import Segment
    from ..archive import Holding

__all__ = ["MOST_SAMPLES", "Samples", "Source"]

Samples: TypeAlias = npt.NDArray[Any]
"""Rows of columns, of samples where there are several for a pixel."""

MOST_SAMPLES: Final = 1 << 26
"""Samples of an image, three for a pixel of any colour. The largest radiographs have 40 million.
While it is worked on, one takes 10 octets (measured, at most, with 16 bits): 0.6 GiB together."""

_SHADES: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLORS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_PALETTE: Final = "PALETTE COLOR"
_KEYWORDS: Final = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
_DESCRIBING: Final = frozenset({0x0008, 0x0018, 0x0028, 0x0048, 0x5200})
"""Groups that say how pixels are shown, or hold the sequences that do."""


@dataclass(frozen=True, slots=True)
class Source:
    """An image as it is stored.

    Attributes:
        stored: The instance.
        frames: Where its frames are.
        pixels: What they are like.
        attributes: What the data set says of how they are shown.
    """

    stored: Stored
    frames: FrameLayout
    pixels: PixelFormat
    attributes: Dataset

    @classmethod
    def read(cls, holding: Holding) -> Source | None:
        """Look at an instance, and whether it can be rendered. Blocks.

        Returns:
            ``None`` if it has no pixels.

        Raises:
            Part10Error: It cannot be read, or not be rendered here.
            OSError: Its file cannot be read.
        """
        stored = Stored.read(holding)
        with stored.open() as file:
            frames = read_frame_layout(file, stored.layout)
            if frames is None:
                return None
            with converting():
                attributes = read_excerpt(file, stored.layout, _is_left_out)
        if frames.pixels is None:
            raise Part10Error("the pixels are not described")
        if not stored.layout.encoding.is_little_endian:
            swap_values(attributes)
        found = cls(stored, frames, frames.pixels, attributes)
        found._check()
        return found

    @property
    def is_color(self) -> bool:
        """Whether its frames are red, green and blue."""
        return self.pixels.samples == 3

    @property
    def is_palette(self) -> bool:
        """Whether its samples are numbers of colours."""
        return self.pixels.photometric_interpretation == _PALETTE

    @property
    def samples(self) -> int:
        """How many there are in a frame once it is rendered."""
        per_pixel = 3 if self.is_palette else self.pixels.samples
        return self.pixels.rows * self.pixels.columns * per_pixel

    def frame(self, index: int) -> Samples:
        """The samples of a frame; those of colours are red, green and blue. Blocks.

        Args:
            index: From 0.

        Raises:
            Part10Error: They cannot be decompressed, or there is no such frame.
            OSError: The file cannot be read.
        """
        if not 0 <= index < len(self.frames):
            raise Part10Error("there is no such frame")
        octets = b"".join(map(_read, stored_frame(self.stored, self.frames, index)))
        syntax = EXPLICIT_VR_LITTLE_ENDIAN
        if self.frames.compressed is not None:
            syntax = self.stored.holding.transfer_syntax
            check_coded_size(octets, syntax, self.pixels)
            octets = encapsulate([octets])
        with decoding():
            samples, _ = get_decoder(UID(syntax)).as_array(octets, index=0, **self._options())
        if samples.shape[:2] != (self.pixels.rows, self.pixels.columns):
            raise Part10Error("a frame has another size than the data set says")
        return np.asarray(samples)

    def _options(self) -> dict[str, Any]:
        """The Image Pixel module as pydicom's decoders want it."""
        pixels = self.pixels
        options = {
            "rows": pixels.rows,
            "columns": pixels.columns,
            "samples_per_pixel": pixels.samples,
            "bits_allocated": pixels.bits_allocated,
            "photometric_interpretation": pixels.photometric_interpretation or "MONOCHROME2",
            "number_of_frames": 1,
            "pixel_keyword": _KEYWORDS.get(self.frames.element.tag, "PixelData"),
        }
        if self.frames.element.tag == PIXEL_DATA:
            options["bits_stored"] = pixels.bits_stored
            # Colours have no sign (PS3.3 §C.7.6.3.1.2).
            options["pixel_representation"] = int(pixels.is_signed and pixels.samples == 1)
        if pixels.samples > 1:
            options["planar_configuration"] = pixels.planar_configuration
        return options

    def _check(self) -> None:
        name, samples = self.pixels.photometric_interpretation, self.pixels.samples
        is_known = samples == 1 and name in {*_SHADES, _PALETTE, ""}
        if not is_known and not (samples == 3 and name in _COLORS):
            raise Part10Error("its photometric interpretation is none that is rendered here")
        if self.samples > MOST_SAMPLES:
            raise Part10Error(f"it has more than {MOST_SAMPLES} samples")
        if not len(self.frames):
            raise Part10Error("it has no frame that is whole")
        syntax = self.stored.holding.transfer_syntax
        if self.frames.compressed is not None and not can_decode(syntax):
            raise Part10Error(f"there is no decoder for the transfer syntax {syntax}")


def _read(segment: Segment) -> bytes:
    if isinstance(segment, FileSpan):
        with open_content(segment) as file:
            return file.read()
    return body_octets((segment,))


def _is_left_out(element: Element) -> bool:
    return element.tag >> 16 not in _DESCRIBING
