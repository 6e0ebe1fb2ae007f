"""The ASGI application: the protocol by hand, under uvicorn, and mounted in Starlette."""

from __future__ import annotations

import gzip
import itertools
import os
import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from aiodicomweb import (
    AuthenticationRequired,
    Client,
    ConfigurationError,
    NotFound,
    Retry,
    TransportError,
)
from aiodicomweb.http import Deferred, FileSpan, Headers, OutgoingResponse, Produced, Response
from aiodicomweb.net import ServerTimeout
from aiodicomweb.server import AsgiApplication, BasicAccess, DirectoryArchive, MemoryArchive

from ..support.asgi import DISCONNECT, Exchange, scope, under_uvicorn, upload
from ..support.asking import PlainArchive
from ..support.dicom_files import sample
from ..support.messages import DICOM, dicom_file, file_head, multipart, parts_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiodicomweb.http import Request
    from aiodicomweb.net import BodyStream

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)
STORED = {"content-type": DICOM}
IMAGE = sample("CT_small.dcm")
ONCE = Retry(attempts=1)
BLOCK = 256 * 1024
MIB = 1 << 20
PATIENCE = 20


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


# --- one exchange, by hand -----------------------------------------------------------------------


async def test_an_answer() -> None:
    """A start with the length, and the body."""
    async with AsgiApplication(MemoryArchive([FILE])) as application:
        answer = await Exchange().run(application, scope(target="/studies?PatientName=Secret*"))

    assert 200 == answer.status
    assert "application/dicom+json" == answer.headers["Content-Type"]
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    assert b'"http://pacs.example/studies/1.2"' in answer.body


@given(cuts=st.lists(st.integers(0, 700), max_size=10).map(sorted), coded=st.booleans())
async def test_an_upload(cuts: list[int], coded: bool) -> None:
    """Instances are stored however the octets come, and content coding is undone."""
    octets = multipart([FILE, dicom_file("1.2.3.5")])
    fields = parts_type()
    if coded:
        octets, fields = gzip.compress(octets), {**fields, "Content-Encoding": "gzip"}
    ends = [0, *cuts, len(octets)]
    pieces = [octets[begin:end] for begin, end in itertools.pairwise(ends)]
    archive = PlainArchive()
    async with AsgiApplication(archive) as application:
        answer = await Exchange(upload(pieces)).run(application, scope("POST", headers=fields))

    assert 200 == answer.status
    assert {"1.2.3.4": FILE, "1.2.3.5": dicom_file("1.2.3.5")} == archive.files


async def test_the_last_message_may_have_octets() -> None:
    """A body in one message, as most small ones come."""
    archive = PlainArchive()
    async with AsgiApplication(archive) as application:
        messages = [{"type": "http.request", "body": FILE, "more_body": False}]
        answer = await Exchange(messages).run(application, scope("POST", headers=STORED))

    assert (200, {"1.2.3.4": FILE}) == (answer.status, archive.files)


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (200, scope()),
        (415, scope("POST", headers={"content-type": "text/plain"})),
        (404, scope("POST", "/nowhere", STORED)),
        (405, scope("POST", "/series", STORED)),
    ],
)
async def test_a_body_is_not_read_in_vain(status: int, asked: dict[str, Any]) -> None:
    """Who waits for a word to send it is told by the server only when it is asked for."""
    exchange = Exchange(upload([FILE]))
    async with AsgiApplication(PlainArchive()) as application:
        answer = await exchange.run(application, asked)

    assert (status, 0) == (answer.status, exchange.received)


async def test_an_upload_that_breaks_off() -> None:
    """Is answered with nothing, and leaves nothing behind."""
    archive = PlainArchive()
    exchange = Exchange(upload([FILE[:300]], whole=False))
    async with AsgiApplication(archive) as application:
        await application(scope("POST", headers=STORED), exchange.receive, exchange.send)

    assert ([], {}, 0) == (exchange.sent, archive.files, archive.open_deposits)
    assert [300] == archive.pieces


async def test_an_upload_that_falls_silent() -> None:
    """Is refused after the time to read."""
    archive = PlainArchive()
    exchange = Exchange(upload([FILE[:300]])[:1])
    async with AsgiApplication(archive, timeout=ServerTimeout(read=0.01)) as application:
        answer = await exchange.run(application, scope("POST", headers=STORED))

    assert (408, 0) == (answer.status, archive.open_deposits)


async def test_head() -> None:
    """The fields of GET, and no body."""
    async with AsgiApplication(MemoryArchive([FILE])) as application:
        get = await Exchange().run(application, scope())
        head = await Exchange().run(application, scope("HEAD"))

    assert get.body
    assert (get.status, get.headers, b"") == (head.status, head.headers, head.body)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_body(status: int) -> None:
    """Has no length other than that of what it stands for."""
    async with answering(status=status, ETag='"1"', Content_Length="7") as (application, _):
        answer = await Exchange().run(application, scope())

    assert (status, b"") == (answer.status, answer.body)
    assert ("7" if status == 304 else None) == answer.headers.get("Content-Length")


async def test_pieces_of_every_kind(tmp_path: Path) -> None:
    """They come in order; large ones in blocks, small ones together."""
    octets = os.urandom(2 * BLOCK + 10)
    path = tmp_path / "file"
    path.write_bytes(octets)
    body = (
        b"head",
        FileSpan(str(path), 1, 2 * BLOCK + 5),
        memoryview(b"between"),
        Deferred(3, lambda: b"abc"),
        FileSpan(str(path), 0, 2),
        bytearray(octets),
    )
    exchange = Exchange()
    async with answering(*body) as (application, _):
        answer = await exchange.run(application, scope())

    parts = [b"head", octets[1 : 2 * BLOCK + 6], b"between", b"abc", octets[:2], octets]
    assert b"".join(parts) == answer.body
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    sizes = [len(message["body"]) for message in exchange.sent[1:]]
    assert [4, BLOCK, BLOCK, 5, 10, 2, BLOCK, BLOCK, 10, 0] == sizes


async def test_a_length_that_nobody_knows() -> None:
    """Is not told; the server frames the body."""
    async with answering(b"a", Produced(lambda: b"b")) as (application, _):
        answer = await Exchange().run(application, scope())

    assert (b"ab", False) == (answer.body, "Content-Length" in answer.headers)


# --- what fails ----------------------------------------------------------------------------------


def fail() -> bytes:
    """A promise that is broken."""
    raise ValueError(NAME)


