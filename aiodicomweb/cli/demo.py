"""``aiodicomweb demo``: the main job in one minute, with figures and the Python lines for it."""

from __future__ import annotations

import contextlib
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .connection import Connection, connected
from .output import amount, count, show_table
from .store import store_files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pydicom import Dataset

    from aiodicomweb.client import Client, StoreReport

__all__ = ["demo"]

SEARCHED_INSTANCES = 8
"""How many of the stored instances the search names: their UIDs must fit into one URL."""

_SCRIPT = """\
The same in Python:

import asyncio
import os

from aiodicomweb import Client

async def main():
    async with Client({client}) as client:
{lines}

asyncio.run(main())
"""

_STORE = "report = await client.store_instances({paths})"
_SEARCH = """\
uids = [stored.sop_instance_uid for stored in report.stored]
found = await client.search_for_instances(search_filters={{"SOPInstanceUID": uids[:{limit}]}})
image = next((instance for instance in found if "Rows" in instance), found[0])
address = image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID"""
_METADATA = "metadata = await client.retrieve_instance_metadata(*address)"
_FRAMES = "frames = await client.retrieve_instance_frames(*address, [1])"
_RETRIEVE = """\
os.makedirs("copy", exist_ok=True)
for study in {instance.StudyInstanceUID for instance in found}:
    async for instance in client.retrieve_study(study):
        await instance.save("copy")"""


@dataclass(slots=True)
class Step:
    """What one step did: a text, and the octets that it moved."""

    result: str = ""
    octets: int | None = None


@dataclass(slots=True)
class Tour:
    """The steps so far: rows of the table, and Python code."""

    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    script: list[str] = field(default_factory=list[str])

    @contextlib.contextmanager
    def step(self, title: str, code: str) -> Generator[Step]:
        """Measure a step, and note the code that does the same."""
        step = Step()
        started = time.monotonic()
        yield step
        seconds = time.monotonic() - started
        size = rate = ""
        if step.octets is not None:
            size, rate = amount(step.octets), amount(step.octets, seconds)
        self.rows.append((title, step.result, size, f"{seconds * 1000:.0f} ms", rate))
        self.script.append(code)


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@connected
def demo(connection: Connection, paths: tuple[Path, ...]) -> int:
    """Do the main job once, and show the figures.

    Stores, searches, gets metadata and a frame, retrieves, and stores again. Takes DICOM files and
    directories; without any, two small images that come with pydicom. What is stored stays on the
    server.
    """
    tour = Tour()
    try:
        status = connection.run(lambda client: _run(client, tour, paths or _samples()))
    finally:
        if tour.rows:
            show_table(("Step", "Result", "Size", "Time", "Rate"), tour.rows)
    click.echo(_script(connection, tour))
    return status


def _samples() -> tuple[Path, ...]:
    """Two images that are part of pydicom; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    names = ("CT_small.dcm", "MR_small.dcm")
    return tuple(Path(str(get_testdata_file(name, download=False))) for name in names)


async def _run(client: Client, tour: Tour, paths: tuple[Path, ...]) -> int:
    names = [str(path) for path in paths]
    with tour.step("store", _STORE.format(paths=names)) as step:
        report = await _store(client, step, paths)
    found = await _search(client, tour, report)
    await _image(client, tour, found)
    with tempfile.TemporaryDirectory() as copy:
        await _retrieve(client, tour, found, Path(copy))
        with tour.step("store again", _STORE.format(paths=["copy"])) as step:
            again = await _store(client, step, (Path(copy),))
    for each in (report, again):
        each.raise_for_failures()
    return 0


async def _store(client: Client, step: Step, paths: tuple[Path, ...]) -> StoreReport:
    report = await store_files(client, paths)
    step.result, step.octets = count(len(report.stored), "instance"), _octets(paths)
    if not report.stored:
        raise click.ClickException("the server stored none of the instances")
    return report


async def _search(client: Client, tour: Tour, report: StoreReport) -> list[Dataset]:
    uids = [stored.sop_instance_uid for stored in report.stored[:SEARCHED_INSTANCES]]
    with tour.step("search", _SEARCH.format(limit=SEARCHED_INSTANCES)) as step:
        found = await client.search_for_instances(search_filters={"SOPInstanceUID": uids})
        step.result = count(len(found), "instance")
    if not found:
        raise click.ClickException("the server does not find what it has just stored")
    return found


async def _image(client: Client, tour: Tour, found: Sequence[Dataset]) -> None:
    """Get metadata, and the first frame, of an image if there is one."""
    image = next((instance for instance in found if "Rows" in instance), found[0])
    study, series = str(image.StudyInstanceUID), str(image.SeriesInstanceUID)
    instance = str(image.SOPInstanceUID)
    with tour.step("metadata", _METADATA) as step:
        metadata = await client.retrieve_instance_metadata(study, series, instance)
        step.result = count(len(metadata), "attribute")
    if "Rows" not in metadata:
        return
    with tour.step("frames", _FRAMES) as step:
        frames = await client.retrieve_instance_frames(study, series, instance, [1])
        step.result, step.octets = f"1 frame, {frames[0].media_type}", frames[0].data.nbytes


async def _retrieve(client: Client, tour: Tour, found: Sequence[Dataset], copy: Path) -> None:
    studies = dict.fromkeys(str(instance.StudyInstanceUID) for instance in found)
    with tour.step("retrieve", _RETRIEVE) as step:
        saved: list[Path] = []
        for study in studies:
            async with client.retrieve_study(study) as instances:
                saved += [await instance.save(copy) async for instance in instances]
        step.result, step.octets = count(len(saved), "instance"), _octets(saved)


def _octets(paths: Sequence[Path]) -> int:
    """The size of files, and of those in directories."""
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file())


def _script(connection: Connection, tour: Tour) -> str:
    from aiodicomweb.http import URL

    client = repr(URL.parse(connection.url).redacted())
    if connection.authenticated:
        client += ", auth=..."
    lines = textwrap.indent("\n".join(tour.script), " " * 8)
    return _SCRIPT.format(client=client, lines=lines)
