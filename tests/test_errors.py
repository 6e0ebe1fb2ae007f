"""The tree of errors: what it derives from, what it shows, what it hides, and that it pickles."""

from __future__ import annotations

import pickle

import pytest

from aiodicomweb import errors
from aiodicomweb.client import StoreReport
from aiodicomweb.errors import (
    AuthenticationRequired,
    ConfigurationError,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    ContentError,
    CredentialsUnavailable,
    DeadlineExceeded,
    DicomWebError,
    Forbidden,
    FrameMismatch,
    FramingError,
    JsonModelError,
    LimitExceeded,
    LocalProtocolError,
    MultipartError,
    NativeXmlError,
    NotAcceptable,
    NotFound,
    Part10Error,
    PoolExhausted,
    ProtocolError,
    ProxyError,
    RemoteProtocolError,
    ServerError,
    StatusError,
    StoreFailed,
    Throttled,
    TlsError,
    TooLarge,
    TransportError,
    UnexpectedMediaType,
    UnsupportedMediaType,
)
from aiodicomweb.http import Headers
from aiodicomweb.services import FailedInstance, StoreResponse

SECRET = "DOE^JANE"

TREE = {
    DicomWebError: (Exception,),
    ConfigurationError: (DicomWebError, ValueError),
    CredentialsUnavailable: (DicomWebError,),
    TransportError: (DicomWebError,),
    ConnectFailed: (TransportError, ConnectionError),
    ConnectionLost: (TransportError, ConnectionError),
    TlsError: (TransportError, ConnectionError),
    ProxyError: (TransportError, ConnectionError),
    DeadlineExceeded: (TransportError, TimeoutError),
    PoolExhausted: (TransportError, TimeoutError),
    ProtocolError: (DicomWebError,),
    LocalProtocolError: (ProtocolError, ValueError),
    RemoteProtocolError: (ProtocolError,),
    FramingError: (RemoteProtocolError,),
    MultipartError: (RemoteProtocolError,),
    LimitExceeded: (RemoteProtocolError,),
    StatusError: (DicomWebError,),
    AuthenticationRequired: (StatusError,),
    Forbidden: (StatusError,),
    NotFound: (StatusError,),
    NotAcceptable: (StatusError,),
    Conflict: (StatusError,),
    TooLarge: (StatusError,),
    UnsupportedMediaType: (StatusError,),
    Throttled: (StatusError,),
    ServerError: (StatusError,),
    ContentError: (DicomWebError,),
    UnexpectedMediaType: (ContentError,),
    FrameMismatch: (ContentError,),
    JsonModelError: (ContentError,),
    NativeXmlError: (ContentError,),
    Part10Error: (ContentError,),
    StoreFailed: (DicomWebError,),
}

SAMPLES = [
    ConfigurationError("a level is missing", hint="give the study"),
    ConnectFailed(
        "no connection", phase="connect", origin="http://h:80", attempts=[("::1", "refused")]
    ),
    ConnectionLost("it broke", expected=12, sent=3, received=4),
    DeadlineExceeded("too slow", phase="read", origin="http://h:80"),
    ProtocolError("illegal", offset=7, excerpt=SECRET.encode()),
    MultipartError("cut short", part=3, offset=99),
    LimitExceeded("too many", limit="parts", value=10),
    StatusError(
        "Bad Request",
        status=400,
        headers=Headers({"X-Patient": SECRET}),
        body=SECRET.encode(),
        warnings=["The fuzzymatching parameter is not supported."],
        url="http://h/studies?PatientName=…",
        retry_after=1.5,
    ),
    UnexpectedMediaType("no DICOM", media_type="text/html", body=SECRET.encode()),
    FrameMismatch("frames", asked=[1, 2, 3], missing=[2, 3], received=1),
    JsonModelError("no object", path="[0].00100010"),
    NativeXmlError("no number", path="00081115[0].00280010"),
    Part10Error("not a DICOM file", name="scan.txt"),
    StoreFailed(
        "1 failed", report=StoreReport(StoreResponse(409, failed=(FailedInstance("1", "2"),)))
    ),
]


def by_name(error: DicomWebError) -> str:
    """The id of a sample."""
    return type(error).__name__


def test_the_tree_is_all_there() -> None:
    """``__all__`` names the tree, and nothing else."""
    assert sorted(cls.__name__ for cls in TREE) == sorted(errors.__all__)


@pytest.mark.parametrize(("error", "bases"), TREE.items(), ids=str)
def test_bases(error: type[DicomWebError], bases: tuple[type[Exception], ...]) -> None:
    """Each class stands where the tree puts it, also below the built-in that callers know."""
    assert bases == error.__bases__
    assert isinstance(error("text"), DicomWebError)


