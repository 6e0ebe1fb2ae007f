"""A client that does one piece of work, and says by how much its process grew meanwhile.

A process of its own, as the peak of a process never falls. Takes its orders as JSON, and prints
``{"growth": octets, "moved": octets}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio

from aiodicomweb import Client

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.process import status


async def save(client: Client, study: str, directory: Path) -> int:
    """Retrieve a study to disk; each file is deleted once its size was seen."""
    moved = 0
    async for instance in client.retrieve_study(study):
        path = await instance.save(directory)
        moved += path.stat().st_size
        path.unlink()
    return moved


async def read(client: Client, study: str, _: Path) -> int:
    """Retrieve a study into memory, one instance at a time."""
    moved = 0
    async for instance in client.retrieve_study(study):
        moved += len(await instance.read())
    return moved


async def store(client: Client, _: str, directory: Path) -> int:
    """Store the files of a directory."""
    report = await client.store_instances(directory)
    sizes = sizes_in(directory)
    assert len(sizes) == len(report.unreported)
    return sum(sizes)


def sizes_in(directory: Path) -> list[int]:
    """The sizes of a directory's files."""
    return [path.stat().st_size for path in directory.iterdir()]


WORK = {"save": save, "read": read, "store": store}


async def main() -> None:
    """Warm up, measure, work, measure."""
    order = json.loads(sys.argv[1])
    work = WORK[order["work"]]
    async with Client(order["url"]) as client:
        await work(client, order["warm_up"], Path(order["warm_up_directory"]))
        before = status("VmRSS")
        moved = await work(client, order["study"], Path(order["directory"]))
        # What is resident now, and not the peak so far: the harder measure.
        growth = status("VmHWM") - before
    print(json.dumps({"growth": growth, "moved": moved}))  # noqa: T201


anyio.run(main)
