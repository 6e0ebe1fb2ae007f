"""The event loops that tests run on: asyncio, asyncio in debug mode, uvloop and trio.

``pytest --loop uvloop`` and ``--loop debug`` run everything as usual, on another loop or with
asyncio's debug mode and a detector for calls that block. ``--loop trio`` leaves the tests to
anyio's plugin, and deselects those that drive asyncio itself: it also takes
``-o asyncio_mode=strict -o anyio_mode=auto``.
"""

from __future__ import annotations

import asyncio
import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["LOOPS", "LoopFactories", "drives_asyncio", "runs_on_trio"]

LOOPS = ("asyncio", "debug", "trio", "uvloop")


def runs_on_trio(item: pytest.Item) -> bool:
    """Whether this test, unlike those that drive asyncio itself, means nothing but anyio."""
    function = inspect.unwrap(getattr(item, "function", runs_on_trio))
    return not drives_asyncio(function, set())


def drives_asyncio(function: FunctionType, seen: set[CodeType]) -> bool:
    """Whether a function of the tests, or one that it uses, uses the module ``asyncio``."""
    names = names_in(function.__code__)
    seen.add(function.__code__)
    used = (
        inspect.unwrap(found) for name in names if callable(found := function.__globals__.get(name))
    )
    others = [one for one in used if isinstance(one, FunctionType) and one.__code__ not in seen]
    ours = (one for one in others if one.__module__.startswith("tests"))
    return "asyncio" in names or any(drives_asyncio(one, seen) for one in ours)


def names_in(code: CodeType) -> set[str]:
    """The names that a function, and those inside it, look up."""
    inner = (names_in(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


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