@pytest.mark.parametrize("body", [(b"a", Produced(fail)), (FileSpan("/nowhere", 0, 9),)])
async def test_a_body_that_cannot_begin(body: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Another answer takes its place."""
    async with answering(*body) as (application, _):
        answer = await Exchange().run(application, scope())

    assert (500, b"the server failed\n") == (answer.status, answer.body)
    assert "Secret" not in caplog.text


async def test_a_file_that_ends_early(tmp_path: Path) -> None:
    """It was changed meanwhile: what is sent must not look whole."""
    path = tmp_path / "file"
    path.write_bytes(bytes(BLOCK))
    exchange = Exchange()
    async with answering(FileSpan(str(path), 0, BLOCK + 1)) as (application, _):
        with pytest.raises(TransportError):
            await exchange.run(application, scope())

    assert exchange.sent[-1]["more_body"]


async def test_a_body_that_fails_later(caplog: pytest.LogCaptureFixture) -> None:
    """Is raised to the server, who cuts the connection and logs what it gets."""
    exchange = Exchange()
    async with answering(bytes(BLOCK), Produced(fail)) as (application, _):
        with pytest.raises(TransportError) as raised:
            await exchange.run(application, scope())

    assert exchange.sent[-1]["more_body"]
    assert (None, None) == (raised.value.__cause__, raised.value.__context__)
    assert "ValueError" in caplog.text
    assert "Secret" not in caplog.text


async def test_an_archive_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """500, without a word of what it was about."""

    class Broken(PlainArchive):
        async def search(self, request: object, limit: int) -> Any:
            raise ValueError(NAME)

    async with AsgiApplication(Broken()) as application:
        answer = await Exchange().run(application, scope())

    assert (500, b"the server failed\n") == (answer.status, answer.body)
    assert "ValueError" in caplog.text
    assert "Secret" not in caplog.text


async def test_a_client_that_leaves() -> None:
    """Nothing more is made for it, even if the server would take it."""
    made = 0

    def make() -> bytes:
        nonlocal made
        made += 1
        return bytes(BLOCK)

    exchange = Exchange(upload([]))
    exchange.on_send = lambda message: exchange.leave() if "body" in message else None
    async with answering(*[Produced(make)] * 1000) as (application, _):
        await application(scope(), exchange.receive, exchange.send)

    assert made < 10
    assert exchange.sent[-1]["more_body"]


@pytest.mark.parametrize("size", [1, 10 * BLOCK])
async def test_a_server_that_takes_no_more(size: int) -> None:
    """Newer ones say by an ``OSError`` that the client is gone; that is no failure."""

    def refuse(message: object) -> None:
        raise OSError

    exchange = Exchange()
    exchange.on_send = refuse
    async with answering(bytes(size)) as (application, _):
        await application(scope(), exchange.receive, exchange.send)

    assert [] == exchange.sent


async def test_a_client_that_does_not_read() -> None:
    """Is cut off after the time to write."""
    application = AsgiApplication(PlainArchive(), timeout=ServerTimeout(write=0.01))
    application._origin_at = Answering(bytes(BLOCK))  # type: ignore[assignment]
    async with application:
        with pytest.raises(TransportError):
            await application(scope(), Exchange().receive, lambda _: anyio.sleep_forever())


async def test_a_long_answer_while_the_request_still_comes() -> None:
    """Its rest is taken and dropped: the client may read only then."""
    messages = upload([b"rest"] * 5)
    exchange = Exchange(messages)
    async with answering(*[Produced(lambda: bytes(BLOCK))] * 20) as (application, _):
        answer = await exchange.run(application, scope("POST"))

    assert (20 * BLOCK, len(messages)) == (len(answer.body), exchange.received)


# --- the head of the request ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (("", "/studies"), {}),
        (("/a", "/a/studies"), {"root_path": "/a", "raw_path": b"/a/studies"}),
        (("/a", "/a/studies"), {"root_path": "/a/", "raw_path": b"/a/studies"}),
        (("/a/b", "/a/b/"), {"root_path": "/a/b", "raw_path": b"/a/b/"}),
        (("/a%20b", "/a%20b/x%2F"), {"root_path": "/a b", "raw_path": b"/a%20b/x%2F"}),
        (("/%C3%A9", "/%C3%A9/x"), {"root_path": "/é", "raw_path": b"/%C3%A9/x"}),
        (("/a", "/a/x%20y"), {"root_path": "/a", "raw_path": None, "path": "/a/x y"}),
        # A gateway took it away.
        (("/a", "/a/studies"), {"root_path": "/a"}),
        (("/a/b", "/a/b/studies"), {"root_path": "/a/b"}),
        (("/a", "/a/ab/studies"), {"root_path": "/a", "raw_path": b"/ab/studies"}),
        (("/a%20b", "/a%20b/studies"), {"root_path": "/a b"}),
        (
            ("/a/b", "/a/b/x"),
            {"root_path": "/a/b", "app_root_path": "/a", "raw_path": b"/b/x"},
        ),
    ],
)
async def test_where_it_is_mounted(expected: tuple[str, str], given: dict[str, Any]) -> None:
    """The path as the client sees it, and as it encoded it."""
    async with answering() as (application, origin):
        await Exchange().run(application, scope(**given))

    assert expected == (origin.base_path, origin.request.url.path)


async def test_a_base_path_below() -> None:
    """It stands behind the path where the application is mounted."""
    archive = MemoryArchive([FILE])
    async with AsgiApplication(archive, base_path="/rs/") as application:
        asked = scope(target="/a/rs/studies", root_path="/a")
        answer = await Exchange().run(application, asked)
        other = await Exchange().run(application, scope(target="/a/studies", root_path="/a"))

    assert b'"http://pacs.example/a/rs/studies/1.2"' in answer.body
    assert 404 == other.status


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("http://pacs.example/studies", {}),
        ("https://pacs.example/studies?a=%5E", {"scheme": "https", "query_string": b"a=%5E"}),
        ("http://127.0.0.1:8000/studies", {"headers": {"host": "127.0.0.1"}}),
        ("http://localhost:8000/studies", {"headers": {"host": "localhost"}}),
        ("http://localhost:81/studies", {"headers": {"host": "localhost:81"}}),
        ("http://localhost/studies", {"headers": {"host": "localhost"}, "server": None}),
        (
            "http://localhost/studies",
            {"headers": {"host": "localhost"}, "server": ("/run/s", None)},
        ),
    ],
)
async def test_the_url(url: str, given: dict[str, Any]) -> None:
    """As the client sees it; dicomweb-client forgets the port."""
    async with answering() as (application, origin):
        await Exchange().run(application, scope(**given))

    assert url == str(origin.request.url)
    assert "Host" not in origin.request.headers


@pytest.mark.parametrize("server", [("::1", 8000), ("fe80::1%eth0", 8000)])
async def test_no_host(server: tuple[str, int]) -> None:
    """HTTP/1.0 need not name one: it is the server's address."""
    async with answering() as (application, origin):
        await Exchange().run(application, scope(server=server) | {"headers": []})

    assert f"http://[{server[0].partition('%')[0]}]:8000/studies" == str(origin.request.url)


@pytest.mark.parametrize(
    ("status", "given"),
    [
        (400, {"headers": [], "server": None}),
        (400, {"headers": [(b"host", b"a"), (b"host", b"b")]}),
        (400, {"headers": [(b"host", b"user@a")]}),
        (400, {"headers": [(b"host", b"a b")]}),
        (400, {"headers": [(b"host", b"a"), (b"accept", b"a\nb")]}),
        (400, {"headers": [(b"host", b"a"), (b"a b", b"")]}),
        (400, {"raw_path": b"*"}),
        (400, {"raw_path": b"/studies\xe9"}),
        (400, {"raw_path": None, "path": "/studies\0"}),
        (400, {"query_string": b"a=\xe9"}),
        (400, {"method": "GET /"}),
        (404, {"root_path": "/{a}", "raw_path": b"/{a}/studies"}),
        (404, {"root_path": "/a//b", "raw_path": b"/a//b/studies"}),
    ],
)
async def test_what_servers_let_pass(status: int, given: dict[str, Any]) -> None:
    """A head that is not legal is refused."""
    async with AsgiApplication(PlainArchive()) as application:
        answer = await Exchange().run(application, {**scope(), **given})

    assert (status, "text/plain") == (
        answer.status,
        answer.media_type and answer.media_type.essence,
    )


# --- the archive, and other protocols ------------------------------------------------------------


async def live(application: AsgiApplication) -> list[Any]:
    """Let a server start the application, and stop it."""
    exchange = Exchange([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    await application({"type": "lifespan"}, exchange.receive, exchange.send)
    return exchange.sent


async def test_lifespan() -> None:
    """The archive is open from startup to shutdown."""
    archive = PlainArchive()
    exchange = Exchange([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    was_open: list[bool] = []
    exchange.on_send = lambda message: was_open.append(archive.is_open)
    await AsgiApplication(archive)({"type": "lifespan"}, exchange.receive, exchange.send)

    assert [
        ({"type": "lifespan.startup.complete"}, True),
        ({"type": "lifespan.shutdown.complete"}, False),
    ] == list(zip(exchange.sent, was_open, strict=True))


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError(NAME), "ValueError"), (ConfigurationError("no folder"), "no folder")],
)
@pytest.mark.parametrize("event", ["startup", "shutdown"])
async def test_an_archive_that_does_not_open_or_close(
    event: str, error: Exception, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is told why, as far as it may know."""

    class Broken(PlainArchive):
        async def open(self) -> None:
            if event == "startup":
                raise error

        async def aclose(self) -> None:
            raise error

    sent = await live(AsgiApplication(Broken()))

    assert {"type": f"lifespan.{event}.failed", "message": text} == sent[-1]
    assert (1 if event == "startup" else 2) == len(sent)
    assert "Secret" not in caplog.text


async def test_a_server_that_cancels() -> None:
    """The archive is closed then too."""
    archive = PlainArchive()
    application = AsgiApplication(archive)
    exchange = Exchange([{"type": "lifespan.startup"}])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(application, {"type": "lifespan"}, exchange.receive, exchange.send)
        await anyio.wait_all_tasks_blocked()
        assert archive.is_open
        tasks.cancel_scope.cancel()

    assert not archive.is_open


async def test_an_archive_that_nobody_opened() -> None:
    """What is mounted is told nothing of lifespan: the mistake is named."""
    application = AsgiApplication(PlainArchive())
    with pytest.raises(ConfigurationError, match="async with application"):
        await Exchange().run(application, scope())


async def test_an_archive_that_two_open() -> None:
    """Another application opened it already."""
    async with AsgiApplication(PlainArchive()) as application:
        (failed,) = await live(application)
        assert "lifespan.startup.failed" == failed["type"]
        with pytest.raises(ConfigurationError):
            await application.__aenter__()


async def test_other_protocols() -> None:
    """A WebSocket is refused before it is one, and what nobody knows is an error."""
    exchange = Exchange()
    application = AsgiApplication(PlainArchive())
    await application({"type": "websocket"}, exchange.receive, exchange.send)
    assert [{"type": "websocket.close"}] == exchange.sent
    with pytest.raises(ConfigurationError):
        await application({"type": "gopher"}, exchange.receive, exchange.send)


@pytest.mark.parametrize("settings", [{"base_path": "x"}, {"most_results": 0}])
def test_what_cannot_be_set(settings: dict[str, Any]) -> None:
    """It is told at once, and not by the first request."""
    with pytest.raises(ConfigurationError):
        AsgiApplication(PlainArchive(), **settings)


@pytest.mark.parametrize(
    ("status", "settings", "asked"),
    [
        (401, {"access": BasicAccess({"jane": "x"})}, scope()),
        (405, {"allow_store": False}, scope("POST", headers=STORED)),
        (405, {}, scope("DELETE", "/studies/1.2")),
        (204, {"allow_delete": True}, scope("DELETE", "/studies/1.2")),
    ],
)
async def test_settings(status: int, settings: dict[str, Any], asked: dict[str, Any]) -> None:
    """They are the origin's."""
    async with AsgiApplication(MemoryArchive([FILE]), **settings) as application:
        assert status == (await Exchange().run(application, asked)).status


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_both_event_loops(backend: str, tmp_path: Path) -> None:
    """Store, retrieve, and leave."""
    file = dicom_file("1.2.3.4", 2 * MIB)

    async def talk() -> None:
        exchange = Exchange(upload([file[:9], file[9:]]))
        path = "/studies/1.2/series/1.2.3/instances/1.2.3.4"
        asked = scope(target=path, headers={"accept": DICOM})
        async with AsgiApplication(DirectoryArchive(tmp_path)) as application:
            stored = await exchange.run(application, scope("POST", headers=STORED))
            assert 200 == stored.status
            got = await Exchange().run(application, asked)
            assert file == got.body
            leaving = Exchange([DISCONNECT])
            await application(asked, leaving.receive, leaving.send)
            assert len(leaving.sent) < 10

    anyio.run(talk, backend=backend)


# --- under uvicorn -------------------------------------------------------------------------------


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[anyio.abc.SocketStream]:
    """A connection to a server."""
    async with await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2])) as stream:
        yield stream


