"""Whole messages to octets and back, as ``aiodicomweb.http`` promises them."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiodicomweb.errors import (
    DicomWebError,
    FramingError,
    LimitExceeded,
    LocalProtocolError,
    MultipartError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Deferred, FileSpan, Headers, Request, Response
from aiodicomweb.wire import Limits, read_parts

if TYPE_CHECKING:
    from pathlib import Path

HOST = b"Host: pacs.example\r\n"
NAMES = st.text("abcXYZ-", min_size=1, max_size=8).map(lambda name: f"X-{name}")
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(Headers)
URLS = st.builds(
    URL,
    st.just("http"),
    st.sampled_from(["pacs.example", "h:8042", "[::1]:80"]),
    st.sampled_from(["/", "/studies", "//double", "/a%20b/series"]),
    st.sampled_from([None, "limit=1", "a?b"]),
)
REQUESTS = st.builds(
    Request, st.sampled_from(["GET", "POST", "PUT", "DELETE"]), URLS, HEADERS, st.binary()
)
RESPONSES = st.builds(
    Response,
    st.sampled_from([200, 202, 206, 400, 404, 503, 599]),
    HEADERS,
    st.binary(),
    st.sampled_from(["", "OK", "Not \xe4 good idea"]),
)


# --- writing ------------------------------------------------------------------------------------


def test_the_octets_of_a_request() -> None:
    """Request line, Host, fields, and the body's length (HTP-02, HTP-04, HTP-31)."""
    url = URL.parse("https://user:secret@pacs.example:8443/rs/studies?limit=1#top")
    get = Request("GET", url, Headers({"Accept": "*/*"}))

    assert (
        b"GET /rs/studies?limit=1 HTTP/1.1\r\nHost: pacs.example:8443\r\nAccept: */*\r\n\r\n"
    ) == bytes(get)
    assert b"Content-Length: 0\r\n\r\n" == bytes(Request("POST", url))[-21:]


def test_all_segments_in_memory_are_written() -> None:
    """A body of segments is one body; promises are kept now."""
    body = (b"ab", memoryview(b"cd"), Deferred(2, lambda: b"ef"))
    request = Request("POST", URL.parse("http://h/"), body=body)

    assert b"abcdef" == bytes(request)[-6:]
    assert Request("POST", URL.parse("http://h/"), body=b"abcdef") == Request.from_bytes(
        bytes(request)
    )
    with pytest.raises(LocalProtocolError):
        bytes(Request("POST", URL.parse("http://h/"), body=(FileSpan("a.dcm", 0, 3),)))


def test_the_octets_of_a_response() -> None:
    """Status line, fields, and the body's length; a length of one's own doesn't count (HTP-25)."""
    response = Response(200, Headers({"Content-Length": "99", "ETag": '"1"'}), b"abc", "OK")

    assert b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 3\r\n\r\nabc' == bytes(response)
    assert b"HTTP/1.1 204 \r\n\r\n" == bytes(Response(204))
    assert b"HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n" == bytes(
        Response(304, Headers({"Content-Length": "7"}))
    )


@pytest.mark.parametrize(
    "response",
    [
        Response(100),
        Response(204, body=b"x"),
        Response(304, body=b"x"),
        Response(200, Headers({"Transfer-Encoding": "chunked"})),
        Response(2000),
    ],
)
def test_responses_that_are_not_legal_are_not_written(response: Response) -> None:
    """No body where none may be, no second framing, no interim response (HTP-20, HTP-31)."""
    with pytest.raises(LocalProtocolError):
        bytes(response)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", URL.parse("http://h/"), Headers({"Transfer-Encoding": "chunked"})),
        Request("GET", URL.parse("http://h/"), Headers([("Host", "a"), ("Host", "b")])),
    ],
)
def test_requests_that_are_not_legal_are_not_written(request_: Request) -> None:
    """One framing, one host (HTP-04, HTP-31)."""
    with pytest.raises(LocalProtocolError):
        bytes(request_)


@pytest.mark.parametrize("evil", ["a\r\nX: 1", "a\nb", "a\rb", "a\0b", "\u2028"])
def test_nothing_breaks_a_line(evil: str) -> None:
    """CR, LF and NUL get into no part of a head (HTP-90, HTP-91)."""
    with pytest.raises(LocalProtocolError):
        Response(200, reason=evil)
    with pytest.raises(LocalProtocolError):
        Headers({"Warning": evil})
    with pytest.raises(LocalProtocolError):
        Headers({evil: "a"})
    with pytest.raises(LocalProtocolError):
        Request(evil, URL.parse("http://h/"))
    with pytest.raises(DicomWebError):
        URL.parse(f"http://h/{evil}")


# --- there and back -----------------------------------------------------------------------------


