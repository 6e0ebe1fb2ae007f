"""Deleting, which is beyond the standard (STU-31)."""

from __future__ import annotations

import pytest

from aiodicomweb.server.origin import Origin

from ..support.asking import Asking, PlainArchive
from ..support.messages import dicom_file


@pytest.fixture
def archive() -> PlainArchive:
    """One instance of study 1.2."""
    archive = PlainArchive()
    archive.files["1.2.3.4"] = dicom_file("1.2.3.4")
    return archive


async def test_a_study_is_deleted(archive: PlainArchive) -> None:
    """204, and 404 the next time."""
    ask = Asking(Origin(archive, allow_delete=True))

    assert 204 == (await ask("DELETE", "/studies/1.2")).status
    assert {} == archive.files
    again = await ask("DELETE", "/studies/1.2")
    assert (404, b"there is nothing to delete\n") == (again.status, again.body)


@pytest.mark.parametrize(
    "path", ["/studies/1", "/studies/1/series/2", "/studies/1/series/2/instances/3"]
)
async def test_deleting_is_off(archive: PlainArchive, path: str) -> None:
    """Unless it is allowed: 405."""
    response = await Asking(Origin(archive))("DELETE", path)

    assert (405, 1) == (response.status, len(archive.files))
    assert "DELETE" not in response.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/studies",
        "/studies/1/series",
        "/studies/1/metadata",
        "/studies/1/series/2/instances/3/frames/1",
    ],
)
async def test_only_objects_are_deleted(archive: PlainArchive, path: str) -> None:
    """Not collections, and not pieces of instances."""
    assert 405 == (await Asking(Origin(archive, allow_delete=True))("DELETE", path)).status


async def test_a_read_only_archive_refuses(archive: PlainArchive) -> None:
    """403."""
    archive.read_only = True
    response = await Asking(Origin(archive, allow_delete=True))("DELETE", "/studies/1.2")

    assert 403 == response.status
