"""The detector of calls that block finds them, in a process of its own: a hook can't be undone."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def heard(call: str) -> list[str]:
    """The calls that were noted while a coroutine of ours made this one."""
    program = f"""
        import anyio, aiodicomweb
        from tests.support import blocking

        blocking.watch_once()
        path = aiodicomweb.__file__
        source = "async def run():\\n    import os, time, pathlib, sqlite3, socket\\n    {call}"
        names = {{"anyio": anyio}}
        exec(compile(source, path, "exec"), names)
        anyio.run(names["run"])
        print([one.splitlines()[0] for one in blocking.take_blocking_calls()])
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names: list[str] = eval(done.stdout)
    return names


@pytest.mark.parametrize(
    ("expected", "call"),
    [
        (["open"], "open('/dev/null').close()"),
        (["open"], "pathlib.Path('/dev/null').open().close()"),
        (["sqlite3.connect"], "sqlite3.connect(':memory:').close()"),
        (["socket.getaddrinfo"], "socket.getaddrinfo('localhost', 80)"),
        ([], "socket.getaddrinfo('127.0.0.1', 80)"),
        ([], "await anyio.to_thread.run_sync(os.listdir, '/')"),
        ([], "import wave"),
    ],
)
def test_what_is_heard(expected: list[str], call: str) -> None:
    """Files, databases and names of hosts, unless in a thread; imports are another matter."""
    assert expected == heard(call)
