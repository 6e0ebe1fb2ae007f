"""The connection of a server without a listener: over any stream, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb.net import BodyStream, Exchange, Handler, ServerTimeout
from aiodicomweb.net.pace import ServerDeadlines
from aiodicomweb.net.served_exchange import Service
from aiodicomweb.net.server_connection import ServerConnection
from aiodicomweb.wire import Limits

from ..support.http_server import answer, echo
from ..support.streams import receive, tcp_pair

if TYPE_CHECKING:
    from aiodicomweb.http import OutgoingResponse, Request

GET = b"GET /studies HTTP/1.1\r\nHost: a\r\n\r\n"


def service(handler: Handler, exchanges: list[Exchange], **seconds: float) -> Service:
    """How to serve."""
    deadlines = ServerDeadlines(ServerTimeout(**seconds), "peer")
    return Service(handler, "http", "own", "peer", deadlines, Limits(), exchanges.append)


async def test_a_connection_that_is_retired_at_rest() -> None:
    """It ends at once; and so does one that never began."""
    exchanges: list[Exchange] = []
    for begun in (True, False):
        async with tcp_pair() as (client, stream), anyio.create_task_group() as tasks:
            connection = ServerConnection(stream, service(echo, exchanges))
            if begun:
                tasks.start_soon(connection.serve)
                await client.send([GET])
                assert b"HTTP/1.1 200" == await receive(client, 12)
            connection.retire()
            if not begun:
                tasks.start_soon(connection.serve)
            assert b"HTTP" not in await receive(client, 1 << 20)
    assert 1 == len(exchanges)


async def test_a_connection_that_is_retired_at_work() -> None:
    """The response on its way says that it is the last; what follows is not served."""
    exchanges: list[Exchange] = []

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        connection.retire()
        return answer(b"x")

    async with tcp_pair() as (client, stream), anyio.create_task_group() as tasks:
        connection = ServerConnection(stream, service(handler, exchanges))
        await client.send([GET + GET])
        tasks.start_soon(connection.serve)
        octets = await receive(client, 1 << 20)
        client.abort()
    assert 1 == octets.count(b"HTTP/1.1")
    assert b"\r\nConnection: close\r\n" in octets
    assert 1 == len(exchanges)


@pytest.mark.parametrize("cut", range(1, len(GET), 5))
async def test_a_head_may_come_in_pieces(cut: int) -> None:
    """A request that is cut anywhere is served, and its octets are counted."""
    exchanges: list[Exchange] = []
    async with tcp_pair() as (client, stream), anyio.create_task_group() as tasks:
        tasks.start_soon(ServerConnection(stream, service(echo, exchanges)).serve)
        await client.send([GET[:cut]])
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        await client.send([GET[cut:]])
        assert b"HTTP/1.1 200" == await receive(client, 12)
        client.abort()
    assert [len(GET)] == [exchange.received for exchange in exchanges]


async def test_a_client_that_ends_its_side_is_answered() -> None:
    """Who has sent all that it wants to say may still listen."""
    exchanges: list[Exchange] = []
    async with tcp_pair() as (client, stream), anyio.create_task_group() as tasks:
        await client.send([GET])
        await client.send_eof()
        tasks.start_soon(ServerConnection(stream, service(echo, exchanges)).serve)
        assert (await receive(client, 1 << 20)).endswith(b"\r\n\r\n/studies ")
