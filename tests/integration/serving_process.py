"""A server with an archive in a folder, which prints its URL and serves until it is killed."""

from __future__ import annotations

import sys

import anyio

from aiodicomweb.server import DirectoryArchive, Server


async def main(folder: str) -> None:
    """Serve."""
    async with Server(DirectoryArchive(folder)) as server:
        print(server.url, flush=True)  # noqa: T201
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
