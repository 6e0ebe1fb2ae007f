"""What all calls have in common: await, iterate, enter; used once; dropped; cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading

import anyio
import pytest

from aiodicomweb import Client, FramingError, Limits, NotFound, Retry, Timeout
from aiodicomweb.errors import DeadlineExceeded
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ...support.messages import JSON, dicom_file, json_response, parts_response, parts_type, result
from ...support.serving import serving

FILES = [dicom_file(f"1.2.3.{number}", 50_000) for number in range(1, 6)]
STUDY = parts_response(FILES)
ONE = Limits(connections=1)


async def test_nothing_is_sent_before_it_is_used() -> None:
    """Making a call costs nothing, and dropping it neither."""
    async with serving() as (client, peer):
        client.retrieve_study("1.2")
        client.search_for_studies()
        await anyio.lowlevel.checkpoint()

        assert 0 == peer.connections


async def test_the_three_ways() -> None:
    """A call is awaited, iterated, or entered and iterated."""
    async with serving(STUDY, STUDY, STUDY) as (client, peer):
        assert 5 == len(await client.retrieve_study("1.2"))
        assert 5 == len([instance async for instance in client.retrieve_study("1.2")])
        async with client.retrieve_study("1.2") as call:
            assert 1 == (await anext(call)).number
            assert 4 == len([instance async for instance in call])
        assert 1 == peer.connections


@pytest.mark.parametrize("kind", ["search", "retrieve", "store"])
async def test_a_call_is_used_once(kind: str) -> None:
    """Awaiting twice, or after iterating, is a mistake; iterating on from its end gives nothing."""
    replies = {
        "search": json_response([result("1.2")]),
        "retrieve": STUDY,
        "store": json_response({}),
    }
    async with serving(replies[kind], replies[kind]) as (client, _):
        calls = {
            "search": client.search_for_studies,
            "retrieve": lambda: client.retrieve_study("1.2"),
            "store": lambda: client.store_instances(FILES[0]),
        }
        call = calls[kind]()
        await call
        with pytest.raises(RuntimeError, match="used once"):
            await call
        with pytest.raises(RuntimeError, match="used once"):
            await anext(call)

        call = calls[kind]()
        async for _ in call:
            pass
        with pytest.raises(StopAsyncIteration):
            await anext(call)
        with pytest.raises(RuntimeError, match="used once"):
            await call


@pytest.mark.parametrize("kind", ["search", "retrieve"])
async def test_a_closed_call_does_not_look_like_its_end(kind: str) -> None:
    """Iterating on behind ``async with`` is a mistake, and sends nothing."""
    page = json_response([result("1.2"), result("1.3")])
    async with serving(STUDY if kind == "retrieve" else page) as (client, peer):
        call = (
            client.retrieve_study("1.2")
            if kind == "retrieve"
            else client.search_for_studies(get_remaining=True, limit=2)
        )
        async with call:
            await anext(call)
        await call.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await anext(call)

        assert 1 == len(peer.requests)


async def test_a_call_that_failed_does_not_look_like_its_end() -> None:
    """Who iterates on after an error is not told that there was no more."""
    cut = Reply(response(STUDY[-200:], {**parts_type(), "Content-Length": "999"}), End.CLOSE)
    async with serving(cut, response(status=404)) as (client, _):
        for error in (FramingError, NotFound):
            call = client.retrieve_study("1.2")
            with pytest.raises(error):
                await anext(call)
            with pytest.raises(RuntimeError, match="closed"):
                await anext(call)


async def test_leaving_early_frees_the_connection() -> None:
    """``async with`` closes what is not read; the place is free for the next call."""
    async with serving(STUDY, STUDY, limits=ONE) as (client, peer):
        async with client.retrieve_study("1.2") as call:
            async for instance in call:
                await instance.read()
                break
        await peer.wait_until_idle()
        assert 5 == len(await client.retrieve_study("1.2"))


async def test_reading_to_the_end_keeps_the_connection() -> None:
    """Leaving ``async with`` behind the end costs nothing."""
    async with serving(STUDY, STUDY, limits=ONE) as (client, peer):
        for _ in range(2):
            async with client.retrieve_study("1.2") as call:
                assert 5 == len([instance async for instance in call])

        assert 1 == peer.connections


async def test_dropping_a_call_frees_the_connection() -> None:
    """Breaking out of an iteration, without ``async with``, frees it as soon as it is garbage."""
    async with serving(STUDY, STUDY, limits=ONE) as (client, peer):
        async for instance in client.retrieve_study("1.2"):
            await instance.read()
            break
        del instance
        gc.collect()
        await peer.wait_until_idle()

        assert 5 == len(await client.retrieve_study("1.2"))


async def test_dropping_a_call_in_another_thread() -> None:
    """The garbage collector may run anywhere: the connection comes back with the next call."""
    async with serving(STUDY, STUDY, limits=ONE) as (client, _):
        calls = [client.retrieve_study("1.2")]
        await anext(calls[0])
        thread = threading.Thread(target=calls.clear)
        thread.start()
        thread.join()
        gc.collect()

        assert 5 == len(await client.retrieve_study("1.2"))


def test_dropping_a_call_without_a_loop() -> None:
    """A call that outlives its event loop goes quietly, and closes its socket."""

    async def begin() -> list[object]:
        async with ScriptedPeer([STUDY]) as peer:
            client = Client(peer.url)
            call = client.retrieve_study("1.2")
            await anext(call)
            return [client, call]

    kept = asyncio.run(begin())
    kept.pop()  # what goes wrong in a finaliser, or a socket left open, is an error here
    gc.collect()


async def test_a_failed_start_frees_the_connection() -> None:
    """An answer that is refused by its head is not held as long as the error is."""
    page = response(b"no dicom", {"Content-Type": "text/html", "Content-Length": "2000"})
    async with serving([page, anyio.Event()], STUDY, limits=ONE, timeout=Timeout(read=0.05)) as (
        client,
        peer,
    ):
        call = client.retrieve_study("1.2")
        with pytest.raises(Exception, match="text/html") as caught:
            await anext(call)
        await peer.wait_until_idle()

        assert caught.value.body == b"no dicom"
        assert 5 == len(await client.retrieve_study("1.2"))


@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
@pytest.mark.parametrize("sent", [0, 20, 300, 60_000, len(STUDY) - 1])
@pytest.mark.parametrize("way", ["await", "iterate", "stream"])
async def test_cancelling_frees_the_connection(way: str, sent: int, *, native: bool) -> None:
    """However a call is used and wherever it waits, cancelling it leaves the client usable."""
    async with serving([STUDY[:sent], anyio.Event()], STUDY, limits=ONE) as (client, peer):

        async def work() -> None:
            call = client.retrieve_study("1.2")
            if way == "await":
                await call
            async for instance in call:
                if way == "stream":
                    async for _ in instance:
                        pass
                else:
                    await instance.read()

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work)

        task = asyncio.ensure_future(work() if native else grouped())
        await peer.wait_for_requests(1)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()
        await peer.wait_until_idle()
        assert 5 == len(await client.retrieve_study("1.2"))
        assert "1 idle, 0 busy, 0 waiting" in repr(client)


@pytest.mark.parametrize("count", range(0, 60, 2))
async def test_cancelling_at_each_step(count: int) -> None:
    """Wherever a store and a search are cancelled, nothing leaks and the next call goes well."""
    empty = response(b"[]", JSON)
    async with serving(empty, empty, empty, limits=ONE) as (client, _):

        async def work() -> None:
            await client.store_instances([FILES[0], FILES[1]])
            await client.search_for_studies()

        task = asyncio.ensure_future(work())
        for _ in range(count):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert [] == await client.search_for_studies()
        assert "0 busy, 0 waiting" in repr(client)


async def test_the_total_is_for_all_pages() -> None:
    """``Timeout.total`` bounds a call, however many requests it makes."""

    async def late() -> object:
        await anyio.sleep(0.04)
        yield json_response([result(f"1.{len(peer.requests)}")])

    async with ScriptedPeer([Reply(late()) for _ in range(20)]) as peer:  # type: ignore[arg-type]
        async with Client(peer.url, timeout=Timeout(total=0.2)) as client:
            with pytest.raises(DeadlineExceeded, match="Timeout.total of 0.2 s"):
                await client.search_for_studies(get_remaining=True)

        assert len(peer.requests) < 8


async def test_a_wait_beyond_the_total_is_not_begun() -> None:
    """A retry that could not come in time is left out: the failure itself is told, at once."""
    busy = response(status=503, headers={"Retry-After": "5"})
    settings = {"timeout": Timeout(total=1), "retry": Retry(attempts=3)}
    async with serving(busy, STUDY, **settings) as (client, peer):
        with pytest.raises(Exception, match="status 503"):
            await client.retrieve_study("1.2")

        assert 1 == len(peer.requests)


async def test_where_it_came_from() -> None:
    """Relative URIs of metadata have the URL behind redirects as their base (JSN-43)."""
    away = response(status=307, headers={"Location": "/moved/metadata?a=b"})
    async with serving(away, json_response([result("1.2")])) as (client, peer):
        call = client.retrieve_study_metadata("1.2")
        with pytest.raises(RuntimeError, match="not arrived"):
            _ = call.url
        await call

        assert f"{peer.origin}/moved/metadata?a=b" == call.url
