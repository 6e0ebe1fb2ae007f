"""Storing metadata with bulk data holds a data set without these, whatever their length.

The server is a process of its own, without sockets.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MIB = 1 << 20
ALLOWED = 40 * MIB

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]


def run(form: str, directory: Path, *, size: int, held: int = 0) -> dict[str, int]:
    """Let an origin store one instance; what it measured."""
    order = {"form": form, "directory": str(directory), "size": size, "held": held}
    command = [sys.executable, HERE / "storing_process.py", json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "" == done.stderr
    measured: dict[str, int] = json.loads(done.stdout)
    return measured


@pytest.mark.parametrize("form", ["json", "xml"])
def test_bulk_data_are_not_held(form: str, tmp_path: Path) -> None:
    """128 MiB of pixel data grow the process by less than 40 MiB."""
    measured = run(form, tmp_path, size=128 * MIB)

    assert 200 == measured["status"]
    assert 128 * MIB < (tmp_path / "1.2/1.2.3/1.2.3.2.dcm").stat().st_size
    assert measured["growth"] < ALLOWED


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_measure_can_fail(form: str, tmp_path: Path) -> None:
    """Values that are in line are held, and grow the process by more than is allowed."""
    measured = run(form, tmp_path, size=2, held=24 * MIB)

    assert 200 == measured["status"]
    assert measured["growth"] > ALLOWED
