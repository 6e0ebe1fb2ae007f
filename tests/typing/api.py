"""What type checkers must infer from the public API; checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

from pydicom import Dataset

from aiodicomweb import (
    BasicAuth,
    BulkData,
    BulkDataPart,
    Client,
    FailedInstance,
    Frame,
    Instance,
    Limits,
    RenderingOptions,
    Retry,
    StoredInstance,
    StoreReport,
    Timeout,
    Tls,
    Viewport,
    Window,
)
from aiodicomweb.client import Event, Progress, RequestFinished, RequestStarted
from aiodicomweb.http import URL, Headers, MediaType, Request, Response
from aiodicomweb.services import (
    Query,
    RetrieveRequest,
    RetrieveResponse,
    SearchRequest,
    SearchResponse,
    Selector,
    StoreRequest,
    StoreResponse,
)
from aiodicomweb.wire import messages

if TYPE_CHECKING:
    from aiodicomweb._util import MessageCodec
    from aiodicomweb.client import DeleteCall


def note(event: Event) -> None:
    """A hook tells events apart by their classes."""
    if isinstance(event, RequestStarted):
        assert_type(event.progress(), Progress)
    if isinstance(event, RequestFinished):
        assert_type(event.status, int | None)


async def settings() -> None:
    """The client is its own context manager, and settings are values."""
    async with Client(
        "https://pacs.example/dicom-web",
        auth=BasicAuth("user", "password"),
        headers={"X-Tenant": "1"},
        tls=Tls(ca="ca.pem"),
        proxy="direct",
        timeout=Timeout(connect=5, total=None),
        limits=Limits(connections=4),
        retry=Retry(attempts=1),
        hooks=[note, lambda event: event.time],
    ) as client:
        assert_type(client, Client)


async def searches(client: Client) -> None:
    """A search gives data sets, or DICOM JSON objects on request."""
    call = client.search_for_studies(search_filters={"PatientName": "Doe*"}, limit=100)
    assert_type(await call, list[Dataset])
    assert_type(call.response, Response)
    assert_type(call.response.headers, Headers)
    assert_type(call.response.warnings, tuple[str, ...])
    async for series in client.search_for_series("1.2", fields=["Modality", 0x00200011]):
        assert_type(series, Dataset)
    assert_type(await client.search_for_instances("1.2", "3.4").as_json(), list[dict[str, Any]])


async def retrievals(client: Client, directory: Path) -> None:
    """Awaited, data sets; iterated, instances that can be streamed."""
    assert_type(await client.retrieve_study("1.2"), list[Dataset])
    assert_type(await client.retrieve_instance("1.2", "3.4", "5.6"), Dataset)
    async with client.retrieve_series("1.2", "3.4") as call:
        async for instance in call:
            assert_type(instance, Instance)
            assert_type(await instance.save(directory), Path)
            assert_type(await instance.read(), memoryview)
            assert_type(await instance.dataset(), Dataset)
            async for chunk in instance:
                assert_type(chunk, memoryview)


async def metadata(client: Client) -> None:
    """Metadata of one instance is one data set."""
    assert_type(await client.retrieve_series_metadata("1.2", "3.4"), list[Dataset])
    call = client.retrieve_instance_metadata("1.2", "3.4", "5.6")
    assert_type(await call, Dataset)
    assert_type(await call.as_json(), dict[str, Any])


async def frames_and_bulk_data(client: Client) -> None:
    """Frames and bulk data are values when awaited."""
    frames = await client.retrieve_instance_frames("1.2", "3.4", "5.6", [1, 2])
    assert_type(frames, list[Frame])
    assert_type(frames[0].data, memoryview)
    assert_type(frames[0].transfer_syntax, str | None)
    assert_type(bytes(frames[0]), bytes)
    assert_type(await client.retrieve_bulkdata("https://x/y"), list[BulkData])
    async for part in client.retrieve_bulkdata("https://x/y", byte_range=(0, None)):
        assert_type(part, BulkDataPart)
        assert_type(await part.bulk_data(), BulkData)


async def images(client: Client) -> None:
    """Rendered, studies and series are several images, an instance is one; frames have numbers."""
    options = RenderingOptions(quality=90, viewport=Viewport(64, 64), window=Window(40, 400))
    assert_type(await client.retrieve_study_rendered("1.2", rendering=options), list[BulkData])
    assert_type(await client.retrieve_series_rendered("1.2", "3.4"), list[BulkData])
    image = await client.retrieve_instance_rendered("1.2", "3.4", "5.6", ["image/png"])
    assert_type(image, BulkData)
    assert_type(bytes(image), bytes)
    assert_type(image.media_type, str)
    rendered = await client.retrieve_instance_frames_rendered("1.2", "3.4", "5.6", [1, 2])
    assert_type(rendered, list[Frame])
    assert_type(await client.retrieve_study_thumbnail("1.2"), BulkData)
    assert_type(await client.retrieve_series_thumbnail("1.2", "3.4"), BulkData)
    assert_type(await client.retrieve_instance_thumbnail("1.2", "3.4", "5.6"), BulkData)
    thumbnail = client.retrieve_instance_frames_thumbnail("1.2", "3.4", "5.6", [1])
    assert_type(await thumbnail, BulkData)
    async for part in client.retrieve_study_rendered("1.2"):
        assert_type(part, BulkDataPart)


async def deletions(client: Client) -> None:
    """A deletion gives nothing; its call shows the answer."""
    call: DeleteCall = client.delete_study("1.2")
    await call
    assert_type(call.response.status, int)
    async with client.delete_series("1.2", "3.4") as entered:
        assert_type(entered.response, Response)
    assert_type(client.delete_instance("1.2", "3.4", "5.6").__await__(), Generator[Any, Any, None])


async def stores(client: Client, dataset: Dataset) -> None:
    """A store takes paths, octets and data sets together, and gives a report."""
    report = await client.store_instances([Path("a.dcm"), "b.dcm", b"...", dataset])
    assert_type(report, StoreReport)
    assert_type(report.stored, tuple[StoredInstance, ...])
    assert_type(report.failed, tuple[FailedInstance, ...])
    report.raise_for_failures()
    assert_type(await client.store_instances(dataset), StoreReport)


def messages_without_io(request: Request, response: Response) -> None:
    """Messages are read and written on both sides, and are what they say."""
    codec: MessageCodec = messages
    assert_type(codec.render_request(request), bytes)
    assert_type(bytes(request), bytes)
    assert_type(Request.from_bytes(b""), Request)
    assert_type(Response.from_bytes(b"", method="HEAD"), Response)
    search = SearchRequest(URL.parse("http://h"), Selector(study=""), {"PatientID": "1"})
    assert_type(search.query, Query)
    assert_type(search.parameters, tuple[tuple[str, tuple[str, ...]], ...])
    assert_type(SearchRequest.from_http(request), SearchRequest)
    assert_type(SearchResponse.from_http(response).datasets, tuple[Dataset, ...])
    assert_type(RetrieveRequest.from_http(request).media_types, tuple[MediaType, ...])
    assert_type(RetrieveResponse.from_http(response).to_http(), Response)
    assert_type(StoreRequest.from_http(request).datasets, tuple[Dataset, ...])
    assert_type(StoreResponse.from_http(response).missing(3), int)
