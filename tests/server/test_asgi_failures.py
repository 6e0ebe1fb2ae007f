"""The ASGI application where something fails: bodies, archives, and clients that leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import TransportError
from aiodicomweb.http import FileSpan, Produced
from aiodicomweb.net import ServerTimeout
from aiodicomweb.server import AsgiApplication

from ..support.asgi import Answering, Exchange, answering, broken_promise, scope, upload
from ..support.asking import PlainArchive

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Secret^Name"
BLOCK = 256 * 1024


@pytest.mark.parametrize("body", [(b"a", Produced(broken_promise)), (FileSpan("/nowhere", 0, 9),)])
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
    async with answering(bytes(BLOCK), Produced(broken_promise)) as (application, _):
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
