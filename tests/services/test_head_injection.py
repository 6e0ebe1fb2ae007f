"""Nothing that a caller gives breaks out of its line: heads hold no CR, LF or NUL (HTP-91).

Each case puts a text that would begin a line of its own into one place from which it could get into
a head, of a message or of a part. Either it is refused by an error of ours, or what is written has
no such line: percent-encoded in a URL, quoted away, or read back as the same text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset

from aiodicomweb import BasicAuth, BearerAuth
from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import (
    URL,
    ByteRange,
    ContentRange,
    Headers,
    MediaRange,
    MediaType,
    Request,
    Response,
    WarningValue,
    build_query,
    format_accept,
    format_range,
)
from aiodicomweb.services import (
    BulkData,
    RenderingOptions,
    Representation,
    Resource,
    RetrieveRequest,
    RetrieveResponse,
    SearchRequest,
    SearchResponse,
    Selector,
    StoreRequest,
    StoreResponse,
    Viewport,
    Window,
    accept_for,
    resolve_bulkdata,
)
from aiodicomweb.wire.render import OutgoingPart, render_multipart

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = URL.parse("http://h/rs")
STUDIES = Selector(study="")
STUDY = Selector("1.2")
INSTANCE = Selector("1.2", "3.4", "5.6")
MARK = b"x-injected"
BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\x0b",
    "\x85",
    "\u2028",
    "\u010d\u010a",
    "\u560a",
    "\n ",
    "\r\n\t",
]
"""Line breaks, what may be taken for one, and characters whose low octets are CR and LF."""


def header(name: str, value: str) -> bytes:
    """A head with one field, as octets."""
    return bytes(Request("GET", BASE, Headers({name: value})))


def part(headers: Headers) -> bytes:
    """A body of one part."""
    pieces = render_multipart([OutgoingPart(headers, (b"",))], "b")
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def get(url: URL) -> bytes:
    """A request for a URL."""
    return bytes(Request("GET", url))


def typed(media_type: MediaType) -> bytes:
    """A message and a part of a media type."""
    headers = Headers({"Content-Type": str(media_type)})
    return bytes(Response(200, headers, b"x")) + part(headers)


def document(media_type: str) -> Dataset:
    """An instance that holds a document."""
    dataset = Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2"
    dataset.MIMETypeOfEncapsulatedDocument = media_type
    dataset.EncapsulatedDocument = b"x" * 2000
    return dataset


def store(**settings: Any) -> bytes:
    """A request to store."""
    return bytes(StoreRequest(BASE, [b"x"], **settings).to_http())


def retrieve(resource: Resource = Resource.INSTANCES, **settings: Any) -> bytes:
    """A retrieval."""
    return bytes(RetrieveRequest(BASE, INSTANCE, resource, **settings).to_http())


def search(query: Any = None, **settings: Any) -> bytes:
    """A search."""
    return bytes(SearchRequest(BASE, STUDIES, query, **settings).to_http())


def bulk(*args: Any, single: bool) -> bytes:
    """An answer of bulk data."""
    answer = RetrieveResponse(bulk_data=[BulkData(b"x", *args)])
    return bytes(answer.to_http(single_part=single))


PLACES: dict[str, Callable[[str], bytes]] = {
    # http
    "method": lambda text: bytes(Request(text, BASE)),
    "header's name": lambda text: header(f"X{text}", "1"),
    "header's value": lambda text: header("X-A", f"a{text}b"),
    "added header": lambda text: bytes(Request("GET", BASE, Headers().add("X-A", f"a{text}b"))),
    "replaced header": lambda text: bytes(Response(200, Headers().replace("X-A", f"a{text}b"))),
    "reason": lambda text: bytes(Response(200, reason=f"OK{text}")),
    "header of a part": lambda text: part(Headers({"Content-Location": f"a{text}b"})),
    "scheme": lambda text: get(URL(f"http{text}", "h", "/")),
    "authority": lambda text: get(URL("http", f"h{text}", "/")),
    "userinfo": lambda text: get(URL("http", f"u{text}@h", "/")),
    "path": lambda text: get(URL("http", "h", f"/{text}")),
    "query": lambda text: get(URL("http", "h", "/", f"a={text}")),
    "fragment": lambda text: get(URL("http", "h", "/", None, text)),
    "URL": lambda text: get(URL.parse(f"http://h/{text}")),
    "joined URL": lambda text: get(BASE.join(f"a{text}")),
    "replaced query": lambda text: get(BASE.with_query(text)),
    "segment": lambda text: get(BASE.child(f"a{text}")),
    "name in a query": lambda text: get(BASE.with_query(build_query([(f"a{text}", "1")]))),
    "value in a query": lambda text: get(BASE.with_query(build_query([("a", [f"1{text}"])]))),
    "type": lambda text: typed(MediaType(f"a{text}", "b")),
    "subtype": lambda text: typed(MediaType("a", f"b{text}")),
    "parsed media type": lambda text: typed(MediaType.parse(f"a/b; c=d{text}")),
    "quoted parameter": lambda text: typed(MediaType.parse(f'a/b; c="d{text}"')),
    "name of a parameter": lambda text: typed(MediaType("a", "b", ((f"c{text}", "d"),))),
    "value of a parameter": lambda text: typed(MediaType("a", "b").with_parameters({"c": text})),
    "Accept": lambda text: header("Accept", format_accept([MediaType("a", f"b{text}")])),
    "media range": lambda text: header("Accept", str(MediaRange(MediaType("a", f"b{text}"), 0.5))),
    "warning": lambda text: header("Warning", str(WarningValue("299", "-", f"a{text}b"))),
    "warning's agent": lambda text: header("Warning", str(WarningValue("299", f"a{text}", "b"))),
    "warning's code": lambda text: header("Warning", str(WarningValue(f"299{text}", "-", "b"))),
    "Range": lambda text: header("Range", format_range(ByteRange(0, 1)) + text),
    "Content-Range": lambda text: header("Content-Range", f"{ContentRange(0, 1, None)}{text}"),
    # services
    "study": lambda text: get(BASE.child(*Selector(f"1.2{text}", permissive=True).parts())),
    "series": lambda text: get(BASE.child(*Selector("1.2", text, permissive=True).parts())),
    "parsed path": lambda text: get(BASE.child(*Selector.from_path(f"/studies/1{text}").parts())),
    "BulkDataURI": lambda text: get(resolve_bulkdata(BASE, f"bulk/{text}/1")),
    "search for a value": lambda text: search({"PatientID": f"1{text}"}),
    "search for a name": lambda text: search({f"PatientID{text}": "1"}),
    "search's parameter": lambda text: search(parameters={f"a{text}": f"b{text}"}),
    "search's representation": lambda text: search(representation=text),
    "search's warning": lambda text: bytes(SearchResponse(warnings=(f"a{text}b",)).to_http()),
    "asked media type": lambda text: header("Accept", accept_for(Resource.FRAMES, [f"a/b{text}"])),
    "asked transfer syntax": lambda text: retrieve(media_types=[("application/dicom", f"1{text}")]),
    "asked media type as value": lambda text: retrieve(media_types=[MediaType("a", f"b{text}")]),
    "retrieval's parameter": lambda text: retrieve(parameters={f"a{text}": [f"b{text}"]}),
    "annotation": lambda text: retrieve(
        Resource.RENDERED, rendering=RenderingOptions(annotation=(f"a{text}",))
    ),
    "ICC profile": lambda text: retrieve(
        Resource.RENDERED,
        rendering=RenderingOptions(icc_profile=text),  # type: ignore[arg-type]
    ),
    "window's function": lambda text: retrieve(
        Resource.RENDERED,
        rendering=RenderingOptions(viewport=Viewport(1, 1), window=Window(1, 1, text)),  # type: ignore[arg-type]
    ),
    "location": lambda text: bulk("a/b", f"/{text}", single=False),
    "location of a single part": lambda text: bulk("a/b", f"/{text}", single=True),
    "media type of bulk data": lambda text: bulk(f"a/b; c={text}", single=False),
    "media type of a single part": lambda text: bulk(MediaType("a", f"b{text}"), single=True),
    "retrieval's warning": lambda text: bytes(
        RetrieveResponse([b_item()], warnings=[f"a{text}b"]).to_http()
    ),
    "retrieval's representation": lambda text: bytes(
        RetrieveResponse([Dataset()], text).to_http()  # type: ignore[arg-type]
    ),
    "boundary": lambda text: store(boundary=f"b{text}"),
    "boundary of one file": lambda text: store(boundary=f"b{text}", single_part=True),
    "store's parameter": lambda text: store(parameters={f"a{text}": f"b{text}"}),
    "transfer syntax": lambda text: store(transfer_syntax=f"1.2{text}"),
    "stored study": lambda text: store(selector=Selector(f"1{text}", permissive=True)),
    "stored document": lambda text: bytes(
        StoreRequest(
            BASE,
            [document(f"a/b{text}")],
            representation=Representation.JSON,
        ).to_http()
    ),
    "store's warning": lambda text: bytes(StoreResponse(200, warnings=(f"a{text}b",)).to_http()),
    # what the client adds
    "user": lambda text: header(*authorization(BasicAuth(f"u{text}", "p"))),
    "password": lambda text: header(*authorization(BasicAuth("u", f"p{text}"))),
    "token": lambda text: header(*authorization(BearerAuth(f"t{text}"))),
}


def b_item() -> BulkData:
    """Something to answer with."""
    return BulkData(b"x")


def authorization(auth: BasicAuth | BearerAuth) -> tuple[str, str]:
    """The field that credentials become."""
    return next(iter(next(auth.flow(Request("GET", BASE), now=0)).headers.items()))


@pytest.mark.parametrize("break_", BREAKS, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_breaks_a_head(place: str, break_: str) -> None:
    """It is refused, or what is written has neither the line nor a bare CR, LF or NUL."""
    try:
        octets = PLACES[place](f"{break_}X-Injected: 1{break_}")
    except DicomWebError:
        return
    lines = octets.split(b"\r\n")

    assert not any(line.lower().lstrip(b" \t").startswith(MARK) for line in lines)
    assert not any(sign in line for line in lines for sign in (b"\r", b"\n", b"\0"))


def test_the_places_are_places() -> None:
    """With a text that is harmless most of them write a head; the others take fixed words only."""
    fixed = {
        "search for a name",
        "search's representation",
        "retrieval's representation",
        "ICC profile",
        "window's function",
    }
    silent = []
    for place, write in PLACES.items():
        try:
            assert write("5").partition(b"\r\n")[0]
        except DicomWebError:
            silent.append(place)

    assert fixed == set(silent)
