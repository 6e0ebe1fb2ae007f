"""How fast the answer to a search becomes data sets, beside pydicom on the same octets.

Claims: of 5,000 studies the first is there before the last octet of the answer was sent; and all of
them take at most a third of what ``json.loads`` and ``Dataset.from_json`` take of octets that
they need not fetch.

Usage: ``python benchmarks/search.py [studies]``
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import platform
import socket
import sys
import time
import tracemalloc
from statistics import median
from typing import TYPE_CHECKING, Any

from pydicom import Dataset

from aiodicomweb import Client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection

ROUNDS = 5
PATIENCE = 60.0
CLOCKS = ("processor", "elapsed")
STALLED = "/stalled"
"""Below it, answers have no last octet until the server is told to send it."""


def study(number: int) -> dict[str, Any]:
    """A search result of 20 elements, such as archives give."""
    uid = f"1.2.826.0.1.3680043.8.498.{10**20 + number * 7919}"
    values: dict[str, tuple[str, Any]] = {
        "00080005": ("CS", "ISO_IR 192"),
        "00080020": ("DA", f"2024{number % 12 + 1:02}{number % 28 + 1:02}"),
        "00080030": ("TM", f"{number % 24:02}1500"),
        "00080050": ("SH", f"A{number:07}"),
        "00080056": ("CS", "ONLINE"),
        "00080061": ("CS", ("CT", "MR", "US")[number % 3]),
        "00080062": ("UI", "1.2.840.10008.5.1.4.1.1.2"),
        "00080090": ("PN", {"Alphabetic": f"Referrer^No{number % 50}"}),
        "00081030": ("LO", f"Examination {number % 90}"),
        "00081190": ("UR", f"https://archive.example/dicom-web/studies/{uid}"),
        "00100010": ("PN", {"Alphabetic": f"Family{number % 4000}^Given"}),
        "00100020": ("LO", f"P{number % 4000:06}"),
        "00100021": ("LO", "Example Hospital"),
        "00100030": ("DA", f"19{number % 90 + 10}0101"),
        "00100040": ("CS", "FM"[number % 2]),
        "0020000D": ("UI", uid),
        "00200010": ("SH", str(number)),
        "00201206": ("IS", number % 9 + 1),
        "00201208": ("IS", number % 900 + 1),
        "00321060": ("LO", f"Procedure {number % 70}"),
    }
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}


def answer(count: int) -> bytes:
    """The body of an answer."""
    return json.dumps([study(number) for number in range(count)]).encode()


def serve(pipe: Connection, count: int) -> None:
    """Answer every request with the same prepared octets, one connection at a time."""
    body = answer(count)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        with connection:
            while request := connection.recv(65536):
                connection.sendall(head + body[:-1])
                if STALLED.encode() in request:
                    pipe.recv()
                connection.sendall(body[-1:])


async def first_result(client: Client, pipe: Connection) -> float:
    """Milliseconds until the first result, behind which the server is told to send the last octet.

    Raises:
        TimeoutError: It doesn't come before that.
    """
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE), client.search_for_studies() as call:
        await anext(call)
        first = time.perf_counter() - began
        pipe.send("go on")
        async for _ in call:
            pass
    return first * 1000


async def iterated(client: Client) -> None:
    """Take each result, and keep none."""
    async for _ in client.search_for_studies():
        pass


async def collected(client: Client) -> list[Dataset]:
    """Take each result, and keep it."""
    return [found async for found in client.search_for_studies()]


async def awaited(client: Client) -> list[Dataset]:
    """Ask for the list."""
    return await client.search_for_studies()


def with_pydicom(body: bytes, *, keep: bool) -> list[Dataset]:
    """What pydicom makes of the octets, which are there."""
    made = (Dataset.from_json(obj) for obj in json.loads(body))
    if keep:
        return list(made)
    for _ in made:
        pass
    return []


async def seconds(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Processor and elapsed time, including that what it gives goes away."""
    gc.collect()
    processor, elapsed = time.process_time(), time.perf_counter()
    await work()
    return time.process_time() - processor, time.perf_counter() - elapsed


async def compare(
    title: str, work: Callable[[], Awaitable[object]], body: bytes, *, keep: bool
) -> None:
    """Run both in turn, and print medians and their ratios."""

    async def theirs() -> None:
        with_pydicom(body, keep=keep)

    rounds = [(await seconds(work), await seconds(theirs)) for _ in range(ROUNDS)]
    line = f"{title:20}"
    for clock, _ in enumerate(CLOCKS):
        ours, others = zip(*((our[clock], their[clock]) for our, their in rounds), strict=True)
        ratios = [other / our for our, other in zip(ours, others, strict=True)]
        line += f"{median(ours):9.3f} s{median(others):9.3f} s{median(ratios):6.1f}"
        line += f" ({min(ratios):.1f} - {max(ratios):.1f})"
    print(line)


async def peak(work: Callable[[], Awaitable[object]]) -> float:
    """The most memory that was in use at one time, in MiB."""
    gc.collect()
    tracemalloc.start()
    await work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1024 / 1024


async def measure(url: str, pipe: Connection, count: int) -> None:
    """Print a line for each comparison, the first result, and the memory."""
    body = answer(count)
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {count} studies of "
        f"{len(study(0))} elements, {len(body) / 1e6:.1f} MB, median of {ROUNDS}\n"
    )
    async with Client(url) as client:
        await iterated(client)  # what is imported and cached stays
        columns = "".join(f"{clock:>11}{'pydicom':>11}{'ratio':>18}" for clock in CLOCKS)
        print(f"{'':20}{columns}")
        await compare("iterated", lambda: iterated(client), body, keep=False)
        await compare("iterated, all kept", lambda: collected(client), body, keep=True)
        await compare("awaited", lambda: awaited(client), body, keep=True)
        print(f"\nmemory at its highest, iterated: {await peak(lambda: iterated(client)):.1f} MiB")
    async with Client(url + STALLED) as client:
        firsts = [await first_result(client, pipe) for _ in range(ROUNDS)]
        print(f"first result, the last octet held back until then: {median(firsts):.1f} ms")


def main() -> None:
    """Start the server in a process of its own, and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    server = context.Process(target=serve, args=(its, count), daemon=True)
    server.start()
    try:
        asyncio.run(measure(f"http://127.0.0.1:{ours.recv()}", ours, count))
    finally:
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
