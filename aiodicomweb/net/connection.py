"""One connection and the exchange that runs on it.

A request without a body is sent and then its response is read, in the caller's task. With a body,
a second task sends it while the caller's reads the response's head: a server that refuses an
upload says so early, and then stops reading (RFC 9112 §9.5). With ``Expect: 100-continue`` the
body waits for the server's word, or for a second (RFC 9110 §10.1.1). Whether the connection
survives is decided once, in :meth:`Connection.finish`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

from ..errors import ConnectionLost, RemoteProtocolError, TransportError
from ..wire import BLOCK, NEED_DATA, Arena, ClientExchange
from .pool_state import IDLE_SECONDS, idle_seconds
from .proxy import absolute_form, forwarded, is_refusal, refusal
from .sending import Sender

if TYPE_CHECKING:
    from ..http import Body, Origin, Proxy, Request, Response
    from ..wire import BodyReader, Limits
    from .deadline import Deadlines, Phase
    from .stream import ByteStream

__all__ = ["Connection"]

_CONTINUE_SECONDS = 1.0
"""How long a server is waited for that was asked whether it wants the body."""


class Connection:
    """A connection to one origin. Owns the stream; carries one exchange at a time.

    Args:
        stream: To the origin, or to the proxy.
        origin: The peer.
        limits: Bounds.
        proxy: Who forwards the requests; ``None`` without one, and in a tunnel.

    Attributes:
        begun: Whether octets of the current request's body were sent.
        deadlines: Of the current exchange.
        origin: The peer.
        received: Octets of the current response that arrived.
        exchanges: Exchanges begun; more than one says that the connection was reused.
        idle_seconds: How long it may be kept after this exchange.
        expires: When it has been kept too long, once it is idle.
    """

    __slots__ = (
        "_arena",
        "_exchange",
        "_intact",
        "_limits",
        "_proxy",
        "_sender",
        "_sent_all",
        "_stream",
        "begun",
        "deadlines",
        "exchanges",
        "expires",
        "idle_seconds",
        "origin",
        "received",
    )

    _exchange: ClientExchange
    _sender: Sender
    begun: bool
    deadlines: Deadlines
    origin: Origin
    received: int
    exchanges: int
    idle_seconds: float
    expires: float

    def __init__(
        self, stream: ByteStream, origin: Origin, limits: Limits, proxy: Proxy | None = None
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._proxy = proxy
        self._arena = Arena()
        self._intact = True  # false as soon as an operation failed or was cancelled
        self._sent_all = False
        self.begun = False
        self.origin = origin
        self.received = 0
        self.exchanges = 0
        self.idle_seconds = IDLE_SECONDS
        self.expires = math.inf

    @property
    def sent(self) -> int:
        """Octets of the current request that were handed to the operating system."""
        return self._sender.sent if self.exchanges else 0

    @property
    def body(self) -> BodyReader:
        """The current response's body, after :meth:`send` returned."""
        return self._exchange.body

    @property
    def closed(self) -> bool:
        """Whether the peer closed it while the current response was read."""
        return self._exchange.closed

    async def send(self, request: Request, deadlines: Deadlines) -> Response:
        """Send a request and read the head of its response.

        Raises:
            TransportError: The connection failed, with phase and octet counts.
            ProxyError: The proxy does not forward the request.
            ProtocolError: The request or the response's head is not legal.
        """
        self._exchange = ClientExchange(self._arena, self._limits)
        self.deadlines = deadlines
        self._intact = self._sent_all = self.begun = False
        self._sender = Sender(self._stream, deadlines)
        self.received = 0
        self.exchanges += 1
        self._sender.hold(self._request_head(request))
        try:
            if request.body:
                expects = "100-continue" in request.headers.tokens("Expect")
                response = await self._send_and_listen(request.body, _Upload(expects=expects))
            else:
                await self._sender.flush()
                self._sent_all = True
                with deadlines.phase("head"):
                    response = await self._read_head()
        except TransportError as error:
            raise self._explain(error, "head" if self._sent_all else "write") from error.__cause__
        if self._proxy is not None and is_refusal(response):
            raise refusal(response, str(self.origin), self._proxy)
        self.idle_seconds = idle_seconds(response.headers)
        self._intact = True
        return response

    def _request_head(self, request: Request) -> bytes:
        if self._proxy is None:
            return self._exchange.request_head(request)
        return self._exchange.request_head(
            forwarded(request, self._proxy), absolute_form(request.url)
        )

    async def receive(self, wanted: int) -> None:
        """Receive octets of the response's body, about ``wanted``.

        Raises:
            ConnectionLost: The connection broke.
            FramingError: It ended before the body did.
            DeadlineExceeded: Nothing came for ``Timeout.read``.
        """
        self._intact = False
        try:
            with self.deadlines.phase("read"):
                await self._receive(wanted)
        except TransportError as error:
            raise self._explain(error, "read") from error.__cause__
        self._intact = True

    def finish(self) -> bool:
        """End the exchange; whether the connection may carry another one."""
        self._arena.forget()  # an idle connection holds no more memory than it must
        return self._intact and self._sent_all and self._exchange.reusable

    def is_readable(self) -> bool:
        """Whether octets of the response, or the end, can be received without waiting."""
        return self._stream.is_readable()

    def is_stale(self) -> bool:
        """Whether the peer closed, or said something unasked, while the connection was idle."""
        return self._stream.is_readable()

    def abort(self) -> None:
        """Close at once."""
        self._stream.abort()

    async def aclose(self) -> None:
        """Close in an orderly way."""
        await self._stream.aclose()

    # --- receiving -------------------------------------------------------------------------------

    async def _read_head(self, upload: _Upload | None = None) -> Response:
        while True:
            response = self._exchange.next_head()
            if upload is not None and self._exchange.continued:
                upload.wanted.set()
            if response is not NEED_DATA:
                return response
            if await self._receive(BLOCK) == 0:
                missing = "within the head of its answer" if self.received else "without an answer"
                raise ConnectionLost(f"the server closed the connection {missing}")

    async def _receive(self, wanted: int) -> int:
        count = await self._stream.receive_into(self._exchange.writable(wanted))
        self.received += count
        self._exchange.commit(count)
        return count

    # --- sending ---------------------------------------------------------------------------------

    async def _send_and_listen(self, body: Body, upload: _Upload) -> Response:
        """Send head and body in a task of their own; read the response's head meanwhile."""
        answer: Response | Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._upload, body, upload, tasks.cancel_scope)
            try:
                answer = await self._read_head(upload)
                upload.answered = True
            except Exception as error:  # noqa: BLE001 - raised below, outside the task group
                answer = error
            # An upload that the server refused, or did not wait for, is not carried on.
            if upload.pointless or isinstance(answer, Exception) or not answer.is_success:
                tasks.cancel_scope.cancel()
        self.begun = upload.begun
        return upload.outcome(answer)

    async def _upload(self, body: Body, upload: _Upload, scope: anyio.CancelScope) -> None:
        try:
            try:
                with self._sender:
                    await self._await_word(upload)
                    await self._sender.send(body)
                    await self._sender.flush()
                self._sent_all = True
            except ConnectionLost as error:
                # The answer may be on its way all the same; the reader finds out.
                upload.lost = error
            upload.over = True
            if not upload.answered:
                # Only now does the time run in which the answer must come.
                with self.deadlines.phase("head"):
                    await anyio.sleep_forever()
        except Exception as error:  # noqa: BLE001 - raised by the caller's task
            upload.failure = error
            scope.cancel()

    async def _await_word(self, upload: _Upload) -> None:
        """Send the head alone and hold the body back, for as long as the server may want it so.

        Many servers never say 100: the body goes out then all the same.
        """
        if upload.expects:
            await self._sender.flush()
            with anyio.move_on_after(_CONTINUE_SECONDS):
                await upload.wanted.wait()
        upload.begun = True

    def _explain(self, error: TransportError, phase: Phase) -> TransportError:
        """Tell the error what only the connection knows."""
        error.phase = error.phase or phase
        error.origin = str(self.origin)
        error.sent, error.received = self.sent, self.received
        if isinstance(error, ConnectionLost):
            error.stale = self.exchanges > 1 and self.received == 0
            if phase == "read":
                error.expected = self.body.missing
        return error


