"""Heads of messages: what is written, what is accepted, and what errors show."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.wire.heads import (
    ClientHeads,
    ResponseHead,
    ServerHeads,
    check_trailers,
    head_length,
)


def written(method: str, url: str, *fields: tuple[str, str], body: bytes = b"") -> bytes:
    """A request's head in octets."""
    return ClientHeads().request(Request(method, URL.parse(url), Headers(fields), body))


def read(head: bytes) -> ResponseHead:
    """A response's head, read."""
    heads = ClientHeads()
    heads.request(Request("GET", URL.parse("http://a/")))
    return heads.response(head)


def fields_of(lines: bytes) -> list[tuple[str, str]]:
    """Header fields of a response with these lines."""
    return list(read(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n").response.headers.items())


# --- requests -------------------------------------------------------------------------------------


def test_request() -> None:
    """Origin form, ``Host`` with its port, no user information, no fragment (HTP-03, HTP-04)."""
    assert (
        b"GET /studies?limit=1 HTTP/1.1\r\nHost: pacs.example:8443\r\nAccept: */*\r\n\r\n"
    ) == written("GET", "http://user:pw@pacs.example:8443/studies?limit=1#x", ("Accept", "*/*"))
    assert b"GET / HTTP/1.1\r\nhost: other\r\n\r\n" == written("GET", "http://a", ("host", "other"))
    assert b"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n" == written("GET", "http://[::1]")


@pytest.mark.parametrize(
    ("expected", "method", "body"),
    [
        (b"Content-Length: 3\r\n", "POST", b"abc"),
        (b"Content-Length: 3\r\n", "DELETE", b"abc"),
        (b"Content-Length: 0\r\n", "POST", b""),
        (b"Content-Length: 0\r\n", "PUT", b""),
        (b"", "GET", b""),
        (b"", "DELETE", b""),
    ],
)
@pytest.mark.parametrize("own", [(), (("content-length", "5"),)])
def test_framing_of_requests(
    expected: bytes, method: str, body: bytes, own: tuple[tuple[str, str], ...]
) -> None:
    """The length is that of the body, whatever the caller says (HTP-26, HTP-31)."""
    head = written(method, "http://a/", *own, body=body)

    assert method.encode() + b" / HTTP/1.1\r\nHost: a\r\n" + expected + b"\r\n" == head


@pytest.mark.parametrize(
    "field", [("Transfer-Encoding", "chunked"), ("transfer-encoding", "gzip, chunked")]
)
def test_no_transfer_encoding(field: tuple[str, str]) -> None:
    """A transfer encoding that isn't applied would smuggle the body as a request (HTP-31)."""
    with pytest.raises(LocalProtocolError, match="Transfer-Encoding"):
        written("POST", "http://a/", field, body=b"abc")


def test_two_hosts() -> None:
    """What h11 refuses to send is our error, and can be pickled (HTP-04)."""
    with pytest.raises(LocalProtocolError, match="more than one Host") as caught:
        written("GET", "http://a/", ("Host", "a"), ("Host", "b"))

    assert caught.value.__cause__ is None
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


def test_refused_value_is_not_shown() -> None:
    """A value that h11 refuses may be a credential: its text is left out (HTP-90)."""
    headers = Headers.from_wire([(b"Host", b"a"), (b"Authorization", b"s3cret\n")])

    with pytest.raises(LocalProtocolError) as caught:
        ClientHeads().request(Request("GET", URL.parse("http://a/"), headers))

    assert "the value of a header field has an octet that is not allowed" == str(caught.value)


# --- responses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "version", "line"),
    [
        (200, "OK", "1.1", b"HTTP/1.1 200 OK"),
        (200, "", "1.1", b"HTTP/1.1 200 "),
        (200, "", "1.1", b"HTTP/1.1 200"),  # H11-05
        (404, "Not \xe4 Thing", "1.0", b"HTTP/1.0 404 Not \xe4 Thing"),
        (599, "OK", "1.1", b"HTTP/1.1 599 OK"),
        (999, "OK", "1.1", b"HTTP/1.1 999 OK"),
        (103, "Early Hints", "1.1", b"HTTP/1.1 103 Early Hints"),
    ],
)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_status_line(status: int, reason: str, version: str, line: bytes, line_end: bytes) -> None:
    """Status lines as they are sent (HTP-01, HTP-05, H11-04)."""
    head = read(line + line_end + line_end)

    assert (status, reason) == (head.response.status, head.response.reason)
    assert version == head.http_version
    assert (status < 200) is head.informational


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 099 s3cret\r\n\r\n",
        b"HTTP/1.1 20 s3cret\r\n\r\n",
        b"HTTP/1.1 2000 s3cret\r\n\r\n",
        b"HTTP/1.1  200 s3cret\r\n\r\n",
        b"HTTP/11 200 s3cret\r\n\r\n",
        b"http/1.1 200 s3cret\r\n\r\n",
        b"ICY 200 s3cret\r\n\r\n",
        b"<html>s3cret</html>\r\n\r\n",
        b"HTTP/1.1 101 s3cret\r\n\r\n",
        b"HTTP/1.1 200 s3\x00cret\r\n\r\n",
    ],
)
def test_bad_status_line(head: bytes) -> None:
    """What is no status line is not shown either (HTP-05, HTP-13, HTP-47)."""
    with pytest.raises(RemoteProtocolError) as caught:
        read(head)

    assert "cret" not in str(caught.value)
    assert "cret" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert head[:64] == caught.value.excerpt
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        ([("a", "b")], b"A: \t b \t\r\n"),  # HTP-06
        ([("a", "")], b"A:\r\n"),
        ([("a", "b"), ("a", "c")], b"A: b\r\na: c\r\n"),
        ([("a", "b c")], b"A: b\r\n \t c\r\n"),  # HTP-08
        ([("a", "b")], b"A: b\n"),
        ([("a", "\xfc")], b"A: \xfc\r\n"),  # HTP-07
        ([("transfer_encoding", "x")], b"Transfer_Encoding: x\r\n"),  # HTP-97
        ([("content-length", "5")], b"Content-Length: 5\r\nContent-Length: 5\r\n"),  # H11-03
        ([("content-length", "5")], b"Content-Length: 5, 5\r\n"),
        ([("content-length", "005")], b"Content-Length: 005\r\n"),
        ([("transfer-encoding", "chunked")], b"Transfer-Encoding: Chunked\r\n"),
    ],
)
def test_fields(expected: list[tuple[str, str]], lines: bytes) -> None:
    """Field lines as they are sent."""
    assert expected == fields_of(lines)


