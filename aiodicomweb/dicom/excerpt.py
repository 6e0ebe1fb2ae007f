"""A data set without its large values, read from a file that is not read whole."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from pydicom.filereader import read_dataset

from ..errors import Part10Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom import Dataset

    from .layout import Element, Item, Layout

__all__ = ["read_excerpt"]

MAX_EXCERPT: Final = 256 << 20
"""Octets of a data set without its large values. The largest real ones have some 50 MiB."""
MAX_EXCERPT_IF_DEFLATED: Final = 32 << 20
"""The same where a few KB may say as much."""
MAX_ITEMS_IF_DEFLATED: Final = 200_000
"""Items of sequences likewise: an empty one takes eight octets, and 700 once it is an object."""

_ITEM: Final = b"\xfe\xff\x00\xe0"
"""Its tag; what is deflated is little endian (PS3.5 §A.5)."""


def read_excerpt(file: BinaryIO, layout: Layout, is_left_out: Callable[[Element], bool]) -> Dataset:
    """Read a data set but for some elements.

    Args:
        file: What the layout is of.
        layout: Where the elements are.
        is_left_out: Called with each element of the top level, and with each large one that is
            nested.

    Raises:
        Part10Error: It cannot be read, or what is left is too large.
        OSError: The file cannot be read.
    """
    is_deflated = layout.inflation is not None
    most = MAX_EXCERPT_IF_DEFLATED if is_deflated else MAX_EXCERPT
    octets = _Excerpt(layout.source(file), layout, is_left_out, most).make()
    if is_deflated and octets.count(_ITEM) > MAX_ITEMS_IF_DEFLATED:
        raise Part10Error(f"the data set has more than {MAX_ITEMS_IF_DEFLATED} items")
    try:
        return read_dataset(io.BytesIO(octets), *layout.encoding)
    except Exception:  # noqa: BLE001
        # pydicom's own text may quote a value: it is neither shown nor chained.
        raise Part10Error("the data set cannot be read: an element in it is broken") from None


class _Excerpt:
    """Copies a data set, and corrects the lengths of what became shorter."""

    def __init__(
        self,
        file: BinaryIO,
        layout: Layout,
        is_left_out: Callable[[Element], bool],
        most: int,
    ) -> None:
        self._file = file
        self._layout = layout
        self._is_left_out = is_left_out
        self._most = most
        self._copied = bytearray()
        self._position = layout.start

    def make(self) -> bytearray:
        elements = self._layout.elements
        self._elements(elements)
        self._copy_to(elements[-1].end if elements else self._position)
        return self._copied

    def _elements(self, elements: Iterable[Element]) -> None:
        for element in elements:
            if self._is_left_out(element):
                self._copy_to(element.start)
                self._position = element.end
            elif element.items:
                start = self._enter(element)
                for item in element.items:
                    first = self._enter(item)
                    self._elements(item.elements)
                    self._leave(item, first)
                self._leave(element, start)

    def _enter(self, container: Element | Item) -> int:
        """Copy up to the value; where that starts in the copy."""
        self._copy_to(container.value.offset)
        return len(self._copied)

    def _leave(self, container: Element | Item, start: int) -> None:
        """Copy the rest of the value, and write its length in front of it."""
        self._copy_to(container.end)
        if not container.is_undefined:
            order = "<" if self._layout.encoding.is_little_endian else ">"
            struct.pack_into(f"{order}L", self._copied, start - 4, len(self._copied) - start)

    def _copy_to(self, end: int) -> None:
        length = end - self._position
        if len(self._copied) + length > self._most:
            raise Part10Error("the data set is too large even without its large values")
        # The last element's delimiter may be missing, where the file ends.
        self._file.seek(self._position)
        self._copied += self._file.read(length)
        self._position = end
