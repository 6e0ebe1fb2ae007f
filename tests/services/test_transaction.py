from __future__ import annotations

from pathlib import PurePath

import pytest

from aiodicomweb.errors import (
    ConfigurationError,
    JsonModelError,
    NotFound,
    RemoteProtocolError,
    StatusError,
    Throttled,
    UnexpectedMediaType,
)
from aiodicomweb.http import Headers, Response
from aiodicomweb.services.transaction import (
    extra_parameters,
    fix_parameters,
    further_headers,
    json_objects,
    refusing,
    status_error,
)

OBJECT = b'{"00100020":{"vr":"LO","Value":["1"]}}'


def test_extra_parameters_are_texts() -> None:
    """Booleans are lower case (GEN-13), lists are lists, all else is its text."""
    assert [
        ("orderby", "StudyDate"),
        ("emptyvaluematching", "true"),
        ("flag", ["false", "1"]),
        ("path", "a/b"),
        ("nothing", []),
    ] == extra_parameters(
        {
            "orderby": "StudyDate",
            "emptyvaluematching": True,
            "flag": (False, 1),
            "path": PurePath("a/b"),
            "nothing": [],
        }
    )
    assert [] == extra_parameters(None)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom+json",
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/DICOM+JSON;transfer-syntax=1.2.840.10008.1.2.1",
        None,
        "nonsense",
    ],
)
def test_dicom_json_has_many_names(content_type: str | None) -> None:
    """Both names, parameters, and no Content-Type at all are read (JSN-01)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})

    assert [{"00100020": {"vr": "LO", "Value": ["1"]}}] == json_objects(
        Response(200, headers, b"\xef\xbb\xbf [" + OBJECT + b"]")
    )


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/html", b"<html>log in</html>"),
        ("text/html", OBJECT),
        ("application/dicom+xml", b"<NativeDicomModel/>"),
        ("", b"<html>log in</html>"),
    ],
)
def test_other_bodies_are_refused(media_type: str, body: bytes) -> None:
    """A log-in page is not a result; its start is kept."""
    headers = Headers({"Content-Type": media_type} if media_type else {})

    with pytest.raises(UnexpectedMediaType) as caught:
        json_objects(Response(200, headers, body * 1000))

    assert media_type == caught.value.media_type
    assert (body * 1000)[:1024] == caught.value.body
    assert "log in" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
def test_an_empty_body_of_any_type_is_no_objects(body: bytes) -> None:
    """Without octets the media type says nothing."""
    assert [] == json_objects(Response(200, Headers({"Content-Type": "text/html"}), body))


def test_broken_json_is_an_error() -> None:
    """What claims to be JSON has to be."""
    with pytest.raises(JsonModelError):
        json_objects(Response(200, Headers({"Content-Type": "application/json"}), b"[{]"))


def test_a_status_becomes_its_error() -> None:
    """The error has all that the answer says (GEN-33, STW-37)."""
    headers = Headers({"Content-Type": "application/dicom+json", "Warning": '299 host "not here"'})
    error = status_error(Response(404, headers, OBJECT, "Not Found"), "http://h/studies")

    assert type(error) is NotFound
    assert 404 == error.status
    assert headers == error.headers
    assert OBJECT == error.body
    assert ("not here",) == error.warnings
    assert error.dataset is not None
    assert "1" == error.dataset.PatientID
    assert "status 404 Not Found from http://h/studies; warning: not here" == str(error)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html/>"),
        ("application/json", b'{"HttpError":"x"}'),  # Orthanc
        ("application/json", b"{"),
        ("application/dicom+json", b""),
    ],
)
def test_a_failure_s_body_may_be_anything(content_type: str, body: bytes) -> None:
    """What is no data set doesn't hide the status (GEN-17)."""
    error = status_error(Response(500, Headers({"Content-Type": content_type}), body))

    assert isinstance(error, StatusError)
    assert error.dataset is None


@pytest.mark.parametrize(
    ("expected", "value", "now"),
    [(5.0, "5", 0.0), (None, "5", None), (None, None, 0.0), (None, "soon", 0.0)],
)
def test_retry_after_needs_the_time(
    expected: float | None, value: str | None, now: float | None
) -> None:
    """It is read where the caller tells the time (RFC 9110 §10.2.3)."""
    error = status_error(Response(503, Headers({"Retry-After": value} if value else {})), now=now)

    assert isinstance(error, Throttled)
    assert expected == error.retry_after


def test_parameters_become_a_value() -> None:
    """Mappings and pairs, values as texts; names may be repeated."""
    assert (("a", ("1",)), ("b", ("x", "true")), ("c", ())) == fix_parameters(
        {"a": 1, "b": ["x", True], "c": []}
    )
    assert (("a", ("1",)), ("a", ("2",))) == fix_parameters([("a", "1"), ("a", ("2",))])
    assert () == fix_parameters(None)
    with pytest.raises(ConfigurationError):
        fix_parameters({"": 1})


def test_further_headers_are_those_that_we_do_not_write() -> None:
    """Compared by field, names without case; a field of several lines is kept whole."""
    ours = Headers({"Accept": "a/b", "Range": "bytes=0-1"})
    given = Headers([("accept", "a/b"), ("Accept", "c/d"), ("range", "bytes=0-1"), ("X", "a/b")])

    assert Headers([("Accept", "a/b"), ("Accept", "c/d"), ("X", "a/b")]) == further_headers(
        given, ours
    )


def test_a_mistake_of_the_peer_is_no_mistake_of_ours() -> None:
    """It is answered with 400, and keeps its hint."""
    with pytest.raises(RemoteProtocolError, match="a name") as caught, refusing():
        raise ConfigurationError("a name", hint="another")

    assert "another" == caught.value.hint
    assert 400 == caught.value.status_hint


@pytest.mark.parametrize(
    ("expected", "status"), [("status 404 Not Found", 404), ("status 599", 599)]
)
def test_the_server_s_own_words_are_not_shown(expected: str, status: int) -> None:
    """A reason phrase can name a patient: the standard's phrase stands in its place."""
    assert expected == str(status_error(Response(status, reason="no studies of DOE^JANE")))
