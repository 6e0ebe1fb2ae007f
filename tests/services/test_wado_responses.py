"""What was retrieved: written and read."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.errors import (
    ConfigurationError,
    ContentError,
    LocalProtocolError,
    MultipartError,
    NotAcceptable,
    NotFound,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, ContentRange, Headers, MediaType, Response
from aiodicomweb.services import (
    BulkData,
    Representation,
    Resource,
    RetrieveResponse,
    Selector,
)

BASE = URL.parse("http://pacs.example/dicom-web")
INSTANCE = Selector("1.2", "3.4", "5.6")
FRAMES = Selector("1.2", "3.4", "5.6", (1, 2))
JPEG = "1.2.840.10008.1.2.4.50"
LITTLE = "1.2.840.10008.1.2.1"
DICOM = 'multipart/related; type="application/dicom"'


def instance(uid: str = "1.2.3") -> Dataset:
    """A data set that can be a file."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = uid
    dataset.PatientName = "Doe^J"
    set_transfer_syntax(dataset, LITTLE)
    return dataset


JPEG_DATA = BulkData(
    b"\xff\xd8", MediaType("image", "jpeg", (("transfer-syntax", JPEG),)), "/rs/frames/1"
)
ANSWERS = [
    *(
        RetrieveResponse((instance("1"), instance("2")), representation=representation)
        for representation in Representation
    ),
    RetrieveResponse((instance("1"),), partial=True, warnings=("some are missing",)),
    RetrieveResponse(bulk_data=(JPEG_DATA, BulkData(b"\r\n--x"), BulkData(b"", location="b"))),
    RetrieveResponse(bulk_data=(JPEG_DATA,), partial=True),
    RetrieveResponse(bulk_data=(BulkData(b"abc", content_range=ContentRange(5, 7, 10)),)),
    RetrieveResponse(
        bulk_data=(
            BulkData(b"abc", content_range=ContentRange(5, 7, None)),
            BulkData(b"a", location="x", content_range=ContentRange(0, 0, 9)),
        )
    ),
    RetrieveResponse(),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_is_written_and_read(answer: RetrieveResponse) -> None:
    """200, 204 and 206 in both meanings (RET-30, RET-31, RET-51, RET-54, RET-58, HTP-71)."""
    response = answer.to_http()

    assert answer == RetrieveResponse.from_http(response)
    assert answer == RetrieveResponse.from_http(Response.from_bytes(bytes(response)))
    assert answer.partial is response.partial


@pytest.mark.parametrize("representation", list(Representation))
def test_one_data_set_may_stand_alone(representation: Representation) -> None:
    """A single part in place of multipart (RET-52)."""
    answer = RetrieveResponse((instance(),), representation=representation)
    response = answer.to_http(single_part=True)

    assert response.media_type is not None
    assert representation == response.media_type.essence
    assert answer == RetrieveResponse.from_http(response)


def test_one_value_may_stand_alone() -> None:
    """Its fields are those of the message (MED-27, MED-29)."""
    answer = RetrieveResponse(bulk_data=(JPEG_DATA,))
    response = answer.to_http(single_part=True)

    assert b"\xff\xd8" == response.body
    assert "/rs/frames/1" == response.headers["Content-Location"]
    assert answer == RetrieveResponse.from_http(response)
    with pytest.raises(ConfigurationError):
        RetrieveResponse(bulk_data=(JPEG_DATA, JPEG_DATA)).to_http(single_part=True)


def test_what_answers_look_like() -> None:
    """The root's type in the Content-Type, and a status for each case (RET-30, RET-31)."""
    answers = [answer.to_http() for answer in ANSWERS]
    types = [str(answer.media_type).partition("; boundary")[0] for answer in answers]

    assert [200, 200, 200, 206, 200, 206, 206, 206, 204] == [answer.status for answer in answers]
    assert [
        DICOM,
        "application/dicom+json",
        'multipart/related; type="application/dicom+xml"',
        DICOM,
        'multipart/related; type="image/jpeg"',
        'multipart/related; type="image/jpeg"',
        "application/octet-stream",
        "multipart/byteranges",
        "None",
    ] == types
    assert "bytes 5-7/10" == answers[6].headers["Content-Range"]
    assert f"application/dicom; transfer-syntax={LITTLE}".encode() in answers[0].body


def test_metadata_may_refer_to_bulk_data() -> None:
    """A server says where they are, and a client gets them (RET-56, JSN-41)."""
    dataset = instance()
    dataset.PixelData = b"pixels"
    dataset["PixelData"].VR = "OW"
    for representation in (Representation.JSON, Representation.XML):
        answer = RetrieveResponse((dataset,), representation=representation)
        response = answer.to_http(
            bulk_data=lambda element: "/bulk/1" if element.keyword == "PixelData" else None
        )

        assert b"/bulk/1" in response.body
        assert RetrieveResponse.from_http(response).datasets[0].PixelData is None
        assert answer == RetrieveResponse.from_http(
            response, bulk_data=lambda tag, vr, uri: b"pixels" if uri == "/bulk/1" else None
        )


@pytest.mark.parametrize(
    ("resource", "content_type"),
    [
        (Resource.RENDERED, "text/html"),
        (Resource.BULKDATA, "multipart/related; type=application/dicom; boundary=b"),
        (Resource.FRAMES, "application/octet-stream"),
        (Resource.THUMBNAIL, "image/png"),
    ],
)
def test_the_resource_tells_what_is_data(resource: Resource, content_type: str) -> None:
    """A report in HTML, and a document that is DICOM itself (MED-03, RET-65)."""
    body = b"--b\r\n\r\nx\r\n--b--" if "multipart" in content_type else b"x"
    response = Response(200, Headers({"Content-Type": content_type}), body)
    answer = RetrieveResponse.from_http(response, resource=resource)

    assert [b"x"] == [item.data for item in answer.bulk_data]


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        ("1.2.840.10008.1.2.4.80", "image/x-jls"),
        (LITTLE, None),
        (JPEG, f"image/jpeg; transfer-syntax={JPEG}"),
        (None, "image/png"),
    ],
)
def test_the_transfer_syntax_of_a_frame(expected: str | None, content_type: str | None) -> None:
    """As told, or as the media type implies (MED-65, MED-80..113)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})
    answer = RetrieveResponse.from_http(Response(200, headers, b"x"))

    assert expected == answer.bulk_data[0].transfer_syntax


def test_what_comes_without_content_type_is_looked_at() -> None:
    """DICOM and JSON are seen, all else is octets."""
    file = RetrieveResponse((instance(),)).to_http(single_part=True).body

    assert 1 == len(RetrieveResponse.from_http(Response(200, body=file)).datasets)
    assert 2 == len(RetrieveResponse.from_http(Response(200, body=b" [{},{}]")).datasets)
    assert 1 == len(RetrieveResponse.from_http(Response(200, body=b"x")).bulk_data)


@pytest.mark.parametrize("body", [b"", b"[]"])
def test_nothing_is_nothing(body: bytes) -> None:
    """An empty answer, partial or not, has no items."""
    headers = Headers({"Content-Type": "application/dicom+json"})
    assert RetrieveResponse() == RetrieveResponse.from_http(Response(206, headers, body))


@pytest.mark.parametrize(
    ("error", "status", "fields", "body"),
    [
        (NotFound, 404, {}, b""),
        (NotAcceptable, 406, {"Content-Type": "text/html"}, b"<html/>"),
        (MultipartError, 200, {"Content-Type": "multipart/related; boundary=b"}, b"--b\r\n\r\nx"),
        (ContentError, 206, {"Content-Range": "bytes 0-4/5"}, b"abc"),
        (ContentError, 206, {"Content-Range": "nonsense"}, b"abc"),
        (
            ContentError,
            206,
            {"Content-Type": "multipart/byteranges; boundary=b"},
            b"--b\r\n\r\nx\r\n--b--",
        ),
        (
            UnexpectedMediaType,
            200,
            {"Content-Type": "multipart/related; boundary=b"},
            b"--b\r\nContent-Type: application/dicom\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--",
        ),
        (ContentError, 200, {"Content-Type": "application/dicom"}, b"no file"),
        (ContentError, 200, {"Content-Type": "application/dicom+json"}, b"{"),
        (ContentError, 200, {"Content-Type": "application/dicom+xml"}, b"<"),
    ],
)
def test_what_is_no_answer_is_an_error(
    error: type[Exception], status: int, fields: dict[str, str], body: bytes
) -> None:
    """A status, a part that is cut short, a range of other octets, and broken data sets."""
    with pytest.raises(error):
        RetrieveResponse.from_http(Response(status, Headers(fields), body))


@pytest.mark.parametrize(
    ("resource", "content_type"),
    [
        (Resource.INSTANCES, "text/html"),
        (Resource.METADATA, "text/html"),
        (Resource.METADATA, "application/dicom"),
        (Resource.BULKDATA, "text/html"),
        (Resource.FRAMES, "application/dicom+json"),
    ],
)
def test_a_page_is_no_answer_to_a_retrieval(resource: Resource, content_type: str) -> None:
    """Where it is known what was asked for, a log-in page is an error (case 27)."""
    response = Response(200, Headers({"Content-Type": content_type}), b"<html/>")
    with pytest.raises(UnexpectedMediaType):
        RetrieveResponse.from_http(response, resource=resource)


@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
@pytest.mark.parametrize("single_part", [False, True])
def test_metadata_are_admitted_in_every_form(
    representation: Representation, single_part: bool
) -> None:
    """JSON and XML, in multipart or not (MED-24, MED-25)."""
    answer = RetrieveResponse((instance(),), representation=representation)
    response = answer.to_http(single_part=single_part)

    assert answer == RetrieveResponse.from_http(response, resource=Resource.METADATA)


@pytest.mark.parametrize(
    "values",
    [
        {"datasets": (Dataset(),), "bulk_data": (JPEG_DATA,)},
        {"partial": True},
        {"bulk_data": ANSWERS[6].bulk_data, "partial": True},
        {"bulk_data": (*ANSWERS[6].bulk_data, JPEG_DATA)},
    ],
)
def test_answers_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    """Data sets or bulk data; whole, ranges or partial."""
    with pytest.raises(ConfigurationError):
        RetrieveResponse(**values)


def test_a_range_has_its_octets() -> None:
    """As many as it says (HTP-71)."""
    with pytest.raises(ConfigurationError):
        BulkData(b"abc", content_range=ContentRange(0, 3, None))


@pytest.mark.parametrize(
    "item", [BulkData(b"", location="a\r\nX: 1"), BulkData(b"", MediaType("a", "b\r\n"))]
)
def test_nothing_breaks_the_head_of_a_part(item: BulkData) -> None:
    """A location of somebody else's is checked like all else (HTP-91)."""
    with pytest.raises(LocalProtocolError):
        RetrieveResponse(bulk_data=(item,)).to_http()


