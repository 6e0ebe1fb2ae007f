"""How fast DICOM JSON becomes data sets and the reverse, beside pydicom in the same process.

Claims: metadata are read at least 5 times as fast as pydicom does it, unless all JSON is kept
beside the data sets, and written at least 3 times as fast; reading a body as it arrives needs
memory for at most two objects, however many it has.

Usage: ``python benchmarks/json_model.py [objects]``
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
import tracemalloc
from statistics import median
from typing import TYPE_CHECKING

import pydicom
from pydicom import Dataset
from pydicom.data import get_testdata_file

from aiodicomweb.dicom import (
    JsonStream,
    dataset_from_json,
    datasets_from_json,
    format_objects,
    iterate_objects,
    parse_objects,
)
from aiodicomweb.dicom.json_stream import END, NEED_DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ = 16 * 1024
ROUNDS = 3


def metadata() -> Dataset:
    """A CT image without its pixels: 257 elements."""
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    del dataset["PixelData"]
    for _ in dataset.iterall():
        pass  # pydicom converts elements at the first access
    return dataset


def streamed(body: bytes) -> Iterator[Dataset]:
    """Data sets of a body that arrives piece by piece; none is kept here."""
    stream = JsonStream()
    offset = 0
    while (obj := stream.next()) is not END:
        if obj is not NEED_DATA:
            dataset = dataset_from_json(obj)
            del obj  # the JSON of an object need not wait for that of the next one
            yield dataset
        elif offset < len(body):
            stream.feed(body[offset : offset + READ])
            offset += READ
        else:
            stream.feed_eof()


def consume(datasets: Iterator[Dataset]) -> None:
    """Take each, and keep none."""
    for _ in datasets:
        pass


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, including that what it returns goes away."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def compare(title: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Run both in turn, and print medians and their ratio."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    our, their = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    ratio = median(pair[1] / pair[0] for pair in pairs)
    print(f"{title:44}{our:9.3f} s{their:9.3f} s{ratio:8.1f}")


def peak(work: Callable[[], object]) -> int:
    """The most memory that was in use at one time, in octets."""
    gc.collect()
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def main() -> None:
    """Print a line for each comparison, and the memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    source = metadata()
    text = json.dumps(source.to_json_dict()).encode()
    body = b"[" + b", ".join([text] * count) + b"]"
    print(
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, {count} objects of {len(source)} elements, "
        f"median of {ROUNDS}\n"
    )
    print(f"{'':44}{'ours':>11}{'pydicom':>11}{'ratio':>8}")
    compare(
        "read, one object at a time",
        lambda: consume(dataset_from_json(parse_objects(text)[0]) for _ in range(count)),
        lambda: consume(Dataset.from_json(text) for _ in range(count)),
    )
    compare(
        "read while it arrives",
        lambda: consume(streamed(body)),
        lambda: consume(Dataset.from_json(obj) for obj in json.loads(body)),
    )
    compare(
        "read while it arrives, all data sets kept",
        lambda: list(streamed(body)),
        lambda: [Dataset.from_json(obj) for obj in json.loads(body)],
    )
    compare(
        "read whole, all data sets kept",
        lambda: datasets_from_json(iterate_objects(body)),
        lambda: [Dataset.from_json(obj) for obj in json.loads(body)],
    )
    compare(
        "read whole, all JSON kept as well",
        lambda: datasets_from_json(parse_objects(body)),
        lambda: [Dataset.from_json(obj) for obj in json.loads(body)],
    )
    compare(
        "write",
        lambda: format_objects([source] * count),
        lambda: json.dumps([source.to_json_dict() for _ in range(count)]),
    )
    consume(streamed(body[: len(text) + 1] + b"]"))  # what is imported and cached stays
    one = peak(lambda: dataset_from_json(parse_objects(text)[0]))
    print(f"\nmemory for one object: {one / 1024:.0f} KiB")
    print(f"peak of streaming {count}: {peak(lambda: consume(streamed(body))) / one:.2f} objects")


if __name__ == "__main__":
    main()
