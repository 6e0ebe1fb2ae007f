from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax, split_frames
from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.errors import (
    ConfigurationError,
    JsonModelError,
    LocalProtocolError,
    MultipartError,
    NativeXmlError,
    Part10Error,
    ProtocolError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import (
    URL,
    Deferred,
    FileSpan,
    Headers,
    MediaType,
    Request,
    Response,
    body_length,
    body_octets,
)
from aiodicomweb.services import (
    FailedInstance,
    Representation,
    StoredInstance,
    StoreRequest,
    StoreResponse,
)
from aiodicomweb.wire import read_parts

from ..support.comparison import differences
from ..support.dicom_files import sample

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = URL.parse("http://pacs.example/dicom-web")
JSON = Headers({"Content-Type": "application/dicom+json"})
CT = "1.2.840.10008.5.1.4.1.1.2"


def ui(uid: str) -> dict[str, Any]:
    """A UID as JSON."""
    return {"vr": "UI", "Value": [uid]}


def us(number: Any) -> dict[str, Any]:
    """A reason as JSON."""
    return {"vr": "US", "Value": [number]}


def sq(*items: Any) -> dict[str, Any]:
    """A sequence as JSON."""
    return {"vr": "SQ", "Value": list(items)}


# STW-V1
MIXED = {
    "00081190": {"vr": "UR", "Value": ["https://pacs.example/dicom-web/studies/1.2.3"]},
    "00081198": sq(
        {"00081150": ui(CT), "00081155": ui("1.2.3.4.6"), "00081197": us(49442)},
    ),
    "00081199": sq(
        {
            "00081150": ui(CT),
            "00081155": ui("1.2.3.4.5"),
            "00081190": {"vr": "UR", "Value": ["https://pacs.example/instances/1.2.3.4.5"]},
            "00081196": us(45056),
        }
    ),
}


# --- requests -----------------------------------------------------------------------------------


def test_the_octets_of_a_request() -> None:
    """One part for each instance, as it is (STW-01, MED-40)."""
    request = StoreRequest(BASE, [b"first", b"second"], boundary="b0undary").to_http()

    assert "POST" == request.method
    assert "http://pacs.example/dicom-web/studies" == str(request.url)
    assert [
        ("Accept", "application/dicom+json"),
        ("Content-Type", 'multipart/related; type="application/dicom"; boundary=b0undary'),
    ] == list(request.headers.items())
    assert (
        b"--b0undary\r\nContent-Type: application/dicom\r\n\r\nfirst"
        b"\r\n--b0undary\r\nContent-Type: application/dicom\r\n\r\nsecond"
        b"\r\n--b0undary--\r\n"
    ) == b"".join(request.body)  # type: ignore[arg-type]


def test_files_are_not_read() -> None:
    """Segments go into the body as they are; the length is known."""
    span = FileSpan("/a.dcm", 0, 1000)
    deferred = Deferred(500, lambda: b"")

    request = StoreRequest(BASE, [span, deferred]).to_http()

    assert span in request.body
    assert deferred in request.body
    overhead = sum(len(piece) for piece in request.body if isinstance(piece, bytes))
    assert 1500 + overhead == body_length(request.body)


def test_a_study_may_be_named() -> None:
    """All instances must then belong to it (STW-M1)."""
    request = StoreRequest(BASE, [b"x"], study="1.2", parameters={"a": True}).to_http()

    assert "http://pacs.example/dicom-web/studies/1.2?a=true" == str(request.url)
    with pytest.raises(ConfigurationError, match="study is not a UID"):
        StoreRequest(BASE, [b"x"], study="x")


def test_a_boundary_is_random_and_a_token() -> None:
    """Nobody can guess it, and it needs no quotes (servers broke on them)."""
    first, second = StoreRequest(BASE, [b"x"]), StoreRequest(BASE, [b"x"])

    assert first.boundary != second.boundary
    assert first.boundary.isalnum()
    assert len(first.boundary) * 4 >= 128


def test_headers_of_the_caller_are_added() -> None:
    """The caller's headers go along and replace ours."""
    request = StoreRequest(BASE, [b"x"], headers=Headers({"Accept": "*/*"})).to_http()

    assert "*/*" == request.headers["Accept"]
    assert request.headers["Content-Type"].startswith("multipart/related")


def test_nothing_cannot_be_stored() -> None:
    """A multipart body has at least one part."""
    with pytest.raises(ConfigurationError):
        StoreRequest(BASE, [])


def test_no_repr_shows_payload() -> None:
    """Instances and parameters are not shown."""
    request = StoreRequest(BASE, [b"Secret"], parameters={"x": "Secret"})

    assert "Secret" not in repr(request) + repr(request.to_http())


# --- responses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 400, 409])
@pytest.mark.parametrize("wrap", [lambda module: module, lambda module: [module]])
def test_the_module_is_read(status: int, wrap: Any) -> None:
    """STW-V1 under any status (STW-37), also in an array (STW-56)."""
    response = StoreResponse.from_http(Response(status, JSON, json.dumps(wrap(MIXED)).encode()))

    assert status == response.status
    assert "https://pacs.example/dicom-web/studies/1.2.3" == response.retrieve_url
    assert (
        StoredInstance(CT, "1.2.3.4.5", "https://pacs.example/instances/1.2.3.4.5", 45056),
    ) == response.stored
    assert (FailedInstance(CT, "1.2.3.4.6", 49442),) == response.failed
    assert () == response.other_failures
    assert response.has_items
    assert response.dataset is not None
    assert CT == response.dataset.ReferencedSOPSequence[0].ReferencedSOPClassUID


def test_lower_case_tags_are_read() -> None:
    """Case 38: hexadecimal digits may be in lower case."""
    module = {"0008119a": sq({"00081197": us(272)})}

    assert (272,) == StoreResponse.from_http(
        Response(409, JSON, json.dumps(module).encode())
    ).other_failures


def test_nothing_stored() -> None:
    """STW-V2: the study's URL is empty."""
    module = {
        "00081190": {"vr": "UR"},
        "00081198": sq({"00081150": ui(CT), "00081155": ui("1.2"), "00081197": us(290)}),
    }
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert response.retrieve_url is None
    assert () == response.stored
    assert ["0122 referenced SOP class not supported"] == [f.reason for f in response.failed]


def test_failures_without_an_instance() -> None:
    """STW-V3, and an item without reason, which says nothing."""
    module = {"00081190": {"vr": "UR"}, "0008119A": sq({"00081197": us(272)}, {})}
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert (272,) == response.other_failures
    assert response.has_items


def test_items_may_lack_anything() -> None:
    """Unparsable instances have no UIDs, some servers give no reason (STW-58)."""
    module = {"00081198": sq({}, {"00081155": ui("1.2"), "00081197": {"vr": "US"}})}
    response = StoreResponse.from_http(Response(202, JSON, json.dumps(module).encode()))

    assert (FailedInstance("", ""), FailedInstance("", "1.2")) == response.failed
    assert "no reason given" == response.failed[0].reason


def test_items_may_name_instances_by_their_own_attributes() -> None:
    """Example B.21 of the standard, with file meta information in it (ERR-16)."""
    item = {"00020010": ui("1.2.840.10008.1.2"), "00080016": ui(CT), "00080018": ui("1.2")}
    response = StoreResponse.from_http(
        Response(200, JSON, json.dumps({"00081199": sq(item)}).encode())
    )

    assert (StoredInstance(CT, "1.2"),) == response.stored


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (272, us("272")),
        (272, us(272.0)),
        (272, {"vr": "US", "Value": [272, 5]}),
        (272, {"vr": "IS", "Value": ["272"]}),
        (None, {"vr": "LO", "Value": ["Doe"]}),
    ],
)
def test_reasons_are_numbers(expected: int | None, value: Any) -> None:
    """The tag counts, not the VR (ERR-30); one code for an item (STW-70)."""
    module = {"00081198": sq({"00081155": ui("1.2"), "00081197": value})}
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert (FailedInstance("", "1.2", expected),) == response.failed


