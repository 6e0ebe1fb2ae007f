"""``aiodicomweb demo``: the main job in one minute, with figures and the Python lines for it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .connection import Connection, connected
from .output import amount, show_table
from .store import store_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

    from aiodicomweb.client import Client

__all__ = ["demo"]

SEARCHED_INSTANCES = 8
"""How many of the stored instances the search names: their UIDs must fit into one URL."""

_SCRIPT = """\
The same in Python:

import asyncio
from aiodicomweb import Client

async def main():
    async with Client({client}) as client:
{lines}

asyncio.run(main())
"""


@dataclass(slots=True)
class Step:
    """What one step did: a text, and the octets that it moved."""

    result: str = ""
    octets: int | None = None


@dataclass(slots=True)
class Tour:
    """The steps so far: rows of the table, and lines of Python."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, title: str, *lines: str) -> Iterator[Step]:
        """Measure a step, and note the lines that do the same."""
        step = Step()
        started = time.monotonic()
        yield step
        seconds = time.monotonic() - started
        size = rate = ""
        if step.octets is not None:
            size, rate = amount(step.octets), amount(step.octets, seconds)
        self.rows.append((title, step.result, size, f"{seconds * 1000:.0f} ms", rate))
        self.lines.extend(lines)


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
    click.echo(_script(connection, tour.lines))
    return status


def _samples() -> tuple[Path, ...]:
    """Two images that are part of pydicom; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    names = ("CT_small.dcm", "MR_small.dcm")
    return tuple(Path(str(get_testdata_file(name, download=False))) for name in names)


async def _run(client: Client, tour: Tour, paths: tuple[Path, ...]) -> int:
    uids = await _store(client, tour, paths)
    found = await _search(client, tour, uids)
    await _metadata(client, tour, found[0])
    await _frame(client, tour, found)
    studies = list(dict.fromkeys(str(instance.StudyInstanceUID) for instance in found))
    with tempfile.TemporaryDirectory() as copy:
        await _retrieve(client, tour, studies, Path(copy))
        await _store_again(client, tour, Path(copy))
    return 0


async def _store(client: Client, tour: Tour, paths: tuple[Path, ...]) -> list[str]:
    names = [str(path) for path in paths]
    with tour.step("store", f"report = await client.store_instances({names})") as step:
        report = await store_files(client, paths)
        step.result, step.octets = f"{len(report.stored)} instances", _octets(paths)
    if not report.stored:
        raise click.ClickException("the server stored none of the instances")
    return [stored.sop_instance_uid for stored in report.stored[:SEARCHED_INSTANCES]]


async def _search(client: Client, tour: Tour, uids: list[str]) -> list[Dataset]:
    filters = {"SOPInstanceUID": uids}
    line = f"instances = await client.search_for_instances(search_filters={filters})"
    with tour.step("search", line) as step:
        found = await client.search_for_instances(search_filters=filters)
        step.result = f"{len(found)} instances"
    if not found:
        raise click.ClickException("the server does not find what it has just stored")
    return found


def _address(instance: Dataset) -> tuple[str, str, str]:
    return (
        str(instance.StudyInstanceUID),
        str(instance.SeriesInstanceUID),
        str(instance.SOPInstanceUID),
    )


async def _metadata(client: Client, tour: Tour, instance: Dataset) -> None:
    address = _address(instance)
    line = f"metadata = await client.retrieve_instance_metadata{address}"
    with tour.step("metadata", line) as step:
        metadata = await client.retrieve_instance_metadata(*address)
        step.result = f"{len(metadata)} attributes of 1 instance"


async def _frame(client: Client, tour: Tour, found: Sequence[Dataset]) -> None:
    """Get the first frame of the first instance that has any."""
    images = [instance for instance in found if "Rows" in instance]
    if not images:
        return
    address = _address(images[0])
    arguments = ", ".join(map(repr, address))
    line = f"frames = await client.retrieve_instance_frames({arguments}, [1])"
    with tour.step("frames", line) as step:
        frames = await client.retrieve_instance_frames(*address, [1])
        step.result = f"1 frame, {frames[0].media_type}"
        step.octets = frames[0].data.nbytes


async def _retrieve(client: Client, tour: Tour, studies: Sequence[str], copy: Path) -> None:
    lines = (
        f"for study in {list(studies)}:",
        "    async for instance in client.retrieve_study(study):",
        '        await instance.save("copy")',
    )
    with tour.step("retrieve", *lines) as step:
        saved: list[Path] = []
        for study in studies:
            async with client.retrieve_study(study) as instances:
                saved += [await instance.save(copy) async for instance in instances]
        step.result, step.octets = f"{len(saved)} instances", _octets(saved)


async def _store_again(client: Client, tour: Tour, copy: Path) -> None:
    with tour.step("store again", 'report = await client.store_instances("copy")') as step:
        report = await store_files(client, (copy,))
        step.result, step.octets = f"{len(report.stored)} instances", _octets([copy])
    report.raise_for_failures()


def _octets(paths: Sequence[Path]) -> int:
    """The size of files, and of those in directories."""
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file())


def _script(connection: Connection, lines: Sequence[str]) -> str:
    from aiodicomweb.http import URL

    client = repr(URL.parse(connection.url).redacted())
    if connection.authenticated:
        client += ", auth=..."
    return _SCRIPT.format(client=client, lines="\n".join(f"        {line}" for line in lines))
