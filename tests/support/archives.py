"""What tests do with archives again and again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiodicomweb.http import FileSpan

if TYPE_CHECKING:
    from aiodicomweb.server import Archive, Holding
    from aiodicomweb.services import FailedInstance, Selector, StoredInstance

__all__ = ["content", "contents", "store"]


async def store(
    archive: Archive, octets: bytes, study: str | None = None
) -> StoredInstance | FailedInstance:
    """Store a file, in one piece."""
    deposit = await archive.deposit()
    await deposit.write(octets)
    return await deposit.commit(study)


def content(holding: Holding) -> bytes:
    """The whole content of what an archive holds."""
    match holding.content:
        case FileSpan(path, offset, length):
            return Path(path).read_bytes()[offset : offset + length]
        case bytes():
            return holding.content
        case _:
            raise TypeError


async def contents(archive: Archive, selector: Selector) -> list[bytes]:
    """The contents of all that an archive holds of a study, a series, or the one instance."""
    return [content(holding) for holding in await archive.holdings(selector)]