def test_no_repr_shows_data() -> None:
    """Data sets, octets and locations are data of patients."""
    shown = "".join(map(repr, ANSWERS))

    assert "Doe" not in shown
    assert "/rs/frames" not in shown
    assert "xff" not in shown


def test_the_arguments_have_their_names_and_order() -> None:
    """Data sets or bulk data, representation, partial, warnings."""
    dataset = instance()
    answer = RetrieveResponse([dataset], Representation.JSON, True, ["some are missing"])

    assert ((dataset,), ()) == (answer.datasets, answer.bulk_data)
    assert answer == RetrieveResponse(
        datasets=[dataset],
        representation=Representation.JSON,
        partial=True,
        warnings=("some are missing",),
    )
    assert RetrieveResponse(bulk_data=[JPEG_DATA]) == RetrieveResponse([JPEG_DATA])


def test_the_message_may_say_the_transfer_syntax_of_its_parts() -> None:
    """dcm4chee does; the part's own goes before it (MUL-23)."""
    headers = Headers(
        {
            "Content-Type": 'multipart/related; type="image/jpeg"; boundary=b; '
            f"transfer-syntax={JPEG}"
        }
    )
    body = (
        b"--b\r\nContent-Type: image/jpeg\r\n\r\nx"
        b"\r\n--b\r\n\r\nx"
        b"\r\n--b\r\nContent-Type: image/jpeg; transfer-syntax=1.2\r\n\r\nx"
        b"\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--"
    )
    answer = RetrieveResponse.from_http(Response(200, headers, body))

    assert [JPEG, JPEG, "1.2", None] == [item.transfer_syntax for item in answer.bulk_data]


