"""What was reported stored survives: a process is killed while it stores 500 instances.

The moments are those of reports, chosen by a seed, and some microseconds behind. Nothing depends
on where exactly a blow falls: whenever that is, all of this has to hold.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.server import DirectoryArchive
from aiodicomweb.server.index import Index
from aiodicomweb.services import Selector

from ..support.archives import content
from ..support.instances import an_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
INSTANCES = 500
BLOWS = 20
STUDY = Selector("1.2")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 instances of 10 series: most are small, some are written in several pieces."""
    folder = tmp_path_factory.mktemp("source")
    template = an_instance("1.2.3.9999", series="1.2.39", PixelData=b"\xee" * 20_000)
    large = an_instance("1.2.3.9999", series="1.2.39", PixelData=b"\xee" * 400_000)
    for number in range(INSTANCES):
        octets = large if number % 25 == 0 else template
        octets = octets.replace(b"1.2.3.9999", b"1.2.3.%04d" % (1000 + number))
        octets = octets.replace(b"1.2.39", b"1.2.3%d" % (number % 10))
        octets = octets.replace(b"\xee" * 100, (b"%04d" % number) * 25)
        (folder / f"1.2.3.{1000 + number}").write_bytes(octets)
    return folder


@pytest.mark.parametrize("seed", range(BLOWS))
async def test_killed_while_storing(source: Path, tmp_path: Path, seed: int) -> None:
    """Every acknowledged instance is whole and equal; index and files agree; no draft is left."""
    root = tmp_path / "archive"
    acknowledged = store_until_killed(root, source, random.Random(seed))
    assert len(acknowledged) < INSTANCES

    check_files(root, source, acknowledged)
    archive = DirectoryArchive(root)
    await archive.open()
    try:
        holdings = {holding.instance: holding for holding in await archive.holdings(STUDY)}
        counts = await archive.counts()
    finally:
        await archive.aclose()

    assert acknowledged <= holdings.keys()
    assert len(holdings) == counts.instances
    for instance, holding in holdings.items():
        assert (source / instance).read_bytes() == content(holding)
    check_agreement(root)


def store_until_killed(root: Path, source: Path, chance: random.Random) -> set[str]:
    """Start a process that stores, and kill it after some reports; the UIDs reported."""
    script = Path(__file__).with_name("storing_process.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(root), str(source)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        reports = chance.randrange(INSTANCES * 3 // 5)
        lines = [process.stdout.readline().strip() for _ in range(reports + 1)]
        threading.Event().wait(chance.random() * 0.004)
        process.kill()
        lines += process.stdout.read().split("\n")  # what it had said before it fell
    assert "open" == lines[0]
    uids = [line for line in lines[1:] if line]
    assert not [line for line in uids if line.startswith("failed")]
    return set(uids)


def check_files(root: Path, source: Path, acknowledged: set[str]) -> None:
    """All that is in its place is whole, before anybody has cleared up."""
    files = {path.stem: path.read_bytes() for path in root.glob("[0-9]*/*/*")}
    assert acknowledged <= files.keys()
    for instance, octets in files.items():
        assert (source / instance).read_bytes() == octets


def check_agreement(root: Path) -> None:
    """The index has each file as it is, and none else; nothing is left of drafts."""
    index = Index.open(root / ".aiodicomweb" / "index.sqlite3")
    try:
        assert not index.stale
        noted = index.files()
    finally:
        index.close()
    assert dict(sizes(root)) == {path: size for path, (size, _) in noted.items()}
    assert [] == list((root / ".aiodicomweb" / "incoming").iterdir())


def sizes(root: Path) -> Iterator[tuple[str, int]]:
    """Each file of the archive, and its size."""
    for path in root.glob("[0-9]*/*/*"):
        yield path.relative_to(root).as_posix(), path.stat().st_size
