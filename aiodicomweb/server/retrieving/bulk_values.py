"""Which values travel as bulk data, and their URLs (PS3.18 §10.4.1.1.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...dicom.frame_layout import PIXELS
from ...dicom.layout import LARGE
from ...dicom.vrs import BINARY_VRS
from ...errors import ConfigurationError
from ...services import Selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...dicom.layout import Element
    from ...http import URL
    from ..archive import Holding

__all__ = ["bulk_data_uri", "bulk_paths", "is_bulk", "parse_bulkdata_path"]

_VRS: Final = BINARY_VRS | {"OB or OW"}
_BELOW: Final = re.compile(
    r"(?P<instance>/studies/[^/]+/series/[^/]+/instances/[^/]+)"
    r"/bulkdata/(?P<path>[0-9A-Fa-f]{8}(?:/[1-9][0-9]{0,8}/[0-9A-Fa-f]{8}){0,64})"
    r"(?P<frames>/frames/[^/]+)?"
)


def is_bulk(element: Element) -> bool:
    """Whether a value is given by a URL: pixels are always, other octets if they are many."""
    length = element.value.length
    return bool(length) and (element.tag in PIXELS or (element.vr in _VRS and length > LARGE))


def bulk_paths(
    elements: Iterable[Element], above: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Element]]:
    """Bulk data with the tags and item numbers that lead to them, in the order of the file."""
    for element in elements:
        path = (*above, element.tag)
        if is_bulk(element):
            yield path, element
        for item in element.items:
            yield from bulk_paths(item.elements, (*path, item.number))


def bulk_data_uri(base: URL, holding: Holding, path: Iterable[int]) -> str:
    """The URL of a value.

    Args:
        base: URL of the service.
        holding: The instance.
        path: Tags and item numbers in turn.
    """
    levels = ("studies", holding.study, "series", holding.series, "instances", holding.instance)
    names = [f"{n:08X}" if place % 2 == 0 else str(n) for place, n in enumerate(path)]
    return str(base.child(*levels, "bulkdata", *names))


def parse_bulkdata_path(path: str, base_path: str) -> tuple[Selector, tuple[int, ...]] | None:
    """Read the path of a value's URL, or of frames below it.

    Args:
        path: Path of the request's URL.
        base_path: Path of the base URL.

    Returns:
        The instance, perhaps with frames, and tags and item numbers in turn; ``None`` if it is
        no such path.
    """
    prefix = base_path.removesuffix("/")
    match = _BELOW.fullmatch(path.removeprefix(prefix)) if path.startswith(prefix) else None
    if match is None:
        return None
    try:
        selector = Selector.from_path(match["instance"] + (match["frames"] or ""), permissive=True)
    except ConfigurationError:
        return None
    names = match["path"].split("/")
    numbers = tuple(int(n, 10 if place % 2 else 16) for place, n in enumerate(names))
    has_frames = len(numbers) == 1 and numbers[0] in PIXELS
    return None if selector.frames and not has_frames else (selector, numbers)
