"""The whole server, over real sockets, with our client and without."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import (
    AuthenticationRequired,
    BasicAuth,
    BearerAuth,
    Client,
    ConfigurationError,
    NotFound,
    Retry,
)
from aiodicomweb.server import (
    BasicAccess,
    BearerAccess,
    Cors,
    DirectoryArchive,
    MemoryArchive,
    Server,
)

from ..support.asking import PlainArchive
from ..support.dicom_files import sample
from ..support.messages import dicom_file
from ..support.streams import contexts

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.client.auth import Auth
    from aiodicomweb.server import Access

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)
IMAGE = sample("CT_small.dcm")
ONCE = Retry(attempts=1)


async def exchange(port: int, request: bytes) -> bytes:
    """Octets sent and received, until the server closes."""
    received = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(request)
        try:
            while True:
                received += await stream.receive()
        except anyio.EndOfStream:
            return received


@pytest.fixture(params=["memory", "directory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryArchive | DirectoryArchive:
    """Both kinds, empty."""
    return MemoryArchive() if request.param == "memory" else DirectoryArchive(tmp_path)


async def test_a_round(archive: MemoryArchive | DirectoryArchive) -> None:
    """Store, search, look, retrieve."""
    async with Server(archive, path="/dicom-web") as server:
        assert f"http://127.0.0.1:{server.port}/dicom-web" == server.url
        async with Client(server.url, retry=ONCE) as client:
            report = await client.store_instances([IMAGE.octets, FILE])
            assert ((), 2) == (report.failed, len(report.stored))
            (found,) = await client.search_for_studies(search_filters={"PatientName": "Secret*"})
            assert "1.2" == found.StudyInstanceUID
            metadata = await client.retrieve_instance_metadata(*IMAGE.uids)
            assert IMAGE.instance == metadata.SOPInstanceUID
            stored = await client.retrieve_instance(*IMAGE.uids)
            assert IMAGE.dataset.PixelData == stored.PixelData
            (frame,) = await client.retrieve_instance_frames(*IMAGE.uids, [1])
            assert IMAGE.dataset.PixelData == frame.data
            with pytest.raises(NotFound):
                await client.retrieve_study("1.9")


async def test_the_url_told_is_the_one_that_works(
    archive: MemoryArchive | DirectoryArchive,
) -> None:
    """Of a study found, and of an instance stored (STW-47, QID-77)."""
    async with Server(archive) as server, Client(server.url, retry=ONCE) as client:
        (stored,) = (await client.store_instances(FILE)).stored
        (study,) = await client.search_for_studies()

        url = f"{server.url}/studies/1.2"
        assert url == study.RetrieveURL
        assert f"{url}/series/1.2.3/instances/1.2.3.4" == stored.retrieve_url


@pytest.mark.parametrize(
    ("told", "host"),
    [
        ("127.0.0.1:{}", "127.0.0.1"),
        ("localhost:{}", "localhost"),
        ("127.0.0.1:81", "127.0.0.1:81"),
        ("pacs.example", "pacs.example"),
    ],
)
async def test_a_host_without_its_port(told: str, host: str) -> None:
    """dicomweb-client forgets it, and could not follow the URLs that it is told."""
    request = f"OPTIONS / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    async with Server(MemoryArchive(), allowed_hosts=["pacs.example"]) as server:
        answer = await exchange(server.port, request.encode())

    assert f'"@base": "http://{told.format(server.port)}"'.encode() in answer


@pytest.mark.parametrize(
    "head",
    [
        "GET /studies HTTP/1.1\r\nHost: evil.example",
        "GET http://evil.example/studies HTTP/1.1\r\nHost: localhost",
        "OPTIONS /studies HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example",
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_name_of_somebody_else(head: str, host: str) -> None:
    """Pages that let their name mean this machine get nothing of it (RFC 9110 §15.5.20)."""
    request = f"{head}\r\nConnection: close\r\n\r\n".encode()
    async with Server(MemoryArchive([FILE]), host, cors=True) as server:
        answer = await exchange(server.port, request)
    async with Server(MemoryArchive(), "0.0.0.0") as server:
        anywhere = await exchange(server.port, request)

    assert answer.startswith(b"HTTP/1.1 421 Misdirected Request\r\n")
    assert b"1.2.3.4" not in answer
    assert b"Access-Control" not in answer
    assert not anywhere.startswith(b"HTTP/1.1 421")


async def test_the_server_itself() -> None:
    """``OPTIONS *`` is no path, and no mistake (RFC 9110 §9.3.7)."""
    request = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with Server(MemoryArchive(), path="/dicom-web") as server:
        answer = await exchange(server.port, request)

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nAllow: GET, HEAD, POST, OPTIONS\r\n" in answer


async def test_a_client_that_names_no_host() -> None:
    """HTTP/1.0 has no ``Host``, and browsers don't speak it."""
    async with Server(MemoryArchive()) as server:
        assert b" 200 " in (await exchange(server.port, b"GET /studies HTTP/1.0\r\n\r\n"))[:15]