BAD_LENGTHS = [
    *(b"+5", b"-5", b"0x5", b"5 6", b"5.0", b"", b"\xb5", b"1" * 21),
    *(b"5,", b"5, 6", b"5\r\nContent-Length: 6"),
]
BAD_CODINGS = [
    *(b"xchunked", b"gzip", b"identity", b"\x0bchunked", b""),
    *(b"chunked, chunked", b"gzip, chunked", b"chunked\r\nTransfer-Encoding: chunked"),
]


@pytest.mark.parametrize(
    "lines",
    [
        b"A : s3cret\r\n",  # HTP-06, HTP-95
        b"s3cret\r\n",
        b": s3cret\r\n",
        b"A\x80: s3cret\r\n",
        b" A: s3cret\r\n",  # HTP-09
        b"A: s3\x00cret\r\n",  # HTP-07
        b"A: s3\rcret\r\n",
        b"A: s3\x0bcret\r\n",
        # HTP-24, HTP-30, HTP-93
        *(b"Content-Length: " + length + b"\r\nA: s3cret\r\n" for length in BAD_LENGTHS),
        # HTP-94
        *(b"Transfer-Encoding: " + coding + b"\r\nA: s3cret\r\n" for coding in BAD_CODINGS),
    ],
)
def test_bad_fields(lines: bytes) -> None:
    """Field lines on which two readers might disagree are refused, and not shown."""
    with pytest.raises(RemoteProtocolError) as caught:
        fields_of(lines)

    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        (True, b"HTTP/1.1 200 OK\r\n\r\n"),
        (True, b"HTTP/1.1 200 OK\r\nConnection: x\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n"),  # HTP-50
        (False, b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"),  # H11-06
    ],
)
def test_persistent(expected: bool, head: bytes) -> None:
    """Whether the connection may live on."""
    assert expected is read(head).persistent


