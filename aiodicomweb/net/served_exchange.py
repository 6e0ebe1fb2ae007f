"""One request that a server answers: its head is read, a handler is asked, the response is sent.

The handler reads the request's body while it makes the response, as far as it likes. A small rest
is then read and dropped; otherwise the connection ends with this exchange.

It ends in stages (RFC 9112 §9.6). If a server closed while the client is still sending, the
client's system would be told by RST, and would throw away the response that it has not read yet.
So this side ends what it sends first, and goes on reading, within bounds.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import anyio

from ..errors import (
    DeadlineExceeded,
    LocalProtocolError,
    ProtocolError,
    TransportError,
    UnexpectedMediaType,
)
from ..http import Headers, OutgoingResponse, Request, Response
from ..wire import BLOCK, NEED_DATA, ServerExchange
from .body_stream import BodyStream
from .sending import Sender

if TYPE_CHECKING:
    from ..errors import DicomWebError
    from ..wire import Arena, Limits
    from .pace import ServerDeadlines
    from .stream import ByteStream

__all__ = ["Exchange", "Handler", "ServedExchange", "Service", "report_failure"]

Handler: TypeAlias = Callable[[Request, BodyStream], Awaitable[OutgoingResponse]]
"""Makes the response to a request, of which only the head was read; the body is the stream's.

