"""What every byte stream promises, run over each kind of stream (in the manner of trio)."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import BusyResourceError

from aiodicomweb.errors import ConnectionLost, LocalProtocolError
from aiodicomweb.net import memory_pair

from ..support.streams import anyio_pair, in_own_task, receive, tcp_pair, tls_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiodicomweb.net import ByteStream

    Pair = tuple[ByteStream, ByteStream]

MANY = os.urandom(1 << 20) * 4
ROOM = memoryview(bytearray(65536))


@pytest.fixture(
    params=["tcp", "tls, from the client", "tls, from the server", "memory", "anyio's tcp"]
)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Two ends of a connection."""
    if request.param == "tcp":
        async with tcp_pair() as ends:
            yield ends
    elif request.param == "memory":
        yield memory_pair()
    elif request.param == "anyio's tcp":
        on_trio = request.config.getoption("--loop") == "trio"
        async with anyio_pair() if on_trio else in_own_task(anyio_pair()) as ends:
            yield ends
    else:
        async with tls_pair() as (client, server):
            yield (client, server) if "client" in request.param else (server, client)


async def clog(stream: ByteStream) -> None:
    """Send until nothing more is taken, for ever."""
    while True:
        await stream.send([MANY])


async def wait_until_blocked() -> None:
    """Give other tasks their turns, more of them than they need to come to a stop."""
    for _ in range(1000):
        await anyio.lowlevel.checkpoint()


async def test_octets_arrive_in_order(pair: Pair) -> None:
    """Segments of all buffer types arrive as one stream; empty ones add nothing."""
    one, other = pair
    words = memoryview(b"words...").cast("I")

    await one.send([])
    await one.send([b"", bytearray(), memoryview(b"")])
    await one.send([b"bytes ", bytearray(b"array "), memoryview(b"a view ")[2:], words, b""])

    expected = b"bytes array view words..."
    assert expected == await receive(other, len(expected))


@pytest.mark.parametrize("step", [1, 7, 100])
async def test_octets_are_taken_as_they_fit(pair: Pair, step: int) -> None:
    """A small view gets what fits; the rest comes with the next call."""
    one, other = pair

    await one.send([MANY[:1000]])

    assert MANY[:1000] == await receive(other, 1000, step)


async def test_both_directions_at_once(pair: Pair) -> None:
    """Large amounts go both ways at the same time, to the octet."""
    one, other = pair
    arrived: dict[str, bytes] = {}

    async def take(name: str, stream: ByteStream) -> None:
        arrived[name] = await receive(stream, len(MANY))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.send, [MANY])
        tasks.start_soon(other.send, [MANY[:100], MANY[100:]])
        tasks.start_soon(take, "one", one)
        tasks.start_soon(take, "other", other)

    assert {"one": MANY, "other": MANY} == arrived


async def test_a_clogged_writer_does_not_deafen(pair: Pair) -> None:
    """A peer that takes nothing more is heard all the same: it may be refusing an upload."""
    one, other = pair
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clog, one)
        await wait_until_blocked()
        await other.send([b"enough"])

        assert b"enough" == await receive(one, 6)
        tasks.cancel_scope.cancel()


async def test_two_readers_are_a_mistake(pair: Pair) -> None:
    """A second task that receives is told so, and the first one is not disturbed."""
    one, other = pair
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.receive_into, ROOM)
        await wait_until_blocked()
        with pytest.raises(BusyResourceError):
            await one.receive_into(ROOM)
        await other.send([b"x"])


async def test_two_writers_are_a_mistake(pair: Pair, tmp_path: Path) -> None:
    """A second task that sends is told so."""
    one, _ = pair
    path = tmp_path / "file"
    path.write_bytes(b"octets")
    with path.open("rb") as file:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clog, one)
            await wait_until_blocked()
            with pytest.raises(BusyResourceError):
                await one.send([b"x"])
            with pytest.raises(BusyResourceError):
                await one.send_file(file.fileno(), 0, 6)
            tasks.cancel_scope.cancel()


async def test_the_peers_end_is_no_octets(pair: Pair) -> None:
    """An orderly close is 0, again and again, after all that was sent."""
    one, other = pair

    await one.send([b"last"])
    await one.aclose()

    assert b"last" == await receive(other, 5)
    assert [0, 0] == [await other.receive_into(ROOM) for _ in range(2)]


async def test_one_side_may_end_before_the_other(pair: Pair) -> None:
    """Behind its own end a side still receives, and sends nothing more."""
    one, other = pair

    await one.send([b"last"])
    await one.send_eof()
    assert b"last" == await receive(other, 5)
    await other.send([b"so long"])
    await other.send_eof()

    assert b"so long" == await receive(one, 8)
    with pytest.raises(ConnectionLost):
        await one.send([b"x"])