@pytest.mark.parametrize(
    ("access", "right", "wrong"),
    [
        (BasicAccess({"jane": "x"}), BasicAuth("jane", "x"), BasicAuth("jane", "y")),
        (BearerAccess(["one"]), BearerAuth("one"), BearerAuth("two")),
    ],
)
async def test_who_may_ask(access: Access, right: Auth, wrong: Auth) -> None:
    """Clients with the right credentials, and no others."""
    async with Server(MemoryArchive([FILE]), access=access) as server:
        async with Client(server.url, auth=right) as client:
            assert 1 == len(await client.search_for_studies())
        for auth in (wrong, None):
            async with Client(server.url, auth=auth) as client:
                with pytest.raises(AuthenticationRequired):
                    await client.search_for_studies()
                with pytest.raises(AuthenticationRequired):
                    await client.store_instances([dicom_file("1.2.3.5", 4 << 20)])


@pytest.mark.parametrize(
    ("first", "head"),
    [
        (b"100", ("POST /studies", "Content-Type: application/dicom")),
        (b"415", ("POST /studies", "Content-Type: text/plain")),
        (b"405", ("POST /series", "Content-Type: application/dicom")),
        (b"404", ("POST /nowhere", "Content-Type: application/dicom")),
    ],
)
async def test_who_waits_is_told_before_the_body(first: bytes, head: tuple[str, str]) -> None:
    """To go on, or not to bother (RFC 9110 §10.1.1)."""
    line, field = head
    request = (
        f"{line} HTTP/1.1\r\nHost: localhost\r\n{field}\r\nContent-Length: {len(FILE)}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    async with (
        Server(MemoryArchive()) as server,
        await anyio.connect_tcp("127.0.0.1", server.port) as stream,
    ):
        await stream.send(request.encode())
        answer = await stream.receive()
        assert answer.startswith(b"HTTP/1.1 " + first)
        if first == b"100":
            await stream.send(FILE)
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 ")


async def test_tls() -> None:
    """The URL says so, and URLs in answers do too."""
    async with Server(MemoryArchive([FILE]), tls=contexts().server) as server:
        assert server.url.startswith("https://127.0.0.1:")
        async with Client(server.url, tls=contexts().client) as client:
            (study,) = await client.search_for_studies()

    assert f"{server.url}/studies/1.2" == study.RetrieveURL


async def test_read_only() -> None:
    """Storing and deleting are no methods then."""
    async with Server(MemoryArchive([FILE]), read_only=True) as server:
        for method in (b"POST", b"DELETE"):
            head = b"%b /studies/1.2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" % method
            answer = await exchange(server.port, head + b"Connection: close\r\n\r\n")

            assert answer.startswith(b"HTTP/1.1 405 ")
            assert b"GET, HEAD, OPTIONS" in answer


async def test_deleting() -> None:
    """Where it is allowed."""
    request = b"DELETE /studies/1.2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with Server(MemoryArchive([FILE]), allow_delete=True) as server:
        answers = [await exchange(server.port, request) for _ in range(2)]

    assert [b"HTTP/1.1 204", b"HTTP/1.1 404"] == [answer[:12] for answer in answers]


async def test_head_has_the_fields_of_get() -> None:
    """And no body."""
    async with Server(MemoryArchive([FILE])) as server:
        head, get = [
            await exchange(
                server.port,
                b"%b /studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % method,
            )
            for method in (b"HEAD", b"GET")
        ]

    fields, _, body = get.partition(b"\r\n\r\n")
    length = b"content-length: %d" % len(body)
    assert length in fields.lower()
    assert length in head.lower()
    assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "cors", [True, Cors(), "https://viewer.example", ["https://viewer.example"]]
)
async def test_viewers_of_other_origins(cors: Any) -> None:
    """However it is said which."""
    request = (
        b"OPTIONS /studies HTTP/1.1\r\nHost: localhost\r\nOrigin: https://viewer.example\r\n"
        b"Access-Control-Request-Method: GET\r\nConnection: close\r\n\r\n"
    )
    async with Server(MemoryArchive(), cors=cors) as server:
        answer = await exchange(server.port, request)

    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"access-control-allow-origin: " in answer.lower()


