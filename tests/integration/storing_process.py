"""A process that stores instances into a folder and says which are stored, until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from aiodicomweb.server import DirectoryArchive
from aiodicomweb.services import StoredInstance

_AT_ONCE = 4


def tell(line: str) -> None:
    """Say something before anything else is done."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(root: Path, files: list[Path]) -> None:
    """Store files, several at once, and tell the UID of each that is stored."""
    archive = DirectoryArchive(root)
    await archive.open()
    tell("open")
    waiting = iter(files)

    async def work() -> None:
        for path in waiting:
            octets = path.read_bytes()
            deposit = await archive.deposit()
            for start in range(0, len(octets), 65_536):
                await deposit.write(octets[start : start + 65_536])
            result = await deposit.commit()
            if isinstance(result, StoredInstance):
                tell(result.sop_instance_uid)
            else:
                tell(f"failed {result.sop_instance_uid} {result.reason}")

    async with anyio.create_task_group() as tasks:
        for _ in range(_AT_ONCE):
            tasks.start_soon(work)
    await archive.aclose()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sorted(Path(sys.argv[2]).iterdir()))