async def test_the_end_of_a_side_that_is_gone(pair: Pair) -> None:
    """A closed stream can't be ended."""
    one, _ = pair
    one.abort()

    with pytest.raises(ConnectionLost):
        await one.send_eof()


async def test_a_reset_is_no_end(pair: Pair) -> None:
    """The peer can't take it for the end of what was sent; it may be done again."""
    one, other = pair
    await one.send([b"x"])
    assert b"x" == await receive(other, 1)

    one.reset()
    one.reset()

    with pytest.raises(ConnectionLost):
        await receive(other, 1)


async def test_nobody_takes_it(pair: Pair) -> None:
    """Sending to a peer that went away is a lost connection."""
    one, other = pair
    other.abort()

    with pytest.raises(ConnectionLost):
        await clog(one)


async def test_closing_twice(pair: Pair) -> None:
    """A stream may be closed and aborted again and again."""
    one, other = pair

    for _ in range(2):
        await one.aclose()
        one.abort()
        other.abort()
        await other.aclose()


async def test_nothing_works_behind_the_close(pair: Pair, tmp_path: Path) -> None:
    """A closed stream neither receives nor sends."""
    one, _ = pair
    await one.aclose()
    path = tmp_path / "file"
    path.write_bytes(b"octets")

    with pytest.raises(ConnectionLost):
        await one.receive_into(ROOM)
    with pytest.raises(ConnectionLost):
        await one.send([b"x"])
    with path.open("rb") as file, pytest.raises(ConnectionLost):
        await one.send_file(file.fileno(), 0, 6)
    assert one.is_readable()


@pytest.mark.parametrize("native", [True, False])
async def test_a_cancelled_close_closes(pair: Pair, *, native: bool) -> None:
    """Cancelled before its first step, in anyio's or in asyncio's way, closing still closes."""
    one, other = pair
    if native:
        task = asyncio.ensure_future(one.aclose())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    else:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await one.aclose()

    with pytest.raises(ConnectionLost):
        await one.receive_into(ROOM)
    assert 0 == await other.receive_into(ROOM)


async def test_a_clogged_close_closes(pair: Pair) -> None:
    """A peer that takes nothing can't keep a stream from being closed."""
    one, _ = pair
    async with anyio.create_task_group() as tasks:

        async def clog_until_lost() -> None:
            with pytest.raises(ConnectionLost):
                await clog(one)

        tasks.start_soon(clog_until_lost)
        await wait_until_blocked()
        await one.aclose()


async def test_aborting_wakes_the_reader(pair: Pair) -> None:
    """Who waits for octets learns that there won't be any."""
    one, _ = pair
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            with pytest.raises(ConnectionLost):
                await one.receive_into(ROOM)

        tasks.start_soon(wait)
        await wait_until_blocked()
        one.abort()


async def test_aborting_wakes_the_writer(pair: Pair) -> None:
    """Who waits for room learns that there won't be any."""
    one, _ = pair
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            with pytest.raises(ConnectionLost):
                await clog(one)

        tasks.start_soon(wait)
        await wait_until_blocked()
        one.abort()


@pytest.mark.parametrize(("offset", "length"), [(0, len(MANY)), (5, 10), (1_000_001, 3_000_000)])
async def test_files_are_sent(pair: Pair, tmp_path: Path, offset: int, length: int) -> None:
    """Any piece of a file arrives, and the file's own position stays."""
    one, other = pair
    path = tmp_path / "file"
    path.write_bytes(MANY)
    with path.open("rb") as file:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.send_file, file.fileno(), offset, length)

            assert MANY[offset : offset + length] == await receive(other, length)
        assert 0 == file.tell()


async def test_a_head_goes_before_a_file(pair: Pair, tmp_path: Path) -> None:
    """It arrives, whatever its length, and the piece of the file behind it."""
    one, other = pair
    path = tmp_path / "file"
    path.write_bytes(MANY)
    head = bytearray(b"head" * 300_000)
    with path.open("rb") as file:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.send_file, file.fileno(), 5, 600_000, head)

            assert head + MANY[5:600_005] == await receive(other, 1_800_000)