def test_white_space_in_urls_is_dropped() -> None:
    """Even the standard's example has it; UT is the VR of old answers (STW-40, STW-58)."""
    url = {"vr": "UT", "Value": ["https://pacs.example/\n   studies/1.2 "]}
    module = {"00081190": url, "00081199": sq({"00081155": ui("1.2"), "00081190": url})}
    response = StoreResponse.from_http(Response(200, JSON, json.dumps(module).encode()))

    assert "https://pacs.example/studies/1.2" == response.retrieve_url
    assert "https://pacs.example/studies/1.2" == response.stored[0].retrieve_url


def test_sequences_may_be_empty() -> None:
    """Orthanc before 1.19 gives empty sequences, and no Content-Type when it refuses."""
    body = b'{"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"00081198":{"vr":"SQ"},"00081199":{"vr":"SQ"}}'  # noqa: E501
    response = StoreResponse.from_http(Response(400, Headers(), body))

    assert not response.has_items
    assert response.dataset is not None


def test_a_sequence_by_another_vr_is_none() -> None:
    """What is no sequence has no items."""
    module = {"00081199": {"vr": "LO", "Value": ["x"]}}

    assert not StoreResponse.from_http(Response(200, JSON, json.dumps(module).encode())).has_items


@pytest.mark.parametrize("status", [200, 202, 204, 400, 503])
def test_no_body_is_no_items(status: int) -> None:
    """Case 36: an answer may have no body (STW-36)."""
    response = StoreResponse.from_http(Response(status))

    assert StoreResponse(status) == response
    assert not response.has_items


