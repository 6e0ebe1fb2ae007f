"""What a verb returns: an exchange that can be awaited, iterated or entered.

Nothing is sent before the first of these happens. The connection goes back to the pool when the
response was read to its end, at the latest with the last item; when an error ended the exchange,
or when ``async with`` is left. Until then other calls need another connection. A call that is
dropped half-way gives its connection up when it is garbage. A call that was closed before its end,
by an error or by leaving it, never looks like one that came to its end.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio.lowlevel

from ..negotiation import may_be_json, negotiate
from ..object_stream import ObjectStream
from ..patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Self

    from ...http import URL, Origin, Request, Response
    from ...net import Incoming
    from ...services import Resource
    from ..course import Course
    from ..ladder import Kind
    from ..retry import Attempt
    from ..session import Session

__all__ = ["Call", "Whole"]

Item = TypeVar("Item")
Whole = TypeVar("Whole")


class Call(ABC, Generic[Item, Whole]):
    """One verb's exchange with the server.

    - ``await call`` gives the whole result;
    - ``async for item in call`` gives items as they arrive;
    - ``async with call:`` sends the request on entry and ends the exchange on exit; inside, the
      call can be iterated and its ``response`` looked at.

    A call is used once, by one task. Cancelling any of it closes the connection, unless the
    response was read to its end.
    """

    __slots__ = (
        "__weakref__",
        "_closed",
        "_deadlines",
        "_incoming",
        "_response",
        "_session",
        "_started",
        "_url",
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self._incoming: Incoming | None = None
        self._response: Response | None = None
        self._url: URL | None = None
        self._deadlines: Course | None = None
        self._started = False
        self._closed = False

    @property
    def response(self) -> Response:
        """The response's head: ``status``, ``headers``, ``warnings`` and ``partial``.

        Of several exchanges, such as the pages of a search, the latest one's.

        Raises:
            RuntimeError: It hasn't arrived.
        """
        if self._response is None:
            raise RuntimeError("the response has not arrived yet")
        return self._response

    @property
    def url(self) -> str:
        """Where that response came from, after redirects, with the query.

        A relative ``BulkDataURI`` of metadata is relative to it (PS3.18 §F.2.6, RFC 3986 §5.1.3).

        Raises:
            RuntimeError: The response hasn't arrived.
        """
        if self._url is None:
            raise RuntimeError("the response has not arrived yet")
        return str(self._url)

    def __await__(self) -> Generator[Any, Any, Whole]:
        """The whole result; raises what the verb's documentation says."""
        return self._run().__await__()

    def __aiter__(self) -> Self:
        """The call is its own iterator."""
        return self

    async def __anext__(self) -> Item:
        """The next item; raises what the verb's documentation says."""
        await self._start_once()
        return await self._guarded()

    async def __aenter__(self) -> Self:
        """Send the request and wait for the head of its response."""
        await self._start_once()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the exchange; an unread rest costs the connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """End the exchange; may be called again. A checkpoint."""
        self._close()
        await anyio.lowlevel.checkpoint()

    def __del__(self) -> None:
        """Give up the connection of a call that was left half-way."""
        if self._incoming is not None:
            self._incoming.abandon()

    # --- for the kinds of calls ------------------------------------------------------------------

    @abstractmethod
    async def _start(self) -> None:
        """Send the request and read the head of the response."""

    @abstractmethod
    async def _next(self) -> Item:
        """The next item, or ``StopAsyncIteration``."""

    @abstractmethod
    async def _whole(self) -> Whole:
        """All items, in the form that awaiting gives."""

    async def _open(self, request: Request) -> Incoming:
        """Send a request of this call; the response must be a success."""
        self._incoming = await self._session.open(request, self._until(request))
        return self._look_at(self._incoming)

    async def _negotiate(
        self, request: Request, kind: Resource | Kind, fits: Callable[[Response], bool]
    ) -> tuple[Request, Incoming]:
        """Send a request whose ``Accept`` was left to us, in simpler forms if need be.

        Args, result and errors are those of :func:`negotiate`.
        """
        return await negotiate(self._session.forms, self._open, request, kind, fits)

    async def _send(self, request: Request, failed: list[Attempt] | None = None) -> Incoming:
        """Send a request of this call; a response of any status comes back.

        Args:
            request: The request.
            failed: Gets the attempts at it that were repeated.
        """
        self._incoming = await self._session.send(request, self._until(request), failed)
        return self._look_at(self._incoming)

    def _look_at(self, incoming: Incoming) -> Incoming:
        self._response, self._url = incoming.response, incoming.request.url
        return incoming

    def _until(self, request: Request) -> Course:
        """The deadlines of the call, however many requests it takes."""
        return self._begin(request.url.origin)

    def _begin(self, origin: Origin) -> Course:
        """The same before there is a request."""
        self._deadlines = self._deadlines or self._session.deadlines(origin)
        return self._deadlines

    async def _open_objects(self, request: Request, kind: Resource | Kind | None) -> ObjectStream:
        """Send a request of this call whose answer is DICOM JSON.

        Args:
            request: The request.
            kind: What is asked for, if its ``Accept`` was left to us.
        """
        # The call has the objects: were it theirs, too, neither would be garbage when it is left.
        reference = weakref.WeakMethod(self._open_json)

        async def opener() -> Incoming:
            open_json = reference()
            assert open_json is not None  # noqa: S101 - the call waits for this
            return await open_json(request, kind)

        session = self._session
        patience = Patience(session.retry, self._until(request))
        objects = ObjectStream(opener, patience, session.limits)
        await objects.open()
        return objects

    async def _open_json(self, request: Request, kind: Resource | Kind | None) -> Incoming:
        if kind is None:
            return await self._open(request)
        _, incoming = await self._negotiate(request, kind, may_be_json)
        return incoming

    # --- the machinery ---------------------------------------------------------------------------

    async def _run(self) -> Whole:
        if self._started:
            raise RuntimeError("a call is used once")
        try:
            await self._start_once()
            return await self._whole()
        finally:
            self._close()

    async def _start_once(self) -> None:
        if self._closed:
            raise RuntimeError("the call is closed; a call is used once")
        if not self._started:
            self._started = True
            try:
                await self._start()
            except BaseException:
                self._close()
                raise

    async def _guarded(self) -> Item:
        try:
            return await self._next()
        except StopAsyncIteration:
            raise
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self._closed = True
        if self._incoming is not None:
            self._incoming.close()
