"""What a server has reported stored survives it: it is killed while 500 instances are stored.

As in the tests of the archive alone, nothing depends on where exactly a blow falls.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import Client, Retry, TransportError
from aiodicomweb.dicom import peek

from .survival import BLOWS, INSTANCES, STUDY, check_agreement, check_files, make_source

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
AT_ONCE = 4
IN_A_REQUEST = 5
REQUESTS = INSTANCES // IN_A_REQUEST
ONCE = Retry(attempts=1)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instances to store."""
    folder = tmp_path_factory.mktemp("source")
    make_source(folder)
    return folder


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process, and its URL; killed on leaving."""
    script = Path(__file__).with_name("serving_process.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(root)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@pytest.mark.parametrize("seed", range(BLOWS))
async def test_killed_while_storing(source: Path, tmp_path: Path, seed: int) -> None:
    """Every acknowledged instance is whole and served again; index and files agree."""
    root = tmp_path / "archive"
    with serving(root) as (url, process):
        acknowledged = await store_until_killed(url, process, source, random.Random(seed))
    assert len(acknowledged) < INSTANCES

    check_files(root, source, acknowledged)
    with serving(root) as (url, _):
        served = await retrieve_all(url) if any(root.glob("[0-9]*")) else {}
    check_agreement(root)

    assert acknowledged <= served.keys()
    assert {instance: (source / instance).read_bytes() for instance in served} == served
    assert served.keys() == {path.stem for path in root.glob("[0-9]*/*/*")}


async def store_until_killed(
    url: str, process: subprocess.Popen[str], source: Path, chance: random.Random
) -> set[str]:
    """Store, and kill the server after some of its reports; the UIDs reported."""
    files = sorted(source.iterdir())  # noqa: ASYNC240
    waiting = (files[i : i + IN_A_REQUEST] for i in range(0, INSTANCES, IN_A_REQUEST))
    answers = chance.randrange(REQUESTS * 4 // 5)
    acknowledged: set[str] = set()
    answered = 0

    async def work() -> None:
        nonlocal answered
        for batch in waiting:
            try:
                report = await client.store_instances(batch)
            except TransportError:
                return
            assert report.complete
            acknowledged.update(each.sop_instance_uid for each in report.stored)
            answered += 1
            strike()

    def strike() -> None:
        if answered == answers:
            asyncio.get_running_loop().call_later(chance.random() * 0.03, process.kill)

    async with Client(url, retry=ONCE) as client:
        strike()
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(work)
    return acknowledged


async def retrieve_all(url: str) -> dict[str, bytes]:
    """All instances of the study, by their UIDs."""
    async with Client(url, retry=ONCE) as client:
        found = await client.search_for_instances(STUDY, get_remaining=True)
        files = [bytes(await part.read()) async for part in client.retrieve_study(STUDY)]
    served = {peek(octets).sop_instance_uid or "": octets for octets in files}
    assert len(files) == len(found)
    assert {each.SOPInstanceUID for each in found} == served.keys()
    return served