@pytest.mark.parametrize(
    ("error", "content_type", "body"),
    [
        (UnexpectedMediaType, "text/html", b"<html>log in</html>"),
        (NativeXmlError, "application/dicom+xml", b"<html/>"),
        (
            MultipartError,
            'multipart/related; type="application/dicom+xml"; boundary=b',
            b"--b\r\n\r\nx",
        ),
        (UnexpectedMediaType, "text/plain", b"stored, perhaps"),
        (JsonModelError, "application/json", b'{"HttpError":"x"}'),
        (JsonModelError, "application/dicom+json", b"{"),
    ],
)
def test_other_bodies_do_not_hide_a_refusal(
    error: type[Exception], content_type: str, body: bytes
) -> None:
    """Case 36: under 4xx they are no module; under 2xx they are an error (STW-37)."""
    headers = Headers({"Content-Type": content_type})

    assert StoreResponse(409) == StoreResponse.from_http(Response(409, headers, body))
    with pytest.raises(error):
        StoreResponse.from_http(Response(200, headers, body))


def test_warnings_are_texts() -> None:
    """The header tells of what happened to all (STW-38)."""
    headers = JSON.add("Warning", '299 pacs "Out of memory"')

    assert ("Out of memory",) == StoreResponse.from_http(Response(202, headers, b"{}")).warnings


# --- requests with metadata ---------------------------------------------------------------------

METADATA = [Representation.JSON, Representation.XML]
JPEG = "1.2.840.10008.1.2.4.50"
LITTLE = "1.2.840.10008.1.2.1"


def instance(uid: str = "1.2.3", **values: Any) -> Dataset:
    """A data set with its UIDs."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = uid
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def compressed(*frames: bytes, syntax: str = JPEG, uid: str = "1.2.3") -> Dataset:
    """A data set with encapsulated pixel data."""
    dataset = instance(uid, NumberOfFrames=len(frames))
    dataset.add_new(0x7FE00010, "OB", join_frames(frames))
    set_transfer_syntax(dataset, syntax)
    return dataset


def parts_of(request: Request) -> list[tuple[Headers, bytes]]:
    """The parts of a request's body."""
    media_type = request.media_type
    assert media_type is not None
    return read_parts(body_octets(request.body), media_type.boundary)


def arrive(
    parts: Iterable[tuple[dict[str, str], bytes]], type_: str = "application/dicom+json"
) -> Request:
    """A request that was made by hand."""
    content = "".join(
        "--b\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        + f"\r\n{octets.decode('latin-1')}\r\n"
        for fields, octets in parts
    )
    headers = Headers({"Content-Type": f'multipart/related; type="{type_}"; boundary=b'})
    url = URL.parse("http://pacs.example/dicom-web/studies")
    return Request("POST", url, headers, f"{content}--b--".encode("latin-1"))


