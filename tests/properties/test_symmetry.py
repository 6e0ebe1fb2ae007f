"""What one side writes the other side reads: ``X.from_http(x.to_http()) == x``, for all six.

And so through octets: ``X.from_http(Request.from_bytes(bytes(x.to_http()))) == x``. What is
written in two ways comes back in one: absent values of data sets (None, empty text, no octets), VRs
that the dictionary leaves open, words of big-endian files; and a URL below the base that is the
path of a resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax
from aiodicomweb.http import URL, ContentRange, Request, Response
from aiodicomweb.services import (
    BulkData,
    FailedInstance,
    Representation,
    Resource,
    RetrieveRequest,
    RetrieveResponse,
    SearchRequest,
    SearchResponse,
    Selector,
    StoredInstance,
    StoreRequest,
    StoreResponse,
)

from .service_messages import (
    BULK_DATA,
    EXPLICIT,
    JPEG,
    RETRIEVE_REQUESTS_BY_URL,
    RETRIEVE_RESPONSES,
    SEARCH_REQUESTS,
    SEARCH_RESPONSES,
    STORE_REQUESTS,
    STORE_RESPONSES,
    instances,
    retrieve_requests,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def through_octets(message: Request, scheme: str) -> Request:
    """A request as it arrives."""
    return Request.from_bytes(bytes(message), scheme=scheme)


@given(SEARCH_REQUESTS)
def test_search_requests(request: SearchRequest) -> None:
    """Selector, query, settings and the rest come back."""
    message = request.to_http()

    assert request == SearchRequest.from_http(message)
    assert request == SearchRequest.from_http(through_octets(message, request.base_url.scheme))
    assert message == SearchRequest.from_http(message, base_url=request.base_url).to_http()


@given(SEARCH_RESPONSES)
def test_search_responses(response: SearchResponse) -> None:
    """Results come back in JSON and in XML."""
    message = response.to_http()

    assert response == SearchResponse.from_http(message)
    assert response == SearchResponse.from_http(Response.from_bytes(bytes(message)))


@given(retrieve_requests())
def test_retrieve_requests(request: RetrieveRequest) -> None:
    """Target, resource, media types, range, rendering and the rest come back."""
    message = request.to_http()
    found = RetrieveRequest.from_http(message)

    assert request == found
    assert request.rendering == found.rendering
    assert request == RetrieveRequest.from_http(through_octets(message, request.base_url.scheme))
    assert message == found.to_http()


@given(RETRIEVE_REQUESTS_BY_URL)
def test_retrieve_requests_by_url(request: RetrieveRequest) -> None:
    """So does a URL of bulk data, wherever it is, where the base is known."""
    message = request.to_http()
    assert isinstance(request.target, URL)
    arrived = through_octets(message, request.target.scheme)

    assert request == RetrieveRequest.from_http(message, base_url=request.base_url)
    assert request == RetrieveRequest.from_http(arrived, base_url=request.base_url)


@given(RETRIEVE_RESPONSES)
def test_retrieve_responses(response: RetrieveResponse) -> None:
    """Instances, metadata and bulk data come back, whole, partial and in ranges."""
    message = response.to_http()

    assert response == RetrieveResponse.from_http(message)
    assert response == RetrieveResponse.from_http(Response.from_bytes(bytes(message)))


@given(BULK_DATA)
def test_single_values(item: BulkData) -> None:
    """One value alone is the same as one in multipart."""
    assume(item.data)
    answer = RetrieveResponse(bulk_data=(item,))
    message = answer.to_http(single_part=True)

    assert answer == RetrieveResponse.from_http(message)
    assert answer == RetrieveResponse.from_http(Response.from_bytes(bytes(message)))


@given(instances(), st.sampled_from(Representation), st.booleans())
def test_single_data_sets(dataset: Dataset, representation: Representation, partial: bool) -> None:
    """One data set alone is the same as one in multipart."""
    answer = RetrieveResponse([dataset], representation, partial)
    message = answer.to_http(single_part=True)

    assert answer == RetrieveResponse.from_http(message)
    assert answer == RetrieveResponse.from_http(Response.from_bytes(bytes(message)))


@given(STORE_REQUESTS)
@settings(deadline=None)
def test_store_requests(request: StoreRequest) -> None:
    """Files, and data sets with their bulk data, come back."""
    message = request.to_http()
    found = StoreRequest.from_http(through_octets(message, request.base_url.scheme))

    assert request == StoreRequest.from_http(message)
    assert request == found
    if request.representation is not Representation.DICOM:
        assert syntaxes(request.datasets) == syntaxes(found.datasets)


def syntaxes(datasets: Sequence[Dataset]) -> list[str]:
    """The transfer syntaxes of data sets."""
    return [str(dataset.file_meta.TransferSyntaxUID) for dataset in datasets]


@given(STORE_RESPONSES)
def test_store_responses(response: StoreResponse) -> None:
    """Every item and every code comes back, in JSON and in XML."""
    message = response.to_http()

    assert response == StoreResponse.from_http(message)
    assert response == StoreResponse.from_http(Response.from_bytes(bytes(message)))


# --- every kind, for certain --------------------------------------------------------------------

BASE = URL.parse("http://pacs.example/dicom-web")
STUDIES = Selector(study="")
WEB = (Representation.JSON, Representation.XML)
STUDY, SERIES, INSTANCE = Selector("1.2"), Selector("1.2", "3.4"), Selector("1.2", "3.4", "5.6")
FRAMES = Selector("1.2", "3.4", "5.6", (1, 2))
BULK_URL = URL.parse("http://pacs.example/bulk/7?token=a%2Cb")


def instance() -> Dataset:
    """One in JPEG, with a value that becomes a part of its own."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.add_new(0x00281201, "OW", bytes(2000))
    dataset.NumberOfFrames = 2
    dataset.add_new(0x7FE00010, "OB", join_frames([b"frame1", b"frame2"]))
    set_transfer_syntax(dataset, JPEG)
    return dataset


