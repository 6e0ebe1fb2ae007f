"""The pool with real connections: limits, waiting, staleness, closing, cancelling."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import ConnectFailed, ConnectionLost, Limits, PoolExhausted, Timeout
from aiodicomweb.http import URL, Origin, Proxies, Request
from aiodicomweb.net import Deadlines, Tls
from aiodicomweb.net import pool as pool_module
from aiodicomweb.net.pool import Pool
from aiodicomweb.net.pool_state import IDLE_SECONDS
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ..support.streams import contexts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiodicomweb.net.connection import Connection
    from aiodicomweb.testing.peers import Answer

DEADLINES = Deadlines(Timeout(), "")
OK = response(b"")


@asynccontextmanager
async def pooled(
    *replies: Answer, connections: int = 2, tls: bool = False
) -> AsyncIterator[tuple[Pool, Origin, ScriptedPeer]]:
    """A pool, and a peer to connect to; afterwards no connection is open."""
    context = contexts().server if tls else None
    async with ScriptedPeer(replies or [OK] * 99, tls=context) as peer:
        pool = Pool(contexts().client, Limits(connections=connections), Proxies())
        try:
            yield pool, URL.parse(peer.url).origin, peer
        finally:
            await pool.aclose()
        await peer.wait_until_idle()


async def exchange(connection: Connection) -> bool:
    """Ask for something; whether the connection may be used again."""
    url = URL.parse(f"{connection.origin}/")
    await connection.send(Request("GET", url), DEADLINES)
    return connection.finish()


async def test_many_origins_leave_few_connections() -> None:
    """Bulk data may be at a hundred hosts: the connection that was idle for longest goes."""
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(ScriptedPeer([OK])) for _ in range(34)]
        pool = Pool(contexts().client, Limits(), Proxies())
        stack.push_async_callback(pool.aclose)
        for peer in peers:
            connection = await pool.acquire(URL.parse(peer.url).origin, DEADLINES)
            pool.release(connection, reusable=await exchange(connection))
        for peer in peers[:2]:
            await peer.wait_until_idle()

        assert [peer.origin in repr(pool) for peer in peers] == [False] * 2 + [True] * 32


async def test_a_connection_is_used_again() -> None:
    """What is given back in order is taken next, last in, first out."""
    async with pooled() as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        two = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        assert await exchange(two)
        assert f"<Pool {origin}: 0 idle, 2 busy, 0 waiting>" == repr(pool)
        pool.release(one, reusable=True)
        pool.release(two, reusable=True)

        assert two is await pool.acquire(origin, DEADLINES)
        assert one is await pool.acquire(origin, DEADLINES)
        assert 2 == peer.connections


async def test_a_connection_that_failed_is_closed() -> None:
    """What is not reusable leaves its place to a new one."""
    async with pooled(connections=1) as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        pool.release(one, reusable=False)
        assert "<Pool empty>" == repr(pool)
        await peer.wait_until_idle()
        await pool.acquire(origin, DEADLINES)

        await peer.wait_for_connections(2)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_a_stale_connection_is_noticed(*, tls: bool) -> None:
    """One that the server closed while it was idle is replaced before it is used."""
    async with pooled(Reply(OK, End.CLOSE), OK, tls=tls) as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        pool.release(one, reusable=True)
        while not one.is_stale():
            await anyio.lowlevel.checkpoint()
        two = await pool.acquire(origin, DEADLINES)

        assert two is not one
        assert await exchange(two)
        assert 2 == peer.connections


async def test_what_was_idle_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the next request, to whichever origin: gateways forget connections silently."""
    now = 1000.0
    monkeypatch.setattr(pool_module, "time", SimpleNamespace(monotonic=lambda: now))
    brief = response(b"", {"Keep-Alive": "timeout=5, max=100"})
    async with pooled(OK, brief) as (pool, origin, peer), ScriptedPeer() as elsewhere:
        one = await pool.acquire(origin, DEADLINES)
        two = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        assert await exchange(two)
        pool.release(one, reusable=True)
        pool.release(two, reusable=True)

        now += 3.9
        assert two is await pool.acquire(origin, DEADLINES)
        pool.release(two, reusable=True)
        now += 4.0
        assert one is await pool.acquire(origin, DEADLINES)
        pool.release(one, reusable=True)
        now += IDLE_SECONDS
        other = await pool.acquire(URL.parse(elsewhere.url).origin, DEADLINES)
        await peer.wait_until_idle()
        pool.release(other, reusable=False)
        assert "<Pool empty>" == repr(pool)
        assert 2 == peer.connections


