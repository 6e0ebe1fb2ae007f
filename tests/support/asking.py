"""Asks an origin server without sockets, and an archive whose troubles can be chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aiodicomweb.dicom import FailureReason, decode
from aiodicomweb.errors import Part10Error
from aiodicomweb.http import (
    URL,
    Headers,
    OutgoingResponse,
    Produced,
    Request,
    Response,
    body_octets,
)
from aiodicomweb.net.body_stream import BodyStream
from aiodicomweb.server import Matches
from aiodicomweb.services import FailedInstance, Selector, StoredInstance
from aiodicomweb.wire import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydicom import Dataset

    from aiodicomweb.server import Holding, Origin
    from aiodicomweb.services import SearchRequest

__all__ = ["Asking", "PlainArchive", "whole"]

HOST = "http://pacs.example"


class Asking:
    """Sends requests to an origin.

    Attributes:
        origin: The server.
        read: Octets of the last request's body that the server has read.
    """

    def __init__(self, origin: Origin, limits: Limits | None = None) -> None:
        self.origin = origin
        self.read = 0
        self._limits = limits or Limits()

    async def __call__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
    ) -> Response:
        """Send one request; its body may come in pieces."""
        request = Request(method, URL.parse(HOST + path), Headers(headers or {}))
        return await self.send(request, body)

    async def send(self, request: Request, body: bytes | Iterable[bytes] = b"") -> Response:
        """Send a request that is there; the one's own body goes if none is given."""
        pieces = iter([body or body_octets(request.body)] if isinstance(body, bytes) else body)
        self.read = 0

        async def receive() -> bytes | None:
            piece = next(pieces, None)
            self.read += len(piece or b"")
            return piece

        stream = BodyStream.over(request, receive, self._limits)
        return whole(await self.origin.respond(replace_body(request), stream))


def replace_body(request: Request) -> Request:
    """The head of a request."""
    return Request(request.method, request.url, request.headers)


def whole(response: OutgoingResponse) -> Response:
    """A response with its body in one piece."""
    body = b"".join(
        piece.produce() if isinstance(piece, Produced) else body_octets((piece,))
        for piece in response.body
    )
    return replace(response.head, body=body)


class PlainArchive:
    """Keeps files by SOP Instance UID; what it finds, and what it has no room for, is told.

    Attributes:
        files: What was stored.
        matches: What every search gives.
        searches: What was searched for, and the limit.
        room: Octets that fit in; ``None`` for any number.
        read_only: Whether it refuses to be changed.
        pieces: Octets that came with each write.
        warning: The warning reason of what is stored.
        open_deposits: Deposits that were neither committed nor discarded.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.matches = Matches(())
        self.searches: list[tuple[SearchRequest, int]] = []
        self.room: int | None = None
        self.read_only = False
        self.warning: int | None = None
        self.pieces: list[int] = []
        self.open_deposits = 0
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def aclose(self) -> None:
        self.is_open = False

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        self.searches.append((request, limit))
        return self.matches

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        return []

    async def deposit(self) -> _PlainDeposit:
        if self.read_only:
            raise PermissionError
        if self.room == 0:
            raise OSError
        self.open_deposits += 1
        return _PlainDeposit(self)

    async def delete(self, selector: Selector) -> int:
        if self.read_only:
            raise PermissionError
        gone = [
            uid
            for uid, file in self.files.items()
            if str(decode(file).StudyInstanceUID) == selector.study
        ]
        for uid in gone:
            del self.files[uid]
        return len(gone)


class _PlainDeposit:
    def __init__(self, archive: PlainArchive) -> None:
        self._archive = archive
        self._octets = bytearray()
        self._is_open = True

    async def write(self, octets: bytes | bytearray | memoryview) -> None:
        self._octets += octets
        self._archive.pieces.append(len(octets))
        if self._archive.room is not None and len(self._octets) > self._archive.room:
            raise OSError

    async def commit(self, study: str | None = None) -> StoredInstance | FailedInstance:
        try:
            dataset = decode(self._octets)
        except Part10Error:
            return FailedInstance("", "", FailureReason.CANNOT_UNDERSTAND)
        uids = uids_of(dataset)
        self.discard()
        if study not in (None, uids[0]):
            return FailedInstance(dataset.SOPClassUID, uids[2], FailureReason.STUDY_MISMATCH)
        self._archive.files[uids[2]] = bytes(self._octets)
        path = Selector(*uids).path()
        return StoredInstance(dataset.SOPClassUID, uids[2], path, self._archive.warning)

    def discard(self) -> None:
        self._archive.open_deposits -= self._is_open
        self._is_open = False


def uids_of(dataset: Dataset) -> tuple[str, str, str]:
    """Study, series and instance."""
    return (
        str(dataset.StudyInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.SOPInstanceUID),
    )
