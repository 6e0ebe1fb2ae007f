"""What is stored in tests that kill who stores, and what has to be there afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiodicomweb.server.index.index import Index

from ..support.instances import an_instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTANCES = 500
BLOWS = 20
STUDY = "1.2"


def make_source(folder: Path) -> None:
    """500 instances of 10 series: most are small, some are written in several pieces."""
    template = an_instance("1.2.3.9999", series="1.2.39", PixelData=b"\xee" * 20_000)
    large = an_instance("1.2.3.9999", series="1.2.39", PixelData=b"\xee" * 400_000)
    for number in range(INSTANCES):
        octets = large if number % 25 == 0 else template
        octets = octets.replace(b"1.2.3.9999", b"1.2.3.%04d" % (1000 + number))
        octets = octets.replace(b"1.2.39", b"1.2.3%d" % (number % 10))
        octets = octets.replace(b"\xee" * 100, (b"%04d" % number) * 25)
        (folder / f"1.2.3.{1000 + number}").write_bytes(octets)


def check_files(root: Path, source: Path, acknowledged: set[str]) -> None:
    """All that is in its place is whole, before anybody has cleared up."""
    files = {path.stem: path.read_bytes() for path in root.glob("[0-9]*/*/*")}
    assert acknowledged <= files.keys()
    for instance, octets in files.items():
        assert (source / instance).read_bytes() == octets


def check_agreement(root: Path) -> None:
    """The index has each file as it is, and none else; nothing is left of drafts."""
    index = Index.open(root / ".aiodicomweb" / "index.sqlite3")
    try:
        assert not index.stale
        noted = index.files()
    finally:
        index.close()
    assert dict(sizes(root)) == {path: size for path, (size, _) in noted.items()}
    assert [] == list((root / ".aiodicomweb" / "incoming").iterdir())


def sizes(root: Path) -> Iterator[tuple[str, int]]:
    """Each file of the archive, and its size."""
    for path in root.glob("[0-9]*/*/*"):
        yield path.relative_to(root).as_posix(), path.stat().st_size