async def get(url: str, path: str) -> bytes:
    """A response in octets."""
    received = b""
    async with connected(url) as stream:
        request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        await stream.send(request.encode())
        try:
            while True:
                received += await stream.receive()
        except anyio.EndOfStream:
            return received


@pytest.mark.slow
async def test_a_round_under_uvicorn(tmp_path: Path) -> None:
    """Store, search, look, retrieve."""
    application = AsgiApplication(DirectoryArchive(tmp_path))
    async with under_uvicorn(application, lifespan="on") as url, Client(url, retry=ONCE) as client:
        report = await client.store_instances([IMAGE.octets, FILE])
        assert ((), 2) == (report.failed, len(report.stored))
        (found,) = await client.search_for_studies(search_filters={"PatientName": "Secret*"})
        assert f"{url}/studies/1.2" == found.RetrieveURL
        metadata = await client.retrieve_instance_metadata(*IMAGE.uids)
        assert IMAGE.instance == metadata.SOPInstanceUID
        stored = await client.retrieve_instance(*IMAGE.uids)
        assert IMAGE.dataset.PixelData == stored.PixelData
        (frame,) = await client.retrieve_instance_frames(*IMAGE.uids, [1])
        assert IMAGE.dataset.PixelData == frame.data
        with pytest.raises(NotFound):
            await client.retrieve_study("1.9")


