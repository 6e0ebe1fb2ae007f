"""How an image is to be rendered, to and from the query of a URL (PS3.18 §8.3.5)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import ConfigurationError
from .transaction import refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["IccProfile", "RenderingOptions", "Viewport", "VoiFunction", "Window"]

E = TypeVar("E", bound=StrEnum)

_KEYWORD: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_UINT: Final = re.compile(r"[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?")
_LONGEST_DECIMAL: Final = 16
"""Characters of a decimal (PS3.18 Table 5.1-1)."""
_MOST_PIXELS: Final = 10**9 - 1


class VoiFunction(StrEnum):
    """How stored values become shades (PS3.3 §C.11.2.1); the values are those of a query."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


class IccProfile(StrEnum):
    """Which ICC profile the image is to have (PS3.18 §8.3.5.1.5)."""

    NO = "no"
    YES = "yes"
    SRGB = "srgb"
    ADOBE_RGB = "adobergb"
    ROMM_RGB = "rommrgb"


@dataclass(frozen=True, slots=True)
class Window:
    """Which values are shown, and how (PS3.18 §8.3.5.1.4).

    Numbers are rounded to the 16 characters that a decimal has.

    Attributes:
        center: Window Center (0028,1050).
        width: Window Width (0028,1051): from 1 for ``LINEAR``, else more than 0.
        function: VOI LUT Function (0028,1056).

    Raises:
        ConfigurationError: There is no such window.
    """

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    def __post_init__(self) -> None:
        """Round, and check what PS3.3 §C.11.2.1 asks."""
        object.__setattr__(self, "center", _rounded(self.center))
        object.__setattr__(self, "width", _rounded(self.width))
        object.__setattr__(self, "function", _member(VoiFunction, self.function))
        if self.width <= 0 or (self.function is VoiFunction.LINEAR and self.width < 1):
            raise ConfigurationError("a window's width is at least 1, or more than 0")


@dataclass(frozen=True, slots=True)
class Viewport:
    """The size of the image, and the part of the original that it shows (PS3.18 §8.3.5.1.3).

    The region is scaled to the largest size that fits, with its aspect ratio kept.

    Attributes:
        width: Of the viewport, in pixels.
        height: Of the viewport, in pixels.
        source_x: Left edge of the region, in pixels of the original; ``None`` for 0.
        source_y: Top edge of the region; ``None`` for 0.
        source_width: Width of the region; ``None`` for all to the right edge. Where it is
            negative, its amount is the width, and the image is flipped horizontally.
        source_height: The same downwards; negative flips vertically.

    Raises:
        ConfigurationError: There is no such viewport.
    """

    width: int
    height: int
    source_x: float | None = None
    source_y: float | None = None
    source_width: float | None = None
    source_height: float | None = None

    def __post_init__(self) -> None:
        """Round, and check that it has a size."""
        for size in (self.width, self.height):
            if type(size) is not int or not 0 < size <= _MOST_PIXELS:
                raise ConfigurationError("a viewport has a width and a height in pixels, from 1")
        for name in ("source_x", "source_y", "source_width", "source_height"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _rounded(value))
        if 0 in (self.source_width, self.source_height):
            raise ConfigurationError("a region without width or height shows nothing")

    @property
    def flips_horizontally(self) -> bool:
        """Whether left and right change places."""
        return (self.source_width or 0) < 0

    @property
    def flips_vertically(self) -> bool:
        """Whether top and bottom change places."""
        return (self.source_height or 0) < 0

    @property
    def has_region(self) -> bool:
        """Whether anything but the size is told, which a thumbnail doesn't take."""
        region = (self.source_x, self.source_y, self.source_width, self.source_height)
        return any(value is not None for value in region)