The request's URL is whole, and ``Host`` is not among its header fields. The response to ``HEAD``
is that to ``GET``: its body is not sent.
"""

_log = logging.getLogger("aiodicomweb.server")

_REST_MOST = 64 * 1024
"""Octets of a request that are worth reading to keep the connection."""

_REST_SECONDS = 1.0
"""How long they may take."""

_LINGER_SECONDS = 30.0
"""How long a peer may go on sending behind the last response."""

_LINGER_SILENCE = 2.0
"""How long it may do nothing."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange that is over: what an access log tells.

    Attributes:
        peer: The client's address.
        method: The request's method; empty if its head could not be read.
        path: The path of its URL, without the query; empty likewise.
        status: The response's status; 0 if none was sent.
        complete: Whether the response was sent whole.
        received: Octets of the request, head and body, that were taken.
        sent: Octets of the response, head and body.
        seconds: From the request's first octets to the response's last.
    """

    peer: str
    method: str
    path: str
    status: int
    complete: bool
    received: int
    sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Service:
    """What the exchanges of a connection have in common.

    Attributes:
        handler: Makes the responses.
        scheme: ``https`` if the connection is secured, else ``http``.
        authority: Host and port of this server, for requests that name none.
        peer: The client's address.
        deadlines: The phases' seconds, of this connection alone.
        limits: Bounds.
        observe: Is told of each exchange, as soon as its response was sent.
    """

    handler: Handler
    scheme: str
    authority: str
    peer: str
    deadlines: ServerDeadlines
    limits: Limits
    observe: Callable[[Exchange], None] | None = None


class ServedExchange:
    """One exchange on a connection.

    Args:
        stream: The connection.
        arena: Its memory, with the first octets of the request.
        service: How to serve.

    Attributes:
        last: Whether no other exchange may follow; set by the connection.
    """

    __slots__ = (
        "_arena",
        "_complete",
        "_discarded",
        "_exchange",
        "_intact",
        "_received",
        "_request",
        "_sender",
        "_service",
        "_started",
        "_status",
        "_stream",
        "last",
    )

    last: bool

    def __init__(self, stream: ByteStream, arena: Arena, service: Service) -> None:
        self._stream = stream
        self._arena = arena
        self._service = service
        self._exchange = ServerExchange(
            arena, service.limits, scheme=service.scheme, authority=service.authority
        )
        self._sender = Sender(stream, service.deadlines)
        self._request: Request | None = None
        self._status = 0
        self._complete = False
        self._intact = True  # false as soon as receiving failed or was cancelled
        self._received = arena.undecoded
        self._discarded = 0
        self._started = time.monotonic()
        self.last = False

    async def run(self) -> bool:
        """Serve it; whether another may follow. If not, only closing is left to be done.

        Raises:
            TransportError: The peer is gone, or takes nothing more.
        """
        try:
            with self._sender:
                return await self._answer(await self._ask())
        finally:
            if not self._complete:
                self._tell()

    def _tell(self) -> None:
        """Tell the observer what became of it."""
        if self._service.observe is None:
            return
        request = self._request
        self._service.observe(
            Exchange(
                peer=self._service.peer,
                method=request.method if request else "",
                path=request.url.path if request else "",
                status=self._status if self._sender.sent else 0,
                complete=self._complete,
                received=self._received - self._arena.undecoded,
                sent=self._sender.sent,
                seconds=time.monotonic() - self._started,
            )
        )

    # --- the request -----------------------------------------------------------------------------

    async def _ask(self) -> OutgoingResponse:
        """Read the head and let the handler make the response."""
        try:
            request = self._request = await self._read_head()
        except (ProtocolError, DeadlineExceeded) as error:
            self.last = True
            return _refusal(error)
        self._service.deadlines.begin_body()
        body = BodyStream(self._exchange.body, self._receive_body)
        try:
            return await self._service.handler(request, body)
        except Exception as error:  # noqa: BLE001 - a handler's mistake is answered
            failure = body.failure
            if isinstance(failure, TransportError) and not isinstance(failure, DeadlineExceeded):
                raise failure from None
            if error is failure and failure is not None:
                self.last = True
                return _refusal(failure)
            report_failure("the handler failed", error)
            return _INTERNAL_ERROR

    async def _read_head(self) -> Request:
        request = self._exchange.next_head()
        if request is NEED_DATA:
            with self._service.deadlines.phase("head"):
                while (request := self._exchange.next_head()) is NEED_DATA:
                    await self._receive(BLOCK)
        return request

    async def _receive_body(self, wanted: int) -> None:
        if self._exchange.expects_continue:
            self._sender.hold(self._exchange.continue_head())
            await self._sender.flush()
        before = self._received
        with self._service.deadlines.phase("read"):
            await self._receive(wanted)
        self._service.deadlines.arrived(self._received - before)

    async def _receive(self, wanted: int) -> None:
        self._intact = False
        count = await self._stream.receive_into(self._exchange.writable(wanted))
        self._exchange.commit(count)
        self._received += count
        self._intact = count > 0

    async def _take_rest(self) -> None:
        """Read what the handler left of the body, if that is little and does not take long."""
        exchange = self._exchange
        missing = None if self.last else exchange.body.missing
        if missing is not None and missing <= _REST_MOST and not exchange.expects_continue:
            with anyio.move_on_after(_REST_SECONDS):
                while self._intact and not exchange.request_complete:
                    exchange.body.skip()
                    await self._receive(BLOCK)
        if exchange.request_complete:
            exchange.body.skip()

    # --- the response ----------------------------------------------------------------------------

    async def _answer(self, answer: OutgoingResponse) -> bool:
        """Send the response; whether another exchange may follow."""
        if self._request is not None:
            await self._take_rest()
        answer = self._hold_head(answer)
        if not self._exchange.reusable:
            await self._send_last(answer)
            return False
        if await self._send(answer):
            return True
        await self._send_last(None)
        return False

    def _hold_head(self, answer: OutgoingResponse) -> OutgoingResponse:
        """Write the head, to go out with the body; of another response if this one is illegal."""
        close = self.last or not self._intact or not self._exchange.request_complete
        try:
            head = self._head(answer, close=close)
        except LocalProtocolError as error:
            report_failure("the handler's response is not legal", error)
            answer = _INTERNAL_ERROR
            head = self._head(answer, close=close)
        self._sender.hold(head)
        return answer

    def _head(self, answer: OutgoingResponse, *, close: bool) -> bytes:
        headers, reason = answer.head.headers, answer.head.reason
        if "Date" not in headers:
            headers = headers.add("Date", formatdate(usegmt=True))
        if not reason and answer.head.status in _REASONS:
            reason = _REASONS[answer.head.status]
        response = replace(answer.head, headers=headers, reason=reason)
        head = self._exchange.response_head(response, answer.length, close=close)
        self._status = response.status
        return head

    async def _send(self, answer: OutgoingResponse) -> bool:
        """Send head and body; whether another exchange may follow.

        Where the body can't be made and nothing was sent yet, another response takes its place,
        and is the connection's last.
        """
        before = self._sender.sent
        try:
            await self._send_body(answer)
        except TransportError:
            raise
        except Exception as error:
            report_failure("the response can't be sent", error)
            if self._sender.sent != before:
                if self._exchange.until_close:
                    self._stream.reset()
                raise TransportError("the response was cut off") from error
            self._sender.drop()
            answer = self._hold_head(_INTERNAL_ERROR)
            await self._send_body(answer)
        self._complete = True
        self._tell()
        return self._exchange.reusable

    async def _send_body(self, answer: OutgoingResponse) -> None:
        if self._exchange.has_body(answer.head.status):
            if self._exchange.chunked:
                await self._sender.send_chunked(answer.body)
            else:
                await self._sender.send(answer.body)
        await self._sender.flush()

    # --- the end of the connection ---------------------------------------------------------------

    async def _send_last(self, answer: OutgoingResponse | None) -> None:
        """Send the last response, unless it was, and end the connection in stages.

        What the peer sends meanwhile is read and thrown away: it may not read before it has sent.
        """
        failure: Exception | None = None
        ended = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._discard, ended)
            try:
                if answer is not None:
                    await self._send(answer)
                await self._stream.send_eof()
                await self._linger(ended)
            except Exception as error:  # noqa: BLE001 - raised below, outside the task group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _discard(self, ended: anyio.Event) -> None:
        room = memoryview(bytearray(_REST_MOST))
        try:
            while count := await self._stream.receive_into(room):
                self._discarded += count
        except TransportError:
            pass  # who sends finds out too
        ended.set()

    async def _linger(self, ended: anyio.Event) -> None:
        """Wait until the peer has closed too, or has nothing more to say."""
        with anyio.move_on_after(_LINGER_SECONDS), self._service.deadlines.waiting():
            before = -1
            while before != self._discarded and not ended.is_set():
                before = self._discarded
                with anyio.move_on_after(_LINGER_SILENCE):
                    await ended.wait()


_REASONS = {status.value: status.phrase for status in HTTPStatus}


def _problem(status: int, text: str) -> OutgoingResponse:
    headers = Headers({"Content-Type": "text/plain; charset=utf-8"})
    return OutgoingResponse.of(Response(status, headers, f"{text}\n".encode()))


_INTERNAL_ERROR = _problem(500, "the server failed")


def _refusal(error: DicomWebError) -> OutgoingResponse:
    """What a request that is not legal, or too slow, is answered with."""
    if isinstance(error, DeadlineExceeded):
        return _problem(408, "the request took too long to arrive")
    if isinstance(error, UnexpectedMediaType):
        return _problem(415, error.message)  # a content coding (RFC 9110 §15.5.16)
    return _problem(getattr(error, "status_hint", 400), error.message)


def report_failure(what: str, error: Exception) -> None:
    """Log where something went wrong, without the error's text: it may quote data of patients."""
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s: %s\n%s", what, type(error).__qualname__, where)