async def test_an_upload_that_uvicorn_need_not_hear() -> None:
    """A client that is still sending gets the refusal."""
    application = AsgiApplication(PlainArchive(), access=BasicAccess({"jane": "x"}))
    async with under_uvicorn(application) as url, Client(url, retry=ONCE) as client:
        for _ in range(2):
            with pytest.raises(AuthenticationRequired):
                await client.store_instances([dicom_file("1.2.3.5", 8 * MIB)])


@pytest.mark.slow
async def test_memory_is_bounded(tmp_path: Path) -> None:
    """A file of 64 MiB goes to the server and back in much less."""
    size = 64 * MIB
    head = file_head("1.2.3.5", size)
    source = tmp_path / "source.dcm"
    with source.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    application = AsgiApplication(DirectoryArchive(tmp_path / "archive"))
    received = 0
    async with under_uvicorn(application) as url, Client(url, retry=ONCE) as client:
        await client.store_instances(FILE)  # what is imported late is no part of it
        tracemalloc.start()
        try:
            report = await client.store_instances(source)
            async for instance in client.retrieve_study("1.2"):
                async for chunk in instance:
                    received += len(chunk)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert 1 == len(report.stored)
    assert received > size
    assert peak < 16 * MIB


async def test_a_client_that_leaves_uvicorn() -> None:
    """An answer without end ends, and so does the server, which waits for it."""
    endless = [Produced(lambda: bytes(BLOCK))] * 1_000_000
    with anyio.fail_after(PATIENCE):
        async with (
            answering(*endless) as (application, _),
            under_uvicorn(application, lifespan="off") as url,
            connected(url) as stream,
        ):
            await stream.send(b"GET /studies HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 ")


