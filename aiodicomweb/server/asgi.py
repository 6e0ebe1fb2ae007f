"""The origin server as an ASGI application: within web frameworks, and under their servers.

The framework's server has the sockets and frames the messages; here they are streamed, both ways.
See the `ASGI specification <https://asgi.readthedocs.io/en/latest/specs/main.html>`_.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

import anyio
import anyio.lowlevel
import anyio.to_thread

from ..errors import (
    ConfigurationError,
    ConnectionLost,
    DeadlineExceeded,
    DicomWebError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    TransportError,
)
from ..http import URL, Headers, Request
from ..http.url import quote
from ..net import BodyStream, ServerTimeout
from ..net.pace import ServerDeadlines
from ..net.sending import Sender
from ..net.served_exchange import report_failure
from ..wire import BLOCK, Limits
from ..wire.server_exchange import with_own_port
from .origin import Origin
from .problems import problem, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from ..http import OutgoingResponse
    from .access import Access
    from .archive import Archive
    from .cors import Cors

__all__ = ["AsgiApplication"]

_Scope: TypeAlias = MutableMapping[str, Any]
_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]

_TIMEOUT: Final = ServerTimeout()
_LIMITS: Final = Limits()
_PATH_SAFE: Final = "!$&'()*+,;=:@/"


class AsgiApplication:
    """A DICOMweb origin server as an ASGI 3 application.

    Alone under a server of ASGI, which opens and closes the archive by ``lifespan``::

        application = AsgiApplication(DirectoryArchive("studies"))

    Or mounted below a path of another application. Frameworks tell what they mount nothing of
    ``lifespan``; so the other application opens and closes it by ``async with``::

        dicomweb = AsgiApplication(DirectoryArchive("studies"))


        @asynccontextmanager
        async def lifespan(app):
            async with dicomweb:
                yield


        app = Starlette(routes=[Mount("/dicom-web", dicomweb)], lifespan=lifespan)

    The path where it is mounted (``root_path``) is part of the URLs in answers, which else begin
    as the request's own does. Requests to open a WebSocket are refused.

    Args:
        archive: What there is.
        base_path: Path of the base URL below the one where this is mounted.
        allow_store: Whether instances may be stored.
        allow_delete: Whether studies, series and instances may be deleted.
        access: Who may ask; everybody if ``None``.
        cors: Which pages of other origins may; none if ``None``.
        most_results: The most results of one answer to a search.
        timeout: How long to wait for the clients: ``read``, ``rate`` and ``write`` count here,
            the other phases are the server's.
        limits: Bounds.

    Raises:
        ConfigurationError: The path is none, or the number is less than 1.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        base_path: str = "",
        allow_store: bool = True,
        allow_delete: bool = False,
        access: Access | None = None,
        cors: Cors | None = None,
        most_results: int = 1000,
        timeout: ServerTimeout = _TIMEOUT,
        limits: Limits = _LIMITS,
    ) -> None:
        self._origin_at = partial(
            Origin,
            archive,
            allow_store=allow_store,
            allow_delete=allow_delete,
            access=access,
            cors=cors,
            most_results=most_results,
            limits=limits,
        )
        self._origin_at(base_path=base_path)  # what cannot be is told now, and not by requests
        self._archive = archive
        self._path = base_path.rstrip("/")
        self._timeout = timeout
        self._limits = limits
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Open the archive.

        Raises:
            ConfigurationError: It is open already.
        """
        await self._open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the archive."""
        await self._close()

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve what a server or a framework hands over.

        Raises:
            ConfigurationError: The archive is not open, or this is no protocol of ASGI 3.
            TransportError: A response was cut off: the server must close the connection.
        """
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case _:
                raise ConfigurationError("only HTTP is served here")

    # --- the archive -----------------------------------------------------------------------------

    async def _live(self, receive: _Receive, send: _Send) -> None:
        await receive()
        outcome = await _outcome("startup", self._open)
        if "message" in outcome:
            await send(outcome)
            return
        try:
            await send(outcome)
            await receive()
        finally:  # some servers cancel
            outcome = await _outcome("shutdown", self._close)
        await send(outcome)

    async def _open(self) -> None:
        if self._is_open:
            raise ConfigurationError(
                "the archive is open already", hint="open it in the lifespan of one application"
            )
        await self._archive.open()
        self._is_open = True

    async def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            # Nothing waits for a peer here; what was stored must get to the disk in good order.
            with anyio.CancelScope(shield=True):
                await self._archive.aclose()

    # --- requests --------------------------------------------------------------------------------

    async def _serve(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if not self._is_open:
            raise ConfigurationError(
                "the archive is not open",
                hint="async with application: in the lifespan of what it is mounted in",
            )
        client = _Client(receive, send, ServerDeadlines(self._timeout, ""))
        try:
            answer = await self._respond(scope, client)
            await client.answer(answer, with_body=scope["method"] != "HEAD")
        except ConnectionLost:
            pass  # nobody is there to be told

    async def _respond(self, scope: _Scope, client: _Client) -> OutgoingResponse:
        try:
            request, mounted_at = _request(scope)
            origin = self._origin_at(base_path=mounted_at + self._path)
        except ProtocolError as error:
            return refusal(error)
        except ConfigurationError:  # frameworks mount below patterns too, which clients fill in
            return problem(404, "there is no such resource")
        body = BodyStream.over(request, client.next_octets, self._limits)
        try:
            return await origin.respond(request, body)
        except Exception as error:  # noqa: BLE001 - an archive's mistake is answered
            if isinstance(body.failure, ConnectionLost):
                raise body.failure from None
            if isinstance(error, DeadlineExceeded) and error is body.failure:
                return problem(408, "the request took too long to arrive")
            report_failure("the request can't be answered", error)
            return problem(500, "the server failed")


async def _outcome(event: str, step: Callable[[], Awaitable[None]]) -> _Message:
    """Take a step, and what the server is to be told of it."""
    try:
        await step()
    except Exception as error:  # noqa: BLE001 - the server is told, and ends
        report_failure(f"{event} failed", error)
        # The texts of other errors may quote data of patients.
        reason = str(error) if isinstance(error, DicomWebError) else type(error).__qualname__
        return {"type": f"lifespan.{event}.failed", "message": reason}
    return {"type": f"lifespan.{event}.complete"}


# --- the head of the request ---------------------------------------------------------------------


def _request(scope: _Scope) -> tuple[Request, str]:
    """The head of a request with its whole URL, and the path where the application is mounted.

    Raises:
        ProtocolError: It is not legal: servers differ in what they let pass.
    """
    headers = Headers(
        (str(name, "iso-8859-1"), str(value, "iso-8859-1")) for name, value in scope["headers"]
    )
    path, mounted_at = _paths(scope)
    scheme = scope.get("scheme", "http")
    own = URL(scheme, _own_authority(scope), "")
    hosts = headers.get_all("Host") or [own.authority]
    if len(hosts) > 1 or not hosts[0] or "@" in hosts[0]:
        raise RemoteProtocolError("the request names no host, or several")
    query = str(scope.get("query_string", b""), "iso-8859-1") or None
    url = with_own_port(URL(scheme, hosts[0], path, query), own)
    return Request(scope["method"], url, headers.without("Host")), mounted_at


def _paths(scope: _Scope) -> tuple[str, str]:
    """The whole path, and that where the application is mounted, as the client encoded them.

    ``root_path`` is the beginning of the path, unless a gateway took it away: all of it, or what
    stands before the path at which Starlette mounted us, which it tells by ``app_root_path``.
    """
    raw = scope.get("raw_path")
    path = quote(scope["path"], _PATH_SAFE) if raw is None else str(raw, "iso-8859-1")
    root = scope.get("root_path", "").rstrip("/")
    segments = root.count("/") + 1
    mounted_at = "/".join(path.split("/", segments)[:segments])
    if unquote(mounted_at) != root:
        taken = scope.get("app_root_path", root).rstrip("/")
        path = quote(taken, _PATH_SAFE) + path
        mounted_at = "/".join(path.split("/", segments)[:segments])
    return path, mounted_at


def _own_authority(scope: _Scope) -> str:
    """The server's address and port; empty for a socket that has none."""
    server: Sequence[Any] = scope.get("server") or (None, None)
    if server[1] is None:
        return ""
    host, port = server
    host = host.partition("%")[0]  # the zone of an IPv6 address has no place in a URL
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- the body of the request, and the response ---------------------------------------------------


