"""Instances that come in pieces: metadata as JSON or XML, with bulk data in parts of their own.

Metadata may refer to any part that follows (PS3.18 §8.6.1.2), so that all parts must arrive before
the first instance can be put together. They wait in a file, metadata as well as bulk data. Then all
metadata are looked through, one data set at a time, so that what is wrong with the request as a
whole is known before anything is stored; and then files are made, one at a time, into which the
bulk data are copied block by block. What is held in memory is one data set without its bulk data.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ...dicom import FailureReason
from ...errors import ContentError, LimitExceeded, RemoteProtocolError
from .composing import Composition, compose
from .metadata import JSON_NAMES, XML_NAMES, MetadataReader
from .splicing import splice_file
from .spool import Spool, SpooledPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...dicom import JsonObject
    from ...http import MediaType
    from ...net.body_stream import BodyStream
    from ...services import FailedInstance
    from ...wire import Limits, PartHead

__all__ = ["AssembledFile", "Assembly"]

_log = logging.getLogger("aiodicomweb.server")
_MOST_NAMED: Final = 8
"""Elements of one instance that the log names."""


class AssembledFile:
    """A file that is made while it is read.

    Args:
        composition: What it is of.
        blocks: Its octets.
    """

    def __init__(self, composition: Composition, blocks: Iterator[bytes]) -> None:
        self._composition = composition
        self._blocks = blocks

    def read(self) -> bytes | None:
        """The next octets, about 1 MiB; ``None`` behind the last. Blocks.

        Raises:
            OSError: A part cannot be read.
        """
        return next(self._blocks, None)

    def failed(self, reason: FailureReason) -> FailedInstance:
        """Its result, if it cannot be stored."""
        return self._composition.failed(reason)


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
        self._names = XML_NAMES if root.essence in XML_NAMES else JSON_NAMES
        self._limits = limits
        self._metadata: list[SpooledPart] = []
        self._bulk: dict[str, list[SpooledPart]] = {}
        self._spool = Spool()
        self._reader: MetadataReader | None = None

    async def receive(self, body: BodyStream, head: PartHead | None) -> None:
        """Read all parts of a body, of which the first one's head has been read.

        Raises:
            RemoteProtocolError: The body is malformed or cut short, or there is no room for it
                (503).
        """
        while head is not None:
            media_type = head.headers.media_type or self._root
            location = head.headers.get("Content-Location")
            part = await self._spool_part(body, media_type, location)
            # A document in JSON or XML may be a value, and has a location then.
            if media_type.essence in self._names and location is None:
                self._metadata.append(part)
            else:
                self._bulk.setdefault(location or "", []).append(part)
            head = await body.next_part()
        await self._write_spool()

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
                "there is no room for what is to be stored", status_hint=503
            ) from None

    def check(self) -> None:
        """Look through the metadata. Blocks.

        Raises:
            RemoteProtocolError: There are no instances, or more than a bound, or bulk data that
                none refers to; or metadata cannot be read again (503).
            JsonModelError: Metadata are no JSON.
        """
        number, is_unreadable = 0, False
        # A part below ``/frames/`` is one of what is above.
        above = {location: location.rpartition("/frames/")[0] for location in self._bulk}
        known = {*above, *above.values()}
        referenced: set[str] = set()
        try:
            for source, media_type in MetadataReader(self._metadata, self._limits):
                composition = self._compose(source, media_type)
                number += 1
                is_unreadable |= composition.dataset is None
                referenced |= composition.uris & known
                if number > self._limits.parts:
                    raise LimitExceeded(
                        "there are too many instances", limit="parts", value=self._limits.parts
                    )
        except OSError:
            raise _lost() from None
        if not number:
            raise RemoteProtocolError("there is no instance to store")
        if not is_unreadable and not all(referenced & {*names} for names in above.items()):
            raise RemoteProtocolError("there are bulk data that no data set refers to")

    def next_file(self) -> AssembledFile | FailedInstance | None:
        """The next instance, as a file; why it is none; or nothing, behind the last. Blocks.

        Raises:
            RemoteProtocolError: The metadata cannot be read again (503).
        """
        if self._reader is None:
            self._reader = MetadataReader(self._metadata, self._limits)
        try:
            found = next(self._reader, None)
            return None if found is None else _file(self._compose(*found))
        except OSError:
            raise _lost() from None

    def close(self) -> None:
        """Forget everything."""
        self._spool.close()

    def _compose(self, source: JsonObject | bytes, media_type: MediaType) -> Composition:
        return compose(source, media_type, self._bulk, self._limits)


def _file(composition: Composition) -> AssembledFile | FailedInstance:
    if misfits := composition.misfits:
        # The answer has no place for them.
        _log.warning(
            "an instance was not stored: values that are none of their VRs, %d in all: %s",
            len(misfits),
            ", ".join(misfits[:_MOST_NAMED]),
        )
    if composition.reason is not None or composition.dataset is None:
        return composition.failed(composition.reason or FailureReason.CANNOT_UNDERSTAND)
    try:
        blocks = splice_file(composition.dataset, composition.syntax)
    except ContentError:
        return composition.failed(FailureReason.CANNOT_UNDERSTAND)
    composition.dataset = None  # its values are in the file
    return AssembledFile(composition, blocks)


def _lost() -> RemoteProtocolError:
    return RemoteProtocolError("what is to be stored cannot be read again", status_hint=503)
