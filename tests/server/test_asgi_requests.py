"""The head of a request as ASGI tells it: where it is mounted, the URL, what servers let pass."""

from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb.server import AsgiApplication, MemoryArchive

from ..support.asgi import Exchange, answering, scope
from ..support.asking import PlainArchive
from ..support.messages import dicom_file

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)


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
