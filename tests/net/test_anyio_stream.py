"""Streams of anyio in the place of sockets; the rest is the contract of streams."""

from __future__ import annotations

import socket
import sys

import anyio
import anyio.abc
import anyio.streams.stapled
import pytest
from anyio import BrokenResourceError, EndOfStream

from aiodicomweb.errors import ConnectionLost
from aiodicomweb.net import AnyioStream

from ..support.streams import receive


class Shaky(anyio.abc.ByteStream):
    """A stream of somebody's own: no socket, and every operation fails or waits."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.closed = 0

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Fail or wait."""
        return await self._fail_or_wait()

    async def send(self, item: bytes) -> None:
        """Fail or wait."""
        await self._fail_or_wait()

    async def send_eof(self) -> None:
        """Fail or wait."""
        await self._fail_or_wait()

    async def aclose(self) -> None:
        """Count, and wait for a farewell that never comes."""
        self.closed += 1
        await anyio.sleep_forever()

    async def _fail_or_wait(self) -> bytes:
        if self.failure is None:
            await anyio.sleep_forever()
        raise self.failure


async def test_over_a_unix_socket() -> None:
    """A Unix socket carries octets and the end; there is no reset, only a close."""
    sockets = socket.socketpair()
    async with anyio.create_task_group() as tasks:
        one, other = [
            AnyioStream(await anyio.abc.UNIXSocketStream.from_socket(sock), tasks)
            for sock in sockets
        ]
        async with anyio.create_task_group() as sending:
            sending.start_soon(one.send, [b"octets" * 100_000])
            assert b"octets" * 100_000 == await receive(other, 600_000)
        one.reset()
        other.abort()

    assert [-1, -1] == [sock.fileno() for sock in sockets]


async def test_over_the_pipes_of_a_process() -> None:
    """What a program writes is received, as through ``ssh -W``."""
    async with await anyio.open_process([sys.executable, "-c", "print(input()[::-1])"]) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pipes = anyio.streams.stapled.StapledByteStream(process.stdin, process.stdout)
        async with anyio.create_task_group() as tasks:
            stream = AnyioStream(pipes, tasks)
            await stream.send([b"stressed\n"])
            assert b"desserts\n" == await receive(stream, 100)
            await stream.aclose()


@pytest.mark.parametrize("failure", [BrokenResourceError(), OSError("broken")])
async def test_what_breaks_is_a_lost_connection(failure: Exception) -> None:
    """However the stream below says it."""
    async with anyio.create_task_group() as tasks:
        stream = AnyioStream(Shaky(failure), tasks)
        for operation in (
            stream.send([b"x"]),
            stream.send_eof(),
            stream.receive_into(memoryview(bytearray(1))),
        ):
            with pytest.raises(ConnectionLost, match="broke"):
                await operation
        stream.abort()


async def test_the_end_is_readable() -> None:
    """A peer that has ended is known of, though there is no socket to ask."""
    async with anyio.create_task_group() as tasks:
        stream = AnyioStream(Shaky(EndOfStream()), tasks)
        assert 0 == await stream.receive_into(memoryview(bytearray(1)))
        assert stream.is_readable()
        stream.abort()


async def test_a_farewell_takes_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that doesn't say farewell can't keep a stream open."""
    monkeypatch.setattr("aiodicomweb.net.anyio_stream._FAREWELL_SECONDS", 0.01)
    below = Shaky()
    async with anyio.create_task_group() as tasks:
        await AnyioStream(below, tasks).aclose()

    assert below.closed >= 1


@pytest.mark.parametrize("begun", [True, False])
async def test_who_cancels_the_group_closes(*, begun: bool) -> None:
    """The stream below is closed with the group whose task owns it, even before that began."""
    below = Shaky()
    async with anyio.create_task_group() as tasks:
        stream = AnyioStream(below, tasks)
        if begun:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    assert stream.is_readable()
    assert below.closed >= 1
    with pytest.raises(ConnectionLost):
        await stream.send([b"x"])
