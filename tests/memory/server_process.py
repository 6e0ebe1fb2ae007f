"""A server whose process says how it is; its arguments are its folder, and how often it leaks.

Prints its URL, and then a line of JSON for each line that it is sent, with the numbers of
descriptors that are ``sockets``, of the ``index``, and ``others``, of ``tasks``, and of octets of
``memory``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import anyio

from aiodicomweb.server import DirectoryArchive, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiodicomweb.server import Holding
    from aiodicomweb.services import Selector

KIB = 1 << 10


class Leaking(DirectoryArchive):
    """Keeps a task, a pipe and some memory of each of the first holdings that it is asked for."""

    most: ClassVar[int] = 0
    kept: ClassVar[list[object]] = []

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        """Give them, and leak."""
        if len(self.kept) < self.most:
            forever = asyncio.create_task(asyncio.Event().wait())
            self.kept.append((forever, os.pipe(), os.urandom(256 * KIB)))
        return await super().holdings(selector)


def measure() -> dict[str, int]:
    """What this process holds."""
    gc.collect()
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            links.append(str(path.readlink()))
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (resident,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    sockets = sum(link.startswith("socket:") for link in links)
    index = sum("/index.sqlite3" in link for link in links)
    return {
        "sockets": sockets,
        "index": index,
        "others": len(links) - sockets - index,
        "tasks": len(asyncio.all_tasks()),
        "memory": int(resident) * KIB,
    }


def tell(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


async def main() -> None:
    """Serve until standard input ends."""
    folder, Leaking.most = sys.argv[1], int(sys.argv[2])
    archive = (Leaking if Leaking.most else DirectoryArchive)(folder)
    async with Server(archive) as server:
        tell(server.url)
        while await anyio.to_thread.run_sync(sys.stdin.readline):
            tell(json.dumps(measure()))


anyio.run(main)
