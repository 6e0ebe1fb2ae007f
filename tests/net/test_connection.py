"""One exchange on one connection: requests with and without body, and every way to fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from aiodicomweb import (
    ConnectionLost,
    DeadlineExceeded,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    Timeout,
)
from aiodicomweb.http import URL, Body, Deferred, FileSpan, Headers, Origin, Request, Response
from aiodicomweb.net import Deadlines
from aiodicomweb.net.connection import Connection
from aiodicomweb.net.tcp import TcpStream
from aiodicomweb.testing import End, Reply, ScriptedPeer, response
from aiodicomweb.wire import BLOCK

from ..support.streams import contexts, dial, receive, socket_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from aiodicomweb.testing.peers import Answer

LARGE: Body = (bytes(32 << 20),)
"""More than the system's buffers hold."""
OK = response(b"fine")
ORIGIN = Origin("http", "127.0.0.1", 80)


@asynccontextmanager
async def connected(
    *replies: Answer, tls: bool = False, limits: Limits | None = None
) -> AsyncIterator[tuple[Connection, ScriptedPeer]]:
    """A connection to a scripted peer."""
    async with ScriptedPeer(replies, tls=contexts().server if tls else None) as peer:
        origin = URL.parse(peer.url).origin
        stream = await dial(origin, contexts().client)
        try:
            yield Connection(stream, origin, limits or Limits()), peer
        finally:
            stream.abort()


async def send(
    connection: Connection, body: Body = (), timeout: Timeout | None = None, **headers: str
) -> Response:
    """Send a request, with a body by POST."""
    url = URL.parse(f"{connection.origin}/studies")
    request = Request("POST" if body else "GET", url, Headers(headers), body)
    return await connection.send(request, Deadlines(timeout or Timeout(), str(connection.origin)))


async def finish(connection: Connection) -> bool:
    """Read the body to its end, and end the exchange."""
    while not connection.body.complete:
        await connection.receive(BLOCK)
    connection.body.discard()
    return connection.finish()


def open_files() -> int:
    """Number of the descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


# --- exchanges that go well ----------------------------------------------------------------------


async def test_exchanges_follow_each_other() -> None:
    """A connection carries one exchange after the other, and counts its octets."""
    async with connected(OK, OK) as (connection, peer):
        for number in (1, 2):
            answer = await send(connection)
            assert 200 == answer.status
            assert await finish(connection)
            assert number == connection.exchanges
            assert len(peer.requests[-1].head) == connection.sent
            assert len(OK) == connection.received

        assert not connection.is_stale()
        await connection.aclose()
        await peer.wait_until_idle()


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_bodies_of_all_segments_are_sent(tmp_path: Path, *, tls: bool) -> None:
    """Octets, pieces of files and deferred octets arrive as one body of the length told."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    body: Body = (
        b"bytes,",
        bytearray(b"array,"),
        memoryview(b"view,"),
        FileSpan(str(path), 1, 1_000_000),
        FileSpan(str(path), 5, 0),
        Deferred(9, lambda: b",deferred"),
        bytes(BLOCK + 1),
    )
    expected = b"bytes,array,view," + path.read_bytes()[1:1_000_001] + b",deferred"
    async with connected(OK, tls=tls) as (connection, peer):
        await send(connection, body)

        request = peer.requests[0]
        assert str(len(expected) + BLOCK + 1) == request.headers["Content-Length"]
        assert len(expected) + BLOCK + 1 == request.body_length
        assert (expected + bytes(BLOCK))[: 1 << 20] == request.body
        assert await finish(connection)
        assert request.body_length + len(request.head) == connection.sent


async def test_informational_answers_are_passed_over() -> None:
    """What comes before the final head is no answer."""
    informational = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with connected(informational + OK) as (connection, _):
        assert 200 == (await send(connection, (b"x",))).status