class _Upload:
    """What becomes of sending a body.

    Args:
        expects: Whether the body waits for the server to ask for it.

    Attributes:
        wanted: Set when the server asks for the body.
        begun: The body is being sent.
        answered: The head of the response arrived.
        over: Nothing more will be sent.
        lost: The peer took no more octets.
        failure: What else went wrong.
    """

    __slots__ = ("answered", "begun", "expects", "failure", "lost", "over", "wanted")

    def __init__(self, *, expects: bool) -> None:
        self.expects = expects
        self.wanted = anyio.Event()
        self.begun = False
        self.answered = False
        self.over = False
        self.lost: ConnectionLost | None = None
        self.failure: Exception | None = None

    @property
    def pointless(self) -> bool:
        """Whether nothing is to be sent once the answer is there."""
        return self.over or (self.expects and not (self.begun or self.wanted.is_set()))

    def outcome(self, answer: Response | Exception | None) -> Response:
        """What the exchange comes to.

        Args:
            answer: What reading the response's head gave; ``None`` if a failure ended that.

        Raises:
            Exception: What failed; a success is an error where the body was not sent whole.
        """
        if self.failure is not None and (answer is None or not self.over):
            raise self.failure
        if answer is None:
            raise ConnectionLost("the connection ended")
        if isinstance(answer, Exception):
            # A peer that stopped taking octets explains more than one that stopped answering.
            raise self.lost if self.lost and isinstance(answer, ConnectionLost) else answer
        if answer.is_success:
            self._check_sent(answer)
        return answer

    def _check_sent(self, answer: Response) -> None:
        """A success without the body, as a store that got no instances, is none."""
        if self.lost is not None:
            raise self.lost
        if not self.begun:
            raise RemoteProtocolError(f"the server answers {answer.status} without the body")
