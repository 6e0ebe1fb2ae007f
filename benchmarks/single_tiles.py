"""2,000 tiles of 8 KiB, each asked for by its number.

Claims: with 1 and with 16 requests in flight, at least 1.2 times as fast as aiohttp that reads the
multipart answers; and where all are asked for at once, so that the library may ask for many with
one request, at least 5 times as fast as the best peer, which has 16 requests in flight.

That is what a viewer of whole slides does. Each tile is an answer of one part. In flight means
that as many tasks, or threads with dicomweb-client, ask for one tile after the other over
connections that stay open. All at once means ``asyncio.gather`` over 2,000 calls for one frame
each, or one call with all numbers; no peer groups requests, so that they stay at 16 in flight.
What a user of dicomweb-client gets who makes lists of 200 by hand, one after the other, is shown
as well.
httpx hands out whole bodies and knows nothing of parts. The floor is blocking sockets: requests go
out on all of them, then answers are read, until all tiles are there.

What it shows is the cost of a request and of a connection pool on loopback, where no time is lost
on the way; ``latency`` shows what distance adds. Memory says little: tiles are kept until all are
there, and handed over in order, but for those of lists by hand.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import multipart
from multipart import INSTANCE, SERIES, STUDY
from readers import ACCEPT, frames_path
from rig import Claim, Contestant, Target, current_case, main

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from dicomweb_client import DICOMwebClient
    from origin import Application, Asked
    from rig import Take, Work

OCTETS = 8 * 1024
AT_ONCE = "at once"
IN_FLIGHT = {"1 in flight": 1, "16 in flight": 16, AT_ONCE: 16}
LIST = 200
PEERS = ["aiohttp", "httpx", "dicomweb-client"]


def serve(_case: str) -> Application:
    """The origin's answers: the frames that the path names."""

    def answer(asked: Asked) -> Iterable[bytes]:
        return multipart.asked_for(OCTETS, asked.path)

    return answer


def as_in_case(work: Callable[[str, int, Take, int], Any]) -> Work:
    """A contestant with as many requests in flight as the case says."""
    return lambda url, size, take: work(url, size, take, IN_FLIGHT[current_case()])


async def ask_for_all(
    fetch: Callable[[int], Awaitable[Any]], size: int, take: Take, in_flight: int
) -> None:
    """Ask for one tile after the other, in so many tasks."""
    tiles: list[Any] = [None] * size
    numbers = iter(range(1, size + 1))

    async def ask() -> None:
        for number in numbers:
            tiles[number - 1] = await fetch(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(ask())
    for tile in tiles:
        take(tile)


async def aiodicomweb(url: str, size: int, take: Take, in_flight: int) -> None:
    """Ours: a call for each tile."""
    from aiodicomweb import Client

    async with Client(url) as client:

        async def fetch(number: int) -> memoryview:
            [frame] = await client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [number])
            return frame.data

        await ask_for_all(fetch, size, take, in_flight)


async def aiodicomweb_gather(url: str, size: int, take: Take) -> None:
    """Ours: a call for each tile, and all of them at once."""
    from aiodicomweb import Client

    async with Client(url) as client:
        for [frame] in await asyncio.gather(
            *(
                client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [number])
                for number in range(1, size + 1)
            )
        ):
            take(frame.data)


async def aiodicomweb_list(url: str, size: int, take: Take) -> None:
    """Ours: one call for all tiles."""
    from aiodicomweb import Client

    async with Client(url) as client:
        numbers = list(range(1, size + 1))
        for frame in await client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, numbers):
            take(frame.data)


async def aiohttp(url: str, size: int, take: Take, in_flight: int) -> None:
    """aiohttp and its MultipartReader."""
    import aiohttp

    async with aiohttp.ClientSession(headers={"Accept": ACCEPT}) as session:

        async def fetch(number: int) -> bytes:
            async with session.get(url + frames_path(str(number))) as response:
                reader = aiohttp.MultipartReader.from_response(response)
                part = await reader.next()
                tile = await part.read()
                assert await reader.next() is None
                return tile

        await ask_for_all(fetch, size, take, in_flight)