@given(REQUESTS)
def test_requests_round_trip(request_: Request) -> None:
    """Whatever was sent is what arrives."""
    assert request_ == Request.from_bytes(bytes(request_))


@given(RESPONSES)
def test_responses_round_trip(response: Response) -> None:
    """Whatever was sent is what arrives."""
    assert response == Response.from_bytes(bytes(response))


def test_any_buffer_is_read() -> None:
    """Octets come as bytes, bytearray or memoryview."""
    octets = bytes(Response(200, body=b"abc"))

    assert Response.from_bytes(octets) == Response.from_bytes(memoryview(octets))
    assert Response.from_bytes(octets) == Response.from_bytes(bytearray(octets))


# --- reading requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "framing", "body"),
    [
        (b"", b"", b""),
        (b"", b"Content-Length: 0\r\n", b""),
        (b"abc", b"Content-Length: 3\r\n", b"abc"),
        (b"abc", b"Content-Length: 3, 3\r\n", b"abc"),
        (
            b"abcde",
            b"Transfer-Encoding: chunked\r\n",
            b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
        (b"abc" * 9, b"Content-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n", None),
    ],
)
def test_every_framing_of_a_request(expected: bytes, framing: bytes, body: bytes | None) -> None:
    """Length, chunks, a content coding, and none of them (HTP-23..26)."""
    coded = zlib.compress(expected)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(coded), coded)
    octets = b"POST /studies HTTP/1.1\r\n" + HOST + framing + b"\r\n"
    request = Request.from_bytes(octets + (chunk if body is None else body))

    assert Request("POST", URL.parse("http://pacs.example/studies"), body=expected) == request


@pytest.mark.parametrize(
    ("expected", "target", "host", "scheme"),
    [
        ("http://h/studies?a=%20", "/studies?a=%20", "h", "http"),
        ("https://h:8443/", "/", "h:8443", "https"),
        ("http://h//evil/studies", "//evil/studies", "h", "http"),
        ("http://other/rs?x", "http://u:p@other/rs?x", "h", "https"),  # HTP-04
        ("http://[::1]:80/", "/", "[::1]:80", "http"),
    ],
)
def test_the_url_of_a_request(expected: str, target: str, host: str, scheme: str) -> None:
    """Host and target are one URL; a target that is whole stands alone (HTP-03, HTP-04)."""
    octets = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    request = Request.from_bytes(octets, scheme=scheme)

    assert expected == str(request.url)
    assert Headers() == request.headers


