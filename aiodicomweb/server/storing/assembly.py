"""Instances that come in pieces: metadata as JSON or XML, with bulk data in parts of their own.

Metadata may refer to any part that follows (PS3.18 §8.6.1.2), so that all parts must arrive before
the first instance can be put together. The metadata stay in memory, which ``Limits.body`` bounds,
the bulk data wait in a file. Then all metadata are looked through, so that what is wrong with the
request as a whole is known before anything is stored; and then instances are made one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from ...dicom import (
    FailureReason,
    dataset_from_json,
    dataset_from_xml,
    default_transfer_syntax,
    encode,
    is_uid,
)
from ...dicom.json_stream import END, JsonStream
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from ...errors import ContentError, LimitExceeded, RemoteProtocolError
from ...services import FailedInstance, Representation
from ...services.bulk_data import BulkDataReader
from .spool import Spool, SpooledPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from ...dicom import JsonObject
    from ...http import MediaType
    from ...net.body_stream import BodyStream
    from ...wire import Limits, PartHead

__all__ = ["Assembly"]

_PIXEL_DATA: Final = "7FE00010"
_SOP_CLASS_UID: Final = "00080016"
_SOP_INSTANCE_UID: Final = "00080018"
_JSON_NAMES: Final = frozenset({Representation.JSON, "application/json"})
_XML_NAMES: Final = frozenset({Representation.XML, "application/xml", "text/xml"})


@dataclass(frozen=True, slots=True)
class _Metadata:
    """A part of metadata."""

    media_type: MediaType
    octets: bytes


@dataclass(frozen=True, slots=True)
class _Outline:
    """What a first look at an instance tells: its UIDs, and why it cannot be stored."""

    sop_class_uid: str
    sop_instance_uid: str
    reason: FailureReason | None = None

    def failed(self, reason: FailureReason) -> FailedInstance:
        return FailedInstance(self.sop_class_uid, self.sop_instance_uid, reason)


class Assembly:
    """The parts of one request, and the instances that they become.

    :meth:`receive` them, :meth:`check` them, and call :meth:`next_file` until there is no more;
    then :meth:`close`.

    Args:
        root: Media type of parts that don't tell their own, which says JSON or XML.
        limits: Bounds.
    """

    def __init__(self, root: MediaType, limits: Limits) -> None:
        self._root = root
        self._names = _XML_NAMES if root.essence in _XML_NAMES else _JSON_NAMES
        self._limits = limits
        self._metadata: list[_Metadata] = []
        self._held = 0
        self._bulk: dict[str, list[SpooledPart]] = {}
        self._referenced: set[str] = set()
        self._spool = Spool()
        self._outlines: list[_Outline] = []
        self._made = self._make()

    async def receive(self, body: BodyStream, head: PartHead | None) -> None:
        """Read all parts of a body, of which the first one's head has been read.

        Raises:
            RemoteProtocolError: The body is malformed or cut short, there are more metadata than
                fit into memory, or no room for bulk data (503).
        """
        while head is not None:
            media_type = head.headers.media_type or self._root
            location = head.headers.get("Content-Location")
            # A document in JSON or XML may be a value, and has a location then.
            if media_type.essence in self._names and location is None:
                self._metadata.append(_Metadata(media_type, await self._read_metadata(body)))
            else:
                part = await self._spool_part(body, media_type, location)
                self._bulk.setdefault(location or "", []).append(part)
            head = await body.next_part()
        if self._spool.length:
            await self._write_spool()

    async def _read_metadata(self, body: BodyStream) -> bytes:
        octets = bytearray()
        while (chunk := await body.read_chunk()) is not None:
            self._held += len(chunk)
            if self._held > self._limits.body:
                raise LimitExceeded(
                    "the metadata are too long for memory", limit="body", value=self._limits.body
                )
            octets += chunk
        return bytes(octets)

    async def _spool_part(
        self, body: BodyStream, media_type: MediaType, location: str | None
    ) -> SpooledPart:
        start = self._spool.length
        while (chunk := await body.read_chunk()) is not None:
            self._spool.add(chunk)
            if self._spool.is_full:
                await self._write_spool()
        return SpooledPart(media_type, location, self._spool, start, self._spool.length - start)

    async def _write_spool(self) -> None:
        try:
            await anyio.to_thread.run_sync(self._spool.write)
        except OSError:
            raise RemoteProtocolError(
                "there is no room for the bulk data", status_hint=503
            ) from None

    def check(self) -> None:
        """Look through the metadata. Blocks.

        Raises:
            RemoteProtocolError: There are no instances, or bulk data that none refers to.
            JsonModelError: Metadata are no JSON.
        """
        self._outlines = [
            self._outline(source, metadata.media_type)
            for metadata in self._metadata
            for source in _sources(metadata)
        ]
        if not self._outlines:
            raise RemoteProtocolError("there is no instance to store")
        unreadable = any(
            outline.reason is FailureReason.CANNOT_UNDERSTAND for outline in self._outlines
        )
        if not unreadable and not all(map(self._is_referenced, self._bulk)):
            raise RemoteProtocolError("there are bulk data that no data set refers to")

    def next_file(self) -> bytes | FailedInstance | None:
        """The next instance, as a file; why it is none; or nothing, behind the last. Blocks."""
        return next(self._made, None)

    def close(self) -> None:
        """Forget everything."""
        self._spool.close()

    # --- the first look --------------------------------------------------------------------------

    def _outline(self, source: JsonObject | bytes, media_type: MediaType) -> _Outline:
        survey = _Survey(self._bulk)
        try:
            dataset = survey.read(source)
        except ContentError:
            return replace(_uids_of(source), reason=FailureReason.CANNOT_UNDERSTAND)
        self._referenced |= survey.uris
        reason = survey.reason
        if not is_uid(media_type.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN):
            reason = FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED
        if survey.size > self._limits.part:
            reason = FailureReason.OUT_OF_RESOURCES
        return _Outline(
            _uid_text(dataset.get("SOPClassUID")), _uid_text(dataset.get("SOPInstanceUID")), reason
        )

    def _is_referenced(self, location: str) -> bool:
        above = location.rpartition("/frames/")[0]
        return location in self._referenced or above in self._referenced

    # --- instances -------------------------------------------------------------------------------

    def _make(self) -> Iterator[bytes | FailedInstance]:
        reader = BulkDataReader(part for parts in self._bulk.values() for part in parts)
        outlines = iter(self._outlines)
        for metadata in self._metadata:
            for source in _sources(metadata):
                yield self._file(reader, source, metadata.media_type, next(outlines))

    def _file(
        self,
        reader: BulkDataReader,
        source: JsonObject | bytes,
        media_type: MediaType,
        outline: _Outline,
    ) -> bytes | FailedInstance:
        if outline.reason is not None:
            return outline.failed(outline.reason)
        try:
            return encode(reader.assemble(source, media_type))
        except ContentError:
            return outline.failed(FailureReason.CANNOT_UNDERSTAND)
        except RemoteProtocolError:  # nothing is missing: that was seen before
            return outline.failed(FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED)
        except OSError:
            return outline.failed(FailureReason.OUT_OF_RESOURCES)


class _Survey:
    """Reads one data set without its bulk data, and notes which they are.

    Attributes:
        uris: What it refers to.
        size: Octets of all of it; what is referred to twice counts twice.
        reason: Why it cannot be put together.
    """

    def __init__(self, bulk: dict[str, list[SpooledPart]]) -> None:
        self._bulk = bulk
        self.uris: set[str] = set()
        self.size = 0
        self.reason: FailureReason | None = None

    def read(self, source: JsonObject | bytes) -> Dataset:
        if isinstance(source, bytes):
            return dataset_from_xml(source, self._note)
        return dataset_from_json(source, self._note)

    def _note(self, tag: str, _vr: str, uri: str) -> None:
        self.uris.add(uri)
        parts = self._bulk.get(uri) or list(self._frames_below(uri))
        self.size += sum(part.length for part in parts)
        if not parts:
            self.reason = FailureReason.MISSING_BULK_DATA
        elif tag == _PIXEL_DATA and not all(map(_is_convertible, parts)):
            self.reason = self.reason or FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED

    def _frames_below(self, uri: str) -> Iterator[SpooledPart]:
        number = 1
        while found := self._bulk.get(f"{uri}/frames/{number}"):
            yield found[0]
            number += 1


def _sources(metadata: _Metadata) -> Iterator[Any]:
    """The data sets of a part, one at a time: a document of XML, or objects of JSON."""
    if metadata.media_type.essence in _XML_NAMES:
        yield metadata.octets
        return
    stream = JsonStream()
    stream.feed(metadata.octets)
    stream.feed_eof()
    # With all octets there, it never asks for more.
    while (obj := stream.next()) is not END:
        yield obj


def _is_convertible(part: SpooledPart) -> bool:
    """Whether pixel data can be stored as they are (PS3.18 Table 10.5.2-1).

    Images of consumers' formats, such as PNG, would have to be transcoded.
    """
    media_type = part.media_type
    told = media_type.transfer_syntax or default_transfer_syntax(media_type.essence)
    return told is not None and is_uid(told)


def _uids_of(source: JsonObject | bytes) -> _Outline:
    """The UIDs of an object that is no data set, as far as they can be seen."""
    if isinstance(source, bytes):
        return _Outline("", "")
    return _Outline(_uid(source, _SOP_CLASS_UID), _uid(source, _SOP_INSTANCE_UID))


def _uid(obj: JsonObject, tag: str) -> str:
    match obj.get(tag):
        case {"Value": [uid, *_]}:
            return _uid_text(uid)
        case _:
            return ""


def _uid_text(value: object) -> str:
    """A UID; empty for what is none."""
    return value if isinstance(value, str) and is_uid(value) else ""
