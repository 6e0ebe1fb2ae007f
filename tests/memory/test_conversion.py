"""Memory for instances in another transfer syntax is that of a few frames, whatever their size.

The server is a process of its own; what is measured is the most memory that it takes.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.part10 import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HERE = Path(__file__).parent
MIB = 1 << 20
ALLOWED = 48 * MIB
WANTED = "transfer-syntax=1.2.840.10008.1.2.1"
ALONE = f"application/dicom; {WANTED}"
IN_PARTS = f'multipart/related; type="application/dicom"; {WANTED}'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]


def image(syntax: str, side: int, frames: int) -> Dataset:
    """An image of 16 bits, without pixels."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.3", "1.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.3"
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.NumberOfFrames = 15, 0, str(frames)
    set_transfer_syntax(dataset, syntax)
    return dataset


def of_implicit_elements(path: Path) -> None:
    """256 MiB of native pixels, which take no room on disk."""
    head = encode(image("1.2.840.10008.1.2", 2048, 32))
    with path.open("wb") as file:
        file.write(head + struct.pack("<HHL", 0x7FE0, 0x0010, 256 * MIB))
        file.truncate(file.tell() + 256 * MIB)


def of_big_endian_words(path: Path) -> None:
    """The same the other way round."""
    head = encode(image("1.2.840.10008.1.2.2", 2048, 32))
    with path.open("wb") as file:
        file.write(head + struct.pack(">HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 256 * MIB))
        file.truncate(file.tell() + 256 * MIB)


def of_run_lengths(path: Path, side: int = 1024, frames: int = 128) -> None:
    """256 MiB of pixels, of which each octet is the same."""
    run = b"\x81\5" * (side * side // 128)
    frame = struct.pack("<16L", 2, 64, 64 + len(run), *[0] * 13) + run + run
    dataset = image("1.2.840.10008.1.2.5", side, frames)
    dataset.PixelData = encapsulate([frame] * frames)
    dataset["PixelData"].VR = "OB"
    set_transfer_syntax(dataset, "1.2.840.10008.1.2.5")
    path.write_bytes(encode(dataset))


@contextmanager
def serving(folder: Path) -> Generator[tuple[str, Callable[[], tuple[int, int]]]]:
    """A server's URL, and what measures its memory."""
    command = [sys.executable, HERE / "conversion_process.py", folder]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        output, ask = process.stdout, process.stdin

        def measure() -> tuple[int, int]:
            ask.write("\n")
            ask.flush()
            now, most = output.readline().split()
            return int(now), int(most)

        yield output.readline().strip(), measure
        ask.close()
        assert 0 == process.wait(10)


def read(url: str, accept: str) -> int:
    """Retrieve, and count the octets."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    length = 0
    with urllib.request.urlopen(request, timeout=60) as response:
        while octets := response.read(MIB):
            length += len(octets)
    return length


def growth(folder: Path, accept: str) -> int:
    """How much memory a server takes for an instance in Explicit VR Little Endian."""
    path = "/studies/1.2/series/1.3/instances/1.4" if accept == ALONE else "/studies/1.2"
    with serving(folder) as (url, measure):
        read(f"{url}{path}/metadata", "application/dicom+json")
        before, _ = measure()
        moved = read(f"{url}{path}", accept)
        _, most = measure()

    assert moved > 64 * MIB
    return most - before


@pytest.mark.parametrize("accept", [ALONE, IN_PARTS])
@pytest.mark.parametrize("make", [of_implicit_elements, of_big_endian_words, of_run_lengths])
def test_what_is_converted_is_not_held(
    make: Callable[[Path], None], accept: str, tmp_path: Path
) -> None:
    """256 MiB of pixels take less than 48 MiB, in parts and alone."""
    make(tmp_path / "a.dcm")

    assert growth(tmp_path, accept) < ALLOWED


def test_the_measure_can_fail(tmp_path: Path) -> None:
    """One frame of 72 MiB is held whole."""
    of_run_lengths(tmp_path / "a.dcm", 6144, 1)

    assert growth(tmp_path, ALONE) > ALLOWED
