"""Blocking work for many things, off the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["in_threads"]

T = TypeVar("T")
R = TypeVar("R")

_BATCH: Final = 64
"""Things done without coming back: a thread's turn costs more than to open a file, and who waits
may give up in between."""


async def in_threads(work: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """What blocking work makes of each thing, in order; one thread at a time."""

    def batch(some: Sequence[T]) -> list[R]:
        return [work(thing) for thing in some]

    made: list[R] = []
    for start in range(0, len(things), _BATCH):
        made += await anyio.to_thread.run_sync(batch, things[start : start + _BATCH])
    return made