async def test_a_cut_under_uvicorn(caplog: pytest.LogCaptureFixture) -> None:
    """The connection ends before the body does, and the log names no patient."""
    async with (
        answering(bytes(BLOCK), Deferred(9, fail)) as (application, _),
        under_uvicorn(application, lifespan="off") as url,
    ):
        head, _, body = (await get(url, "/studies")).partition(b"\r\n\r\n")

    assert f"content-length: {BLOCK + 9}".encode() in head
    assert BLOCK == len(body)
    assert "TransportError" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize("first", [b"100", b"415"])
async def test_who_waits_is_told_by_uvicorn(first: bytes) -> None:
    """To go on only when the body is wanted (RFC 9110 §10.1.1)."""
    media_type = b"application/dicom" if first == b"100" else b"text/plain"
    head = b"POST /studies HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
    head += b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (media_type, len(FILE))
    application = AsgiApplication(PlainArchive())
    async with under_uvicorn(application) as url, connected(url) as stream:
        await stream.send(head)
        assert (await stream.receive()).startswith(b"HTTP/1.1 " + first)
        if first == b"100":
            await stream.send(FILE)
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 ")


# --- mounted in Starlette ------------------------------------------------------------------------


def mounted(archive: Any) -> Starlette:
    """An application of two routes, one of which is ours."""
    dicomweb = AsgiApplication(archive)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with dicomweb:
            yield

    async def hello(_: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    routes = [Route("/hello", hello), Mount("/dicom-web", dicomweb)]
    return Starlette(routes=routes, lifespan=lifespan)


async def test_mounted() -> None:
    """Beside another route; URLs in answers lead to where it is mounted."""
    archive = MemoryArchive([IMAGE.octets])
    async with under_uvicorn(mounted(archive), lifespan="on") as url:
        async with Client(f"{url}/dicom-web", retry=ONCE) as client:
            (stored,) = (await client.store_instances(FILE)).stored
            path = "/dicom-web/studies/1.2/series/1.2.3/instances/1.2.3.4"
            assert url + path == stored.retrieve_url
            (found,) = await client.search_for_studies(search_filters={"StudyInstanceUID": "1.2"})
            assert f"{url}/dicom-web/studies/1.2" == found.RetrieveURL
            metadata = await client.retrieve_instance_metadata(*IMAGE.uids).as_json()
            uri = metadata["7FE00010"]["BulkDataURI"]
            assert uri.startswith(f"{url}/dicom-web/studies/")
            value = await client.retrieve_bulkdata(uri)
            assert IMAGE.dataset.PixelData == value[0].data
        hello = await get(url, "/hello")

    assert hello.endswith(b"\r\n\r\nhello")


async def test_mounted_behind_a_gateway() -> None:
    """One that takes the beginning of the path away, as FastAPI's ``root_path`` means it."""
    app = mounted(MemoryArchive([FILE]))
    async with app.router.lifespan_context(app):
        asked = scope(target="/dicom-web/studies", root_path="/api")
        answer = await Exchange().run(app, asked)

    assert b'"http://pacs.example/api/dicom-web/studies/1.2"' in answer.body