async def test_a_fresh_one_replaces_an_idle_one() -> None:
    """Who wants a new connection gets it, within the limit."""
    async with pooled(connections=1) as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        pool.release(one, reusable=True)

        assert one is not await pool.acquire(origin, DEADLINES, fresh=True)
        await peer.wait_for_connections(2)


@pytest.mark.parametrize("reusable", [True, False])
async def test_waiting_ends_in_turn(*, reusable: bool) -> None:
    """Who waits gets the connection, or its place, in the order of coming."""
    async with pooled(connections=1) as (pool, origin, peer):
        first = await pool.acquire(origin, DEADLINES)
        assert await exchange(first)
        order: list[int] = []

        async def wait(number: int) -> None:
            connection = await pool.acquire(origin, DEADLINES)
            order.append(number)
            assert await exchange(connection)
            pool.release(connection, reusable=reusable)

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(wait, number)
                while f"{number + 1} waiting" not in repr(pool):
                    await anyio.lowlevel.checkpoint()
            pool.release(first, reusable=reusable)

        assert [0, 1, 2, 3, 4] == order
        assert (1 if reusable else 6) == peer.connections


async def test_waiting_has_an_end() -> None:
    """A pool that stays full says so after ``Timeout.pool``, and serves the others on."""
    async with pooled(connections=1) as (pool, origin, _):
        one = await pool.acquire(origin, DEADLINES)
        with pytest.raises(
            PoolExhausted, match="all 1 connections are busy: Timeout.pool"
        ) as caught:
            await pool.acquire(origin, Deadlines(Timeout(pool=0.01), ""))

        assert ("pool", str(origin)) == (caught.value.phase, caught.value.origin)
        assert f"<Pool {origin}: 0 idle, 1 busy, 0 waiting>" == repr(pool)
        pool.release(one, reusable=True)
        assert one is await pool.acquire(origin, DEADLINES)


async def test_a_server_that_is_down_costs_no_place() -> None:
    """A connection that can't be made gives its place back, and the waiters try in turn."""
    async with ScriptedPeer() as peer:
        origin = URL.parse(peer.url).origin
    pool = Pool(Tls(), Limits(connections=1), Proxies())
    failures: list[Exception] = []

    async def attempt() -> None:
        with pytest.raises(ConnectFailed) as caught:
            await pool.acquire(origin, DEADLINES)
        failures.append(caught.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(attempt)

    assert 5 == len(failures)
    assert "<Pool empty>" == repr(pool)


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
async def test_connecting_can_be_cancelled(steps: int, *, native: bool) -> None:
    """At whichever step: the place is free again, and no socket stays open."""
    async with pooled(connections=1, tls=True) as (pool, origin, peer):

        async def acquire() -> None:
            connection = await pool.acquire(origin, DEADLINES)
            pool.release(connection, reusable=False)

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(acquire)

        task = asyncio.ensure_future(acquire() if native else grouped())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])

        assert "<Pool empty>" == repr(pool)
        await peer.wait_until_idle()


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
async def test_waiting_can_be_cancelled(steps: int, *, native: bool) -> None:
    """Also at the very moment of being served: then the next one is."""
    async with pooled(connections=1) as (pool, origin, _):
        one = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        got: list[Connection] = []

        async def acquire() -> None:
            got.append(await pool.acquire(origin, DEADLINES))

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(acquire)

        first = asyncio.ensure_future(acquire() if native else grouped())
        while "1 waiting" not in repr(pool):
            await anyio.lowlevel.checkpoint()
        second = asyncio.ensure_future(acquire())
        while "2 waiting" not in repr(pool):
            await anyio.lowlevel.checkpoint()
        pool.release(one, reusable=True)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        first.cancel()
        await asyncio.wait([first])
        if not got:
            await second
        else:
            second.cancel()
            await asyncio.wait([second])

        assert [one] == got
        assert f"<Pool {origin}: 0 idle, 1 busy, 0 waiting>" == repr(pool)


