"""The other side of an ASGI application: a server by hand, and uvicorn."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import uvicorn

from aiodicomweb.http import Headers, OutgoingResponse, Response
from aiodicomweb.server import AsgiApplication

from .asking import PlainArchive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from aiodicomweb.http import Request
    from aiodicomweb.net import BodyStream

__all__ = [
    "DISCONNECT",
    "Answering",
    "Exchange",
    "answering",
    "broken_promise",
    "scope",
    "under_uvicorn",
    "upload",
]

NAME = "Secret^Name"
DISCONNECT = {"type": "http.disconnect"}


def scope(
    method: str = "GET",
    target: str = "/studies",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The scope of a request."""
    path, _, query = target.partition("?")
    fields = {"host": "pacs.example", **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "server": ("127.0.0.1", 8000),
        **more,
    }


def upload(pieces: Iterable[bytes], *, whole: bool = True) -> list[dict[str, Any]]:
    """The messages of a request's body; of one that is not whole, the client leaves behind it."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    return [*messages, {"type": "http.request"} if whole else DISCONNECT]


class Exchange:
    """One request to an application, and what it answers.

    Args:
        messages: What ``receive`` gives. Behind them the client waits for ever.

    Attributes:
        sent: What the application sent.
        received: Number of messages that it took.
        on_send: Called with each message that it sends.
    """

    def __init__(self, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        self._messages = list(messages)
        self.sent: list[Any] = []
        self.received = 0
        self.on_send: Callable[[Any], None] = lambda message: None
        self._leaving = anyio.Event()

    def leave(self) -> None:
        """Let the client go away."""
        self._leaving.set()

    async def receive(self) -> Any:
        """For the application."""
        await anyio.lowlevel.checkpoint()
        if self.received == len(self._messages):
            await self._leaving.wait()
            return DISCONNECT
        self.received += 1
        return self._messages[self.received - 1]

    async def send(self, message: Any) -> None:
        """For the application."""
        await anyio.lowlevel.checkpoint()
        self.on_send(message)
        self.sent.append(message)

    async def run(self, application: Any, asked: Mapping[str, Any]) -> Response:
        """Let the application answer."""
        await application(dict(asked), self.receive, self.send)
        return self.response()

    def response(self) -> Response:
        """What was sent, as a response; that it is legal is checked."""
        start, *pieces = self.sent
        assert "http.response.start" == start["type"]
        assert {"http.response.body"} == {piece["type"] for piece in pieces}
        assert [*[True] * (len(pieces) - 1), False] == [piece["more_body"] for piece in pieces]
        assert all(type(piece["body"]) is bytes for piece in pieces)
        assert all(name == name.lower() for name, _ in start["headers"])
        body = b"".join(piece["body"] for piece in pieces)
        return Response(start["status"], Headers.from_wire(start["headers"]), body)


class Answering:
    """Stands for the origin: gives one answer, and keeps what it was asked."""

    def __init__(self, *body: Any, status: int = 200, **fields: str) -> None:
        headers = Headers((name.replace("_", "-"), value) for name, value in fields.items())
        self.answer = OutgoingResponse(Response(status, headers), body)
        self.base_path = ""
        self.request: Any = None

    def __call__(self, *, base_path: str) -> Answering:
        self.base_path = base_path
        return self

    async def respond(self, request: Request, body: BodyStream) -> OutgoingResponse:
        self.request = request
        return self.answer


@asynccontextmanager
async def answering(
    *body: Any, **settings: Any
) -> AsyncIterator[tuple[AsgiApplication, Answering]]:
    """An open application with an answer of the test's own."""
    application, origin = AsgiApplication(PlainArchive()), Answering(*body, **settings)
    application._origin_at = origin  # type: ignore[assignment]
    async with application:
        yield application, origin


def broken_promise() -> bytes:
    """Octets that were promised, and cannot be made; the error names a patient."""
    raise ValueError(NAME)


class _Uvicorn(uvicorn.Server):
    """A server that says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def under_uvicorn(application: Any, **settings: Any) -> AsyncIterator[str]:
    """Serve an application; the URL."""
    config = uvicorn.Config(application, log_config=None, access_log=False, **settings)
    server = _Uvicorn(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            await server.ready.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
