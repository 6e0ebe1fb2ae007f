"""What each part and each request costs, in steps that do not depend on the machine.

The benchmarks measure seconds; here are the counts behind them, so that a change which makes
something happen for each part again fails at once. The octets come from memory, as many as a
read has room for. Bounds leave room for what happens once in an answer, and little more.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import tracemalloc
from typing import TYPE_CHECKING

import anyio.to_thread
import h11
import pytest

from aiodicomweb.http import Headers, MediaType
from aiodicomweb.testing import response
from aiodicomweb.wire import BLOCK, Arena, MultipartReader

from ..support.counting import calls_made, count_calls, counting
from ..support.messages import BOUNDARY, FRAMES, dicom_file, json_response, module, parts_type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiodicomweb import Client

KIB = 1024
ONCE = 4
"""Steps that an answer costs besides its parts: its head, the first part, the end."""

UIDS = ("1.2", "1.2.3", "1.2.3.4")


def of_parts(count: int, octets: int, *, declared: bool = True) -> bytes:
    """An answer of so many parts with the same head."""
    length = f"Content-Length: {octets}\r\n" if declared else ""
    head = f"\r\n--{BOUNDARY}\r\nContent-Type: {FRAMES}\r\n{length}\r\n".encode()
    body = b"".join([*[head, bytes(octets)] * count, f"\r\n--{BOUNDARY}--\r\n".encode()])
    return response(body, parts_type(FRAMES))


def of_frames(target: str) -> bytes:
    """The frames that a target names, small ones."""
    return of_parts(target.count(",") + 1, 64)


async def iterate(client: Client, count: int) -> int:
    """Take so many frames, and keep none; their octets."""
    octets = 0
    async for frame in client.retrieve_instance_frames(*UIDS, range(1, count + 1)):
        octets += len(frame.data)
    return octets


class Moves:
    """How many octets arenas move, within a buffer and to another one, from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.octets = 0
        move = Arena._move_to

        def moved(arena: Arena, buffer: bytearray) -> None:
            self.octets += arena.available + arena.undecoded
            move(arena, buffer)

        monkeypatch.setattr(Arena, "_move_to", moved)


