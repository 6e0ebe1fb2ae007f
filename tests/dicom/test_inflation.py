"""Deflated octets are read like those of a file."""

from __future__ import annotations

import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import inflation
from aiodicomweb.dicom.inflation import Inflation
from aiodicomweb.errors import Part10Error

OCTETS = random.Random(1).randbytes(1 << 19) + bytes(3 << 19) + random.Random(2).randbytes(1 << 19)
HEAD = b"head"


def deflate(octets: bytes) -> bytes:
    """Octets without a head around them, behind some that are not deflated."""
    return HEAD + zlib.compress(octets, wbits=-zlib.MAX_WBITS)


class Counting(io.BytesIO):
    """Counts what is read."""

    read_octets = 0

    def read(self, size: int | None = -1, /) -> bytes:
        octets = super().read(size)
        self.read_octets += len(octets)
        return octets


@pytest.fixture(autouse=True)
def small_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places to go on from are near each other."""
    monkeypatch.setattr(inflation, "_GAP", 1 << 18)


@given(st.lists(st.tuples(st.integers(0, len(OCTETS) + 10), st.integers(0, 300_000)), max_size=12))
def test_it_is_read_like_a_file(reads: list[tuple[int, int]]) -> None:
    """In any order, beyond the end too, and by several who take turns."""
    file, expected = io.BytesIO(deflate(OCTETS)), io.BytesIO(OCTETS)
    inflated = Inflation(file, len(HEAD))
    sources = [inflated.open(file), inflated.open(file)]

    assert len(OCTETS) == inflated.length == sources[0].seek(0, io.SEEK_END)
    for number, (offset, length) in enumerate(reads):
        source = sources[number % 2]
        expected.seek(offset)
        source.seek(offset)
        assert (expected.read(length), expected.tell()) == (source.read(length), source.tell())


def test_who_reads_forwards_inflates_once() -> None:
    """And who goes back a little, little."""
    file = Counting(deflate(OCTETS))
    inflated = Inflation(file, len(HEAD))
    size, file.read_octets = file.seek(0, io.SEEK_END), 0

    for start in range(0, len(OCTETS), 50_000):
        inflated.open(file).read(1)
        source = inflated.open(file)
        source.seek(start)
        source.read(50_000)
    forwards, file.read_octets = file.read_octets, 0
    source.seek(len(OCTETS) - (1 << 18))
    source.read()

    assert forwards < 45 * size
    assert file.read_octets < size


@pytest.mark.parametrize("end", [len(HEAD), 1000, -1])
def test_what_is_cut_short_ends_there(end: int) -> None:
    """As far as there is something; whoever looks at the elements sees that it is not whole."""
    file = io.BytesIO(deflate(OCTETS)[:end])

    found = Inflation(file, len(HEAD)).open(file).read()

    assert OCTETS[: len(found)] == found
    assert len(found) < len(OCTETS)


def test_what_is_not_deflated_is_an_error() -> None:
    """At once."""
    with pytest.raises(Part10Error, match="not deflated"):
        Inflation(io.BytesIO(b"\xff" * 100), 0)


def test_a_file_that_was_changed_is_an_error() -> None:
    """Of our tree, whatever it is now."""
    file = io.BytesIO(deflate(OCTETS))
    inflated = Inflation(file, len(HEAD))

    for octets in (b"", bytes(100), deflate(OCTETS)[:-5000], b"\xff" * (1 << 20)):
        with pytest.raises(Part10Error, match="ends early|not deflated"):
            inflated.open(io.BytesIO(octets)).read()


def test_what_is_held_is_a_block() -> None:
    """However much there is."""
    file = io.BytesIO(deflate(bytes(64 << 20)))

    inflated = Inflation(file, len(HEAD))

    assert 64 << 20 == inflated.length
    assert len(inflated._block) <= 1 << 18
    with pytest.raises(Part10Error, match="256 MiB"):
        Inflation(io.BytesIO(deflate(bytes(257 << 20))), len(HEAD))
