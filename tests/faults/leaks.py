"""What is left of something: tasks and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["nothing_left", "sockets"]


def sockets() -> int:
    """How many this process has."""
    count = 0
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            count += str(path.readlink()).startswith("socket:")
    return count


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """What was begun inside has ended behind it: tasks and sockets."""
    tasks, before = len(asyncio.all_tasks()), sockets()
    yield
    gc.collect(0)
    assert (tasks, before) == (len(asyncio.all_tasks()), sockets())
