"""Instances and bulk data while they arrive."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import anyio.to_thread

from ..dicom.part10 import PEEK_OCTETS, decode, peek
from ..dicom.uids import default_transfer_syntax, is_uid
from ..errors import ContentError, ProtocolError
from ..http import MediaType
from .results import BulkData

if TYPE_CHECKING:
    import os
    from typing import Self

    from pydicom import Dataset

    from ..http import Headers
    from ..net import Incoming
    from ..wire import PartHead

__all__ = ["BulkDataPart", "Instance", "Part"]

_OCTETS = MediaType("application", "octet-stream")


class Part:
    """A part of a response that is arriving. Nothing of it is in memory before it is read.

    It can be read once, whole (:meth:`read`) or in pieces (``async for``), and only until the
    iteration that gave it goes on or ends.

    Attributes:
        headers: The part's header fields.
        number: 1 for the first part of the response.
    """

    __slots__ = ("_incoming", "_media_type", "_read", "headers", "number")

    def __init__(self, head: PartHead, incoming: Incoming) -> None:
        self.headers: Headers = head.headers
        self.number = head.number
        self._incoming = incoming
        self._media_type = _part_media_type(head.headers, incoming)
        self._read = False

    @property
    def media_type(self) -> str:
        """The part's media type, in lower case, without parameters."""
        return self._media_type.essence

    @property
    def transfer_syntax(self) -> str | None:
        """UID of the transfer syntax, as told or as the media type implies; else ``None``."""
        return self._media_type.transfer_syntax or default_transfer_syntax(self.media_type)

    @property
    def location(self) -> str | None:
        """``Content-Location`` of the part, if any: not checked, may be relative."""
        return self.headers.get("Content-Location")

    async def read(self) -> memoryview:
        """The octets, whole: read-only, and yours.

        Raises:
            MultipartError: The part or the body is cut short.
            FramingError: The response is cut short.
            ConnectionLost: The connection broke.
            LimitExceeded: The part is longer than ``Limits.part``.
        """
        self._begin()
        return await self._incoming.read_part()

    def __aiter__(self) -> Self:
        """Iterate over pieces of the octets, as they arrive.

        Each is a read-only ``memoryview``, valid until the next one is asked for.
        """
        self._begin()
        return self

    async def __anext__(self) -> memoryview:
        """The next piece; raises like :meth:`read`."""
        self._check_current()
        chunk = await self._incoming.read_chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def _begin(self) -> None:
        if self._read:
            raise RuntimeError("the part was read already")
        self._read = True
        self._check_current()

    def _check_current(self) -> None:
        if not self._incoming.open or self._incoming.part_number != self.number:
            raise RuntimeError("the response has gone on behind this part, or is closed")

    def __repr__(self) -> str:
        """Number and media type."""
        return f"<{type(self).__name__} {self.number}, {self.media_type}>"


class BulkDataPart(Part):
    """Bulk data that are arriving: see :class:`Part`."""

    __slots__ = ()

    async def bulk_data(self) -> BulkData:
        """The octets, whole, with what is told about them. Raises like :meth:`Part.read`."""
        data = await self.read()
        return BulkData(data, self.media_type, self.transfer_syntax, self.location)


class Instance(Part):
    """A DICOM file that is arriving (PS3.18 §10.4.3.3.1): see :class:`Part`."""

    __slots__ = ()

    async def dataset(self) -> Dataset:
        """The instance as a pydicom data set, with its file meta information.

        Raises:
            Part10Error: The octets are no DICOM file. Further like :meth:`Part.read`.
        """
        return decode(await self.read())

    async def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the file into a directory, as ``<SOP Instance UID>.dcm``, piece by piece.

        It appears when it is whole; what was there under that name is replaced. If this fails or
        is cancelled, nothing is left behind.

        Args:
            directory: Must exist.

        Returns:
            The file's path.

        Raises:
            Part10Error: The octets are no DICOM file.
            ContentError: Its SOP Instance UID is missing or is no UID; it would become a name.
            OSError: The file can't be written. Further like :meth:`Part.read`.
        """
        self._begin()
        start = bytearray()
        while len(start) < PEEK_OCTETS and (chunk := await self._incoming.read_chunk()) is not None:
            start += chunk
        name = _file_name(peek(start).sop_instance_uid)
        path = Path(directory) / name
        temporary = path.with_name(f".{name}.{secrets.token_hex(8)}.part")
        file = await anyio.to_thread.run_sync(_create, temporary)
        try:
            with file:
                await anyio.to_thread.run_sync(file.write, start)
                while (chunk := await self._incoming.read_chunk()) is not None:
                    await anyio.to_thread.run_sync(file.write, chunk)
            await anyio.to_thread.run_sync(temporary.replace, path)
        except BaseException:
            # Not in a thread: this must happen even while the task is being cancelled.
            temporary.unlink(missing_ok=True)
            raise
        return path


def _create(path: Path) -> BinaryIO:
    return path.open("xb", buffering=0)


def _file_name(uid: str | None) -> str:
    """A file's name, of a UID that a server chose: it must not lead out of the directory."""
    if uid is None:
        raise ContentError("an instance without SOP Instance UID can't be given a name")
    if not is_uid(uid):
        raise ContentError("an instance's SOP Instance UID is no UID, and can't be a file's name")
    return f"{uid}.dcm"


def _part_media_type(headers: Headers, incoming: Incoming) -> MediaType:
    """The part's own, else what the message says of its parts, else just octets."""
    value = headers.get("Content-Type")
    if value is not None:
        try:
            return MediaType.parse(value)
        except ProtocolError:
            return _OCTETS
    whole = incoming.response.media_type
    return (whole.root if whole is not None else None) or _OCTETS
