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

from .connection import Connection, perhaps_connected
from .output import amount, count, show_table
from .serve import DEFAULT_PORT
from .store import store_files
from .upload import Upload

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pydicom import Dataset

    from aiodicomweb.client import Client, StoreReport

    Items = Sequence[Path | Dataset]

__all__ = ["demo"]

SEARCHED_INSTANCES = 8
"""How many of the stored instances the search names: their UIDs must fit into one URL."""

FRAMES = 100
"""How many frames are asked for at most."""

_SAMPLE = "make_study(slices=16, frames=30, size=512)"
"""What is made up where there are no files: 16 MB."""

_SCRIPT = """\
The same in Python:

import asyncio
import os

{imports}

async def main():
    async with Client({client}) as client:
{lines}

asyncio.run(main())
"""

_STORE = """\
report = await client.store_instances({items})
print(len(report.stored), "instances stored")"""
_SEARCH = """\
uids = [stored.sop_instance_uid for stored in report.stored]
found = await client.search_for_instances(
    search_filters={{"SOPInstanceUID": uids[:{limit}]}}, fields=["Rows", "NumberOfFrames"]
)
print(len(found), "instances found")
image = max(found, key=lambda each: ("Rows" in each, each.get("NumberOfFrames") or 1))
address = image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID"""
_METADATA = """\
metadata = await client.retrieve_instance_metadata(*address)
print(metadata.Modality, len(metadata), "attributes")"""
_FRAMES = """\
frames = await client.retrieve_instance_frames(*address, range(1, {frames} + 1))
print(len(frames), "frames,", sum(map(len, frames)), "octets")"""
_RETRIEVE = """\
os.makedirs("copy", exist_ok=True)
for study in {each.StudyInstanceUID for each in found}:
    async for instance in client.retrieve_study(study):
        await instance.save("copy")"""


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@perhaps_connected
def demo(connection: Connection | None, paths: tuple[Path, ...]) -> int:
    """Do the main job once, and show the figures.

    Stores, searches, gets metadata and frames, retrieves, and stores again. Takes DICOM files and
    directories; without any, a study is made up. Without --url there is an archive for as long as
    it takes; what is stored on another server stays there.
    """
    tour = Tour(paths)
    try:
        if connection is None:
            status = _run_alone(tour)
        else:
            status = connection.run(tour.run, hooks=[tour.upload])
    finally:
        if tour.rows:
            show_table(("Step", "Result", "Size", "Time", "Rate"), tour.rows)
    click.echo(f"\n{tour.program(connection)}", nl=False)
    return status


def _run_alone(tour: Tour) -> int:
    """Run the tour against a server within this process, over real sockets."""
    import anyio

    from aiodicomweb import Client
    from aiodicomweb.server import DirectoryArchive, Server

    async def main() -> int:
        with tempfile.TemporaryDirectory() as folder:
            async with (
                Server(DirectoryArchive(folder)) as server,
                Client(server.url, hooks=tour.upload) as client,
            ):
                click.echo(f"An archive at {server.url}, gone when this ends\n")
                return await tour.run(client)

    return anyio.run(main)


@dataclass(slots=True)
class Step:
    """What one step did: a text, and the octets that it moved."""

    result: str = ""
    octets: int | None = None