@pytest.mark.parametrize("representation", METADATA)
def test_large_values_travel_in_parts(representation: Representation) -> None:
    """Metadata first, then what they refer to; small ones stay in line (STW-03, STW-04, MUL-40)."""
    data_set = instance(WaveformSequence=[Dataset()], PixelData=b"p" * 2000)
    data_set["PixelData"].VR = "OW"
    data_set.WaveformSequence[0].add_new(0x54001010, "OB", b"w" * 1025)
    data_set.add_new(0x00280018, "OB", b"x" * 1024)
    request = StoreRequest(BASE, [data_set], representation=representation).to_http()
    metadata, waveform, pixels = parts_of(request)

    assert (
        f'multipart/related; type="{representation}"'
        == str(request.media_type)[: len(representation) + 26]
    )
    assert {"Content-Type": representation} == dict(metadata[0].items())
    for (headers, octets), expected in ((waveform, b"w" * 1025), (pixels, b"p" * 2000)):
        assert expected == octets
        assert f"application/octet-stream; transfer-syntax={LITTLE}" == headers["Content-Type"]
        assert headers["Content-Location"].encode() in metadata[1]
    (found,) = StoreRequest.from_http(request).datasets
    assert [] == differences(data_set, found)
    assert LITTLE == found.file_meta.TransferSyntaxUID


@pytest.mark.parametrize("representation", METADATA)
def test_compressed_frames_travel_bare(representation: Representation) -> None:
    """One part for each frame, with its media type and without items (STW-13, MED-110)."""
    frames = [b"\xff\xd8one ", b"\xff\xd8two "]
    request = StoreRequest(BASE, [compressed(*frames)], representation=representation).to_http()
    _, *parts = parts_of(request)

    assert frames == [octets for _, octets in parts]
    assert {f"image/jpeg; transfer-syntax={JPEG}"} == {h["Content-Type"] for h, _ in parts}
    assert 1 == len({h["Content-Location"] for h, _ in parts})
    (found,) = StoreRequest.from_http(request).datasets
    assert [] == differences(compressed(*frames), found)
    assert JPEG == found.file_meta.TransferSyntaxUID
    assert found["PixelData"].is_undefined_length


def test_a_video_is_one_part() -> None:
    """However many frames it has (STW-13)."""
    video = compressed(b"mpeg", syntax="1.2.840.10008.1.2.4.102")
    video.NumberOfFrames = 25
    _, (headers, octets) = parts_of(
        StoreRequest(BASE, [video], representation=Representation.JSON).to_http()
    )

    assert b"mpeg" == octets
    assert "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102" == headers["Content-Type"]


def test_an_icon_has_one_frame() -> None:
    """An icon of compressed pixel data is counted by itself."""
    data_set = compressed(b"1111", b"2222")
    icon = Dataset()
    icon.add_new(0x7FE00010, "OB", join_frames([b"icon"]))
    data_set.IconImageSequence = [icon]
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()

    assert [b"icon", b"1111", b"2222"] == [octets for _, octets in parts_of(request)[1:]]
    assert [] == differences(data_set, StoreRequest.from_http(request).datasets[0])


def test_compressed_without_a_number_of_frames() -> None:
    """A single-frame object has none (STW-14)."""
    data_set = compressed(b"1111")
    del data_set.NumberOfFrames
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()

    assert [b"1111"] == [octets for _, octets in parts_of(request)[1:]]


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ("application/pdf", "application/pdf"),
        ("application/dicom+json", "application/dicom+json"),
        ("application/octet-stream", None),
        ("application/octet-stream", "a PDF file"),
    ],
)
def test_a_document_says_what_it_is(expected: str, told: str | None) -> None:
    """Its media type is that of the attribute, and it is no metadata (STW-12)."""
    data_set = instance(**({"MIMETypeOfEncapsulatedDocument": told} if told else {}))
    data_set.add_new(0x00420011, "OB", b"%PDF" * 300)
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()
    _, (headers, octets) = parts_of(request)

    assert expected == headers["Content-Type"]
    assert b"%PDF" * 300 == octets
    assert [] == differences(data_set, StoreRequest.from_http(request).datasets[0])


def test_octets_have_an_order() -> None:
    """Bulk data are little-endian; what is not is refused, not sent wrong (MED-112)."""
    data_set = instance(PixelData=b"p" * 2000)
    set_transfer_syntax(data_set, "1.2.840.10008.1.2.2")
    with pytest.raises(ConfigurationError, match="little-endian"):
        StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()


