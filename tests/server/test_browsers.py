"""What OHIF 3.13 in Chromium 156 sends to a server of another origin, word for word."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from aiodicomweb.dicom import encode
from aiodicomweb.server import MemoryArchive
from aiodicomweb.server.access import BearerAccess
from aiodicomweb.server.cors import Cors
from aiodicomweb.server.origin import Origin
from aiodicomweb.services import RetrieveResponse
from aiodicomweb.testing import make_study

from ..support.asking import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiodicomweb.http import Response

PAGE = "http://127.0.0.1:3100"
CHROMIUM = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
    "Connection": "keep-alive",
    "Origin": PAGE,
    "Referer": f"{PAGE}/",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-site",
}
JSON = {"Accept": "application/dicom+json"}
LIST = (
    "limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030"
)
QUOTED = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
UNQUOTED = "multipart/related; type=application/octet-stream; transfer-syntax=*"
DOCUMENT = (
    'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"'
)
CORS = [Cors((PAGE,)), Cors()]
SPHERE = make_study(slices=2, frames=2, size=16)


def report() -> Dataset:
    """An encapsulated document."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = EncapsulatedPDFStorage
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1", "1.2", "1.3"
    dataset.StudyDescription, dataset.Modality = "Report", "DOC"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = b"%PDF" + bytes(3000)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    return dataset


@asynccontextmanager
async def viewed(cors: Cors, **settings: Any) -> AsyncGenerator[Asking]:
    """A server of a study and a document, for pages."""
    archive = MemoryArchive([*SPHERE, report()])
    await archive.open()
    try:
        yield Asking(Origin(archive, cors=cors, **settings))
    finally:
        await archive.aclose()


def is_shown(response: Response) -> bool:
    """Whether the browser lets the page read it (Fetch Standard §4.10)."""
    return response.headers.get("Access-Control-Allow-Origin") in {PAGE, "*"}


def path_of(dataset: Dataset) -> str:
    """The path of an instance."""
    study, series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID
    return f"/studies/{study}/series/{series}/instances/{dataset.SOPInstanceUID}"


@pytest.mark.parametrize("cors", CORS)
@pytest.mark.parametrize(
    ("path", "method", "fields"),
    [
        (f"/studies?{LIST}", "GET", "authorization"),
        (f"{path_of(SPHERE[0])}/frames/1", "GET", "accept"),
        (f"{path_of(SPHERE[0])}/frames/1", "GET", "accept,authorization"),
        (f"{path_of(SPHERE[0])}/thumbnail?accept=image%2Fjpeg", "GET", "accept"),
        (f"{path_of(SPHERE[0])}/metadata", "GET", "authorization,cache-control,if-none-match"),
        (path_of(SPHERE[0]), "HEAD", "accept"),
        (path_of(SPHERE[0]), "DELETE", None),
        ("/studies", "POST", "authorization,content-type"),
        ("/studies", "POST", "content-type"),
        ("/studies", "POST", None),
    ],
)
async def test_what_chromium_asks_before(
    cors: Cors, path: str, method: str, fields: str | None
) -> None:
    """It may send it, also where users have to log in (Fetch Standard §4.8)."""
    asked = {**CHROMIUM, "Access-Control-Request-Method": method}
    if fields is not None:
        asked["Access-Control-Request-Headers"] = fields
    async with viewed(cors, access=BearerAccess(["x"])) as ask:
        response = await ask("OPTIONS", path, asked)

    assert (204, True) == (response.status, is_shown(response))
    assert method.lower() in response.headers.tokens("Access-Control-Allow-Methods")
    allowed = response.headers.tokens("Access-Control-Allow-Headers")
    assert set() == set(fields.split(",") if fields else []) - set(allowed)


@pytest.mark.parametrize("cors", CORS)
@pytest.mark.parametrize(
    ("expected", "filters"),
    [
        (["Made up by aiodicomweb", "Report"], ""),
        (["Made up by aiodicomweb"], "PatientName=*sphere*&"),
        (["Made up by aiodicomweb"], "PatientName=*Sphere%5ETest*&"),
        (["Made up by aiodicomweb"], "00100020=*SPH*&"),
        (["Made up by aiodicomweb"], "StudyDate=20240101-20240131&"),
        (["Report"], "StudyDescription=*Rep*&"),
        (["Report"], "StudyInstanceUID=1&"),
        (["Made up by aiodicomweb", "Report"], "ModalitiesInStudy=CT%2CDOC&"),
        (["Report"], "ModalitiesInStudy=DOC&"),
        ([], "ModalitiesInStudy=MR%2CPT&"),
    ],
)
async def test_the_study_list(cors: Cors, expected: list[str], filters: str) -> None:
    """It is filtered, and has the fields that were asked for."""
    async with viewed(cors) as ask:
        response = await ask("GET", f"/studies?{filters}{LIST}", {**CHROMIUM, **JSON})

    assert (200, True) == (response.status, is_shown(response))
    found = [study["00081030"]["Value"][0] for study in json.loads(response.body)]
    assert expected == sorted(found)


async def test_the_series_of_a_study() -> None:
    """They have the fields that were asked for."""
    path = f"/studies/{SPHERE[0].StudyInstanceUID}/series"
    query = "includefield=00080021%2C00080031%2C0008103E%2C00200011"
    async with viewed(CORS[0]) as ask:
        response = await ask("GET", f"{path}?{query}", {**CHROMIUM, **JSON})

    names = {series["0008103E"]["Value"][0] for series in json.loads(response.body)}
    assert {"Breathing", "Slices"} == names


@pytest.mark.parametrize("cors", CORS)
@pytest.mark.parametrize(
    ("dataset", "resource", "accept", "expected"),
    [
        (SPHERE[0], "/frames/2", QUOTED, SPHERE[0].PixelData[256:]),
        (SPHERE[0], "/frames/2", UNQUOTED, SPHERE[0].PixelData[256:]),
        (SPHERE[1], "/frames/1", QUOTED, SPHERE[1].PixelData),
        (report(), "/bulkdata/00420011", DOCUMENT, report().EncapsulatedDocument),
        (report(), "/bulkdata/00420011", "application/octet-stream", report().EncapsulatedDocument),
    ],
)
async def test_pixels_and_documents(
    cors: Cors, dataset: Dataset, resource: str, accept: str, expected: bytes
) -> None:
    """They come as they are stored."""
    async with viewed(cors) as ask:
        url = path_of(dataset) + resource
        response = await ask("GET", url, {**CHROMIUM, "Accept": accept})

    assert (200, True) == (response.status, is_shown(response))
    (given,) = RetrieveResponse.from_http(response).bulk_data
    assert expected == given.data


@pytest.mark.parametrize("cors", CORS)
async def test_an_upload(cors: Cors) -> None:
    """The page learns what became of it."""
    new = report()
    new.SOPInstanceUID = new.file_meta.MediaStorageSOPInstanceUID = UID("1.4")
    start = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    body = start + encode(new) + b"\r\n--b--\r\n"
    content_type = 'multipart/related; type="application/dicom"; boundary=b'
    async with viewed(cors) as ask:
        response = await ask("POST", "/studies", {**CHROMIUM, "Content-Type": content_type}, body)

    assert (200, True) == (response.status, is_shown(response))
    assert b"1.4" in response.body
