"""Requests and responses as values."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import URL, FileSpan, Headers, MediaType, Request, Response

STUDIES = URL.parse("https://user:secret@h/rs/studies?PatientName=Doe&limit=1")


def test_request_defaults() -> None:
    """A request needs a method and a URL; nothing else is made up."""
    request = Request("GET", STUDIES)

    assert Headers() == request.headers
    assert () == request.body


def test_request_body_forms() -> None:
    """Octets become one segment, or none; segments stay as they are."""
    segments = (b"a", FileSpan("f", 0, 3))

    assert (b"abc",) == Request("POST", STUDIES, body=b"abc").body
    assert () == Request("POST", STUDIES, body=b"").body
    assert segments == Request("POST", STUDIES, body=segments).body


@pytest.mark.parametrize("method", ["", "GET ", "GET /x HTTP/1.1\r\n", "G:T"])
def test_request_method_must_be_a_token(method: str) -> None:
    """A method cannot run into the rest of the request line (HTP-02, HTP-90)."""
    with pytest.raises(LocalProtocolError):
        Request(method, STUDIES)


def test_request_is_a_value() -> None:
    """Requests compare, can be replaced in part, and travel."""
    request = Request("GET", STUDIES, Headers({"Accept": "*/*"}), b"x")

    assert request == Request("GET", STUDIES, Headers({"accept": "*/*"}), (b"x",))
    assert "HEAD" == dataclasses.replace(request, method="HEAD").method
    assert request == pickle.loads(pickle.dumps(request))
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.method = "PUT"  # type: ignore[misc]


def test_request_repr_is_redacted() -> None:
    """Neither query values, credentials nor payload are shown (HTP-87)."""
    request = Request("POST", STUDIES, Headers({"Authorization": "Bearer secret"}), b"payload")

    assert (
        "Request(POST https://h/rs/studies?PatientName=…&limit=…, Headers(Authorization), 7 bytes)"
    ) == repr(request)


def test_response_repr_is_redacted() -> None:
    """Header values and payload are not shown."""
    response = Response(200, Headers({"Set-Cookie": "secret"}), b"payload")

    assert "Response(200, Headers(Set-Cookie), 7 bytes)" == repr(response)


@pytest.mark.parametrize(
    ("status", "expected"), [(199, False), (200, True), (206, True), (299, True), (300, False)]
)
def test_response_is_success(status: int, expected: bool) -> None:
    """2xx is success, known or not (HTP-13)."""
    assert expected is Response(status).is_success


def test_response_media_type() -> None:
    """The body's media type; none where the field is absent, broken or repeated (HTP-10)."""
    assert (
        MediaType("application", "json")
        == Response(200, Headers({"content-type": "application/json"})).media_type
    )
    assert Response(200).media_type is None
    assert Response(200, Headers({"Content-Type": "junk"})).media_type is None
    assert Response(
        200, Headers([("Content-Type", "a/b"), ("Content-Type", "c/d")])
    ).media_type is (None)


def test_response_warnings() -> None:
    """Texts of all Warning fields, in order (GEN-19)."""
    response = Response(200, Headers([("Warning", '299 h "a"'), ("Warning", "299 http://h/: b")]))

    assert ("a", "b") == response.warnings
    assert () == Response(200).warnings


@pytest.mark.parametrize(
    ("expected", "status", "headers"),
    [
        (True, 206, {"Content-Type": "multipart/related; boundary=a"}),
        (True, 206, {}),
        (False, 200, {"Content-Type": "multipart/related; boundary=a"}),
        (False, 206, {"Content-Range": "bytes 0-1/2"}),
        (False, 206, {"Content-Type": "multipart/byteranges; boundary=a"}),
        (False, 206, {"Content-Type": "multipart/x-byteranges; boundary=a"}),
    ],
)
def test_response_partial(expected: bool, status: int, headers: dict[str, str]) -> None:
    """A 206 that answers no range request means missing instances (RET-31, HTP-72, HTP-77)."""
    assert expected is Response(status, Headers(headers)).partial
