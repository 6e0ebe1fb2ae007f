"""What may happen to octets between streams in memory; the rest is the contract of streams."""

from __future__ import annotations

import anyio
import pytest

from aiodicomweb.errors import ConnectionLost
from aiodicomweb.http import URL, Request, Response
from aiodicomweb.net import Deadlines, MemoryStream, Timeout, memory_pair
from aiodicomweb.net.connection import Connection
from aiodicomweb.wire import BLOCK, Limits

from ..support.streams import receive

ROOM = memoryview(bytearray(1000))


async def ready(stream: MemoryStream) -> bytes:
    """What arrives at one time."""
    return bytes(ROOM[: await stream.receive_into(ROOM)])


async def turns() -> None:
    """Give other tasks more turns than they need to come to a stop."""
    for _ in range(100):
        await anyio.lowlevel.checkpoint()


async def test_split() -> None:
    """So many octets arrive at one time at most."""
    one, other = memory_pair()
    one.outgoing.split = 3

    await one.send([b"octets", b"!"])

    assert [b"oct", b"ets", b"!"] == [await ready(other) for _ in range(3)]


async def test_capacity() -> None:
    """Who sends more than there is room for waits until something was taken."""
    one, other = memory_pair(capacity=4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.send, [b"123456"])
        await turns()

        assert [b"1234", b"56"] == [await ready(other), await ready(other)]
    with pytest.raises(ValueError, match="room"):
        memory_pair(capacity=0)


async def test_delay() -> None:
    """Octets take their time, do not overtake each other, and nor does their end."""
    one, other = memory_pair()
    one.outgoing.delay = 0.02
    begun = anyio.current_time()
    await one.send([b"late"])
    one.outgoing.delay = 0
    await one.send([b"r"])
    await one.send_eof()

    assert not other.is_readable()
    assert [b"later", b""] == [await ready(other), await ready(other)]
    assert anyio.current_time() >= begun + 0.02


async def test_clog() -> None:
    """Nothing arrives, not the end either, until it is let go on."""
    one, other = memory_pair(capacity=4)
    arrived = []

    async def take() -> None:
        while octets := await ready(other):
            arrived.append(octets)

    one.outgoing.clog()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        await one.send([b"1234"])
        await one.send_eof()
        await turns()
        assert ([], False) == (arrived, other.is_readable())
        one.outgoing.unclog()

    assert [b"1234"] == arrived


async def test_clogging_does_not_stop_a_close() -> None:
    """Who waits behind a clog is woken where its own side closes."""
    one, other = memory_pair()
    one.outgoing.clog()
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            with pytest.raises(ConnectionLost):
                await ready(other)

        tasks.start_soon(wait)
        await turns()
        other.abort()


@pytest.mark.parametrize("after", [0, 4])
async def test_cut(after: int) -> None:
    """So many octets pass, and then comes an end; the sender learns of it, the way back stays."""
    one, other = memory_pair()
    one.outgoing.cut(after)

    with pytest.raises(ConnectionLost):
        await one.send([b"123456"])
    await other.send([b"so?"])

    assert b"123456"[:after] == await receive(other, 6)
    assert b"so?" == await ready(one)


async def test_an_exchange() -> None:
    """A connection over memory carries a request and its response, octet by octet."""
    one, other = memory_pair()
    one.outgoing.split = other.outgoing.split = 1
    url = URL.parse("http://archive.example/studies")
    connection = Connection(one, url.origin, Limits())
    answers: list[Response] = []

    async def ask() -> None:
        deadlines = Deadlines(Timeout(), str(url.origin))
        answers.append(await connection.send(Request("GET", url), deadlines))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += await ready(other)
        await other.send([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
    while not connection.body.complete:
        await connection.receive(BLOCK)

    assert request.startswith(b"GET /studies HTTP/1.1\r\n")
    assert (200, b"ok") == (answers[0].status, connection.body.arena.octets(0, 9))
