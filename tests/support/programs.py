"""Programs that tests start: what is needed to find and to reach them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["REQUIRED", "end_process", "find_program", "free_port", "lacking"]

REQUIRED = "AIODICOMWEB_REQUIRE_PEERS"
"""With this variable set, a machine without a program fails the tests instead of skipping them."""

_SECONDS_TO_STOP = 20.0
_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


def find_program(name: str) -> Path | None:
    """The path of a program that is installed; services often are not on ``PATH``."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_FOLDERS))
    program = shutil.which(name, path=path)
    return None if program is None else Path(program)


def lacking(what: str, packages: str) -> NoReturn:
    """Skip the test, or fail it, for something is not installed."""
    reason = f"{what} is not installed (Debian: apt-get install {packages})"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set")
    pytest.skip(reason)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process, if need be by force."""
    process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
