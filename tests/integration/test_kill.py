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

import pytest

from aiodicomweb.server import DirectoryArchive
from aiodicomweb.services import Selector

from ..support.archives import content
from .survival import BLOWS, INSTANCES, STUDY, check_agreement, check_files, make_source

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instances to store."""
    folder = tmp_path_factory.mktemp("source")
    make_source(folder)
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
        held = await archive.holdings(Selector(STUDY))
        counts = await archive.counts()
    finally:
        await archive.aclose()

    holdings = {holding.instance: holding for holding in held}
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