@pytest.mark.parametrize("said", [errno.EAGAIN, errno.EOPNOTSUPP])
async def test_a_file_that_is_not_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    """It is read in a thread if the system would have to wait for the disk, or can't tell."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    read, loop, threads = os.preadv, threading.get_ident(), set[int]()

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags:
            raise OSError(said, os.strerror(said))
        threads.add(threading.get_ident())
        return read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    one, other = memory_pair()
    with path.open("rb") as file:
        await one.send_file(file.fileno(), 2, 5, b"<")

    assert b"<23456" == await receive(other, 6)
    assert loop not in threads
    assert threads


async def test_a_file_may_be_too_short(pair: Pair, tmp_path: Path) -> None:
    """A file that ends before the piece does is no legal message, and says by how much."""
    one, other = pair
    path = tmp_path / "file"
    path.write_bytes(b"ten octets")
    with path.open("rb") as file, pytest.raises(LocalProtocolError, match="ends 5 octets early"):
        await one.send_file(file.fileno(), 2, 13)

    assert b"n octets" == await receive(other, 8)


async def test_a_file_may_be_unreadable(pair: Pair) -> None:
    """A disk that fails is no lost connection."""
    one, _ = pair
    descriptor = os.open("/proc/self/mem", os.O_RDONLY)  # nothing is at address 0
    try:
        with pytest.raises(OSError, match="error|argument") as caught:
            await one.send_file(descriptor, 0, 10)
    finally:
        os.close(descriptor)

    assert not isinstance(caught.value, ConnectionLost)


async def test_rest_is_told_from_news(pair: Pair) -> None:
    """An idle stream is readable when octets wait, or the end."""
    one, other = pair
    assert not other.is_readable()

    await one.send([b"x"])
    await wait_until_blocked()  # for what reads ahead
    assert other.is_readable()
    assert b"x" == await receive(other, 1)
    assert not other.is_readable()

    await one.aclose()
    await wait_until_blocked()
    assert other.is_readable()


async def test_a_cancelled_receive_leaves_nothing_waiting(pair: Pair) -> None:
    """After a cancelled wait the stream can be closed, or even used."""
    one, other = pair
    with anyio.move_on_after(0.001):
        await one.receive_into(ROOM)

    await other.send([b"x"])
    assert b"x" == await receive(one, 1)


async def test_what_is_sent_at_once(pair: Pair) -> None:
    """``send_now`` tells how much was taken; ``send`` takes the rest, and all arrives in order."""
    one, other = pair
    rest = memoryview(MANY)

    async with anyio.create_task_group() as tasks:
        while count := one.send_now(rest[:50_000]):
            rest = rest[count:]
        tasks.start_soon(one.send, [rest])

        assert MANY == await receive(other, len(MANY))


async def test_files_that_are_sent_at_once(pair: Pair, tmp_path: Path) -> None:
    """``send_file_now`` tells how much was taken of head and file; ``send_file`` takes the rest."""
    one, other = pair
    path = tmp_path / "file"
    path.write_bytes(MANY)
    head, done = b"head" * 10, 0
    with path.open("rb") as file:
        async with anyio.create_task_group() as tasks:
            while count := one.send_file_now(
                file.fileno(), max(0, done - len(head)), 50_000, head[done:]
            ):
                done += count
            begin = max(0, done - len(head))
            left = len(MANY) - begin
            tasks.start_soon(one.send_file, file.fileno(), begin, left, head[done:])

            assert head + MANY == await receive(other, len(head) + len(MANY))


async def test_a_file_that_ends_is_left_to_who_can_tell(pair: Pair, tmp_path: Path) -> None:
    """``send_file_now`` sends nothing where nothing is, and ``send_file`` says so."""
    one, _ = pair
    path = tmp_path / "file"
    path.write_bytes(b"ten octets")
    with path.open("rb") as file:
        assert 0 == one.send_file_now(file.fileno(), 10, 5)
        with pytest.raises(LocalProtocolError, match="ends 5 octets early"):
            await one.send_file(file.fileno(), 10, 5)


async def test_nothing_is_sent_at_once_behind_the_end(pair: Pair) -> None:
    """On a stream that was closed here, ``send_now`` fails or leaves that to ``send``."""
    one, _ = pair
    one.abort()

    async def send() -> None:
        if not one.send_now(b"late"):
            await one.send([b"late"])

    with pytest.raises(ConnectionLost):
        await send()


async def test_others_get_their_turn_behind_what_is_sent_at_once(pair: Pair) -> None:
    """A peer that takes everything at once doesn't keep other tasks from running here either."""
    one, _ = pair
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        for _ in range(64):
            if not one.send_now(b"x"):
                await one.send([b"x"])
        assert turns > 1
        tasks.cancel_scope.cancel()


async def test_others_get_their_turn(pair: Pair) -> None:
    """A peer that takes everything at once doesn't keep other tasks from running."""
    one, _ = pair
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        for _ in range(64):
            await one.send([b"x"])
        assert turns > 1
        tasks.cancel_scope.cancel()
