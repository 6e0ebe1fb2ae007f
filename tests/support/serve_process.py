"""``aiodicomweb serve`` as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ServeProcess", "serve_process"]

PATIENCE = 30
"""Seconds after which a test that hangs fails."""


class ServeProcess:
    """A process that serves, and has said where.

    Attributes:
        url: The first line that it printed.
        found: The second line.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._read(process.stdout)
        self.found = self._read(process.stdout)

    @staticmethod
    def _read(stream: IO[str] | None) -> str:
        assert stream is not None
        return stream.readline().rstrip("\n")

    def line(self) -> str:
        """Wait for the next line that is printed."""
        return self._read(self._process.stdout)

    def error_line(self) -> str:
        """Wait for the next line on standard error."""
        return self._read(self._process.stderr)

    def interrupt(self, signal: int) -> None:
        self._process.send_signal(signal)

    def wait(self) -> tuple[int, str]:
        """Wait for the end: exit status, and what else was written to standard error."""
        _, err = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, err


@contextmanager
def serve_process(
    *arguments: object, stdin: int | None = None, **environment: str
) -> Iterator[ServeProcess]:
    """Start ``aiodicomweb serve`` on a free port, and end it in any case."""
    # asyncio's debug mode writes to standard error, whose every line is looked at.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    command = [sys.executable, "-m", "aiodicomweb", "serve", "--port", "0"]
    settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [*command, *map(str, arguments)], env=kept | environment, stdin=stdin, **settings
    ) as process:
        try:
            yield ServeProcess(process)
        finally:
            process.kill()
