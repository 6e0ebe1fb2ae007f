"""When the ASGI application opens and closes its archive, its settings, and other protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import ConfigurationError
from aiodicomweb.server import AsgiApplication, BasicAccess, DirectoryArchive, MemoryArchive

from ..support.asgi import DISCONNECT, Exchange, scope, upload
from ..support.asking import PlainArchive
from ..support.messages import DICOM, dicom_file

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)
STORED = {"content-type": DICOM}
MIB = 1 << 20


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