@pytest.mark.parametrize("value", ["bytes 0-1/9", "junk"])
def test_a_range_is_one_of_a_206_only(value: str) -> None:
    """Elsewhere the field has no meaning (RFC 9110 §14.4)."""
    headers = Headers({"Content-Type": "application/pdf", "Content-Range": value})
    answer = RetrieveResponse.from_http(Response(200, headers, b"%PDF"), resource=Resource.BULKDATA)

    assert (BulkData(b"%PDF", "application/pdf"),) == answer.bulk_data


def test_a_range_of_a_page_is_no_answer() -> None:
    """A log-in page is none, in whatever piece (case 27)."""
    headers = Headers({"Content-Type": "text/html", "Content-Range": "bytes 0-1/9"})
    with pytest.raises(UnexpectedMediaType):
        RetrieveResponse.from_http(Response(206, headers, b"<h"), resource=Resource.BULKDATA)


def test_a_range_may_come_without_a_media_type() -> None:
    """The client has it already (RFC 9110 §15.3.7)."""
    response = Response(206, Headers({"Content-Range": "bytes 0-1/9"}), b"ab")

    assert (ContentRange(0, 1, 9),) == tuple(
        item.content_range
        for item in RetrieveResponse.from_http(response, resource=Resource.BULKDATA).bulk_data
    )
