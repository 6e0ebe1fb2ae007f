"""How fast an origin server answers searches over HTTP, and its index takes in instances.

Claim: a search for studies among 100,000 instances is answered within 50 ms.

Usage: ``python benchmarks/archive_search.py [studies [instances of each]]``
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from aiodicomweb.http import URL, FileSpan
from aiodicomweb.server import Server
from aiodicomweb.server.index.attributes import Description, Entry, Level
from aiodicomweb.server.index.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiodicomweb.server import Deposit, Holding, Matches
    from aiodicomweb.services import SearchRequest, Selector

ROUNDS = 30
BATCH = 1000
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
NAMES = ("Müller", "Smith", "Doe", "Nguyen", "García", "Schmidt", "Kowalski", "Jansen")
STUDY = "studies/1.2.17"
SEARCHES = (
    "studies",
    "studies?PatientID=P17",
    "studies?PatientName=gar*",
    "studies?PatientName=*^N17",
    "studies?PatientName=kovalski&fuzzymatching=true",
    "studies?StudyDate=20100601-20100630",
    "studies?StudyDate=20100101-20191231",
    "studies?ModalitiesInStudy=MR",
    "studies?PatientSex=O",
    "studies?PatientWeight=1",
    "studies?includefield=all",
    "series?Modality=MR",
    f"{STUDY}/series",
    f"{STUDY}/instances",
    "instances?SOPInstanceUID=1.2.17.0.3",
    "instances",
    "instances?Rows=1",
)
"""Paths and queries; whatever is left out is as the server has it by default."""


class Indexed:
    """An archive that is nothing but an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def open(self) -> None:
        """The index is open."""

    async def aclose(self) -> None:
        """Close the index."""
        self._index.close()

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        """Search, as the archives of the library do."""
        return await anyio.to_thread.run_sync(self._index.search, request, limit)

    async def holdings(self, selector: Selector) -> list[Holding]:
        """There are no files."""
        return []

    async def deposit(self) -> Deposit:
        """Nothing is stored."""
        raise PermissionError

    async def delete(self, selector: Selector) -> int:
        """Nothing is deleted."""
        raise PermissionError


async def serve(path: Path) -> None:
    """Serve an index until the end of the standard input; print the port."""
    async with Server(Indexed(Index.open(path))) as server:
        print(URL.parse(server.url).port, flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


def entries(studies: int, instances: int) -> Iterator[Entry]:
    """CT and MR studies of two series each."""
    for number in range(studies):
        study = f"1.2.{number}"
        date = f"20{number % 25:02}{number % 12 + 1:02}{number % 28 + 1:02}"
        of_study = {
            "00080020": {"vr": "DA", "Value": [date]},
            "00080030": {"vr": "TM", "Value": [f"{number % 24:02}3000"]},
            "00080050": {"vr": "SH", "Value": [f"A{number}"]},
            "00080090": {"vr": "PN", "Value": [{"Alphabetic": "Who^Referred"}]},
            "00081030": {"vr": "LO", "Value": ["Thorax and abdomen"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": name_of(number)}]},
            "00100020": {"vr": "LO", "Value": [f"P{number}"]},
            "00100030": {"vr": "DA", "Value": [f"19{number % 90:02}0101"]},
            "00100040": {"vr": "CS", "Value": ["F" if number % 2 else "M"]},
            "00101030": {"vr": "DS", "Value": [70.5]},
            "0020000D": {"vr": "UI", "Value": [study]},
        }
        for position in range(instances):
            series = f"{study}.{position * 2 // instances}"
            yield entry(of_study, study, series, position)


def name_of(number: int) -> str:
    """The patient of a study."""
    return f"{NAMES[number % len(NAMES)]}^N{number}"


def entry(of_study: dict[str, Any], study: str, series: str, position: int) -> Entry:
    """One instance."""
    uid = f"{series}.{position}"
    of_series = {
        "00080060": {"vr": "CS", "Value": ["CT" if study[-1] in "02468" else "MR"]},
        "0008103E": {"vr": "LO", "Value": ["axial"]},
        "0020000E": {"vr": "UI", "Value": [series]},
        "00200011": {"vr": "IS", "Value": [int(series[-1]) + 1]},
    }
    of_instance = {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY", "AXIAL"]},
        "00080016": {"vr": "UI", "Value": [CT]},
        "00080018": {"vr": "UI", "Value": [uid]},
        "00200013": {"vr": "IS", "Value": [position + 1]},
        "00200032": {"vr": "DS", "Value": [-120.5, -120.5, float(position)]},
        "00280010": {"vr": "US", "Value": [512]},
        "00280011": {"vr": "US", "Value": [512]},
    }
    noted = {Level.STUDY: of_study, Level.SERIES: of_series, Level.INSTANCE: of_instance}
    span = FileSpan(f"{study}/{series}/{uid}.dcm", 0, 526_000)
    return Entry(Description(study, series, uid, CT, noted), span, EXPLICIT, "1", modified=1)


def ask(connection: HTTPConnection, target: str) -> tuple[float, int]:
    """How long an answer takes, from the request to its last octet, and what it weighs."""
    started = time.perf_counter()
    connection.request("GET", f"/{target}", headers={"Accept": "application/dicom+json"})
    response = connection.getresponse()
    body = response.read()
    spent = time.perf_counter() - started
    if response.status not in (200, 413):
        raise RuntimeError(f"{target}: {response.status}")
    return spent * 1000, len(body) if response.status == 200 else 0


def measure(port: int) -> None:
    """Print a line for each search."""
    connection = HTTPConnection("127.0.0.1", port)
    print(f"\n{'milliseconds':52}{'least':>8}{'median':>8}{'most':>8}{'KiB':>8}")
    for target in SEARCHES:
        ask(connection, target)
        answers = [ask(connection, target) for _ in range(ROUNDS)]
        times = [spent for spent, _ in answers]
        size = answers[0][1] / 1024
        print(
            f"/{target:51}{min(times):8.1f}{median(times):8.1f}{max(times):8.1f}{size:8.0f}",
            flush=True,
        )
    connection.close()


def fill(path: Path, studies: int, instances: int) -> None:
    """Make an index; print what it takes."""
    index = Index.open(path)
    waiting = entries(studies, instances)
    spent = 0.0
    while batch := list(islice(waiting, BATCH)):
        started = time.perf_counter()
        index.add(batch)
        spent += time.perf_counter() - started
    print(f"{f'add, {BATCH} at a time':44}{spent / studies / instances * 1e6:9.0f} µs each")
    started = time.perf_counter()
    index.add([next(entries(1, 1))])
    print(f"{'add one':44}{(time.perf_counter() - started) * 1000:9.2f} ms")
    print(f"{'size':44}{path.stat().st_size / studies / instances:9.0f} octets an instance")
    index.close()


def main() -> None:
    """Fill an index, serve it by another process, and print a line for each search."""
    studies, instances = (int(text) for text in [*sys.argv[1:], "2000", "50"][:2])
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {studies} studies of "
        f"{instances} instances, {ROUNDS} runs\n"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite3"
        fill(path, studies, instances)
        with subprocess.Popen(
            [sys.executable, __file__, "--serve", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            with server.stdin:
                measure(int(server.stdout.readline()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        anyio.run(serve, Path(sys.argv[2]))
    else:
        main()
