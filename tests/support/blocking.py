"""Finds calls of our own that block the event loop: files, names of hosts, databases.

Python tells an audit hook of each such call (PEP 578). One that happens in a thread in which a
loop runs, with a frame of ``aiodicomweb`` nearest to it, is noted. A hook can't be taken away
again: :func:`watch_once` is for a process that is there for this only.
"""

from __future__ import annotations

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

_PACKAGE = str(Path(aiodicomweb.__file__).parent)
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


def _hear(event: str, _: tuple[object, ...]) -> None:
    if event not in _BLOCKING or running_loop() is None:
        return
    frame = sys._getframe(1)
    if _is_ours(frame):
        _calls.append(event + "\n" + "".join(traceback.format_stack(frame, limit=12)))


def _is_ours(frame: FrameType | None) -> bool:
    """Whether our package calls, by way of libraries perhaps."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.endswith(_PASSING) or "/tests/" in name or "/_pytest/" in name:
            return False
        if name.startswith(_PACKAGE):
            return "testing" not in Path(name).parts
        frame = frame.f_back
    return False
