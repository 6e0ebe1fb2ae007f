from __future__ import annotations

import sys

import pytest

from aiodicomweb.http import FileSpan

from ...support.dicom_files import sample
from ...support.fake_archive import FakeArchive, get, holding_of, path_of

STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def archive_of(name: str = "CT_small.dcm") -> tuple[FakeArchive, str]:
    """An archive of one file, and the path of its instance."""
    holding = holding_of(sample(name))
    return FakeArchive([holding]), path_of(holding)


@pytest.mark.parametrize(
    ("below", "accept", "essence"),
    [
        ("", "application/dicom", "application/dicom"),
        ("/metadata", "application/dicom+json", "application/dicom+json"),
        ("/frames/1", STORED, "multipart/related"),
        ("/bulkdata", STORED, "multipart/related"),
        ("/pixeldata", STORED, "multipart/related"),
        ("/bulkdata/7FE00010", STORED, "multipart/related"),
        ("/bulkdata/7FE00010/frames/1", STORED, "multipart/related"),
    ],
)
async def test_each_resource_is_given(below: str, accept: str, essence: str) -> None:
    """By who knows how (STU-20 to STU-28)."""
    archive, path = archive_of()

    response = await get(archive, path + below, accept)

    assert response.media_type is not None
    assert (200, essence) == (response.status, response.media_type.essence)


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1.2.3",
        "/studies/1.2.3/metadata",
        "/studies/1.2.3/series/1/instances/2/frames/1",
        "/studies/1.2.3/series/1/instances/2/bulkdata/7FE00010",
        "/studies/1.2.3/series/1/instances/2/nothing",
        "/elsewhere",
    ],
)
async def test_what_is_not_there_is_404(path: str) -> None:
    """A study that nobody has, and paths that are none."""
    archive, _ = archive_of()

    response = await get(archive, path)

    assert (404, 1) == (response.status, response.body.count(b"\n"))


@pytest.mark.parametrize("resource", ["rendered", "thumbnail", "frames/1/rendered"])
async def test_without_the_extra_nothing_is_rendered(
    resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the answer says what is missing."""
    monkeypatch.setitem(sys.modules, "aiodicomweb.server.pictures", None)
    archive, path = archive_of()

    response = await get(archive, f"{path}/{resource}")

    assert 501 == response.status
    assert b"aiodicomweb[render]" in response.body


@pytest.mark.parametrize("below", ["/frames/1", "/bulkdata/7FE00010"])
async def test_a_file_that_cannot_be_read_is_500(below: str) -> None:
    """One line, which names neither the file nor what is in it."""
    holding = holding_of(sample("CT_small.dcm"), content=b"Secret^Name" * 100)

    response = await get(FakeArchive([holding]), path_of(holding) + below, STORED)

    assert (500, 1) == (response.status, response.body.count(b"\n"))
    assert b"Secret" not in response.body


async def test_a_file_that_vanished_is_gone() -> None:
    """Without its path, or anything else that the client should not know."""
    gone = holding_of(sample("CT_small.dcm"), content=FileSpan("/secret", 0, 1))

    response = await get(FakeArchive([gone]), f"{path_of(gone)}/frames/1", STORED)

    assert 410 == response.status  # RET-37
    assert b"secret" not in response.body