@dataclass(frozen=True, slots=True)
class RenderingOptions:
    """What a request for rendered images asks for (PS3.18 §8.3.5.1). Nothing is asked by default.

    Attributes:
        annotation: What to burn in: ``patient``, ``technique``, or a keyword of the server's own.
            A server ignores those that it doesn't know, and warns.
        quality: Of lossy compression, from 1 to 100, which is best.
        viewport: Size and region; without it pixels are those of the original.
        window: Which values are shown.
        icc_profile: Which ICC profile to embed.

    Raises:
        ConfigurationError: A value cannot be.
    """

    annotation: tuple[str, ...] = ()
    quality: int | None = None
    viewport: Viewport | None = None
    window: Window | None = None
    icc_profile: IccProfile | None = None

    def __post_init__(self) -> None:
        """Check keywords and quality."""
        object.__setattr__(self, "annotation", tuple(self.annotation))
        if not all(map(_KEYWORD.fullmatch, self.annotation)):
            raise ConfigurationError("an annotation is a keyword, such as 'patient'")
        if self.quality is not None and not (
            type(self.quality) is int and 1 <= self.quality <= 100
        ):
            raise ConfigurationError("quality is a number from 1 to 100")
        if self.icc_profile is not None:
            object.__setattr__(self, "icc_profile", _member(IccProfile, self.icc_profile))

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, Sequence[str]]]) -> RenderingOptions:
        """Read the parameters of a URL, as :meth:`aiodicomweb.http.URL.parse_query` gives them.

        Parameters of other names are ignored. Commas may be percent-encoded.

        Raises:
            RemoteProtocolError: One is repeated, or has a value that it cannot have; the status
                hint is 400.
        """
        found: dict[str, Any] = {}
        with refusing():
            for name, values in parameters:
                if name not in _READERS:
                    continue
                attribute, read = _READERS[name]
                if attribute in found:
                    raise ConfigurationError(f"the parameter {name} is repeated")
                found[attribute] = read([value.strip() for value in ",".join(values).split(",")])
            return cls(**found)

    def parameters(self) -> list[tuple[str, list[str]]]:
        """Names and values as :func:`aiodicomweb.http.build_query` takes them."""
        written = {
            "annotation": list(self.annotation),
            "quality": [] if self.quality is None else [str(self.quality)],
            "viewport": [] if self.viewport is None else _write_viewport(self.viewport),
            "window": [] if self.window is None else _write_window(self.window),
            "iccprofile": [] if self.icc_profile is None else [self.icc_profile.value],
        }
        return [(name, values) for name, values in written.items() if values]


# --- the query's grammar ------------------------------------------------------------------------


def _write_viewport(viewport: Viewport) -> list[str]:
    """What is not told in the middle keeps its comma, at the end it doesn't."""
    region = [
        "" if value is None else _write(value)
        for value in (
            viewport.source_x,
            viewport.source_y,
            viewport.source_width,
            viewport.source_height,
        )
    ]
    while region and not region[-1]:
        region.pop()
    return [str(viewport.width), str(viewport.height), *region]


def _read_viewport(values: list[str]) -> Viewport:
    if not 2 <= len(values) <= 6:
        raise ConfigurationError("a viewport has two to six values")
    width, height, *region = values
    sides = [_decimal(text) if text else None for text in region]
    return Viewport(_uint(width), _uint(height), *sides)


def _write_window(window: Window) -> list[str]:
    return [_write(window.center), _write(window.width), window.function.value]


def _read_window(values: list[str]) -> Window:
    if len(values) != 3:
        raise ConfigurationError("a window has a center, a width and a function")
    center, width, function = values
    return Window(_decimal(center), _decimal(width), _member(VoiFunction, function))


def _read_quality(values: list[str]) -> int:
    return _uint(_only(values))


def _read_icc_profile(values: list[str]) -> IccProfile:
    return _member(IccProfile, _only(values))


_READERS: Final[dict[str, tuple[str, Callable[[list[str]], Any]]]] = {
    "annotation": ("annotation", tuple),
    "quality": ("quality", _read_quality),
    "viewport": ("viewport", _read_viewport),
    "window": ("window", _read_window),
    "iccprofile": ("icc_profile", _read_icc_profile),
}
"""By parameter: the attribute, and what reads its values."""


def _only(values: list[str]) -> str:
    if len(values) != 1:
        raise ConfigurationError("a rendering parameter has several values in place of one")
    return values[0]


def _uint(text: str) -> int:
    if not _UINT.fullmatch(text):
        raise ConfigurationError("a rendering parameter is no whole number")
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise ConfigurationError("a rendering parameter is no number")
    return float(text)


def _member(kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise ConfigurationError(f"{', '.join(kind)} are what can be chosen from") from None


def _write(value: float) -> str:
    """The number in as many digits as a decimal has room for."""
    if value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    texts = (f"{value:.{digits}g}" for digits in range(15, 0, -1))
    return next(text for text in texts if len(text) <= _LONGEST_DECIMAL)


def _rounded(value: float) -> float:
    rounded = float(_write(float(value))) if math.isfinite(value) else value
    if not math.isfinite(rounded):
        raise ConfigurationError("what is not finite cannot be asked for")
    return rounded