# --- large parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [True, False])
async def test_a_frame_is_one_read(declared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame's size, told or that of the one before, makes room for just the frame."""
    answer = of_parts(32, 512 * KIB, declared=declared)
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        assert 32 * 512 * KIB == await iterate(client, 32)

        assert origin.reads <= 32 + ONCE


@pytest.mark.parametrize("declared", [True, False])
async def test_a_frame_is_not_copied(declared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays where it was read to; only the few octets behind it go elsewhere.

    Those are at most 512. The first frame is moved while its size is not known.
    """
    answer = of_parts(32, 512 * KIB, declared=declared)
    moves = Moves(monkeypatch)
    async with counting(monkeypatch, lambda _: answer) as (client, _):
        await iterate(client, 32)

    assert moves.octets <= 32 * 512 + 512 * KIB


async def test_short_reads_move_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where 16 KiB arrive at a time, a frame of unknown size is moved as it grows, twice over."""
    answer = of_parts(1, 4096 * KIB, declared=False)
    moves = Moves(monkeypatch)
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        origin.most = 16 * KIB
        await iterate(client, 1)

    assert moves.octets <= 2 * 4096 * KIB


async def test_buffers_come_back_into_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lets go of each frame before the next one has it in memory that was there before."""
    answer = of_parts(32, 512 * KIB)
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        await iterate(client, 32)

        assert len(origin.buffers) <= ONCE


@pytest.mark.skipif(sys.platform != "linux", reason="counts the page faults of one thread")
async def test_pages_fault_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame has 128 pages of 4 KiB; those of a buffer that is used again are there."""
    answer = of_parts(32, 512 * KIB)
    async with counting(monkeypatch, lambda _: answer) as (client, _):
        await iterate(client, 32)
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        await iterate(client, 32)
        faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    assert faults <= 32 * 128 // 4


async def test_frames_that_are_kept_have_a_buffer_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that it was read into, and that fits: memory is that of the frames."""
    answer = of_parts(32, 512 * KIB)
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        frames = await client.retrieve_instance_frames(*UIDS, list(range(1, 33)))

        kept = {id(frame.data.obj) for frame in frames}
        assert 32 == len(kept)
        assert kept <= set(origin.buffers)
        assert len(origin.buffers) <= 32 + ONCE
        assert sum(len(frame.data.obj) for frame in frames) <= 32 * (512 + 1) * KIB + BLOCK


async def test_a_streamed_part_stays_in_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 256 KiB are read into the same memory; a delimiter's octets move at most."""
    answer = of_parts(1, 8192 * KIB, declared=False)
    moves = Moves(monkeypatch)
    octets = 0
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        async for part in client.retrieve_bulkdata("http://archive.example/dicom-web/b"):
            async for piece in part:
                octets += len(piece)

        assert 8192 * KIB == octets
        assert origin.reads <= 8192 // 128 + ONCE
        assert len(origin.buffers) <= ONCE
        assert moves.octets <= 8192 * KIB // 50


# --- small parts ---------------------------------------------------------------------------------


async def test_a_read_gives_many_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """31 tiles of 8 KiB are in a block of 256 KiB, whose last one is half there."""
    answer = of_parts(1000, 8 * KIB)
    async with counting(monkeypatch, lambda _: answer) as (client, origin):
        await iterate(client, 1000)

        assert origin.reads <= len(answer) // (128 * KIB) + ONCE
        assert 1 == len(origin.requests)


async def test_a_tile_costs_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there whole are taken in one loop: what is left is handing them out."""
    calls = []
    for count in (100, 1100):
        answer = of_parts(count, 8 * KIB)
        async with counting(monkeypatch, lambda _, answer=answer: answer) as (client, _):
            with calls_made() as made:
                await iterate(client, count)
            calls.append(made.calls)

    assert (calls[1] - calls[0]) / 1000 <= 20


@pytest.mark.parametrize("octets", [8 * KIB, 192 * KIB])
async def test_alike_heads_are_read_once(octets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What their octets say is remembered, and so is the media type."""
    answer = of_parts(100, octets)
    async with counting(monkeypatch, lambda _: answer) as (client, _):
        await iterate(client, 100)
        parsed = count_calls(monkeypatch, MultipartReader, "_parse_head")
        types = count_calls(monkeypatch, MediaType, "parse")
        fields = count_calls(monkeypatch, Headers, "from_wire")
        await iterate(client, 100)

    assert 1 == parsed.calls
    assert types.calls <= 2 * ONCE
    assert fields.calls <= ONCE


async def test_nothing_stays_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind 1,600 parts as much memory is in use as behind 600, while the answer is open."""
    held = []
    for count in (600, 1600):
        answer = of_parts(count, 8 * KIB)
        async with counting(monkeypatch, lambda _, answer=answer: answer) as (client, _):
            tracemalloc.start()
            async for part in client.retrieve_bulkdata("http://archive.example/dicom-web/b"):
                await part.read()
                if part.number == count:
                    gc.collect()
                    held.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()

    few, many = held
    assert many - few <= 16 * 1000


# --- requests ------------------------------------------------------------------------------------


async def test_an_exchange_is_two_calls_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request goes out in one piece, and its answer, head and frame, comes in with one read."""
    async with counting(monkeypatch, of_frames) as (client, origin):
        for number in range(1, 21):
            await client.retrieve_instance_frames(*UIDS, [number])

        assert (20, 1) == (len(origin.requests), origin.connections)
        assert (20, 20) == (origin.sends, origin.reads)


async def test_heads_alone_go_through_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    """One event out and one in for each exchange, whatever its body has in it."""
    made = {name: count_calls(monkeypatch, h11.Connection, name)
            for name in ("send", "receive_data", "next_event")}  # fmt: skip
    async with counting(monkeypatch, lambda _: of_parts(200, 8 * KIB)) as (client, _):
        await iterate(client, 200)
        await iterate(client, 200)

    assert {"send": 2, "receive_data": 2, "next_event": 2} == {
        name: counter.calls for name, counter in made.items()
    }


async def test_frames_awaited_at_once_travel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 small frames are at most 64 to a request, over few connections."""
    async with counting(monkeypatch, of_frames) as (client, origin):
        await client.retrieve_instance_frames(*UIDS, [1])  # tells how large they are
        frames = await asyncio.gather(
            *(client.retrieve_instance_frames(*UIDS, [number]) for number in range(1, 2001))
        )

        assert list(range(1, 2001)) == [frame.number for [frame] in frames]
        # As many as there are connections go alone; of the rest each takes its share, ever less.
        assert len(origin.requests) <= 100
        assert origin.connections <= 20


async def test_a_list_is_as_few_requests_as_urls_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 numbers have 8,892 characters; servers take 8 KiB."""
    async with counting(monkeypatch, of_frames) as (client, origin):
        await client.retrieve_instance_frames(*UIDS, list(range(1, 2001)))

        assert 2 == len(origin.requests)


# --- storing -------------------------------------------------------------------------------------


def files(directory: Path, count: int, octets: int) -> Sequence[Path]:
    """So many DICOM files, whose pixel data take no room on disk."""
    paths = []
    for number in range(count):
        path = directory / f"{number}.dcm"
        path.write_bytes(dicom_file(f"1.2.{number}"))
        with path.open("r+b") as file:
            file.truncate(octets)
        paths.append(path)
    return paths


async def test_a_file_is_sent_in_few_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 256 KiB by ``sendfile``, with the heads between files; threads open several."""
    paths = files(tmp_path, 40, 512 * KIB)
    report = json_response(module([f"1.2.{number}" for number in range(40)]))
    threads = count_calls(monkeypatch, anyio.to_thread, "run_sync")
    async with counting(monkeypatch, lambda _: report) as (client, origin):
        await client.store_instances(paths)

        assert (40 * 2, 1) == (origin.file_sends, len(origin.requests))
        assert origin.sends <= ONCE
        assert threads.calls <= 40 // 4 + ONCE


async def test_nothing_of_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """128 MiB are stored within one of memory: only the beginnings of files are looked at."""
    paths = files(tmp_path, 2, 64 * KIB * KIB)
    report = json_response(module(["1.2.0", "1.2.1"]))
    async with counting(monkeypatch, lambda _: report) as (client, _):
        tracemalloc.start()
        await client.store_instances(paths)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < KIB * KIB