# --- what is said of what is refused --------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        ("the request names no host", "GET / HTTP/1.1"),
        ("the request has more than one Host field", "GET / HTTP/1.1|Host: s3cret|Host: b"),
        ("the first line is no request line of HTTP", "GET /s3cret"),
        ("the request begins with an empty line, and has no request line", ""),
        ("a line is no header field", "GET / HTTP/1.1|s3cret"),
        ("a line is no header field", "GET / HTTP/1.1|s3c(ret: a"),
        ("Content-Length is no number", "GET / HTTP/1.1|Host: a|Content-Length: s3cret"),
        (
            "the message has two lengths that are not the same",
            "GET / HTTP/1.1|Host: a|Content-Length: 1, 2",
        ),
        (
            "the body has a transfer coding other than chunked",
            "GET / HTTP/1.1|Host: a|Transfer-Encoding: s3cret",
        ),
        (
            "the message has more than one Transfer-Encoding field",
            "GET / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        ),
    ],
)
def test_what_is_said_of_a_request(expected: str, head: str) -> None:
    """A whole sentence of ours, and nothing of the peer's: it goes into the response."""
    octets = f"{head}||".replace("|", "\r\n").encode("iso-8859-1")

    with pytest.raises(RemoteProtocolError) as caught:
        ServerHeads().request(octets, "http")

    assert expected == caught.value.message


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        ("the first line is no status line of HTTP", b"ICY 200 s3cret\r\n\r\n"),
        ("the response begins with an empty line, and has no status line", b"\r\n\r\n"),
        ("there is no such status", b"HTTP/1.1 099 s3cret\r\n\r\n"),
        ("the protocol is switched, and nobody asked for that", b"HTTP/1.1 101 s3cret\r\n\r\n"),
        ("the first header field begins like a folded line", b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n"),
    ],
)
def test_what_is_said_of_a_response(expected: str, head: bytes) -> None:
    """The same, for the client's user."""
    with pytest.raises(RemoteProtocolError) as caught:
        read(head)

    assert expected == caught.value.message


# --- where a head ends ----------------------------------------------------------------------------

LINES = st.lists(st.sampled_from([b"A: b\r\n", b"A: b\n", b"\r", b"A", b"\r\r"]), max_size=5)


@given(lines=LINES, end=st.sampled_from([b"\n\n", b"\n\r\n"]), data=st.data())
def test_head_length(lines: list[bytes], end: bytes, data: st.DataObject) -> None:
    """The blank line is found, and searched for once, however the head is cut."""
    head = b"A" + b"".join(lines) + end
    expected = min(at + len(e) for e in (b"\n\n", b"\n\r\n") if (at := head.find(e)) >= 0)
    octets = memoryview(head + b"body\r\n\r\n")
    searched = data.draw(st.integers(0, expected - 1))

    assert expected == head_length(octets, 1000)
    assert head_length(octets[:searched], 1000) is None
    assert expected == head_length(octets, 1000, searched)


def test_limit_of_head() -> None:
    """``Limits.head`` counts a head with its blank line, whole or not (H11-01)."""
    head = memoryview(b"HTTP/1.1 200 OK\r\n\r\nbody")

    assert 19 == head_length(head, 19)
    assert head_length(head[:18], 19) is None
    for cut in (18, 19, len(head)):
        with pytest.raises(LimitExceeded, match=r"Limits\.head is 18"):
            head_length(head[:cut], 18)


def test_trailers() -> None:
    """Trailers are fields like others, and discarded (HTP-35, H11-09)."""
    check_trailers(b"A: b\r\nB: c\n d\r\n\r\n")
    for bad in (b"A : s3cret\r\n\r\n", b"s3cret\r\n\r\n", b" A: s3cret\r\n\r\n"):
        with pytest.raises(RemoteProtocolError) as caught:
            check_trailers(bad)
        assert "cret" not in str(caught.value)
