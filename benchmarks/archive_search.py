"""How fast an archive's index answers searches, and takes in instances.

Claim: a search for studies among 100,000 instances takes less than 50 ms.

Usage: ``python benchmarks/archive_search.py [studies [instances of each]]``
"""

from __future__ import annotations

import os
import platform
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aiodicomweb.http import URL, FileSpan
from aiodicomweb.server.index.attributes import Description, Entry, Level
from aiodicomweb.server.index.index import Index
from aiodicomweb.services import Query, SearchRequest, Selector

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 7
BATCH = 1000
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
NAMES = ("Müller", "Smith", "Doe", "Nguyen", "García", "Schmidt", "Kowalski", "Jansen")
BASE = URL.parse("http://127.0.0.1/dicom-web")
STUDIES, SERIES, INSTANCES = Selector(study=""), Selector(series=""), Selector(instance="")

SEARCHES: tuple[tuple[str, Selector, dict[str, Any]], ...] = (
    ("studies, no key", STUDIES, {}),
    ("studies, PatientName=gar*", STUDIES, {"PatientName": "gar*"}),
    ("studies, PatientName=*^N17", STUDIES, {"PatientName": "*^N17"}),
    ("studies, PatientName=kovalski, fuzzy", STUDIES, {"PatientName": "kovalski"}),
    ("studies, StudyDate of a month", STUDIES, {"StudyDate": "20100601-20100630"}),
    ("studies, PatientID", STUDIES, {"PatientID": "P17"}),
    ("studies, ModalitiesInStudy=MR", STUDIES, {"ModalitiesInStudy": "MR"}),
    ("studies, PatientSex=O, none", STUDIES, {"PatientSex": "O"}),
    ("studies, PatientWeight=1, none", STUDIES, {"PatientWeight": "1"}),
    ("series of a study", Selector("1.2.17", ""), {}),
    ("all series, Modality=MR", SERIES, {"Modality": "MR"}),
    ("instances of a study", Selector("1.2.17", instance=""), {}),
    ("all instances, no key", INSTANCES, {}),
    ("all instances, SOPInstanceUID", INSTANCES, {"SOPInstanceUID": "1.2.17.0.3"}),
    ("all instances, Rows=1, none", INSTANCES, {"Rows": "1"}),
)


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


def milliseconds(index: Index, selector: Selector, filters: dict[str, Any]) -> tuple[float, int]:
    """How long a search takes, and how many of at most 100 it finds."""
    fuzzy = filters.get("PatientName") == "kovalski"
    request = SearchRequest(BASE, selector, Query.build(filters), fuzzymatching=fuzzy)
    times: list[float] = []
    found = 0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = len(index.search(request, 100).datasets)
        times.append(time.perf_counter() - started)
    return median(times) * 1000, found


def main() -> None:
    """Fill an index, and print a line for each search."""
    studies, instances = (int(text) for text in [*sys.argv[1:], "2000", "50"][:2])
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, {studies} studies of {instances} instances, "
        f"median of {ROUNDS}\n"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite3"
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
        for title, selector, filters in SEARCHES:
            spent, found = milliseconds(index, selector, filters)
            print(f"{title:44}{spent:9.2f} ms, {found} found")
        print(f"{'size':44}{path.stat().st_size / studies / instances:9.0f} octets an instance")
        index.close()


if __name__ == "__main__":
    main()
