"""A command line to call, and a small scripted DICOMweb server on a real socket."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Outcome:
    status: int
    out: str
    err: str


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hangs: bool = False


@dataclass
class Received:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer(ThreadingHTTPServer):
    """Gives the next scripted answer to each request, and keeps what it was asked."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/dicom-web"
        self.answers: list[Answer] = []
        self.received: list[Received] = []
        self.asked = threading.Event()
        self.released = threading.Event()

    def handle_error(self, *_arguments: object) -> None:
        """Nothing: a client may leave before the end."""

    def add(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Script the next answer; header names are written with underscores."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(Answer(status, fields, body))

    def add_json(self, body: object, status: int = 200, **headers: str) -> None:
        """Script an answer in DICOM JSON."""
        headers.setdefault("Content_Type", "application/dicom+json")
        self.add(status, json.dumps(body).encode(), **headers)

    def add_parts(
        self, content_type: str, parts: list[bytes], status: int = 200, *, whole: bool = True
    ) -> None:
        """Script a multipart answer; one that is not whole lacks its close delimiter."""
        body = b"".join(
            b"\r\n--end\r\nContent-Type: %b\r\n\r\n%b" % (content_type.encode(), part)
            for part in parts
        )
        essence = content_type.partition(";")[0]
        self.add(
            status,
            body + (b"\r\n--end--\r\n" if whole else b""),
            Content_Type=f'multipart/related; type="{essence}"; boundary=end',
        )

    def hang(self) -> None:
        """Let the next request wait for ever."""
        self.answers.append(Answer(hangs=True))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.command, self.path, headers, body))
        answer = self.server.answers.pop(0) if self.server.answers else Answer(599)
        self.server.asked.set()
        if answer.hangs:
            self.server.released.wait()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = _answer  # noqa: N815
    do_POST = _answer  # noqa: N815
    do_DELETE = _answer  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the tests look at what was received."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted server, which listens for the length of a test."""
    with ScriptedServer() as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.released.set()
        listening.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "USER", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"AIODICOMWEB_{name}", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(status, printed.out, printed.err)

    return run