@dataclass(slots=True)
class Tour:
    """The steps, one after the other: rows of the table, and Python code.

    Attributes:
        paths: What to store; a study is made up if there is nothing.
        rows: Of the table so far.
        script: What was done so far.
        upload: A hook for the client of the tour.
    """

    paths: tuple[Path, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    script: list[str] = field(default_factory=list[str])
    upload: Upload = field(default_factory=Upload)

    async def run(self, client: Client) -> int:
        """Do everything once; the exit status."""
        items, code = self._items()
        report = await self._store("store", client, items, code)
        found = await self._search(client, report)
        await self._image(client, found)
        with tempfile.TemporaryDirectory() as copy:
            await self._retrieve(client, found, Path(copy))
            again = await self._store("store again", client, [Path(copy)], "'copy'")
        for each in (report, again):
            each.raise_for_failures()
        return 0

    def program(self, connection: Connection | None) -> str:
        """What was done, as a program. It has no credentials; the environment has."""
        from aiodicomweb.http import URL

        names, arguments = ["Client"], [f'"http://127.0.0.1:{DEFAULT_PORT}"']
        if connection is not None:
            arguments[0] = repr(URL.parse(connection.url).redacted())
            if connection.token is not None:
                names.insert(0, "BearerAuth")
                arguments.append('auth=BearerAuth(os.environ["AIODICOMWEB_TOKEN"])')
            elif connection.user is not None:
                names.insert(0, "BasicAuth")
                password = 'os.environ["AIODICOMWEB_PASSWORD"]'
                arguments.append(f"auth=BasicAuth({connection.user!r}, {password})")
        imports = [f"from aiodicomweb import {', '.join(names)}"]
        if not self.paths:
            imports.append("from aiodicomweb.testing import make_study")
        if connection is None:
            imports.append("\n# The archive is that of: aiodicomweb serve")
        return _SCRIPT.format(
            imports="\n".join(imports),
            client=", ".join(arguments),
            lines=textwrap.indent("\n".join(self.script), " " * 8),
        )

    @contextlib.contextmanager
    def _step(self, title: str) -> Generator[Step]:
        """Measure a step."""
        step = Step()
        started = time.monotonic()
        yield step
        seconds = time.monotonic() - started
        size = rate = ""
        if step.octets is not None:
            size, rate = amount(step.octets), amount(step.octets, seconds)
        self.rows.append((title, step.result, size, f"{seconds * 1000:.0f} ms", rate))

    def _items(self) -> tuple[Items, str]:
        """What to store, and the code for it."""
        if self.paths:
            return self.paths, repr([str(path) for path in self.paths])
        from aiodicomweb.testing import make_study

        return make_study(slices=16, frames=30, size=512), _SAMPLE

    async def _store(self, title: str, client: Client, items: Items, code: str) -> StoreReport:
        octets = _octets(items)
        with self._step(title) as step:
            report = await store_files(client, items, self.upload)
            step.result, step.octets = count(len(report.stored), "instance"), octets
        if not report.stored:
            raise click.ClickException("the server stored none of the instances")
        self.script.append(_STORE.format(items=code))
        return report

    async def _search(self, client: Client, report: StoreReport) -> list[Dataset]:
        uids = [stored.sop_instance_uid for stored in report.stored[:SEARCHED_INSTANCES]]
        with self._step("search") as step:
            found = await client.search_for_instances(
                search_filters={"SOPInstanceUID": uids}, fields=["Rows", "NumberOfFrames"]
            )
            step.result = count(len(found), "instance")
        if not found:
            raise click.ClickException("the server does not find what it has just stored")
        self.script.append(_SEARCH.format(limit=SEARCHED_INSTANCES))
        return found

    async def _image(self, client: Client, found: Sequence[Dataset]) -> None:
        """Get metadata, and the frames, of an image if there is one."""
        image = max(found, key=lambda each: ("Rows" in each, each.get("NumberOfFrames") or 1))
        address = (
            str(image.StudyInstanceUID),
            str(image.SeriesInstanceUID),
            str(image.SOPInstanceUID),
        )
        with self._step("metadata") as step:
            metadata = await client.retrieve_instance_metadata(*address)
            step.result = f"{metadata.get('Modality', '')} {count(len(metadata), 'attribute')}"
        self.script.append(_METADATA)
        if "Rows" not in metadata:
            return
        number = min(int(metadata.get("NumberOfFrames") or 1), FRAMES)
        with self._step("frames") as step:
            frames = await client.retrieve_instance_frames(*address, range(1, number + 1))
            step.result = f"{count(len(frames), 'frame')}, {frames[0].media_type}"
            step.octets = sum(map(len, frames))
        self.script.append(_FRAMES.format(frames=number))

    async def _retrieve(self, client: Client, found: Sequence[Dataset], copy: Path) -> None:
        studies = dict.fromkeys(str(instance.StudyInstanceUID) for instance in found)
        with self._step("retrieve") as step:
            saved: list[Path] = []
            for study in studies:
                async with client.retrieve_study(study) as instances:
                    saved += [await instance.save(copy) async for instance in instances]
            step.result, step.octets = count(len(saved), "instance"), _octets(saved)
        self.script.append(_RETRIEVE)


def _octets(items: Items) -> int:
    """The size of files, of those in directories, and of data sets as files."""
    from aiodicomweb.dicom.part10 import encode

    total = 0
    for item in items:
        if not isinstance(item, Path):
            total += len(encode(item))
        elif item.is_dir():
            total += sum(file.stat().st_size for file in item.rglob("*") if file.is_file())
        else:
            total += item.stat().st_size
    return total