def test_a_request_to_the_server_itself() -> None:
    """``OPTIONS *`` has a URL without path (RFC 9112 §3.3); of other methods it is no target."""
    request = Request.from_bytes(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")

    assert ("OPTIONS", "http://pacs.example") == (request.method, str(request.url))


def test_empty_lines_before_a_request_are_skipped() -> None:
    """They are left over from an earlier message (HTP-12)."""
    assert "GET" == Request.from_bytes(b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n").method


def test_an_old_request_needs_no_host() -> None:
    """Then its URL has no host either (RFC 9112 §3.2)."""
    assert "/studies" == str(Request.from_bytes(b"GET /studies HTTP/1.0\r\n\r\n").url)


@pytest.mark.parametrize(
    ("error", "octets"),
    [
        (RemoteProtocolError, b""),
        (RemoteProtocolError, b"GET /"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\n" + HOST),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\n\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\nHost: a\n\n"),  # HTP-95
        (RemoteProtocolError, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),  # HTP-06
        (RemoteProtocolError, b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
        (RemoteProtocolError, b"GET * HTTP/1.1\r\n" + HOST + b"\r\n"),
        (RemoteProtocolError, b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n"),
        (RemoteProtocolError, b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n"),
        (RemoteProtocolError, b"GET http://h/a#b HTTP/1.1\r\n" + HOST + b"\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\nHost: user@h\r\n\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n\r\n"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\n12345"),
        (RemoteProtocolError, b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n"),
        (RemoteProtocolError, b"\r\n\r\n"),
        (FramingError, b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc"),
        (FramingError, b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n"),
        (
            FramingError,  # HTP-92
            b"GET / HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        ),
        (FramingError, b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),  # HTP-94
        (LimitExceeded, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000),
        (
            UnexpectedMediaType,
            b"GET / HTTP/1.1\r\n" + HOST + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\na",
        ),
    ],
)
def test_what_is_no_request_is_refused(error: type[Exception], octets: bytes) -> None:
    """Not whole, not legal, or with something behind it: nobody guesses."""
    with pytest.raises(error):
        Request.from_bytes(octets)


# --- reading responses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"", b"abc"),
        (b"Content-Length: 3\r\n", b"abc"),
        (b"Transfer-Encoding: chunked\r\n", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"abc", mtime=0)),
        (
            b"content-encoding: x-gzip\r\n",
            gzip.compress(b"a", mtime=0) + gzip.compress(b"bc", mtime=0),
        ),
    ],
)
def test_every_framing_of_a_response(framing: bytes, body: bytes) -> None:
    """Length, chunks, a content coding, and the end of the connection (HTP-23..27, HTP-80)."""
    octets = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: x\r\n" + framing + b"\r\n" + body
    )

    assert Response(200, Headers({"ETag": "x"}), b"abc", "OK") == Response.from_bytes(octets)


def test_an_answer_to_head_has_no_body() -> None:
    """Its length is that of the answer to GET (HTP-45)."""
    octets = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    response = Response.from_bytes(octets, method="HEAD")

    assert b"" == response.body
    assert "7" == response.headers["Content-Length"]
    with pytest.raises(FramingError):
        Response.from_bytes(octets)


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body(status: int) -> None:
    """Whatever their fields say (HTP-20)."""
    octets = b"HTTP/1.1 %d \r\nContent-Length: 7\r\n\r\n" % status

    assert b"" == Response.from_bytes(octets).body


@pytest.mark.parametrize(
    ("error", "octets"),
    [
        (RemoteProtocolError, b""),
        (RemoteProtocolError, b"HTTP/1.1 200"),
        (RemoteProtocolError, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (RemoteProtocolError, b"SSH-2.0-x\r\n\r\n"),
        (RemoteProtocolError, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"),
        (RemoteProtocolError, b"HTTP/1.1 204 \r\n\r\nab"),
        (FramingError, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc"),
        (UnexpectedMediaType, b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nabc"),
    ],
)
def test_what_is_no_response_is_refused(error: type[Exception], octets: bytes) -> None:
    """Not whole, not legal, or with something behind it."""
    with pytest.raises(error):
        Response.from_bytes(octets)


@given(
    st.binary() | st.text("GETHP/1.0 :\r\nContent-LengthTransfer-Encodingchunked").map(str.encode)
)
@example(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n")
def test_raw_octets_give_errors_of_our_tree(octets: bytes) -> None:
    """No octets raise anything else, as a request or as a response."""
    for parse in (Request.from_bytes, Response.from_bytes):
        try:
            bytes(parse(octets))
        except DicomWebError:
            continue


@given(REQUESTS | RESPONSES, st.data())
def test_damaged_octets_give_errors_of_our_tree(
    message: Request | Response, data: st.DataObject
) -> None:
    """One octet changed, or the end cut off: a message, or one of our errors."""
    octets = bytearray(bytes(message))
    position = data.draw(st.integers(0, len(octets) - 1))
    octets[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(position, len(octets)))
    for piece in (octets, octets[:end]):
        try:
            type(message).from_bytes(bytes(piece))
        except DicomWebError:
            continue


def test_http_alone_keeps_its_promise(tmp_path: Path) -> None:
    """Whoever imports ``aiodicomweb.http`` and nothing else can write a message."""
    program = (
        "import sys; from aiodicomweb.http import Request, URL; assert 'h11' not in sys.modules; "
        "print(bytes(Request('GET', URL.parse('http://h/')))); assert 'h11' in sys.modules"
    )
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(_checkout())},
    )

    assert b"b'GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'\n" == process.stdout


def _checkout() -> Path:
    """Where the package under test is, which need not be installed."""
    from pathlib import Path

    import aiodicomweb

    return Path(aiodicomweb.__file__).parent.parent


# --- whole multipart bodies ---------------------------------------------------------------------


def test_parts_of_a_whole_body() -> None:
    """Head and octets of each part; a boundary that is not told is learned (MUL-V4, MUL-22)."""
    body = b"--x \t\r\n\r\ndata\r\n--x\r\nContent-Type: a/b\r\n\r\n\r\n--x--  \r\nepilogue"
    expected = [(Headers(), b"data"), (Headers({"Content-Type": "a/b"}), b"")]

    assert expected == read_parts(body, "x")
    assert expected == read_parts(memoryview(body), "x")
    assert [] == read_parts(b"--x--", "x")


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (MultipartError, b""),
        (MultipartError, b"nothing"),
        (MultipartError, b"--x\r\n\r\ndata"),
        (MultipartError, b"--x\r\nContent-Length: 5\r\n\r\ndata\r\n--x--"),
        (LimitExceeded, b"--x\r\n\r\ndata\r\n--x\r\n\r\ndata\r\n--x--"),
    ],
)
def test_bodies_that_are_not_whole(error: type[Exception], body: bytes) -> None:
    """A body that is cut short, and one that has too much (MUL-08, MUL-31, HTP-99)."""
    with pytest.raises(error):
        read_parts(body, "x", Limits(parts=1))