REQUESTS: dict[str, SearchRequest | RetrieveRequest | StoreRequest] = {
    **{f"search in {name}": SearchRequest(BASE, STUDIES, {"PatientID": "1"}, name) for name in WEB},
    **{
        f"retrieve {resource or 'instances'} of {level}": RetrieveRequest(BASE, target, resource)
        for level, target in (("study", STUDY), ("series", SERIES), ("instance", INSTANCE))
        for resource in Resource
        if resource is not Resource.FRAMES
    },
    **{
        f"retrieve {resource} of frames": RetrieveRequest(BASE, FRAMES, resource)
        for resource in (Resource.FRAMES, Resource.RENDERED, Resource.THUMBNAIL)
    },
    "retrieve metadata in XML": RetrieveRequest(
        BASE, STUDY, Resource.METADATA, ['multipart/related; type="application/dicom+xml"']
    ),
    "retrieve a URL": RetrieveRequest(BASE, BULK_URL, Resource.BULKDATA),
    "retrieve a range": RetrieveRequest(BASE, BULK_URL, Resource.BULKDATA, byte_range=(5, None)),
    **{
        f"store in {representation}, {'said' if syntax else 'not said'}": StoreRequest(
            BASE, [instance(), instance()], target, representation, syntax
        )
        for representation, target in zip(Representation, (STUDIES, STUDY, STUDIES), strict=True)
        for syntax in (None, JPEG)
    },
    "store one file alone": StoreRequest(BASE, [instance()], single_part=True),
    "store one file alone, said": StoreRequest(
        BASE, [instance()], STUDY, transfer_syntax=JPEG, single_part=True
    ),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_every_kind_of_request(request_: SearchRequest | RetrieveRequest | StoreRequest) -> None:
    """As a message and as octets, with the base URL known."""
    message = request_.to_http()
    read = type(request_).from_http

    assert request_ == read(message, base_url=BASE)
    assert request_ == read(through_octets(message, "http"), base_url=BASE)


FRAME = BulkData(b"\xff\xd8", f"image/jpeg; transfer-syntax={JPEG}", "/frames/1")
OCTETS = BulkData(b"octets", f"application/octet-stream; transfer-syntax={EXPLICIT}", "/bulk/1")
RANGE = BulkData(b"abc", location="/bulk/1", content_range=ContentRange(5, 7, 10))
RESULTS = (Dataset(), instance())
RETRIEVED: dict[str, tuple[Resource, RetrieveResponse, bool]] = {
    **{
        f"{resource or 'instances'} in {name}, {'single' if single else 'several'}, {partial}": (
            resource,
            RetrieveResponse([instance()] * (1 if single else 2), name, bool(partial)),
            single,
        )
        for resource, name in (
            (Resource.INSTANCES, Representation.DICOM),
            (Resource.METADATA, Representation.JSON),
            (Resource.METADATA, Representation.XML),
        )
        for single in (False, True)
        for partial in ("partial", "")
    },
    **{
        f"{resource}, {'single' if single else 'several'}": (
            resource,
            RetrieveResponse(bulk_data=[item] * (1 if single else 2)),
            single,
        )
        for resource, item in (
            (Resource.BULKDATA, OCTETS),
            (Resource.BULKDATA, BulkData(b"%PDF", "application/pdf", "/bulk/2")),
            (Resource.PIXELDATA, OCTETS),
            (Resource.FRAMES, FRAME),
            (Resource.RENDERED, BulkData(b"\x89PNG", "image/png", "/frames/1")),
            (Resource.THUMBNAIL, BulkData(b"\xff\xd8", "image/jpeg")),
        )
        for single in (False, True)
    },
    "frames, partial": (Resource.FRAMES, RetrieveResponse([FRAME], partial=True), False),
    "a range": (Resource.BULKDATA, RetrieveResponse([RANGE]), True),
    "ranges": (Resource.BULKDATA, RetrieveResponse([RANGE, RANGE]), False),
    "nothing": (Resource.INSTANCES, RetrieveResponse(warnings=("gone",)), False),
}


@pytest.mark.parametrize(("resource", "answer", "single"), RETRIEVED.values(), ids=RETRIEVED)
def test_every_kind_of_answer_to_a_retrieval(
    resource: Resource, answer: RetrieveResponse, single: bool
) -> None:
    """Whether it is known what was asked for or not."""
    message = answer.to_http(single_part=single)
    arrived = Response.from_bytes(bytes(message))

    assert answer == RetrieveResponse.from_http(message, resource=resource)
    assert answer == RetrieveResponse.from_http(arrived, resource=resource)
    assert answer == RetrieveResponse.from_http(arrived)


STORED = (StoredInstance("1.2", "1.3", "http://h/1", 0xB000),)
FAILED = (FailedInstance("1.2", "1.4", 272),)
ANSWERS: dict[str, SearchResponse | StoreResponse] = {
    **{f"found in {name}": SearchResponse(RESULTS, name) for name in WEB},
    "nothing found": SearchResponse((), warnings=("none",)),
    **{
        f"{status} in {name}": StoreResponse(
            status, "http://h/", STORED, FAILED, (1,), ("slow",), representation=name
        )
        for status in (200, 202, 400, 409)
        for name in WEB
    },
    **{f"{status} without a body": StoreResponse(status) for status in (200, 204, 400, 409)},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_every_other_kind_of_answer(answer: SearchResponse | StoreResponse) -> None:
    """Searches and stores, with and without a body."""
    message = answer.to_http()

    assert answer == type(answer).from_http(message)
    assert answer == type(answer).from_http(Response.from_bytes(bytes(message)))
