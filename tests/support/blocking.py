"""Finds calls of our own that block the event loop: files, names of hosts, databases.

Python tells an audit hook of each such call (PEP 578). One that happens in a thread in which a
loop runs, made by a coroutine of ``aiodicomweb``, is noted. A hook can't be taken away
again: :func:`watch_once` is for a process that is there for this only.
"""

from __future__ import annotations

import inspect
import ipaddress
import sys
import traceback
from asyncio import _get_running_loop as running_loop
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import aiodicomweb

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["take_blocking_calls", "watch_once"]

_PACKAGE = Path(aiodicomweb.__file__).parent
_BLOCKING = frozenset(
    {
        *("open", "os.fsync", "os.link", "os.listdir", "os.mkdir", "os.rename", "os.rmdir"),
        *("os.scandir", "os.truncate", "shutil.copyfile", "shutil.rmtree", "sqlite3.connect"),
        *("socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "time.sleep"),
    }
)
_PASSING = ("<frozen importlib._bootstrap>", "linecache.py")
"""To import something, and to print where an error happened, are other matters."""

_calls: list[str] = []


@cache
def watch_once() -> None:
    """Note blocking calls from now on."""
    sys.addaudithook(_hear)


def take_blocking_calls() -> list[str]:
    """What was noted since the last time: event and stack."""
    calls, _calls[:] = list(_calls), []
    return calls


def _hear(event: str, details: tuple[object, ...]) -> None:
    if event not in _BLOCKING or running_loop() is None:
        return
    if event == "socket.getaddrinfo" and _is_address(details[0]):
        return  # nobody is asked
    frame = sys._getframe(1)
    if _is_ours(frame):
        _calls.append(event + "\n" + "".join(traceback.format_stack(frame, limit=12)))


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


def _is_ours(frame: FrameType | None) -> bool:
    """Whether a coroutine of our package calls, by way of plain functions perhaps.

    What a test calls by itself may block: it knows.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(_PASSING):
            return False
        if code.co_flags & inspect.CO_COROUTINE:
            path = Path(code.co_filename)
            return path.is_relative_to(_PACKAGE) and not path.is_relative_to(_PACKAGE / "testing")
        frame = frame.f_back
    return False