async def test_the_access_log_names_no_patient(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each exchange: path, status, octets, seconds; no query, no credentials."""
    caplog.set_level(logging.DEBUG)
    access = BasicAccess({"jane": "word"})
    async with (
        Server(MemoryArchive([FILE]), access=access) as server,
        Client(server.url, auth=BasicAuth("jane", "word")) as client,
    ):
        await client.search_for_studies(search_filters={"PatientName": "Secret*"})

    lines = [record for record in caplog.records if record.name == "aiodicomweb.access"]
    (line,) = [record.getMessage() for record in lines]
    assert line.startswith('127.0.0.1 "GET /studies" 200 ')
    assert [logging.INFO] == [record.levelno for record in lines]
    for secret in ("Secret", "PatientName", "word", "amFuZTp3b3Jk"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("expected", "target"),
    [
        ("/rs/studies", "/rs/studies?PatientName=Secret"),
        ("/rs/studies/1.2/series/1.3/instances", "/rs/studies/1.2/series/1.3/instances"),
        ("/rs/", "/rs/"),
        ("-", "/rs/studies%3FPatientName=Secret"),
        ("-", "/rs/Secret"),
        ("-", "/rs/studies/Secret"),
        ("-", "/rs/studies/Secret/series/1.3/instances/1.4/bulkdata/7FE00010"),
        ("-", "/Secret/studies"),
    ],
)
async def test_the_access_log_has_no_path_of_others(
    expected: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no path of the service may be a query that was encoded once too often."""
    caplog.set_level(logging.INFO, "aiodicomweb.access")
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with Server(MemoryArchive(), path="/rs") as server:
        await exchange(server.port, request.encode())

    assert f'"GET {expected}" ' in caplog.text
    assert "Secret" not in caplog.text


async def test_the_access_log_of_what_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """There is neither method nor path."""
    caplog.set_level(logging.INFO, "aiodicomweb.access")
    async with Server(MemoryArchive()) as server:
        await exchange(server.port, b"Secret\r\n\r\n")

    assert '"- -" 400 ' in caplog.text


@pytest.mark.parametrize(
    ("expected", "host"), [("127.0.0.1", "0.0.0.0"), ("[::1]", "::"), ("[::1]", "::1")]
)
async def test_the_url_works(expected: str, host: str) -> None:
    """Where all addresses are listened on, it has one by which this machine reaches itself."""
    async with Server(MemoryArchive([FILE]), host) as server, Client(server.url) as client:
        assert f"http://{expected}:{server.port}" == server.url
        assert 1 == len(await client.search_for_studies())


async def test_stopping_finishes_what_runs() -> None:
    """A store that is under way is stored and answered; who comes later is not."""
    archive = PlainArchive()
    begun, go_on = anyio.Event(), anyio.Event()
    deposit = archive.deposit

    async def wait() -> Any:
        begun.set()
        await go_on.wait()
        return await deposit()

    archive.deposit = wait  # type: ignore[method-assign]
    stored: list[Any] = []
    async with Server(archive) as server, Client(server.url, retry=ONCE) as client:

        async def store() -> None:
            stored.append(await client.store_instances(FILE))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store)
            await begun.wait()
            tasks.start_soon(server.stop)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(OSError):  # noqa: PT011 - whichever
                await anyio.connect_tcp("127.0.0.1", server.port)
            go_on.set()

    assert (["1.2.3.4"], 1) == (list(archive.files), len(stored[0].stored))


async def test_the_archive_is_opened_and_closed() -> None:
    """Also where nobody can listen."""
    archive = PlainArchive()
    async with Server(archive) as server:
        assert archive.is_open
        with pytest.raises(ConfigurationError):
            async with Server(PlainArchive(), port=server.port):
                pass
    assert not archive.is_open

    async with Server(PlainArchive()) as server:
        other = PlainArchive()
        with pytest.raises(ConfigurationError):
            async with Server(other, port=server.port):
                pass
    assert not other.is_open


class Unopened(PlainArchive):
    """An archive that cannot be opened."""

    async def open(self) -> None:
        raise FileNotFoundError


async def test_the_port_comes_before_the_archive() -> None:
    """Who waits for a large folder to be scanned has the port already."""
    async with Server(PlainArchive()) as server:
        with pytest.raises(ConfigurationError):
            async with Server(Unopened(), port=server.port):
                pass


async def test_an_archive_that_cannot_be_opened() -> None:
    """The port is given back."""
    server = Server(Unopened())
    with pytest.raises(FileNotFoundError):
        await server.__aenter__()

    async with Server(PlainArchive(), port=server.port) as other:
        assert server.port == other.port


async def test_a_failure_of_the_archive_is_no_line_of_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """500, without a word of what it was about."""

    class Broken(PlainArchive):
        async def search(self, request: object, limit: int) -> Any:
            raise ValueError(NAME)

    async with Server(Broken()) as server:
        answer = await exchange(
            server.port, b"GET /studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Secret" not in answer
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"read_only": True, "allow_delete": True},
        {"path": "x"},
        {"cors": ["nonsense"]},
        {"allowed_hosts": ["a:1"]},
    ],
)
def test_what_cannot_be_set(settings: dict[str, Any]) -> None:
    """Contradictions, and what is no path or origin."""
    with pytest.raises(ConfigurationError):
        Server(PlainArchive(), **settings)


def test_nothing_is_shown_of_the_settings() -> None:
    """The ``repr`` tells where, and no more."""
    server = Server(PlainArchive(), access=BearerAccess(["token"]))

    assert "<Server http://127.0.0.1:0>" == repr(server)