class _Client:
    """The client of one request, as the server lets us hear and speak to it.

    The response begins with its first octets, and not before: what fails until then is answered
    with another.
    """

    def __init__(self, receive: _Receive, send: _Send, deadlines: ServerDeadlines) -> None:
        self._receive = receive
        self._send = send
        self._deadlines = deadlines
        self._request_ended = False
        self._head: _Message | None = None
        self._begun = False
        self._gone = False

    async def next_octets(self) -> bytes | None:
        """The next octets of the request's body; ``None`` behind the last.

        Raises:
            ConnectionLost: The client is gone.
            DeadlineExceeded: Too long nothing came.
        """
        if self._request_ended:
            return None
        with self._deadlines.phase("read"):
            message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ConnectionLost("the client went away", phase="read")
        self._request_ended = not message.get("more_body", False)
        octets: bytes = message.get("body", b"")
        self._deadlines.arrived(len(octets))
        return octets

    async def answer(self, answer: OutgoingResponse, *, with_body: bool) -> None:
        """Send the response.

        Raises:
            ConnectionLost: The client is gone.
            TransportError: The response was cut off.
        """
        failure = await self._try_to_answer(answer, with_body=with_body)
        if failure is None:
            return
        if not isinstance(failure, TransportError):
            report_failure("the response can't be sent", failure)
        if self._begun:
            # Not chained: servers log it, and the text of the cause may be about patients.
            raise TransportError("the response was cut off", phase="write")
        await self._deliver(problem(500, "the server failed"), with_body=with_body)

    async def _try_to_answer(
        self, answer: OutgoingResponse, *, with_body: bool
    ) -> Exception | None:
        """Send the response; what prevented it, unless it is that the client is gone."""
        deliver = partial(self._deliver, answer, with_body=with_body)
        is_long = with_body and (answer.length is None or answer.length > BLOCK)
        try:
            await (self._while_there(deliver) if is_long else deliver())
        except ConnectionLost:
            raise
        except Exception as error:  # noqa: BLE001 - another answer takes its place
            return error
        return None

    async def _deliver(self, answer: OutgoingResponse, *, with_body: bool) -> None:
        self._head = _head(answer)
        with Sender(self, self._deadlines) as sender:
            if with_body and answer.head.status not in (204, 304):
                await sender.send(answer.body)
            await sender.flush()
        await self._say({"type": "http.response.body", "body": b"", "more_body": False})

    async def _while_there(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work until the client is gone: many servers throw away what is sent after that."""
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._await_departure, tasks.cancel_scope)
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - raised below, outside the task group
                failure = error
            tasks.cancel_scope.cancel()
        if self._gone:
            raise ConnectionLost("the client went away", phase="write")
        if failure is not None:
            raise failure

    async def _await_departure(self, sending: anyio.CancelScope) -> None:
        # A request that is still coming is dropped: it may be that the client reads only then.
        while (await self._receive())["type"] != "http.disconnect":
            await anyio.lowlevel.checkpoint()
        self._gone = True
        sending.cancel()

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send octets of the body."""
        for segment in segments:
            octets = bytes(segment)
            await self._say({"type": "http.response.body", "body": octets, "more_body": True})

    def send_now(self, octets: bytes | bytearray | memoryview) -> int:
        """Nothing: the framework can't."""
        return 0

    def send_file_now(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> int:
        """Nothing: it has to be read first."""
        return 0

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        """Send a piece of a file, read in a worker thread."""
        if head:
            await self.send([head])
        end = offset + length
        while offset < end:
            octets = await anyio.to_thread.run_sync(os.pread, descriptor, end - offset, offset)
            if not octets:
                raise LocalProtocolError(f"the file ends {end - offset} octets early")
            await self.send([octets])
            offset += len(octets)

    async def _say(self, message: _Message) -> None:
        try:
            if not self._begun and self._head is not None:
                self._begun = True
                await self._send(self._head)
            await self._send(message)
        except OSError:
            raise ConnectionLost("the client went away", phase="write") from None


def _head(answer: OutgoingResponse) -> _Message:
    """The beginning of a response; the length is told, also where the body is not sent."""
    status, headers = answer.head.status, answer.head.headers
    if status != 304:
        headers = headers.without("Content-Length")
        if status != 204 and answer.length is not None:
            headers = headers.add("Content-Length", str(answer.length))
    fields = [(name.lower(), value) for name, value in headers.to_wire()]
    return {"type": "http.response.start", "status": status, "headers": fields}
