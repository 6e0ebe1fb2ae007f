"""The proxy passes octets on, does what its plan says, and counts it."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb.errors import ConnectionLost
from aiodicomweb.net.tcp import TcpStream
from aiodicomweb.testing import (
    Direction,
    End,
    Fault,
    FaultKind,
    FaultProxy,
    Reply,
    ScriptedPeer,
    Turn,
    response,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiodicomweb.testing import Plan, Script
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

GET = b"GET /studies HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = bytes(range(256)) * 4
ANSWER = response(BODY)
LARGE = 32 * 1024 * 1024


@asynccontextmanager
async def proxied(
    plan: Plan = (), script: Script | None = None, latency: float = 0.0
) -> AsyncIterator[tuple[FaultProxy, ScriptedPeer]]:
    """A proxy before a peer that answers everything the same."""
    with anyio.fail_after(10):
        async with (
            ScriptedPeer(script or (lambda _: ANSWER)) as peer,
            FaultProxy(peer.url, plan, latency=latency) as proxy,
        ):
            yield proxy, peer


@asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[TcpStream]:
    """A stream to the proxy."""
    sock = socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port))
    sock.setblocking(False)
    stream = TcpStream(sock)
    try:
        yield stream
    finally:
        stream.abort()


async def receive(stream: TcpStream, count: int) -> bytes:
    """Exactly so many octets, or fewer if the other side ends."""
    octets = bytearray()
    room = memoryview(bytearray(65536))
    while len(octets) < count and (got := await stream.receive_into(room[: count - len(octets)])):
        octets += room[:got]
    return bytes(octets)


async def test_it_passes_on_what_has_no_fault() -> None:
    """Turns on one connection, and their counts; when the client has left, so has the proxy."""
    async with proxied() as (proxy, peer):
        async with connected(proxy) as stream:
            for _ in range(3):
                await stream.send([GET])
                assert ANSWER == await receive(stream, len(ANSWER))
        await proxy.wait_until_idle()
        await peer.wait_until_idle()

        assert (1, 3, 0) == (proxy.connections, proxy.turns, proxy.done.total())
        assert 3 == len(peer.requests)


async def test_the_url_keeps_its_path() -> None:
    """Only host and port are the proxy's."""
    async with FaultProxy("https://pacs.example/dicom-web") as proxy:
        assert proxy.url.startswith("https://127.0.0.1:")
        assert proxy.url.endswith("/dicom-web")


async def test_a_plan_that_is_a_function() -> None:
    """It sees which turn it is, and how that begins."""
    turns: list[Turn] = []

    def plan(turn: Turn) -> Fault | None:
        turns.append(turn)
        return Fault.cut(10) if turn.number == 2 else None

    async with proxied(plan) as (proxy, _):
        async with connected(proxy) as one, connected(proxy) as other:
            await one.send([GET])
            assert ANSWER == await receive(one, len(ANSWER))
            await other.send([GET])
            assert ANSWER[:10] == await receive(other, len(ANSWER))
            await one.send([GET])
            assert ANSWER == await receive(one, len(ANSWER))

        assert [(1, 1, GET), (2, 2, GET), (3, 1, GET)] == [
            (turn.number, turn.connection, turn.start) for turn in turns
        ]
        assert {Fault.cut(10): 1} == proxy.done
        assert 2 == proxy.most_open


@pytest.mark.parametrize("in_body", [False, True])
async def test_a_cut_response(*, in_body: bool) -> None:
    """So many octets arrive, then the end; what the client sends is no reason for a reset."""
    async with proxied([Fault.cut(20, in_body=in_body)]) as (proxy, peer):
        async with connected(proxy) as stream:
            await stream.send([GET])
            expected = ANSWER[: 20 + (len(ANSWER) - len(BODY)) * in_body]
            assert expected == await receive(stream, len(ANSWER))
            await peer.wait_until_idle()
            await stream.send([GET])
            assert b"" == await receive(stream, 1)
        await proxy.wait_until_idle()


async def test_a_cut_request() -> None:
    """The server gets so many octets and the end; what it answers still passes."""
    early = Reply(ANSWER, End.CLOSE, early=True)
    async with proxied([Fault.cut(len(GET), Direction.REQUEST)], [early]) as (proxy, peer):
        async with connected(proxy) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER) + 1)
            await proxy.wait_for_ends()
        await peer.wait_until_idle()


@pytest.mark.parametrize("direction", Direction)
async def test_a_reset(direction: Direction) -> None:
    """Both sides see the connection break."""
    async with proxied([Fault.reset(20, direction)]) as (proxy, peer):
        async with connected(proxy) as stream:
            await stream.send([GET])
            with pytest.raises(ConnectionLost, match="reset"):
                await receive(stream, len(ANSWER))
        await proxy.wait_until_idle()
        await peer.wait_until_idle()


async def test_a_stalled_response() -> None:
    """Nothing more comes before the release; then all the rest does."""
    async with proxied([Fault.stall(20)]) as (proxy, _), connected(proxy) as stream:
        await stream.send([GET])
        assert ANSWER[:20] == await receive(stream, 20)
        await proxy.wait_for_faults()
        assert not stream.is_readable()
        proxy.release()
        assert ANSWER[20:] == await receive(stream, len(ANSWER) - 20)