def test_frames_that_cannot_be_told_apart_are_refused() -> None:
    """A broken data set is an error of ours."""
    data_set = compressed(b"1111")
    data_set["PixelData"].value = b"\xfe\xff\x00\xe0\xff"
    with pytest.raises(Part10Error):
        StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()


@pytest.mark.parametrize("representation", METADATA)
@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm"])
def test_files_become_metadata(name: str, representation: Representation) -> None:
    """The octets of a file are made a data set of, and come back with all of their elements."""
    original = sample(name).read()
    request = StoreRequest(BASE, [sample(name).octets], representation=representation).to_http()
    (found,) = StoreRequest.from_http(request).datasets

    assert sample(name).transfer_syntax == found.file_meta.TransferSyntaxUID
    if found["PixelData"].is_undefined_length:
        # The encapsulation is made anew.
        frames = int(original.get("NumberOfFrames", 1))
        assert split_frames(original.PixelData, frames) == split_frames(found.PixelData, frames)
        found.PixelData = original.PixelData
    if representation is Representation.XML:
        # What XML does not keep, such as the blocks of private attributes, is none of ours.
        original = dataset_from_xml(dataset_to_xml(original))
    assert [] == differences(original, found)


@pytest.mark.parametrize(
    "location", [["urn:x:1", "urn:x:1"], ["urn:x:1/frames/1", "urn:x:1/frames/2"]]
)
def test_frames_are_named_in_two_ways(location: list[str]) -> None:
    """The standard does not say which (MUL-45)."""
    metadata = b'[{"7FE00010":{"vr":"OB","BulkDataURI":"urn:x:1"}}]'
    request = arrive(
        [
            ({"Content-Type": "application/dicom+json"}, metadata),
            ({"Content-Type": "image/x-jls", "Content-Location": location[0]}, b"frame1"),
            ({"Content-Type": "image/x-jls", "Content-Location": location[1]}, b"frame2"),
        ]
    )
    (found,) = StoreRequest.from_http(request).datasets

    assert join_frames([b"frame1", b"frame2"]) == found.PixelData
    assert "1.2.840.10008.1.2.4.80" == found.file_meta.TransferSyntaxUID


def test_one_part_serves_many() -> None:
    """Several instances may refer to one part (MUL-43)."""
    metadata = (
        b'[{"00420011":{"vr":"OB","BulkDataURI":"a"}},{"00420011":{"vr":"OB","BulkDataURI":"a"}}]'
    )
    request = arrive(
        [
            ({"Content-Type": "application/dicom+json"}, metadata),
            ({"Content-Type": "application/pdf", "Content-Location": "a"}, b"%PDF"),
        ]
    )

    assert [b"%PDF"] * 2 == [
        data_set.EncapsulatedDocument for data_set in StoreRequest.from_http(request).datasets
    ]


@pytest.mark.parametrize(
    ("message", "metadata", "location"),
    [
        ("missing", b'[{"7FE00010":{"vr":"OB","BulkDataURI":"b"}}]', "a"),
        ("no data set refers", b"[{}]", "a"),
        ("no instance", b"[]", None),
    ],
)
def test_metadata_and_bulk_data_must_fit(
    message: str, metadata: bytes, location: str | None
) -> None:
    """Each reference has a part, each part a reference (MUL-43): else the message is invalid."""
    bulk = (
        [({"Content-Type": "image/jpeg", "Content-Location": location}, b"x")] if location else []
    )
    request = arrive([({"Content-Type": "application/dicom+json"}, metadata), *bulk])
    with pytest.raises(RemoteProtocolError, match=message) as caught:
        StoreRequest.from_http(request)

    assert 400 == caught.value.status_hint


# --- requests, read -----------------------------------------------------------------------------


def test_files_are_read_as_octets() -> None:
    """A file that is broken fails alone, and no file is decoded before its turn (STW-01)."""
    request = StoreRequest(BASE, [b"first", bytearray(b"second")], "1.2").to_http()
    found = StoreRequest.from_http(request)

    assert (b"first", b"second") == found.instances
    assert "1.2" == found.study
    assert "http://pacs.example/dicom-web" == str(found.base_url)
    with pytest.raises(Part10Error):
        _ = found.datasets


def test_a_data_set_becomes_a_file() -> None:
    """In the representation DICOM a data set is written at once, as it is."""
    request = StoreRequest(BASE, [sample("CT_small.dcm").dataset])

    assert [] == differences(sample("CT_small.dcm").read(), request.datasets[0])
    with pytest.raises(Part10Error):
        StoreRequest(BASE, [Dataset()])


