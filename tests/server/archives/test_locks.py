"""Locks on the instances of a folder exclude threads and other holders."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from aiodicomweb.server.archives.locks import Locks

if TYPE_CHECKING:
    from pathlib import Path

HOLDING = """
import sys, pathlib
from aiodicomweb.server.archives.locks import Locks
with Locks(pathlib.Path(sys.argv[1])).of("1.2"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    """Threads that change one thing under its lock never meet."""
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with Locks(tmp_path).of("1.2.3"):
                inside += 1
                most = max(most, inside)
                threading.Event().wait(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == most


def test_all_excludes_each(tmp_path: Path) -> None:
    """Who holds all is alone; who waits gets in afterwards."""
    locks = Locks(tmp_path)
    entered: list[str] = []

    def work() -> None:
        with locks.of("1.2.3"):
            entered.append("one")

    thread = threading.Thread(target=work)
    with locks.all():
        thread.start()
        thread.join(0.05)
        entered.append("all")
    thread.join()

    assert ["all", "one"] == entered


def test_a_process_that_dies_holds_nothing(tmp_path: Path) -> None:
    """The system frees its locks, however it ended."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert b"held\n" == process.stdout.readline()
        entered = threading.Event()

        def work() -> None:
            with Locks(tmp_path).of("1.2"):
                entered.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert not entered.wait(0.05)
        process.kill()
        thread.join()

    assert entered.is_set()
