"""Answers to requests to store, STOW-RS (PS3.18 §10.5).

Files go into the archive as they arrive, part by part. What comes as metadata and bulk data is put
together first: see :mod:`~aiodicomweb.server.storing.assembly`. Each instance has its own result,
so that one which is broken fails alone. A body that breaks off ends the request: what had been
stored by then stays, and is told in the answer, whose status is 400.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from ...dicom import PEEK_OCTETS, FailureReason, is_uid, peek
from ...errors import ContentError, Part10Error, RemoteProtocolError
from ...http import MediaType, OutgoingResponse, choose_media_type, parse_accept
from ...services import FailedInstance, Representation, StoredInstance, StoreResponse
from ...services.media_types import related
from ..problems import problem, refusal, status_of
from .assembly import AssembledFile, Assembly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...errors import DicomWebError
    from ...http import URL, Request
    from ...net.body_stream import BodyStream
    from ...wire import Limits, PartHead
    from ..archive import Archive, Deposit

__all__ = ["store"]

_JSON: Final = MediaType.parse(Representation.JSON)
_XML: Final = MediaType.parse(Representation.XML)
_ANSWERS: Final = (
    (_JSON, Representation.JSON),
    (MediaType("application", "json"), Representation.JSON),
    (related(Representation.JSON), Representation.JSON),
    (_XML, Representation.XML),
    (related(Representation.XML), Representation.XML),
)
"""What the answer can be asked for as. One object is never in multipart, whatever was asked."""

_FORMS: Final = {
    "application/dicom": Representation.DICOM,
    "application/dicom+json": Representation.JSON,
    "application/json": Representation.JSON,
    "application/dicom+xml": Representation.XML,
    "application/xml": Representation.XML,
}
_MOST_ASSEMBLED: Final = 4
"""Instances that are put together at once: each is a data set without its bulk data."""
_assembling: RunVar[anyio.CapacityLimiter] = RunVar("_assembling")


async def store(
    archive: Archive,
    request: Request,
    body: BodyStream,
    *,
    base: URL,
    study: str | None,
    limits: Limits,
) -> OutgoingResponse:
    """Store what a request brings.

    Args:
        archive: Where it goes.
        request: The head of the request.
        body: Its body, of which nothing is read before the head is known to be acceptable.
        base: URL of the service, as the client sees it.
        study: The Study Instance UID that all instances must have; ``None`` for any.
        limits: Bounds.

    Raises:
        RemoteProtocolError: The answer or the request has a media type that is not known (406,
            415).
        TransportError: The connection broke.
    """
    results = _Results(archive, study, base, _answer_in(request))
    root = _root(request)
    try:
        await _receive(results, body, root, limits)
    except (RemoteProtocolError, ContentError) as error:
        return results.broken_off(error)
    return results.answer()


async def _receive(
    results: _Results, body: BodyStream, root: MediaType | None, limits: Limits
) -> None:
    head = await body.next_part()
    if head is None:
        raise RemoteProtocolError("there is no instance to store")
    root = root or head.headers.media_type or MediaType.parse(Representation.DICOM)
    if _form(root) is Representation.DICOM:
        await _store_files(results, body, head)
    else:
        await _store_assembled(results, body, head, Assembly(root, limits))


async def _store_files(results: _Results, body: BodyStream, head: PartHead | None) -> None:
    while head is not None:
        await results.deposit(body.read_chunk)
        head = await body.next_part()


async def _store_assembled(
    results: _Results, body: BodyStream, head: PartHead, assembly: Assembly
) -> None:
    try:
        await assembly.receive(body, head)
        limiter = _limiter()
        async with limiter:
            await anyio.to_thread.run_sync(assembly.check)
        is_left = True
        while is_left:
            # Behind the last octet of the body no client can keep others waiting.
            async with limiter:
                is_left = await _store_next(results, assembly)
    finally:
        assembly.close()


async def _store_next(results: _Results, assembly: Assembly) -> bool:
    """Store one instance; whether there was one. Nothing of it is held afterwards."""
    made = await anyio.to_thread.run_sync(assembly.next_file)
    if isinstance(made, AssembledFile):
        try:
            await results.deposit(partial(anyio.to_thread.run_sync, made.read))
        except OSError:
            results.add(made.failed(FailureReason.OUT_OF_RESOURCES))
    elif made is not None:
        results.add(made)
    return made is not None


def _limiter() -> anyio.CapacityLimiter:
    """Bounds how many data sets are in memory at once, for all requests of an event loop."""
    try:
        return _assembling.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_MOST_ASSEMBLED)
        _assembling.set(limiter)
        return limiter


def _answer_in(request: Request) -> Representation:
    """What the answer is written in (PS3.18 §8.7.8).

    Raises:
        RemoteProtocolError: None of what is acceptable is there; the status hint is 406.
    """
    accept = request.headers.get("Accept")
    chosen = choose_media_type(
        [media_type for media_type, _ in _ANSWERS],
        None if accept is None else parse_accept(accept),
        default=_JSON,
    )
    if chosen is None:
        raise RemoteProtocolError("the answer to a store is JSON or XML", status_hint=406)
    return dict(_ANSWERS)[chosen]


def _root(request: Request) -> MediaType | None:
    """The media type of the instances; ``None`` where only the first part tells.

    Raises:
        RemoteProtocolError: It is not known; the status hint is 415.
    """
    media_type = request.media_type
    if media_type is None:
        raise RemoteProtocolError("the body has no media type", status_hint=415)
    # Forms, which are multipart too, are what any page can send without being asked first.
    if media_type.is_multipart and media_type.subtype != "related":
        raise RemoteProtocolError("instances come as multipart/related", status_hint=415)
    root = media_type.root if media_type.is_multipart else media_type
    if root is not None:
        _form(root)
    return root


def _form(root: MediaType) -> Representation:
    """How instances of this media type are written.

    Raises:
        RemoteProtocolError: That is not known; the status hint is 415.
    """
    form = _FORMS.get(root.essence)
    if form is None:
        raise RemoteProtocolError("instances are DICOM, JSON or XML", status_hint=415)
    return form


class _Results:
    """What becomes of each instance, and the answer that tells it (PS3.18 §10.5.3)."""

    def __init__(
        self, archive: Archive, study: str | None, base: URL, representation: Representation
    ) -> None:
        self._archive = archive
        self._study = study
        self._base = str(base)
        self._representation = representation
        self._studies: set[str] = set()
        self._stored: list[StoredInstance] = []
        self._failed: list[FailedInstance] = []
        self._others: list[int] = []
        self._empty = 0

    async def deposit(self, read: Callable[[], Awaitable[bytes | memoryview | None]]) -> None:
        """Put one file into the archive.

        Args:
            read: Gives its next octets, and ``None`` behind the last.

        Raises:
            RemoteProtocolError: The archive is read-only; the status hint is 403.
        """
        arrival = _Arrival()
        try:
            await arrival.begin(self._archive)
            while (octets := await read()) is not None:
                await arrival.write(octets)
            self.add(await arrival.end(self._study))
            self._empty += arrival.is_empty
        finally:
            arrival.discard()

    def add(self, result: StoredInstance | FailedInstance) -> None:
        """Note a result. A failure that nobody can tell the instance of is one by itself."""
        if isinstance(result, StoredInstance):
            self._stored.append(self._located(result))
        elif result.sop_instance_uid:
            self._failed.append(result)
        else:
            reason = result.failure_reason
            self._others.append(FailureReason.CANNOT_UNDERSTAND if reason is None else reason)

    def _located(self, result: StoredInstance) -> StoredInstance:
        """The same with a whole URL, of the path that the archive tells."""
        path = result.retrieve_url
        if path is None:
            return result
        self._studies.add("/".join(path.split("/")[:3]))
        return replace(result, retrieve_url=self._base + path)

    def answer(self) -> OutgoingResponse:
        """The answer to a request that was read to its end."""
        warned = any(item.warning_reason is not None for item in self._stored)
        if self._stored:
            return self._respond(202 if self._failed or self._others or warned else 200)
        if not self._failed and len(self._others) == self._empty:
            return problem(400, "there is no instance to store")
        reasons = {*self._others, *(item.failure_reason for item in self._failed)}
        # Later there may be room; of what fails for another reason, nothing is to be repeated.
        return self._respond(503 if reasons == {FailureReason.OUT_OF_RESOURCES} else 409)

    def broken_off(self, error: DicomWebError) -> OutgoingResponse:
        """The answer to a request that has a fault; what was stored before it is told."""
        if not (self._stored or self._failed or self._others):
            return refusal(error)
        return self._respond(status_of(error), (error.describe(),))

    def _respond(self, status: int, warnings: tuple[str, ...] = ()) -> OutgoingResponse:
        # Several studies have no URL in common.
        study = self._base + next(iter(self._studies)) if len(self._studies) == 1 else None
        response = StoreResponse(
            status,
            study,
            tuple(self._stored),
            tuple(self._failed),
            tuple(self._others),
            warnings,
            representation=self._representation,
        ).to_http()
        location = self._location(study) if response.is_success else None
        if location is not None:
            response = replace(response, headers=response.headers.add("Location", location))
        return OutgoingResponse.of(response)

    def _location(self, study: str | None) -> str | None:
        """URL of what was created: the instance, or the study of several (PS3.18 §10.5.3.2)."""
        return self._stored[0].retrieve_url if len(self._stored) == 1 else study


class _Arrival:
    """A file on its way into the archive. Where there is no room, that is its result."""

    def __init__(self) -> None:
        self._deposit: Deposit | None = None
        self._head = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come."""
        return not self._head

    async def begin(self, archive: Archive) -> None:
        try:
            self._deposit = await archive.deposit()
        except PermissionError:
            raise RemoteProtocolError("the archive is read-only", status_hint=403) from None
        except OSError:
            self._deposit = None

    async def write(self, octets: bytes | memoryview) -> None:
        self._head += octets[: max(0, PEEK_OCTETS - len(self._head))]
        if self._deposit is not None:
            try:
                await self._deposit.write(octets)
            except OSError:
                self.discard()

    async def end(self, study: str | None) -> StoredInstance | FailedInstance:
        if self._deposit is not None:
            with contextlib.suppress(OSError):
                return await self._deposit.commit(study)
        return FailedInstance(*_uids(self._head), FailureReason.OUT_OF_RESOURCES)

    def discard(self) -> None:
        if self._deposit is not None:
            self._deposit.discard()
            self._deposit = None


def _uids(head: bytearray) -> tuple[str, str]:
    """SOP Class and SOP Instance UID of a file, as far as its head tells them."""
    try:
        meta = peek(head)
    except Part10Error:
        return "", ""
    told = (meta.sop_class_uid or "", meta.sop_instance_uid or "")
    return ("", "") if not all(map(is_uid, told)) else told