def test_a_file_alone() -> None:
    """One DICOM file may be the body (STW-02)."""
    request = StoreRequest(BASE, [b"file"], single_part=True)
    message = request.to_http()

    assert "application/dicom" == message.headers["Content-Type"]
    assert (b"file",) == message.body
    assert request == StoreRequest.from_http(message)
    for instances, representation in (
        ([b"a", b"b"], Representation.DICOM),
        ([instance()], Representation.JSON),
    ):
        with pytest.raises(ConfigurationError):
            StoreRequest(BASE, instances, representation=representation, single_part=True)


def test_files_on_disk_are_no_metadata() -> None:
    """What has to be read first cannot be made JSON of."""
    with pytest.raises(LocalProtocolError):
        StoreRequest(BASE, [FileSpan("a", 0, 1)], representation=Representation.JSON)


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        (Representation.DICOM, "multipart/related; type=application/dicom; boundary=b"),
        (Representation.DICOM, "multipart/related; boundary=b"),  # MUL-22: the first part tells
        (Representation.DICOM, 'Multipart/Related;Boundary="b";Type="APPLICATION/DICOM"'),
        (Representation.DICOM, "multipart/related; type='application/dicom'"),
    ],
)
def test_the_root_type_tells_the_representation(
    expected: Representation, content_type: str
) -> None:
    """Quoted or not, or by the first part; the boundary may have to be learned (MUL-59)."""
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nfile\r\n--b--\r\n"
    request = Request(
        "POST", URL.parse("http://h/rs/studies"), Headers({"Content-Type": content_type}), body
    )
    found = StoreRequest.from_http(request, base_url=URL.parse("http://front.example/rs/"))

    assert expected == found.representation
    assert (b"file",) == found.instances
    assert "http://front.example/rs" == str(found.base_url)


def test_one_metadata_object_alone() -> None:
    """JSON that is not in multipart has no bulk data, and is read."""
    headers = Headers({"Content-Type": "application/dicom+json"})
    request = Request("POST", URL.parse("http://h/studies"), headers, b'{"00100020":{"vr":"LO"}}')

    assert 1 == len(StoreRequest.from_http(request).datasets)


