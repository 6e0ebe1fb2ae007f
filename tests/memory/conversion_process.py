"""A server of a folder, whose process says the most memory that it has had.

Prints its URL, and then for each line that it is sent the octets of memory that it has, and the
most that it has had.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import anyio

from aiodicomweb.server import DirectoryArchive, Server

KIB = 1 << 10


def measure() -> str:
    """What this process has, and the most that it has had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = {line.split()[0]: int(line.split()[1]) * KIB for line in lines if "kB" in line}
    return f"{found['VmRSS:']} {found['VmHWM:']}"


async def main() -> None:
    """Serve until standard input ends."""
    warnings.simplefilter("ignore")
    async with Server(DirectoryArchive(sys.argv[1])) as server:
        print(server.url, flush=True)  # noqa: T201
        while await anyio.to_thread.run_sync(sys.stdin.readline):
            print(measure(), flush=True)  # noqa: T201


anyio.run(main)
