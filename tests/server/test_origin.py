"""Which request is answered by whom, and which by nobody."""

from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.server.origin import Origin

from ..support.asking import Asking, PlainArchive

INSTANCE = "/studies/1/series/2/instances/3"
READ = "GET, HEAD, OPTIONS"


@pytest.fixture
def ask() -> Asking:
    """A server below a path."""
    return Asking(Origin(PlainArchive(), base_path="/dicom-web"))


@pytest.mark.parametrize(
    "path",
    [
        "/studies",
        "/",
        "/dicom-web2/studies",
        "/dicom-webstudies",
        "/dicom-web/nothing",
        "/dicom-web//studies",
        "/dicom-web/studies/..",
        "/dicom-web/studies/../studies",
        "/dicom-web/studies/%2e%2e/series",
        "/dicom-web/studies/1%2F2",
        "/dicom-web/studies/1.2/series/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/dicom-web/studies/1..2",
        "/dicom-web/studies/" + "1" * 65,
        "/dicom-web/studies/1/series/2/frames/1",
        f"/dicom-web{INSTANCE}/frames/0",
        f"/dicom-web{INSTANCE}/frames/1/metadata",
        "/dicom-web/studies/1.2%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_what_is_no_resource(ask: Asking, method: str, path: str) -> None:
    """404, whatever is tried with the path."""
    response = await ask(method, path, body=b"x")

    assert (404, b"not a path of the Studies Service\n") == (response.status, response.body)
    assert 0 == ask.read


@pytest.mark.parametrize(
    ("allow", "path"),
    [
        ("GET, HEAD, POST, OPTIONS", "/studies"),
        ("GET, HEAD, POST, OPTIONS", "/studies/1"),
        (READ, "/studies/1/metadata"),
        (READ, "/studies/1/series"),
        (READ, "/series"),
        (READ, f"{INSTANCE}"),
        (READ, f"{INSTANCE}/frames/1,2"),
        (READ, f"{INSTANCE}/frames/1/rendered"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "BREW", "DELETE", "OPTIONS"])
async def test_methods_that_a_resource_does_not_have(
    ask: Asking, method: str, allow: str, path: str
) -> None:
    """405 with those that it has; ``OPTIONS`` asks for just that (GEN-33)."""
    response = await ask(method, f"/dicom-web{path}", body=b"x")

    assert (204 if method == "OPTIONS" else 405, allow) == (
        response.status,
        response.headers["Allow"],
    )
    assert 0 == ask.read


@pytest.mark.parametrize("path", ["", "/dicom-web"])
@pytest.mark.parametrize(
    ("allow", "settings"),
    [
        ("GET, HEAD, POST, OPTIONS", {}),
        (READ, {"allow_store": False}),
        ("GET, HEAD, POST, DELETE, OPTIONS", {"allow_delete": True}),
    ],
)
async def test_the_server_itself(allow: str, settings: dict[str, Any], path: str) -> None:
    """``OPTIONS *``, which has no path, is told what there is at all (RFC 9110 §9.3.7)."""
    response = await Asking(Origin(PlainArchive(), base_path=path, **settings))("OPTIONS", "")

    assert (204, allow) == (response.status, response.headers["Allow"])


async def test_storing_can_be_off() -> None:
    """Then it is a method that the resource does not have."""
    ask = Asking(Origin(PlainArchive(), allow_store=False))
    response = await ask("POST", "/studies", {"Content-Type": "application/dicom"}, b"x")

    assert (405, READ, 0) == (response.status, response.headers["Allow"], ask.read)


@pytest.mark.parametrize(
    "path", ["/studies/1", f"{INSTANCE}/frames/1", f"{INSTANCE}/bulkdata/7FE00010"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_not_there(ask: Asking, method: str, path: str) -> None:
    """404 of the archive."""
    assert 404 == (await ask(method, f"/dicom-web{path}")).status


async def test_hosts_of_forwarding_are_not_heeded() -> None:
    """Anybody could send one, and have URLs to follow made of it."""
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    response = await Asking(Origin(PlainArchive()))("OPTIONS", "/", headers)

    assert b"http://pacs.example" in response.body
    assert b"evil" not in response.body


@pytest.mark.parametrize(
    "settings",
    [
        {"base_path": "dicom-web"},
        {"base_path": "/a b"},
        {"base_path": "/a?b"},
        {"base_path": "//a"},
        {"most_results": 0},
    ],
)
def test_what_cannot_be_set(settings: dict[str, Any]) -> None:
    """Paths that are none, answers without results."""
    with pytest.raises(ConfigurationError):
        Origin(PlainArchive(), **settings)


async def test_failures_of_the_archive_are_no_faults_of_the_client(ask: Asking) -> None:
    """They come out, for the connection to answer 500 and log."""

    class Broken(PlainArchive):
        async def search(self, request: object, limit: int) -> Any:
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await Asking(Origin(Broken()))("GET", "/studies")