@pytest.mark.parametrize("direction", Direction)
async def test_leaving_a_stall(direction: Direction) -> None:
    """A client that leaves ends it: the server's connection ends too."""
    async with proxied([Fault.stall(20, direction)]) as (proxy, peer):
        async with connected(proxy) as stream:
            await stream.send([GET])
            await proxy.wait_for_faults()
        await proxy.wait_until_idle()
        await peer.wait_until_idle()


async def test_a_stalled_upload() -> None:
    """The client can't send on; who leaves meanwhile is seen after the release."""
    head = b"POST /studies HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGE
    async with proxied([Fault.stall(1000, Direction.REQUEST)]) as (proxy, peer):
        async with connected(proxy) as stream:
            with anyio.move_on_after(0.1) as scope:
                await stream.send([head, bytes(LARGE)])
            assert scope.cancelled_caught
            assert 1 == proxy.done.total()
        proxy.release()
        await proxy.wait_until_idle()
        await peer.wait_until_idle()

        assert not peer.requests[0].complete


@pytest.mark.parametrize("direction", Direction)
async def test_dribbling(direction: Direction) -> None:
    """All arrives, a few octets at a time."""
    async with proxied([Fault.dribble(3, direction)]) as (proxy, _), connected(proxy) as stream:
        await stream.send([GET])
        assert ANSWER == await receive(stream, len(ANSWER))
        assert [FaultKind.DRIBBLE] == [fault.kind for fault in proxy.done]


async def test_a_corrupted_octet() -> None:
    """One octet is another."""
    async with proxied([Fault.corrupt(5, in_body=True)]) as (proxy, _), connected(proxy) as stream:
        await stream.send([GET])
        answer = await receive(stream, len(ANSWER))

    assert BODY[:5] + bytes([BODY[5] ^ 0x80]) + BODY[6:] == answer[-len(BODY) :]


async def test_an_end_that_is_held_back() -> None:
    """The answer passes, and FIN only when it is released."""
    script = [Reply(ANSWER, End.CLOSE)]
    async with proxied([Fault.hold_end()], script) as (proxy, _), connected(proxy) as stream:
        await stream.send([GET])
        assert ANSWER == await receive(stream, len(ANSWER))
        await proxy.wait_for_faults()
        assert not stream.is_readable()
        proxy.release()
        assert b"" == await receive(stream, 1)


async def test_refusing() -> None:
    """Connections are refused as where nobody listens; those that are open go on."""
    async with proxied() as (proxy, _):
        async with connected(proxy) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                async with connected(proxy):
                    pass
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))
        proxy.accept()
        async with connected(proxy) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))


@pytest.mark.skipif(sys.platform != "linux", reason="only there a queue can be full")
async def test_ignoring() -> None:
    """Who connects gets no answer; when connections are taken again, it is as before."""
    async with proxied() as (proxy, _):
        proxy.ignore()
        with socket.socket() as sock:
            sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                sock.connect(("127.0.0.1", urlsplit(proxy.url).port))
        proxy.accept()
        async with connected(proxy) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))
        proxy.ignore()


async def test_an_upstream_that_is_not_there() -> None:
    """The client's connection breaks."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        upstream = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with FaultProxy(upstream) as proxy, connected(proxy) as stream:
            with pytest.raises(ConnectionLost):
                await receive(stream, 1)
            await proxy.wait_until_idle()


async def test_latency() -> None:
    """Octets take their time in each direction, however many they are; so does the end."""
    large = response(bytes(LARGE))
    async with (
        proxied(script=[Reply(large, End.CLOSE)], latency=0.02) as (proxy, _),
        connected(proxy) as stream,
    ):
        begin = time.monotonic()
        await stream.send([GET])
        assert large == await receive(stream, len(large) + 1)

        assert time.monotonic() - begin >= 0.04


async def test_faults_with_latency() -> None:
    """A fault happens to octets that are late just the same."""
    async with proxied([Fault.cut(20)], latency=0.001) as (proxy, _):
        async with connected(proxy) as stream:
            await stream.send([GET])
            assert ANSWER[:20] == await receive(stream, len(ANSWER))
        await proxy.wait_until_idle()


async def test_what_the_plan_raises_is_raised_on_leaving() -> None:
    """A mistake in a plan is not taken for a fault."""

    def plan(_: Turn) -> Fault | None:
        raise LookupError("no such turn")

    async def ask() -> None:
        async with proxied(plan) as (proxy, _), connected(proxy) as stream:
            await stream.send([GET])
            with pytest.raises(ConnectionLost):
                await receive(stream, 1)

    with pytest.raises(LookupError, match="no such turn"):
        await ask()


async def test_no_patient_in_its_repr() -> None:
    """Counts, and nothing of what passed."""
    async with proxied() as (proxy, _):
        assert "<FaultProxy 0 turns, 0 faults, 0 connections, 0 open>" == repr(proxy)