async def httpx(url: str, size: int, take: Take, in_flight: int) -> None:
    """httpx, without looking at parts."""
    import httpx

    async with httpx.AsyncClient(headers={"Accept": ACCEPT}) as client:

        async def fetch(number: int) -> bytes:
            return (await client.get(url + frames_path(str(number)))).content

        await ask_for_all(fetch, size, take, in_flight)


def dicomweb_client(url: str, size: int, take: Take, in_flight: int) -> None:
    """dicomweb-client in threads."""
    client = dicom_client(url, in_flight)

    def fetch(number: int) -> bytes:
        [tile] = client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [number])
        return tile

    with ThreadPoolExecutor(in_flight) as threads:
        for tile in [*threads.map(fetch, range(1, size + 1))]:
            take(tile)


def dicomweb_client_lists(url: str, size: int, take: Take) -> None:
    """dicomweb-client: lists that fit into a URL, one after the other."""
    client = dicom_client(url, 1)
    for first in range(1, size + 1, LIST):
        numbers = list(range(first, min(first + LIST, size + 1)))
        for tile in client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, numbers):
            take(tile)


def dicom_client(url: str, connections: int) -> DICOMwebClient:
    """A client that keeps as many connections open as it has threads; ten is the default."""
    import requests
    from dicomweb_client import DICOMwebClient

    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=connections))
    return DICOMwebClient(url, session=session)


def raw(url: str, size: int, take: Take, in_flight: int) -> None:
    """The floor: blocking sockets in turn."""
    parts = urlsplit(url)
    buffer = memoryview(bytearray(2 * OCTETS))
    length = sum(map(len, multipart.asked_for(OCTETS, "1")))
    path = f"{parts.path}{frames_path('')}"
    socks = [socket.create_connection((parts.hostname, parts.port)) for _ in range(in_flight)]
    for first in range(1, size + 1, len(socks)):
        asked = [*zip(socks, range(first, size + 1), strict=False)]
        for sock, number in asked:
            sock.sendall(f"GET {path}{number} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        for sock, _ in asked:
            missing = length
            while missing > 0:
                count = sock.recv_into(buffer)
                take(buffer[:count])
                missing -= count
    for sock in socks:
        sock.close()


CLAIM = Claim(
    name="single_tiles",
    title="Tiles of 8 KiB, asked for one by one",
    size=2000,
    unit="tiles",
    cases=[*IN_FLIGHT],
    serve=serve,
    payload=lambda _case, size: multipart.payload(OCTETS, size),
    contestants={
        "aiodicomweb": Contestant(as_in_case(aiodicomweb), peer=False),
        "aiodicomweb gather": Contestant(aiodicomweb_gather, peer=False, case=AT_ONCE),
        "aiodicomweb list": Contestant(aiodicomweb_list, peer=False, case=AT_ONCE),
        "aiohttp": Contestant(as_in_case(aiohttp)),
        "httpx": Contestant(as_in_case(httpx), whole=False),
        "dicomweb-client": Contestant(as_in_case(dicomweb_client)),
        "dicomweb-client lists": Contestant(dicomweb_client_lists, case=AT_ONCE),
        "raw sockets": Contestant(as_in_case(raw), whole=False, peer=False),
    },
    targets=[
        Target("aiodicomweb", ["aiohttp"], 1.2, "1 in flight"),
        Target("aiodicomweb", ["aiohttp"], 1.2, "16 in flight"),
        Target("aiodicomweb gather", PEERS, 5, AT_ONCE),
        Target("aiodicomweb list", PEERS, 5, AT_ONCE),
    ],
)

if __name__ == "__main__":
    main(CLAIM)