async def test_closing_ends_everything() -> None:
    """Busy and idle connections are closed, and who waits is told."""
    async with pooled(connections=2) as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        two = await pool.acquire(origin, DEADLINES)
        pool.release(two, reusable=True)
        waiting = await pool.acquire(origin, DEADLINES)
        assert waiting is two

        async def wait() -> None:
            with pytest.raises(ConnectionLost, match="the client was closed"):
                await pool.acquire(origin, DEADLINES)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            while "1 waiting" not in repr(pool):
                await anyio.lowlevel.checkpoint()
            await pool.aclose()
        await peer.wait_until_idle()
        pool.release(one, reusable=True)
        pool.release(two, reusable=True)

        assert "<Pool empty>" == repr(pool)
        with pytest.raises(ConnectionLost, match="the client was closed"):
            await pool.acquire(origin, DEADLINES)


@pytest.mark.parametrize("cancelled", [False, True])
async def test_closing_while_a_connection_changes_hands(*, cancelled: bool) -> None:
    """A connection that was granted, but not taken yet, is closed too."""
    async with pooled(connections=1) as (pool, origin, peer):
        one = await pool.acquire(origin, DEADLINES)
        assert await exchange(one)
        task = asyncio.ensure_future(pool.acquire(origin, DEADLINES))
        while "1 waiting" not in repr(pool):
            await anyio.lowlevel.checkpoint()
        pool.release(one, reusable=True)
        if cancelled:
            task.cancel()
        await pool.aclose()
        await asyncio.wait([task])

        assert task.cancelled() or isinstance(task.exception(), ConnectionLost)
        await peer.wait_until_idle()
        assert "<Pool empty>" == repr(pool)


async def test_closing_while_connecting() -> None:
    """A connection that is ready after the pool was closed is of no use."""
    async with pooled(tls=True) as (pool, origin, peer):
        task = asyncio.ensure_future(pool.acquire(origin, DEADLINES))
        while peer.connections == 0:
            await anyio.lowlevel.checkpoint()
        await pool.aclose()

        with pytest.raises(ConnectionLost, match="the client was closed"):
            await task
        await peer.wait_until_idle()


async def test_closing_waits_for_no_handshake() -> None:
    """Who is being connected is told at once, not when the server has found its words."""
    silence = anyio.Event()
    async with ScriptedPeer([OK], tls=contexts().server, ready=silence) as peer:
        pool = Pool(contexts().client, Limits(), Proxies())
        with anyio.fail_after(5):
            task = asyncio.ensure_future(pool.acquire(URL.parse(peer.url).origin, DEADLINES))
            await peer.wait_for_connections(1)
            await pool.aclose()

            with pytest.raises(ConnectionLost, match="the client was closed"):
                await task
            assert "<Pool empty>" == repr(pool)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_a_cancelled_close_closes_all(*, tls: bool) -> None:
    """Closing that is cancelled at its first step closes every idle connection all the same."""
    async with pooled(connections=5, tls=tls) as (pool, origin, peer):
        for connection in [await pool.acquire(origin, DEADLINES) for _ in range(5)]:
            pool.release(connection, reusable=True)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await pool.aclose()

        await peer.wait_until_idle()
        assert 5 == peer.connections


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same thread", "other thread"])
async def test_what_is_abandoned_comes_back(*, elsewhere: bool) -> None:
    """The garbage collector may give a connection up in any thread."""
    async with pooled(connections=1) as (pool, origin, peer):
        connection = await pool.acquire(origin, DEADLINES)
        if elsewhere:
            thread = threading.Thread(target=pool.abandon, args=(connection,))
            thread.start()
            thread.join()
        else:
            pool.abandon(connection)
        del connection
        gc.collect()
        await pool.acquire(origin, DEADLINES)

        await peer.wait_for_connections(2)
