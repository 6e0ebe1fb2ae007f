"""What TCP streams do beyond the contract of all streams."""

from __future__ import annotations

import asyncio
import socket
import struct

import anyio
import pytest

from aiodicomweb.errors import ConnectionLost
from aiodicomweb.net.tcp import TcpStream

from ..support.streams import receive, socket_pair, tcp_pair


async def test_a_reset_is_a_lost_connection() -> None:
    """RST is no orderly end; the system's reason is told."""
    one, other = socket_pair()
    stream = TcpStream(one)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()

    with pytest.raises(ConnectionLost, match="reset by peer"):
        await receive(stream, 1)
    stream.abort()


async def test_arrived_octets_let_others_have_their_turn() -> None:
    """Reading what is there already is a checkpoint every so often."""
    async with tcp_pair() as (one, other), anyio.create_task_group() as tasks:
        await one.send([bytes(64)])
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await anyio.lowlevel.checkpoint()

        tasks.start_soon(count)
        await receive(other, 64, 1)

        assert turns > 1
        tasks.cancel_scope.cancel()


def test_aborting_needs_no_event_loop() -> None:
    """A stream that outlived its event loop can be closed."""

    async def make() -> tuple[TcpStream, socket.socket]:
        one, other = socket_pair()
        return TcpStream(one), other

    stream, other = asyncio.run(make())
    stream.abort()
    stream.abort()

    other.setblocking(True)
    assert b"" == other.recv(1)
    other.close()
