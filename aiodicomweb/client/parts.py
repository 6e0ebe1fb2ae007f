"""Instances and bulk data while they arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..dicom.part10 import PEEK_OCTETS, decode, is_dicom, peek_instance_uid
from ..dicom.uids import default_transfer_syntax, is_uid
from ..errors import ContentError, Part10Error
from ..services import BulkData, Representation
from .draft import Draft
from .resume import part_headers
from .saving import Saving

if TYPE_CHECKING:
    import os
    from typing import Self

    from pydicom import Dataset

    from ..http import Headers
    from ..wire import Allocator, PartHead
    from .part_stream import PartStream

__all__ = ["BulkDataPart", "Instance", "Part"]


class Part:
    """A part of a response that is arriving. Nothing of it is in memory before it is read.

    It can be read once, whole (:meth:`read`) or in pieces (``async for``), and only until the
    iteration that gave it goes on or ends.

    Attributes:
        headers: The part's header fields.
        number: 1 for the first part of the response.
    """

    __slots__ = ("_media_type", "_read", "_stream", "headers", "number")

    def __init__(self, head: PartHead, stream: PartStream) -> None:
        self.headers: Headers = head.headers
        self.number: int = head.number
        self._stream = stream
        self._media_type = stream.media_type_of(head.headers)
        self._read = False

    @property
    def media_type(self) -> str:
        """The part's media type, in lower case, without parameters."""
        return self._media_type.essence

    @property
    def transfer_syntax(self) -> str | None:
        """UID of the transfer syntax, as told or as the media type implies; else ``None``.

        A DICOM file implies none: its head tells (PS3.18 §8.7.9).
        """
        told = self._media_type.transfer_syntax
        if told is None and self.media_type != Representation.DICOM:
            return default_transfer_syntax(self.media_type)
        return told

    @property
    def location(self) -> str | None:
        """``Content-Location`` of the part, if any: not checked, may be relative."""
        return self.headers.get("Content-Location")

    async def read(self, *, allocator: Allocator | None = None) -> memoryview:
        """The octets, whole: read-only, and yours.

        Args:
            allocator: Is called with their number once they have arrived, and gives the memory
                that they are copied to, writable and contiguous: a ``bytearray``, an array of
                numpy, a piece of shared or pinned memory. It is yours, and only read-only views
                of it are given out here. Nothing is asked for a part of no octets.

        Raises:
            ValueError: The allocator gave too little memory, or none that can be written to.
            MultipartError: The part or the body is cut short.
            FramingError: The response is cut short.
            ConnectionLost: The connection broke.
            LimitExceeded: The part is longer than ``Limits.part``.
        """
        self._begin()
        return await self._stream.read_part(allocator)

    def __aiter__(self) -> Self:
        """Iterate over pieces of the octets, as they arrive.

        Each is a read-only ``memoryview``, valid until the next one is asked for.
        """
        self._begin()
        return self

    async def __anext__(self) -> memoryview:
        """The next piece; raises like :meth:`read`."""
        self._check_current()
        chunk = await self._stream.read_chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def _begin(self) -> None:
        self._check_current()
        if self._read:
            raise RuntimeError("the part was read already")
        self._read = True

    def _check_current(self) -> None:
        if not self._stream.open or self._stream.part_number != self.number:
            raise RuntimeError("the response has gone on behind this part, or is closed")

    def __repr__(self) -> str:
        """Number and media type."""
        return f"<{type(self).__name__} {self.number}, {self.media_type}>"


class BulkDataPart(Part):
    """Bulk data that are arriving: see :class:`Part`."""

    __slots__ = ()

    async def bulk_data(self) -> BulkData:
        """The octets, whole, with what is told about them.

        Raises:
            ContentError: A range of octets is not what it says. Further like :meth:`Part.read`.
        """
        headers = part_headers(self.headers, self._stream.response)
        data = await self.read()
        return BulkData.from_part(data, self._media_type, self._stream.renewed or headers)


class Instance(Part):
    """A DICOM file that is arriving (PS3.18 §10.4.3.3.1): see :class:`Part`."""

    __slots__ = ()

    @property
    def transfer_syntax(self) -> str | None:
        """UID of the transfer syntax, if told; the file tells it in any case.

        Servers leave it out whatever it is, so that there is no default to go by.
        """
        return self._media_type.transfer_syntax

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
        start = await self._read_start()
        draft = Draft(Path(directory) / _file_name(start))
        try:
            return await Saving(draft, self._stream, start).run()
        except BaseException as error:
            draft.discard()  # not in a thread: it must happen even while the task is cancelled
            if not isinstance(error, Exception):
                self._stream.close()  # pieces were taken that are lost
            raise

    async def _read_start(self) -> bytearray:
        """The first octets, at least as many as tell the file's name."""
        start = bytearray()

        async def rewind() -> None:
            start.clear()

        while len(start) < PEEK_OCTETS:
            chunk = await self._stream.read_chunk(rewind)
            if chunk is None:
                break
            start += chunk
        return start


def _file_name(start: bytearray) -> str:
    """A file's name, of a UID that a server chose: it must not lead out of the directory."""
    if not is_dicom(start):
        raise Part10Error("what arrived is no DICOM file")
    uid = peek_instance_uid(start)
    if uid is None:
        raise ContentError("an instance without SOP Instance UID can't be given a name")
    if not is_uid(uid):
        raise ContentError("an instance's SOP Instance UID is no UID, and can't be a file's name")
    return f"{uid}.dcm"
