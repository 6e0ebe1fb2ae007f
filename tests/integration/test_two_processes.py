"""Two processes store to one folder at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiodicomweb.server import DirectoryArchive
from aiodicomweb.services import Selector

from ..support.archives import content
from ..support.instances import an_instance

ROOT = Path(__file__).parents[2]
INSTANCES = 60

pytestmark = pytest.mark.slow


def make_source(folder: Path, filling: bytes) -> Path:
    """Instances with the same UIDs, each time with other pixels."""
    folder.mkdir()
    template = an_instance("1.2.3.9999", PixelData=filling * 20_000)
    for number in range(1000, 1000 + INSTANCES):
        octets = template.replace(b"1.2.3.9999", b"1.2.3.%d" % number)
        (folder / f"1.2.3.{number}").write_bytes(octets)
    return folder


def store_at_once(root: Path, sources: list[Path]) -> list[list[str]]:
    """Each in a process of its own; what they say."""
    script = Path(__file__).with_name("storing_process.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(root), str(source)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for source in sources
    ]
    said = [process.communicate()[0].splitlines() for process in processes]
    assert [0, 0] == [process.returncode for process in processes]
    return [lines[1:] for lines in said]


async def test_each_instance_is_stored_by_one_of_them(tmp_path: Path) -> None:
    """Where they differ the other one is refused, and what is held is what was acknowledged."""
    sources = [make_source(tmp_path / "one", b"1"), make_source(tmp_path / "two", b"2")]

    said = store_at_once(tmp_path / "archive", sources)

    stored = [{line for line in lines if not line.startswith("failed")} for lines in said]
    refused = [{line.split()[1] for line in lines if line.startswith("failed")} for lines in said]
    assert all("0111" in line for lines in said for line in lines if line.startswith("failed"))
    assert stored == refused[::-1]
    assert INSTANCES == len(stored[0] | stored[1])
    archive = DirectoryArchive(tmp_path / "archive")
    await archive.open()
    holdings = await archive.holdings(Selector("1.2"))
    await archive.aclose()
    assert INSTANCES == len(holdings)
    for holding in holdings:
        source = sources[0] if holding.instance in stored[0] else sources[1]
        assert (source / holding.instance).read_bytes() == content(holding)


async def test_the_same_instances_from_both(tmp_path: Path) -> None:
    """Each is stored for both, and held once."""
    source = make_source(tmp_path / "one", b"1")

    said = store_at_once(tmp_path / "archive", [source, source])

    assert [INSTANCES, INSTANCES] == [len(set(lines)) for lines in said]
    assert not [line for lines in said for line in lines if line.startswith("failed")]
    assert INSTANCES == len(list((tmp_path / "archive").glob("1.2/*/*")))
