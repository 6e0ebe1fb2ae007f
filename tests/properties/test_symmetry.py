"""What one side writes the other side reads: ``X.from_http(x.to_http()) == x``, for all six."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax
from aiodicomweb.dicom.tags import parse_attribute_path
from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import URL, ContentRange, Headers, MediaType, Request, Response
from aiodicomweb.services import (
    BulkData,
    FailedInstance,
    Query,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

# --- values -------------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc"], exclude_characters="\\"),
    min_size=1,
    max_size=12,
)
LATIN = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]),
    min_size=1,
    max_size=12,
).map(lambda text: f"<{text}>")
UIDS = st.from_regex(r"[12](\.[1-9][0-9]{0,4}){1,5}", fullmatch=True)
BASES = st.sampled_from(
    ["http://pacs.example", "https://h:8443/dicom-web", "https://[::1]/a/b/", "http://h/series"]
).map(URL.parse)
TOKENS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=6)
FIELDS = st.lists(st.tuples(TOKENS.map(lambda name: f"X-{name}"), LATIN), max_size=2).map(Headers)
PARAMETERS = st.lists(
    st.tuples(
        TEXTS.map(lambda name: f"x-{name}"), st.lists(TEXTS | st.just(""), max_size=2).map(tuple)
    ),
    max_size=3,
)
WARNINGS = st.lists(LATIN, max_size=2).map(tuple)
FRAMES = st.lists(st.integers(1, 10**6), min_size=1, max_size=4).map(tuple)


@st.composite
def data_sets(draw: st.DrawFn, *, depth: int = 1) -> Dataset:
    """A data set of an instance, with a few elements of different kinds."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = draw(UIDS)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    if draw(st.booleans()):
        dataset.PatientComments = draw(TEXTS.map(lambda text: f"<{text}>"))
    if draw(st.booleans()):
        dataset.PatientID = ""
    if draw(st.booleans()):
        dataset.StudyDate = "20200131"
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.Rows = draw(st.integers(0, 65535))
    if draw(st.booleans()):
        length = draw(st.sampled_from([2, 1024, 1026, 5000]))
        dataset.add_new(0x00281201, "OW", draw(st.binary(min_size=2, max_size=2)) * (length // 2))
    if depth and draw(st.booleans()):
        dataset.ReferencedSeriesSequence = draw(
            st.lists(data_sets(depth=depth - 1), min_size=1, max_size=2)
        )
    return dataset


@st.composite
def instances(draw: st.DrawFn) -> Dataset:
    """A data set with its transfer syntax, and perhaps pixel data."""
    dataset = draw(data_sets())
    syntax = draw(
        st.sampled_from(["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"])
    )
    if not syntax.endswith(".1"):
        # A frame of even length is not padded.
        frames = draw(st.lists(st.binary(min_size=2, max_size=8).map(lambda b: b * 2), min_size=1))
        dataset.NumberOfFrames = len(frames)
        dataset.add_new(0x7FE00010, "OB", join_frames(frames))
    elif draw(st.booleans()):
        dataset.add_new(0x7FE00010, "OW", bytes(draw(st.sampled_from([2, 2000]))))
    set_transfer_syntax(dataset, syntax)
    return dataset


# --- the six ------------------------------------------------------------------------------------

COLLECTIONS = st.one_of(
    st.sampled_from([Selector(study=""), Selector(series=""), Selector(instance="")]),
    st.builds(Selector, UIDS, st.just("")),
    st.builds(Selector, UIDS, instance=st.just("")),
    st.builds(Selector, UIDS, UIDS, st.just("")),
)
OBJECTS = st.one_of(
    st.builds(Selector, UIDS),
    st.builds(Selector, UIDS, UIDS),
    st.builds(Selector, UIDS, UIDS, UIDS),
)
PATHS = st.sampled_from(
    ["PatientName", "PatientID", "StudyDate", "OtherPatientIDsSequence.PatientID", "0020000D"]
).map(parse_attribute_path)
VALUES = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
UID_LISTS = st.lists(UIDS, min_size=1, max_size=3).map(tuple)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A query of attributes, with values of their kind."""
    paths = draw(st.lists(PATHS, unique=True, max_size=3))
    filters = tuple((path, draw(UID_LISTS if path.vr == "UI" else VALUES)) for path in paths)
    fields = draw(st.lists(PATHS, unique=True, max_size=3).map(tuple))
    all_fields = draw(st.booleans())
    return Query(filters, () if all_fields else fields, all_fields)


SWITCHES = st.none() | st.booleans()
NUMBERS = st.none() | st.integers(0, 10**9)
WEB = st.sampled_from([Representation.JSON, Representation.XML])
SEARCH_REQUESTS = st.builds(
    SearchRequest,
    BASES,
    COLLECTIONS,
    queries(),
    WEB,
    SWITCHES,
    NUMBERS,
    NUMBERS,
    st.booleans(),
    PARAMETERS,
    FIELDS,
    SWITCHES,
    SWITCHES,
)
SEARCH_RESPONSES = st.builds(
    SearchResponse, st.lists(data_sets(), max_size=3).map(tuple), WEB, WARNINGS
)

OF_OBJECTS = st.sampled_from([resource for resource in Resource if resource != "frames"])
OF_FRAMES = st.sampled_from([Resource.FRAMES, Resource.RENDERED, Resource.THUMBNAIL])
MEDIA_TYPES = st.none() | st.lists(
    st.sampled_from(
        [
            "image/jpeg",
            "*/*",
            "*/*; q=0.5",
            'multipart/related; type="image/jls"; transfer-syntax=*; q=0.1',
            "application/dicom; transfer-syntax=1.2.840.10008.1.2.1",
        ]
    ),
    min_size=1,
    max_size=3,
)
BYTE_RANGES = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 100), st.none()),
    st.tuples(st.integers(0, 100), st.integers(100, 200)),
)


@st.composite
def retrieve_requests(draw: st.DrawFn) -> RetrieveRequest:
    """A retrieval of objects or frames."""
    target, resource = draw(
        st.one_of(
            st.tuples(OBJECTS, OF_OBJECTS),
            st.tuples(st.builds(Selector, UIDS, UIDS, UIDS, FRAMES), OF_FRAMES),
        )
    )
    return RetrieveRequest(
        draw(BASES),
        target,
        resource,
        draw(MEDIA_TYPES),
        draw(BYTE_RANGES),
        draw(PARAMETERS),
        draw(FIELDS),
    )


BULK_TYPES = st.sampled_from(
    ["application/octet-stream", "image/jpeg; transfer-syntax=1.2", 'text/html; charset="a b"']
).map(MediaType.parse)
LOCATIONS = st.none() | LATIN
BULK_DATA = st.builds(BulkData, st.binary(max_size=40), BULK_TYPES, LOCATIONS)
RANGES = st.builds(
    lambda data, media_type, first, location: BulkData(
        data, media_type, location, ContentRange(first, first + len(data) - 1, None)
    ),
    st.binary(min_size=1, max_size=40),
    BULK_TYPES,
    st.integers(0, 10**12),
    LOCATIONS,
)
RETRIEVE_RESPONSES = st.one_of(
    st.builds(
        RetrieveResponse,
        st.lists(instances(), min_size=1, max_size=3).map(tuple),
        st.just(()),
        st.sampled_from(Representation),
        st.booleans(),
        WARNINGS,
    ),
    st.builds(
        RetrieveResponse,
        bulk_data=st.lists(BULK_DATA, min_size=1, max_size=3).map(tuple),
        partial=st.booleans(),
        warnings=WARNINGS,
    ),
    st.builds(
        RetrieveResponse,
        bulk_data=st.lists(RANGES, min_size=1, max_size=3).map(tuple),
        warnings=WARNINGS,
    ),
)

STUDIES = st.none() | UIDS
FILES = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=3)
STORE_REQUESTS = st.one_of(
    st.builds(StoreRequest, BASES, FILES, STUDIES, st.none(), PARAMETERS, FIELDS),
    st.builds(
        StoreRequest,
        BASES,
        FILES.map(lambda files: files[:1]),
        STUDIES,
        single_part=st.just(True),
    ),
    st.builds(
        StoreRequest,
        BASES,
        st.lists(instances(), min_size=1, max_size=3),
        STUDIES,
        parameters=PARAMETERS,
        headers=FIELDS,
        representation=st.sampled_from(Representation),
    ),
)
REASONS = st.none() | st.integers(0, 65535)
STORE_RESPONSES = st.builds(
    StoreResponse,
    st.sampled_from([200, 202, 400, 409]),
    st.none() | st.just("http://h/studies/1.2"),
    st.lists(
        st.builds(
            StoredInstance, UIDS, UIDS, st.none() | st.just("http://h/studies/1/series/2"), REASONS
        ),
        max_size=2,
    ).map(tuple),
    st.lists(st.builds(FailedInstance, UIDS | st.just(""), UIDS, REASONS), max_size=2).map(tuple),
    st.lists(st.integers(0, 65535), max_size=2).map(tuple),
    WARNINGS,
    representation=WEB,
)


@given(SEARCH_REQUESTS)
def test_search_requests(request: SearchRequest) -> None:
    """Selector, query, settings and the rest come back, through octets too."""
    message = request.to_http()

    assert request == SearchRequest.from_http(message)
    assert request == SearchRequest.from_http(
        Request.from_bytes(bytes(message), scheme=request.base_url.scheme)
    )
    assert message == SearchRequest.from_http(message, base_url=request.base_url).to_http()


@given(SEARCH_RESPONSES)
def test_search_responses(response: SearchResponse) -> None:
    """Results come back in JSON and in XML."""
    assert response == SearchResponse.from_http(Response.from_bytes(bytes(response.to_http())))


@given(retrieve_requests())
def test_retrieve_requests(request: RetrieveRequest) -> None:
    """Target, resource, media types, range and the rest come back."""
    message = request.to_http()

    assert request == RetrieveRequest.from_http(message)
    assert message == RetrieveRequest.from_http(message).to_http()


@given(RETRIEVE_RESPONSES)
def test_retrieve_responses(response: RetrieveResponse) -> None:
    """Instances, metadata and bulk data come back, whole, partial and in ranges."""
    assert response == RetrieveResponse.from_http(Response.from_bytes(bytes(response.to_http())))


@given(BULK_DATA)
def test_single_parts(item: BulkData) -> None:
    """One value alone is the same as one in multipart."""
    answer = RetrieveResponse(bulk_data=(item,))
    message = Response.from_bytes(bytes(answer.to_http(single_part=True)))

    if item.data:
        assert answer == RetrieveResponse.from_http(message)


@given(STORE_REQUESTS)
@settings(deadline=None)
def test_store_requests(request: StoreRequest) -> None:
    """Files, and data sets with their bulk data, come back."""
    message = request.to_http()
    found = StoreRequest.from_http(
        Request.from_bytes(bytes(message), scheme=request.base_url.scheme)
    )

    assert request == found
    if request.representation is not Representation.DICOM:
        assert syntaxes(request.datasets) == syntaxes(found.datasets)


def syntaxes(datasets: Sequence[Dataset]) -> list[str]:
    """The transfer syntaxes of data sets."""
    return [str(dataset.file_meta.TransferSyntaxUID) for dataset in datasets]


@given(STORE_RESPONSES)
def test_store_responses(response: StoreResponse) -> None:
    """Every item and every code comes back, in JSON and in XML."""
    assert response == StoreResponse.from_http(Response.from_bytes(bytes(response.to_http())))


# --- bad input ----------------------------------------------------------------------------------

CONTENT_TYPES = st.sampled_from(
    [
        "application/dicom+json",
        "application/dicom+xml",
        "application/dicom",
        "multipart/related; type=application/dicom+json; boundary=b",
        "multipart/related; type=application/dicom+xml; boundary=b",
        "multipart/related; type=application/dicom; boundary=b",
        "multipart/related",
        "multipart/byteranges; boundary=b",
        "text/html",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"--b",
                b"--b--",
                b"\r\n",
                b"\r\n\r\n",
                b"[",
                b"]",
                b"{",
                b"}",
                b",",
                b"null",
                b"1e999",
            ),
            *(b'"00100010":', b'{"vr":"PN"}', b'"Value":', b'"BulkDataURI":"a"'),
            *(b"<NativeDicomModel>", b"</NativeDicomModel>", b"\xff"),
            *(b"Content-Type: application/dicom+json", b"Content-Location: a"),
            b"Content-Range: bytes 0-0/1",
            *(b"\0" * 128 + b"DICM", b"\x02\x00\x10\x00UI\x02\x001\0"),
        ]
    ),
    max_size=14,
).map(b"".join)
BODIES = st.binary(max_size=60) | PIECES
PARSERS = (SearchResponse, RetrieveResponse, StoreResponse)


@given(
    st.sampled_from([200, 202, 204, 206, 400]),
    CONTENT_TYPES,
    st.sampled_from([{}, {"Content-Range": "bytes 0-4/5"}, {"Warning": "299 "}]),
    BODIES,
)
def test_any_response_is_read_or_an_error_of_ours(
    status: int, content_type: str, fields: dict[str, str], body: bytes
) -> None:
    """No body raises anything but our errors."""
    message = Response(status, Headers({"Content-Type": content_type, **fields}), body)
    for parser in PARSERS:
        try:
            parser.from_http(message)
        except DicomWebError:
            continue


@given(
    st.sampled_from(["/studies", "/studies/1.2", "/studies/1.2/series/3/instances/4/frames/1"]),
    st.text("PatientID&=,%25C0fuzzymatchinglimitincludefield.", max_size=40),
    st.sampled_from(["", "*/*", 'multipart/related; type="', "a/b; q=5, ,"]),
    CONTENT_TYPES,
    BODIES,
)
def test_any_request_is_read_or_an_error_of_ours(
    path: str, query: str, accept: str, content_type: str, body: bytes
) -> None:
    """No request raises anything but our errors, as one of any service."""
    url = URL.parse("http://h" + path).with_query(query)
    headers = Headers({"Accept": accept, "Content-Type": content_type, "Range": accept})
    for method, parser in (
        ("GET", SearchRequest),
        ("GET", RetrieveRequest),
        ("POST", StoreRequest),
    ):
        try:
            parser.from_http(Request(method, url, headers, body)).to_http()
        except DicomWebError:
            continue


@given(
    st.one_of(
        SEARCH_RESPONSES,
        RETRIEVE_RESPONSES,
        STORE_RESPONSES,
        SEARCH_REQUESTS,
        retrieve_requests(),
        STORE_REQUESTS,
    ),
    st.data(),
)
@settings(deadline=None)
def test_damaged_messages_are_read_or_errors_of_ours(
    value: SearchResponse
    | RetrieveResponse
    | StoreResponse
    | SearchRequest
    | RetrieveRequest
    | StoreRequest,
    data: st.DataObject,
) -> None:
    """A few octets changed, or the end cut off, anywhere in the message."""
    octets = bytearray(bytes(value.to_http()))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    octets = octets[: data.draw(st.sampled_from([None, -1, -5, -40]))]
    try:
        if isinstance(value, SearchResponse | RetrieveResponse | StoreResponse):
            type(value).from_http(Response.from_bytes(octets))
        else:
            type(value).from_http(Request.from_bytes(octets))
    except DicomWebError:
        return
