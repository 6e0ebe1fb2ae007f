"""Drives coroutines of asyncio step by step, so that one can be cancelled at any of its awaits."""

from __future__ import annotations

import asyncio
import contextlib
import types
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator

__all__ = ["Steps", "counted"]

_watched: ContextVar[Steps | None] = ContextVar("_watched", default=None)


class Steps:
    """Counts the awaits at which a task, or one that it started, waits; strikes at one of them.

    Args:
        at: Number of the await, from 1.
        strike: What to do then; the task is about to wait.

    Attributes:
        count: Awaits so far.
    """

    def __init__(self, at: int, strike: Callable[[], None]) -> None:
        self._at = at
        self._strike = strike
        self.count = 0

    def take(self) -> None:
        """A task is about to wait."""
        self.count += 1
        if self.count == self._at:
            self._strike()


@types.coroutine
def _driven(coroutine: Coroutine[Any, Any, Any], steps: Steps) -> Generator[Any, Any, Any]:
    """Pass on what a coroutine waits for, and count it."""
    resume: Callable[[], Any] = lambda: coroutine.send(None)  # noqa: E731
    while True:
        try:
            waited_for = resume()
        except StopIteration as stop:
            return stop.value
        steps.take()
        try:
            got = yield waited_for
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's
            thrown = error
            resume = lambda: coroutine.throw(thrown)  # noqa: E731, B023
        else:
            resume = lambda: coroutine.send(got)  # noqa: E731, B023


async def counted(coroutine: Coroutine[Any, Any, Any], steps: Steps) -> Any:
    """Run a coroutine, and count its awaits and those of all tasks that it starts."""
    token = _watched.set(steps)
    try:
        return await _driven(coroutine, steps)
    finally:
        _watched.reset(token)


@contextlib.contextmanager
def counting_tasks() -> Iterator[None]:
    """Let tasks that a counted task starts be counted too."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        steps = _watched.get()
        if steps is not None:
            coroutine = counted(coroutine, steps)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(make)  # type: ignore[arg-type]
    try:
        yield
    finally:
        loop.set_task_factory(before)
