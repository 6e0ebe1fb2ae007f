"""A tinyproxy of the tests' own: a process on a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .programs import end_process, find_program, free_port, lacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Tinyproxy", "running_tinyproxy"]

_PROGRAM = "tinyproxy"
_SECONDS_TO_START = 20.0


@dataclass(frozen=True)
class Tinyproxy:
    """A running tinyproxy.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        log: What it writes down: a line with each request.
    """

    port: int
    log: Path

    def url(self, userinfo: str = "") -> str:
        """Its URL, with credentials before the host."""
        return f"http://{userinfo}{'@' * bool(userinfo)}127.0.0.1:{self.port}"

    def requests(self) -> list[str]:
        """The request lines that it got, in order."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return [line.partition("): ")[2] for line in lines if " Request (" in line]


@contextlib.contextmanager
def running_tinyproxy(folder: Path, *settings: str) -> Iterator[Tinyproxy]:
    """Start tinyproxy, wait until it answers, and stop it in the end.

    Args:
        folder: For its files.
        settings: Further lines of its configuration.
    """
    program = find_program(_PROGRAM)
    if program is None:
        lacking("tinyproxy", "tinyproxy")
    proxy = Tinyproxy(free_port(), folder / "tinyproxy.log")
    configuration = folder / "tinyproxy.conf"
    lines = [
        f"Port {proxy.port}",
        "Listen 127.0.0.1",
        "Allow 127.0.0.1",
        f'LogFile "{proxy.log}"',
        "LogLevel Connect",
        *settings,
    ]
    configuration.write_text("\n".join([*lines, ""]))
    complaints = folder / "complaints.txt"
    with (
        complaints.open("wb") as output,
        subprocess.Popen(
            [program, "-d", "-c", configuration],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            if not _listens(process, proxy.port):
                pytest.fail(f"tinyproxy does not start: {complaints.read_text()}")
            yield proxy
        finally:
            end_process(process)


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it comes up; false if the process ends, or takes too long."""
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        time.sleep(0.01)
    return False
