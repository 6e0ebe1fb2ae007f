"""The ASGI application under uvicorn, and mounted in Starlette."""

from __future__ import annotations

import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from aiodicomweb import AuthenticationRequired, Client, NotFound, Retry
from aiodicomweb.http import Deferred, Produced
from aiodicomweb.server import AsgiApplication, BasicAccess, DirectoryArchive, MemoryArchive

from ..support.asgi import Exchange, answering, broken_promise, scope, under_uvicorn
from ..support.asking import PlainArchive
from ..support.dicom_files import sample
from ..support.messages import dicom_file, file_head

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)
IMAGE = sample("CT_small.dcm")
ONCE = Retry(attempts=1)
BLOCK = 256 * 1024
MIB = 1 << 20
PATIENCE = 20


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
        answering(bytes(BLOCK), Deferred(9, broken_promise)) as (application, _),
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
