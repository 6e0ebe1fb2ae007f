"""Requests and responses of the services, as Hypothesis makes them up."""

from __future__ import annotations

import string

from hypothesis import strategies as st
from pydicom import Dataset

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax
from aiodicomweb.dicom.tags import parse_attribute_path
from aiodicomweb.http import URL, ContentRange, Headers, MediaType
from aiodicomweb.services import (
    BulkData,
    FailedInstance,
    IccProfile,
    Query,
    RenderingOptions,
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
    Viewport,
    VoiFunction,
    Window,
)

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


EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
SYNTAXES = st.sampled_from([EXPLICIT, JPEG, RLE])


@st.composite
def instances(draw: st.DrawFn, syntaxes: st.SearchStrategy[str] = SYNTAXES) -> Dataset:
    """A data set with its transfer syntax, and perhaps pixel data."""
    dataset = draw(data_sets())
    syntax = draw(syntaxes)
    if syntax != EXPLICIT:
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
    [
        "PatientName",
        "PatientID",
        "StudyDate",
        "OtherPatientIDsSequence.PatientID",
        "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue",
        "0020000D",
        "00091001",
        "00091002.00100020",
    ]
).map(parse_attribute_path)
PRIVATE_CREATOR = parse_attribute_path("00090010")
MATCHES = TEXTS | st.sampled_from(["D?e*^J*", "*", "20200101-20200131", "-20200131", "1000-", '""'])
VALUES = st.lists(MATCHES, min_size=1, max_size=3).map(tuple)
UID_LISTS = st.lists(UIDS, min_size=1, max_size=3).map(tuple)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A query of attributes, private ones too, with values of their kind."""
    paths = draw(st.lists(PATHS, unique=True, max_size=3))
    filters = tuple((path, draw(UID_LISTS if path.vr == "UI" else VALUES)) for path in paths)
    fields = draw(st.lists(PATHS, unique=True, max_size=3).map(tuple))
    all_fields = draw(st.booleans())
    if any(path.private_creator for path in (*(path for path, _ in filters), *fields)):
        filters = (*filters, (PRIVATE_CREATOR, ("ACME",)))
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


DECIMALS = st.floats(-1e9, 1e9, allow_subnormal=False)
EDGES = st.none() | DECIMALS
SIDES = st.none() | DECIMALS.filter(bool)
SIZES = st.integers(1, 10**9 - 1)
WINDOWS = st.builds(Window, DECIMALS, st.floats(1, 1e9), st.sampled_from(VoiFunction))
RENDERINGS = {
    Resource.RENDERED: st.builds(
        RenderingOptions,
        st.lists(st.sampled_from(["patient", "technique", "x-1"]), max_size=2).map(tuple),
        st.none() | st.integers(1, 100),
        st.none()
        | st.builds(
            Viewport, SIZES, SIZES, st.none() | DECIMALS, st.none() | DECIMALS, SIDES, SIDES
        ),
        st.none() | WINDOWS,
        st.none() | st.sampled_from(IccProfile),
    ),
    Resource.THUMBNAIL: st.builds(
        RenderingOptions, viewport=st.none() | st.builds(Viewport, SIZES, SIZES)
    ),
}


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
        draw(RENDERINGS[resource]) if resource in RENDERINGS else None,
    )


BULK_URLS = st.sampled_from(
    [
        "http://pacs.example/bulk/7?token=a%2Cb",
        "https://me:secret@h:8443/dicom-web/bulk/%7E#here",
        "http://h/",
        "https://[::1]/a/b/studies/1.2/bulkdata/7FE00010?x",
    ]
).map(URL.parse)
RETRIEVE_REQUESTS_BY_URL = st.builds(
    RetrieveRequest,
    BASES,
    BULK_URLS,
    st.just(Resource.BULKDATA),
    MEDIA_TYPES,
    BYTE_RANGES,
    PARAMETERS,
    FIELDS,
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

STUDIES = st.just("") | UIDS
TARGETS = st.builds(Selector, STUDIES)
FILES = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=3)


@st.composite
def store_requests_in_one_syntax(draw: st.DrawFn) -> StoreRequest:
    """Data sets of one transfer syntax, which the media types say."""
    syntax = draw(SYNTAXES)
    return StoreRequest(
        draw(BASES),
        draw(st.lists(instances(st.just(syntax)), min_size=1, max_size=3)),
        draw(TARGETS),
        draw(st.sampled_from(Representation)),
        syntax,
    )


STORE_REQUESTS = st.one_of(
    st.builds(
        StoreRequest,
        BASES,
        FILES,
        TARGETS,
        transfer_syntax=st.none() | SYNTAXES,
        parameters=PARAMETERS,
        headers=FIELDS,
    ),
    st.builds(
        StoreRequest,
        BASES,
        FILES.map(lambda files: files[:1]),
        TARGETS,
        transfer_syntax=st.none() | SYNTAXES,
        single_part=st.just(True),
    ),
    st.builds(
        StoreRequest,
        BASES,
        st.lists(instances(), min_size=1, max_size=3),
        TARGETS,
        st.sampled_from(Representation),
        parameters=PARAMETERS,
        headers=FIELDS,
    ),
    store_requests_in_one_syntax(),
)
REASONS = st.none() | st.integers(0, 65535)
STORE_RESPONSES = st.one_of(
    st.builds(StoreResponse, st.sampled_from([200, 202, 204, 400, 409, 503]), warnings=WARNINGS),
    st.builds(
        StoreResponse,
        st.sampled_from([200, 202, 400, 409]),
        st.none() | st.just("http://h/studies/1.2"),
        st.lists(
            st.builds(
                StoredInstance,
                UIDS,
                UIDS,
                st.none() | st.just("http://h/studies/1/series/2"),
                REASONS,
            ),
            max_size=2,
        ).map(tuple),
        st.lists(st.builds(FailedInstance, UIDS | st.just(""), UIDS, REASONS), max_size=2).map(
            tuple
        ),
        st.lists(st.integers(0, 65535), max_size=2).map(tuple),
        WARNINGS,
        representation=WEB,
    ),
)
