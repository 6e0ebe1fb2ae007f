"""The event loops that tests run on: asyncio, asyncio in debug mode, uvloop and trio.

``pytest --loop uvloop`` and ``--loop debug`` run everything as usual, on another loop or with
asyncio's debug mode and a detector for calls that block. ``--loop trio`` leaves the tests to
anyio's plugin, and deselects those that drive asyncio itself: it also takes
``-o asyncio_mode=strict -o anyio_mode=auto``.
"""

from __future__ import annotations

import asyncio
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["LOOPS", "LoopFactories", "drives_asyncio", "runs_on_trio"]

LOOPS = ("asyncio", "debug", "trio", "uvloop")


def runs_on_trio(item: pytest.Item) -> bool:
    """Whether this test, unlike those that drive asyncio itself, means nothing but anyio."""
    function: Callable[..., Any] = getattr(item, "function", lambda: None)
    return not drives_asyncio(function.__code__)


def drives_asyncio(code: CodeType) -> bool:
    """Whether a function, or one inside it, uses the module ``asyncio``."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return "asyncio" in code.co_names or any(map(drives_asyncio, inner))


class LoopFactories:
    """A plugin that tells pytest-asyncio where loops come from."""

    def __init__(self, loop: str) -> None:
        self._loop = loop

    def pytest_asyncio_loop_factories(self) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
        """The one kind of loop."""
        return {self._loop: new_uvloop if self._loop == "uvloop" else new_debug_loop}


def new_uvloop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop."""
    import uvloop

    return uvloop.new_event_loop()


def new_debug_loop() -> asyncio.AbstractEventLoop:
    """A loop of asyncio that looks closely."""
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop
