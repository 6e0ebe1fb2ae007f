"""200 clients at once for half a minute: no error, and nothing of them is left in the server.

Server and clients are processes of their own. What the server holds is counted before them, in the
midst of them, and when they have gone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .load_process import INSTANCES, STUDIES, an_image, uids

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MIB = 1 << 20
CLIENTS = 200
SECONDS = 30
PATIENCE = 60
INDEX = 100
"""SQLite keeps descriptors of connections that were closed while there are others, and uses them
again: there are as many as threads have read at once, which are forty."""
MORE_MEMORY = 16 * MIB
LEAKS = 500
VERBS = {
    *("search", "search_instances", "metadata", "instance", "study", "frames", "bulk_data"),
    *("store", "nothing", "leave"),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]

State = dict[str, int]


class Serving:
    """A server in a process.

    Attributes:
        url: Of its service.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._said()

    def state(self) -> State:
        """What it holds at this moment."""
        assert self._process.stdin is not None
        self._process.stdin.write("measure\n")
        self._process.stdin.flush()
        state: State = json.loads(self._said())
        return state

    def state_at_rest(self, tasks: int) -> State:
        """What it holds when there are no more tasks than that; or what it holds at last."""
        end = time.monotonic() + 10
        while (state := self.state())["tasks"] > tasks and time.monotonic() < end:
            pass
        return state

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def serving(folder: Path, leaks: int = 0) -> Iterator[Serving]:
    """A server with a few studies; that it ends well is checked on leaving."""
    for study in range(STUDIES):
        for instance in range(INSTANCES):
            octets = an_image(study, instance)
            (folder / f"{uids(study, instance)[2]}.dcm").write_bytes(octets)
    with subprocess.Popen(
        [sys.executable, HERE / "server_process.py", folder, str(leaks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield Serving(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                assert 0 == process.wait(PATIENCE)
            finally:
                process.kill()


def load(server: Serving, name: str, seconds: float) -> tuple[State, dict[str, Any]]:
    """Let 200 clients work; what the server holds in the midst, and what they say."""
    order = {"url": server.url, "round": name, "seconds": seconds, "clients": CLIENTS}
    with subprocess.Popen(
        [sys.executable, HERE / "load_process.py", json.dumps(order)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert "half" == process.stdout.readline().strip()
        state = server.state()
        out, err = process.communicate(timeout=seconds + PATIENCE)
    assert "" == err
    return state, json.loads(out)


def test_200_clients_at_once(tmp_path: Path) -> None:
    """No error, no socket, descriptor or task more than before, and memory that stays as it is."""
    with serving(tmp_path) as server:
        at_first = server.state()
        load(server, "1", 5)
        before = server.state_at_rest(at_first["tasks"])
        half_way, result = load(server, "2", SECONDS)
        after = server.state_at_rest(at_first["tasks"])

    assert [] == result["errors"]
    assert VERBS == result["done"].keys()
    assert half_way["sockets"] > CLIENTS // 2  # they are there at once, and can be counted
    assert half_way["tasks"] > CLIENTS // 2
    assert at_first["tasks"] == before["tasks"] == after["tasks"]
    assert at_first["sockets"] == before["sockets"] == after["sockets"]
    assert at_first["others"] == before["others"] == after["others"]
    assert max(before["index"], after["index"]) < INDEX
    assert after["memory"] - before["memory"] < MORE_MEMORY
    assert after["memory"] - half_way["memory"] < MORE_MEMORY


def test_the_measure_can_fail(tmp_path: Path) -> None:
    """A server that keeps a task, a pipe and some memory of each retrieval is found out."""
    with serving(tmp_path, LEAKS) as server:
        before = server.state()
        load(server, "1", 5)
        after = server.state_at_rest(before["tasks"] + LEAKS)

    assert after["tasks"] > before["tasks"] + 100
    assert after["others"] > before["others"] + 100
    assert after["memory"] - before["memory"] > MORE_MEMORY
