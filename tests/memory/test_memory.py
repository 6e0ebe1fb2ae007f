"""Memory is bounded by a piece of an instance, whatever the size of a study.

Client and peer are processes of their own; what is measured is the client's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..support.messages import file_head

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ALLOWED = 32 * MIB
FRAMINGS = {"length": 1, "chunked": 2, "until-close": 3}
STUDIES = {"large": (8, 256 * MIB), "small": (4096, 512 * KIB)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """URL of the peer."""
    command = [sys.executable, HERE / "peer_process.py"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        assert 0 == process.wait(10)


def run(work: str, url: str, study: str, directory: Path, warm_up: Path) -> dict[str, int]:
    """Let a client process work; what it measured."""
    order = {
        "work": work,
        "url": url,
        "study": study,
        "directory": str(directory),
        "warm_up": "1.4.1000000",
        "warm_up_directory": str(warm_up),
    }
    command = [sys.executable, HERE / "client_process.py", json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "" == done.stderr
    measured: dict[str, int] = json.loads(done.stdout)
    return measured


def make_files(directory: Path, count: int, size: int) -> Path:
    """A directory of DICOM files with so many octets of pixel data, which take no room on disk."""
    directory.mkdir()
    for number in range(count):
        head = file_head(f"1.2.{number}", size)
        with (directory / f"{number}.dcm").open("wb") as file:
            file.write(head)
            file.truncate(len(head) + size)
    return directory


@pytest.mark.parametrize(
    ("framing", "study"), [*((framing, "large") for framing in FRAMINGS), ("chunked", "small")]
)
def test_a_study_of_2_gib_goes_to_disk(url: str, framing: str, study: str, tmp_path: Path) -> None:
    """Retrieving 2 GiB grows the process by less than 32 MiB, however the response is framed."""
    count, size = STUDIES[study]

    measured = run("save", url, f"{FRAMINGS[framing]}.{count}.{size}", tmp_path, tmp_path)

    assert measured["moved"] > 2 * GIB
    assert measured["growth"] < ALLOWED


@pytest.mark.parametrize("study", STUDIES)
def test_2_gib_are_stored_from_disk(url: str, study: str, tmp_path: Path) -> None:
    """Storing 2 GiB of files grows the process by less than 32 MiB."""
    count, size = STUDIES[study]
    files = make_files(tmp_path / "study", count, size)

    measured = run("store", url, "", files, make_files(tmp_path / "warm-up", 4, MIB))

    assert measured["moved"] > 2 * GIB
    assert measured["growth"] < ALLOWED


def test_the_measure_can_fail(url: str, tmp_path: Path) -> None:
    """Instances of 64 MiB that are read whole grow the process by more than is allowed."""
    measured = run("read", url, f"1.2.{64 * MIB}", tmp_path, tmp_path)

    assert measured["moved"] > 128 * MIB
    assert measured["growth"] > ALLOWED
