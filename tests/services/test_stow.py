from __future__ import annotations

import json
from typing import Any

import pytest

from aiodicomweb.errors import ConfigurationError, JsonModelError, UnexpectedMediaType
from aiodicomweb.http import URL, Deferred, FileSpan, Headers, Response, body_length
from aiodicomweb.services import FailedInstance, StoredInstance, StoreRequest, StoreResponse

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
        (UnexpectedMediaType, "application/dicom+xml", b"<NativeDicomModel/>"),
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
