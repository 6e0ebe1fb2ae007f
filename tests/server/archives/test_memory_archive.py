"""An archive in memory: what it is given from the start."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.errors import ConfigurationError, Part10Error
from aiodicomweb.server import MemoryArchive
from aiodicomweb.services import Selector

from ...support.archives import contents, store
from ...support.instances import a_dataset, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STUDY = Selector("1.2")


@asynccontextmanager
async def opened(*instances: Any, **settings: Any) -> AsyncIterator[MemoryArchive]:
    """An open archive with these instances."""
    archive = MemoryArchive(instances, **settings)
    await archive.open()
    try:
        yield archive
    finally:
        await archive.aclose()


async def test_paths_octets_and_data_sets(tmp_path: Path) -> None:
    """Of a folder everything that is DICOM is taken."""
    (tmp_path / "file").write_bytes(an_instance("1.2.3.1"))
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(an_instance("1.2.3.2"))
    (folder / "notes").write_bytes(b"notes")

    async with opened(
        str(tmp_path / "file"), folder, an_instance("1.2.3.3"), a_dataset("1.2.3.4")
    ) as archive:
        held = await contents(archive, STUDY)

    assert [an_instance(f"1.2.3.{number}") for number in (1, 2, 3, 4)] == held


@pytest.mark.parametrize(
    "octets", [b"notes", an_instance()[:-1], an_instance(StudyInstanceUID=None)]
)
async def test_what_is_no_instance(tmp_path: Path, octets: bytes) -> None:
    """It is an error, which says where it came from."""
    path = tmp_path / "file"
    path.write_bytes(octets)

    with pytest.raises(Part10Error, match="file: the instance cannot be taken"):
        await MemoryArchive([path]).open()
    with pytest.raises(Part10Error, match="instance 2: the instance cannot be taken"):
        await MemoryArchive([an_instance("1.2.3.9"), octets]).open()


async def test_the_same_twice() -> None:
    """It is taken once; two that differ are an error, unless the last is to be taken."""
    other = an_instance(PixelData=bytes(8))

    async with opened(an_instance(), an_instance()) as archive:
        assert [an_instance()] == await contents(archive, STUDY)
    with pytest.raises(ConfigurationError, match="same SOP Instance UID"):
        await MemoryArchive([an_instance(), other]).open()
    async with opened(an_instance(), other, replace=True) as archive:
        assert [other] == await contents(archive, STUDY)


async def test_nothing_is_left_when_it_is_closed() -> None:
    """Opened again, it has what it was given at first."""
    archive = MemoryArchive([an_instance("1.2.3.1")])
    await archive.open()
    await store(archive, an_instance("1.2.3.2"))
    await archive.aclose()

    await archive.open()

    assert [an_instance("1.2.3.1")] == await contents(archive, STUDY)
    await archive.aclose()