@pytest.mark.parametrize(
    ("status", "method", "path", "content_type", "body"),
    [
        (404, "POST", "/rs/nothing", "application/dicom", b"x"),
        (405, "GET", "/rs/studies", "application/dicom", b"x"),
        (405, "POST", "/rs/studies/1.2/metadata", "application/dicom", b"x"),
        (405, "POST", "/rs/studies/1.2/series/3", "application/dicom", b"x"),
        (415, "POST", "/rs/studies", "text/html", b"x"),
        (415, "POST", "/rs/studies", None, b"x"),
        (415, "POST", "/rs/studies", "multipart/related; type=text/html; boundary=b", b"--b--"),
        (415, "POST", "/rs/studies", "multipart/related; boundary=b", b"--b--"),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom; boundary=b",
         b"--b--"),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom; boundary=b",
         b"--b\r\n\r\nx"),
        (400, "POST", "/rs/studies", "application/dicom", b""),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom", b"no boundary"),
    ],
)  # fmt: skip
def test_what_is_no_request_to_store_is_refused(
    status: int, method: str, path: str, content_type: str | None, body: bytes
) -> None:
    """Each refusal says what to answer with (STW-33, STW-34)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})
    with pytest.raises(ProtocolError) as caught:
        StoreRequest.from_http(Request(method, URL.parse(f"http://h{path}"), headers, body))

    assert status == caught.value.status_hint


def test_a_study_that_is_no_uid_is_taken_on_request() -> None:
    """Some archives have them."""
    request = StoreRequest(BASE, [b"x"], "A-1", permissive=True)

    assert request == StoreRequest.from_http(request.to_http(), permissive=True)
    with pytest.raises(ConfigurationError):
        StoreRequest(BASE, [b"x"], "A-1")


def test_a_content_type_of_one_s_own_is_kept() -> None:
    """A server that wants it unquoted can have it; what we write is no extra."""
    headers = Headers(
        {"Content-Type": "multipart/related; type=application/dicom; boundary=b", "X-Tenant": "1"}
    )
    request = StoreRequest(BASE, [b"x"], boundary="b", headers=headers)

    assert headers.add("Accept", "application/dicom+json") == Headers(
        sorted(request.to_http().headers.items(), key=lambda item: item[0] == "Accept")
    )
    assert headers == request.headers
    assert request == StoreRequest.from_http(request.to_http())


# --- responses, both ways -----------------------------------------------------------------------


@pytest.mark.parametrize("representation", METADATA)
@pytest.mark.parametrize("status", [200, 202, 400, 409])
def test_an_answer_is_written_and_read(status: int, representation: Representation) -> None:
    """All that the module has, in JSON and in XML (STW-30..33, STW-40..55)."""
    answer = StoreResponse(
        status,
        "https://pacs.example/studies/1.2.3",
        (
            StoredInstance(CT, "1.2.3.4.5", "https://pacs.example/5", 0xB000),
            StoredInstance(CT, "1.7"),
        ),
        (FailedInstance(CT, "1.2.3.4.6", 0xC122), FailedInstance("", "", 12345)),
        (0x0110,),
        ("Out of memory",),
        representation=representation,
    )
    response = answer.to_http()

    assert answer == StoreResponse.from_http(response)
    assert representation == response.headers["Content-Type"]
    assert answer == StoreResponse.from_http(Response.from_bytes(bytes(response)))
    assert "C122 referenced transfer syntax not supported" == answer.failed[0].reason
    assert "3039 unknown reason" == answer.failed[1].reason
    assert "B000 coercion of data elements" == answer.stored[0].warning
    assert answer.stored[1].warning is None


def test_the_module_is_one_object() -> None:
    """Not an array; what is unknown is empty or absent (STW-56, STW-V3)."""
    body = StoreResponse(409, other_failures=(272,)).to_http().body

    assert {
        "00081190": {"vr": "UR"},
        "0008119A": sq({"00081197": us(272)}),
    } == json.loads(body)


@pytest.mark.parametrize("status", [200, 204, 400, 503])
def test_an_answer_without_module(status: int) -> None:
    """Nothing to tell is no body (STW-36)."""
    answer = StoreResponse(status, warnings=("a", "b"), representation=Representation.XML)

    assert b"" == answer.to_http().body
    assert answer == StoreResponse.from_http(answer.to_http())


def test_a_module_that_cannot_be_sent_is_refused() -> None:
    """204 has no body, and DICOM files are no answer."""
    with pytest.raises(ConfigurationError):
        StoreResponse(204, other_failures=(1,)).to_http()
    with pytest.raises(ConfigurationError):
        StoreResponse(200, representation=Representation.DICOM)


def test_what_is_optional_is_kept() -> None:
    """A module of the server's own is written as it is (STW-49)."""
    module = instance()
    module.RetrieveURL = "http://h/"
    module.add_new(0x00081199, "SQ", [instance("1.2")])
    answer = StoreResponse.from_http(StoreResponse(200, dataset=module).to_http())

    assert "http://h/" == answer.retrieve_url
    assert (StoredInstance(CT, "1.2"),) == answer.stored  # ERR-16
    assert answer == StoreResponse.from_http(answer.to_http())


@pytest.mark.parametrize(
    "media_type", ["application/dicom+xml", 'multipart/related; type="application/dicom+xml"']
)
def test_xml_is_labelled_in_two_ways(media_type: str) -> None:
    """As it is, and as multipart with one part (STW-57, ERR-14)."""
    body = StoreResponse(202, other_failures=(1,), representation=Representation.XML).to_http().body
    if MediaType.parse(media_type).is_multipart:
        body = b"--x\r\nContent-Type: application/dicom+xml\r\n\r\n" + body + b"\r\n--x--"
    response = Response(202, Headers({"Content-Type": media_type}), body)

    assert (1,) == StoreResponse.from_http(response).other_failures


def test_missing_items_are_counted() -> None:
    """Case 37: fewer items than instances sent."""
    answer = StoreResponse(
        200, None, (StoredInstance(CT, "1"),), (FailedInstance(CT, "2", 1),), (3,)
    )

    assert 2 == answer.missing(5)
    assert 0 == answer.missing(3)
    assert 0 == answer.missing(1)
