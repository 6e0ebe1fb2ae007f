"""Metadata that have arrived, one data set after the other (PS3.18 §10.5.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dicom.json_stream import END, NEED_DATA, JsonStream
from ...errors import LimitExceeded
from ...services import Representation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...dicom import JsonObject
    from ...http import MediaType
    from ...wire import Limits
    from .spool import SpooledPart

__all__ = ["JSON_NAMES", "XML_NAMES", "MetadataReader"]

JSON_NAMES: Final = frozenset({Representation.JSON, "application/json"})
"""Media types of metadata in JSON."""
XML_NAMES: Final = frozenset({Representation.XML, "application/xml", "text/xml"})
"""Media types of metadata in XML."""
_BLOCK: Final = 64 * 1024
"""Octets that are read at once: what they have of the next object is held meanwhile."""


class MetadataReader:
    """Iterates over the data sets of metadata: documents of XML, and objects of JSON.

    It holds nothing of those that it gave: there may be many who wait for their turn.

    Args:
        parts: The metadata.
        limits: Bounds.
    """

    def __init__(self, parts: Iterable[SpooledPart], limits: Limits) -> None:
        self._parts = iter(parts)
        self._limits = limits
        self._objects: _Objects | None = None

    def __iter__(self) -> Iterator[tuple[JsonObject | bytes, MediaType]]:
        """Itself."""
        return self

    def __next__(self) -> tuple[JsonObject | bytes, MediaType]:
        """The next data set, and the media type of the part it stands in. Blocks.

        Raises:
            LimitExceeded: It is too long, or nested too deep.
            JsonModelError: The part is no JSON.
            OSError: The part cannot be read.
        """
        while True:
            if self._objects is not None and (obj := self._objects.next()) is not None:
                return obj, self._objects.media_type
            self._objects = None
            part = next(self._parts)
            if part.media_type.essence not in XML_NAMES:
                self._objects = _Objects(part, self._limits)
            elif part.length > self._limits.json_object:
                raise LimitExceeded(
                    "the metadata of an instance are too long",
                    limit="json_object",
                    value=self._limits.json_object,
                )
            elif part.length:
                return part.octets, part.media_type


class _Objects:
    """The objects of a part of JSON."""

    def __init__(self, part: SpooledPart, limits: Limits) -> None:
        self.media_type = part.media_type
        self._stream = JsonStream(max_object=limits.json_object, max_depth=limits.json_depth)
        self._blocks = part.blocks(_BLOCK)

    def next(self) -> JsonObject | None:
        """The next object; ``None`` behind the last."""
        while (obj := self._stream.next()) is NEED_DATA:
            block = next(self._blocks, b"")
            self._stream.feed(block)
            if not block:
                self._stream.feed_eof()
        return None if obj is END else obj