@pytest.mark.parametrize(
    "reply",
    [
        response(b"fine", {"Connection": "close"}),
        response(b"", {"Transfer-Encoding": "chunked", "Content-Length": ""}).replace(
            b"Content-Length: \r\n", b""
        )
        + b"0\r\n\r\nmore",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["close", "surplus", "HTTP/1.0"],
)
async def test_some_connections_end_with_the_exchange(reply: bytes) -> None:
    """What the server wants closed, or says unasked, ends the connection (RFC 9112 §9)."""
    async with connected(reply) as (connection, _):
        await send(connection)

        assert not await finish(connection)


async def test_unasked_octets_make_it_stale() -> None:
    """A server that says more, or closes, while nothing was asked is noticed."""
    later = anyio.Event()
    async with connected([OK, later, b"HTTP/1.1 408 Timeout\r\n\r\n"]) as (connection, _):
        await send(connection)
        assert await finish(connection)
        assert not connection.is_stale()
        later.set()

        while not connection.is_stale():
            await anyio.lowlevel.checkpoint()


# --- early answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("status", [401, 413, 503])
async def test_a_refusal_stops_the_upload(status: int, *, tls: bool) -> None:
    """A server that refuses and takes nothing more is heard at once (RFC 9112 §9.5)."""
    refused = anyio.Event()
    reply = Reply([response(b"no", status=status), refused], early=True)
    async with connected(reply, tls=tls) as (connection, peer):
        answer = await send(connection, LARGE)

        assert status == answer.status
        assert not await finish(connection), "half a request was sent"
        assert not peer.requests[0].complete
        refused.set()


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
async def test_a_refusal_is_heard_over_a_reset(end: End) -> None:
    """A server that refuses and closes gives its reason all the same."""
    async with connected(Reply(response(b"no", status=413), end, early=True)) as (connection, _):
        assert 413 == (await send(connection, LARGE)).status


async def test_an_early_success_does_not_stop_the_upload() -> None:
    """A server that is content before it has seen all gets all of it."""
    async with connected(Reply(OK, early=True), OK) as (connection, peer):
        assert 200 == (await send(connection, LARGE)).status
        assert await finish(connection)
        await send(connection)

        assert 32 << 20 == peer.requests[0].body_length


async def test_a_success_without_the_body_is_a_lost_connection() -> None:
    """A server that says so and closes before it has seen all can't have done what it says."""
    async with connected(Reply(OK, End.RESET, early=True)) as (connection, _):
        with pytest.raises(ConnectionLost) as caught:
            await send(connection, LARGE)

        assert "write" == caught.value.phase
        assert caught.value.sent < 32 << 20
        assert not connection.finish()


# --- bodies that wait for the server's word ------------------------------------------------------

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_body_waits_until_it_is_wanted() -> None:
    """Nothing of the body goes out before 100 comes (HTP-41)."""
    said = anyio.Event()

    def script() -> Iterator[bytes | anyio.Event]:
        seen.append(peer.requests[0].body_length)
        yield CONTINUE
        yield said
        yield OK

    seen: list[int] = []
    async with connected(Reply(script(), early=True)) as (connection, peer):
        said.set()
        answer = await send(connection, (b"body",), Expect="100-continue")

        assert 200 == answer.status
        assert await finish(connection), "both sides are where the exchange ends"
        assert [0] == seen
        assert len(peer.requests[0].head) + 4 == connection.sent


@pytest.mark.parametrize("status", [401, 413, 417])
async def test_a_body_that_is_not_wanted_stays_here(status: int) -> None:
    """A final answer before the body keeps it from being sent; the connection ends (HTP-41)."""
    refused = anyio.Event()
    reply = Reply([response(b"no", status=status), refused], early=True)
    async with connected(reply) as (connection, peer):
        answer = await send(connection, LARGE, Expect="100-continue")

        assert status == answer.status
        assert not await finish(connection)
        assert len(peer.requests[0].head) == connection.sent
        refused.set()


async def test_a_success_that_did_not_wait_for_the_body() -> None:
    """A server that is content with the head has not got what it was sent for."""
    done = anyio.Event()
    async with connected(Reply([OK, done], early=True)) as (connection, peer):
        with pytest.raises(RemoteProtocolError, match="200 without the body"):
            await send(connection, LARGE, Expect="100-continue")

        assert not connection.finish()
        assert len(peer.requests[0].head) == connection.sent
        done.set()


async def test_a_server_may_not_know_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never says 100 gets the body after a while all the same (HTP-41)."""
    monkeypatch.setattr("aiodicomweb.net.connection._CONTINUE_SECONDS", 0.01)
    async with connected(OK) as (connection, peer):
        assert 200 == (await send(connection, LARGE, Expect="100-continue")).status
        assert 32 << 20 == peer.requests[0].body_length


async def test_who_has_no_body_waits_for_nothing() -> None:
    """``Expect`` is not sent with a request that has no body (HTP-41)."""
    async with connected(OK) as (connection, peer):
        assert 200 == (await send(connection, Expect="100-continue")).status
        assert "Expect" not in peer.requests[0].headers


# --- failures ------------------------------------------------------------------------------------


async def test_no_answer_is_a_lost_connection() -> None:
    """A server that closes instead of answering: nothing received, and the phase is told."""
    async with connected(Reply(b"", End.CLOSE)) as (connection, peer):
        with pytest.raises(ConnectionLost, match="without an answer") as caught:
            await send(connection)

        error = caught.value
        assert ("head", peer.origin, 0) == (error.phase, error.origin, error.received)
        assert len(peer.requests[0].head) == error.sent
        assert not connection.finish()


async def test_half_a_head_is_no_answer() -> None:
    """A head that is cut short is a connection that was lost, and no word of the server's."""
    async with connected(Reply(OK[:20], End.CLOSE)) as (connection, _):
        with pytest.raises(ConnectionLost, match="within the head") as caught:
            await send(connection)

        assert ("head", 20) == (caught.value.phase, caught.value.received)


async def test_a_reset_in_an_upload() -> None:
    """A peer that breaks off an upload: how much was sent, and in which phase."""
    async with connected(Reply(b"", End.RESET, early=True)) as (connection, _):
        with pytest.raises(ConnectionLost) as caught:
            await send(connection, LARGE)

        assert "write" == caught.value.phase
        assert 0 < caught.value.sent < 32 << 20
        assert not connection.finish()


@pytest.mark.parametrize("body", [(), (b"x",), LARGE], ids=["none", "small", "large"])
async def test_rubbish_is_no_answer(body: Body) -> None:
    """What is no HTTP is a protocol error by itself, with a body as without."""
    async with connected(Reply(b"SSH-2.0-OpenSSH\r\n\r\n", early=True)) as (connection, _):
        with pytest.raises(RemoteProtocolError):
            await send(connection, body)


async def test_a_head_without_end() -> None:
    """A head has a limit."""
    endless = b"HTTP/1.1 200 OK\r\nX: " + bytes([65]) * 3000
    async with connected(Reply(endless), limits=Limits(head=1000)) as (connection, _):
        with pytest.raises(LimitExceeded, match="Limits.head is 1000"):
            await send(connection)


def vanished(tmp_path: Path) -> Body:
    """A file that was deleted."""
    return (b"x", FileSpan(str(tmp_path / "none"), 0, 5))


def shortened(tmp_path: Path) -> Body:
    """A file that became shorter."""
    (tmp_path / "file").write_bytes(b"123")
    return (FileSpan(str(tmp_path / "file"), 0, 5),)


def changed(_: Path) -> Body:
    """A data set that became longer."""
    return (Deferred(5, lambda: b"123456"),)


def broken(_: Path) -> Body:
    """A data set that can't be written any more."""
    return (Deferred(5, lambda: bytes(1 // 0)),)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize(
    ("make", "error"),
    [
        (vanished, FileNotFoundError),
        (shortened, LocalProtocolError),
        (changed, LocalProtocolError),
        (broken, ZeroDivisionError),
    ],
)
async def test_what_cannot_be_sent(
    make: Callable[[Path], Body], error: type[Exception], tmp_path: Path, *, tls: bool
) -> None:
    """A body that fails on this side fails as it does, and ends the connection."""
    async with connected(OK, tls=tls) as (connection, peer):
        with pytest.raises(error):
            await send(connection, make(tmp_path))

        assert not connection.finish()
        connection.abort()
        await peer.wait_until_idle()
        assert not any(request.complete for request in peer.requests)


# --- deadlines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [(), (b"x",)], ids=["GET", "POST"])
async def test_an_answer_may_be_late(body: Body) -> None:
    """A head that doesn't come is over after ``Timeout.head``."""
    async with connected([anyio.Event()]) as (connection, _):
        with pytest.raises(DeadlineExceeded, match="Timeout.head of 0.05 s is over") as caught:
            await send(connection, body, Timeout(head=0.05))

        assert "head" == caught.value.phase


@pytest.mark.parametrize("body", [(), (b"x",)], ids=["GET", "POST"])
async def test_a_head_may_dribble(body: Body) -> None:
    """``Timeout.head`` is for the whole head, not for each of its octets."""

    async def dribble() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nX: "
        while True:
            await anyio.sleep(0.01)
            yield b"x"

    async with connected(Reply(dribble())) as (connection, _):
        with pytest.raises(DeadlineExceeded, match=r"Timeout.head of 0.1 s is over"):
            await send(connection, body, Timeout(head=0.1))


async def test_an_upload_takes_its_time() -> None:
    """``Timeout.head`` begins when all is sent: a long upload is no late answer."""
    begin = anyio.Event()
    reply = Reply([begin, OK], early=True)
    async with connected(reply) as (connection, _), anyio.create_task_group() as tasks:

        async def begin_late() -> None:
            await anyio.sleep(0.2)
            begin.set()

        tasks.start_soon(begin_late)

        assert 200 == (await send(connection, LARGE, Timeout(head=0.1))).status


async def test_a_peer_may_take_nothing() -> None:
    """An upload that nobody takes is over after ``Timeout.write``."""
    stall = anyio.Event()
    async with connected(Reply([stall], early=True)) as (connection, _):
        with pytest.raises(DeadlineExceeded, match="Timeout.write of 0.05 s is over") as caught:
            await send(connection, LARGE, Timeout(write=0.05))

        assert "write" == caught.value.phase
        assert caught.value.sent > 0
        stall.set()


async def test_a_slow_peer_is_in_time(tmp_path: Path) -> None:
    """A file that keeps flowing is in time, however long it takes."""
    path = tmp_path / "file"
    path.write_bytes(bytes(4 << 20))

    one, other = socket_pair()
    for sock in (one, other):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection = Connection(TcpStream(one), ORIGIN, Limits())
    server = TcpStream(other)

    async def take_slowly() -> None:
        for _ in range(16):
            await receive(server, 1 << 18)
            await anyio.sleep(0.05)
        await receive(server, 1)
        await server.send([OK])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_slowly)
        answer = await send(connection, (FileSpan(str(path), 0, 4 << 20),), Timeout(write=0.4))
        tasks.cancel_scope.cancel()

    assert 200 == answer.status
    connection.abort()
    server.abort()


async def test_the_total_ends_any_phase() -> None:
    """``Timeout.total`` ends an upload, the wait for the answer, and reading."""
    stall = anyio.Event()
    replies = [
        (Reply([stall], early=True), LARGE, "write"),
        (Reply([stall]), (), "head"),
        (Reply([stall]), (b"x",), "head"),
    ]
    for reply, body, phase in replies:
        async with connected(reply) as (connection, _):
            with pytest.raises(DeadlineExceeded, match="Timeout.total of 0.05 s") as caught:
                await send(connection, body, Timeout(total=0.05))
            assert phase == caught.value.phase
    stall.set()


# --- cancellation --------------------------------------------------------------------------------


@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
@pytest.mark.parametrize("steps", [*range(12), 200])
async def test_an_upload_can_be_cancelled(tmp_path: Path, steps: int, *, native: bool) -> None:
    """At whichever step, a cancelled upload is just that; no file stays open."""
    path = tmp_path / "file"
    path.write_bytes(bytes(4 << 20))
    body: Body = (b"head", FileSpan(str(path), 0, 4 << 20), Deferred(3, lambda: b"abc"))
    stall = anyio.Event()
    async with connected(Reply([stall], early=True)) as (connection, _):
        before = open_files()
        task = asyncio.ensure_future(_cancellable(connection, body, native=native))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        stall.set()

        assert {task} == done
        assert task.cancelled()
        assert not connection.finish()
        with anyio.fail_after(5):
            while before != open_files():  # nobody waited for the thread that opens it
                await anyio.lowlevel.checkpoint()


async def _cancellable(connection: Connection, body: Body, *, native: bool) -> None:
    if native:
        await send(connection, body)
        return
    # A scope around it lets anyio deliver the cancellation.
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, connection, body)


async def test_a_file_that_opens_late_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's cancellation doesn't wait for the thread that opens a file; who closes it?"""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opening = threading.Event()
    really_open = os.open

    def slow_open(path: str, flags: int) -> int:
        opening.set()
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", slow_open)
    async with connected(OK) as (connection, peer):
        before = open_files()
        # So many octets do not wait for the file.
        body = (bytes(20_000), FileSpan(str(pipe), 0, 5))
        task = asyncio.ensure_future(send(connection, body))
        await peer.wait_for_requests(1)
        await anyio.to_thread.run_sync(opening.wait)
        assert before == open_files()
        # Opening a pipe waits for who opens its other end: only then the thread comes back.
        opener = asyncio.to_thread(really_open, pipe, os.O_WRONLY)
        task.cancel()
        other, _ = await asyncio.gather(opener, task, return_exceptions=True)
        assert isinstance(other, int)
        # As long as somebody has the end for reading, octets are taken.
        with contextlib.suppress(BrokenPipeError):
            while os.write(other, b"x"):
                await anyio.lowlevel.checkpoint()
        os.close(other)

        assert before == open_files()