@pytest.mark.parametrize("error", SAMPLES, ids=by_name)
def test_pickles(error: DicomWebError) -> None:
    """An error crosses a process border with all its attributes, its text and its args."""
    copy = pickle.loads(pickle.dumps(error))

    assert type(error) is type(copy)
    assert vars(error) == vars(copy)
    assert str(error) == str(copy)
    assert error.args == copy.args


@pytest.mark.parametrize("error", SAMPLES, ids=by_name)
def test_shows_no_payload(error: DicomWebError) -> None:
    """Neither text nor repr shows a body, an excerpt or header values."""
    assert SECRET not in str(error)
    assert SECRET not in repr(error)


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        ("a level is missing (hint: give the study)", SAMPLES[0]),
        (
            (
                "no connection [http://h:80] while in phase 'connect' (::1: refused)"
                f" (hint: {ConnectFailed.default_hint})"
            ),
            SAMPLES[1],
        ),
        ("it broke after 3 bytes sent and 4 received; 12 bytes missing", SAMPLES[2]),
        ("cut short at offset 99 in part 3", SAMPLES[5]),
        (f"too many (Limits.parts is 10) (hint: {LimitExceeded.default_hint})", SAMPLES[6]),
        (
            (
                "status 400 Bad Request from http://h/studies?PatientName=…"
                "; warning: The fuzzymatching parameter is not supported."
            ),
            SAMPLES[7],
        ),
        (
            f"no DICOM: text/html (hint: {UnexpectedMediaType.default_hint})",
            SAMPLES[8],
        ),
        (
            f"x: text/html (hint: {UnexpectedMediaType.default_hint})",
            UnexpectedMediaType("x", media_type="text/html; charset=utf-8"),
        ),
        (
            f"x: an unreadable Content-Type (hint: {UnexpectedMediaType.default_hint})",
            UnexpectedMediaType("x", media_type="text/html DOE^JANE"),
        ),
        ("frames: asked for 3 frames, got 1; missing 2, 3", SAMPLES[9]),
        ("no object at [0].00100010", SAMPLES[10]),
        ("no number at 00081115[0].00280010", SAMPLES[11]),
        ("scan.txt: not a DICOM file", SAMPLES[12]),
        ("1 failed", SAMPLES[13]),
        ("DicomWebError", DicomWebError()),
        ("status 0", StatusError()),
        (
            f"x (hint: {UnexpectedMediaType.default_hint})",
            UnexpectedMediaType("x"),
        ),
    ],
)
def test_text(expected: str, error: DicomWebError) -> None:
    """The text says what is known, in one line, with a hint where a human can act."""
    assert expected == str(error)


@pytest.mark.parametrize(("parts", "text"), [(0, "0 parts"), (1, "1 part"), (2, "2 parts")])
def test_says_what_was_complete(parts: int, text: str) -> None:
    """An error that ended a stream counts the parts that had arrived whole."""
    error = FramingError("cut short")
    error.complete = parts

    assert f"cut short; complete before that: {text}" == str(error)
    assert parts == pickle.loads(pickle.dumps(error)).complete


def test_many_missing_frames_are_abridged() -> None:
    """Ten of the missing frames are named, however many there are."""
    error = FrameMismatch("frames", asked=range(1, 101), missing=range(1, 101))

    assert "missing 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …" in str(error)


def test_frames_in_doubt_are_named() -> None:
    """Numbers that are told by place alone are not taken for sure, nor what is missing by them."""
    error = FrameMismatch("frames", asked=range(1, 101), received=12, by_place=range(1, 13))

    assert str(error).endswith(
        "got 12; told by place alone, and perhaps other frames: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"
    )
    assert "place" not in str(FrameMismatch("frames", asked=[1, 2], missing=[2], received=1))


def test_an_excerpt_is_short() -> None:
    """At most 64 octets of the peer's are kept."""
    assert b"x" * 64 == ProtocolError("illegal", excerpt=b"x" * 1000).excerpt


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        (StatusError, 400),
        (AuthenticationRequired, 401),
        (Forbidden, 403),
        (NotFound, 404),
        (NotAcceptable, 406),
        (Conflict, 409),
        (NotFound, 410),
        (TooLarge, 413),
        (UnsupportedMediaType, 415),
        (StatusError, 418),
        (Throttled, 429),
        (ServerError, 500),
        (ServerError, 502),
        (Throttled, 503),
        (ServerError, 599),
        (StatusError, 304),
    ],
)
def test_class_of_a_status(expected: type[StatusError], status: int) -> None:
    """A status has the class of the tree, or that of its hundred (RFC 9110 §15)."""
    assert expected is StatusError.for_status(status)


def test_response_for_migrants() -> None:
    """Code written for ``requests`` finds what it looks for."""
    error = StatusError(status=409, headers=Headers({"Content-Type": "text/plain"}), body=b"no")

    assert 409 == error.response.status_code
    assert {"Content-Type": "text/plain"} == error.response.headers
    assert (b"no", "no") == (error.response.content, error.response.text)
    assert {} == StatusError(status=500).response.headers
