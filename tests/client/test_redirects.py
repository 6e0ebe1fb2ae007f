"""Where redirects lead, and what goes there: a pure decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import LimitExceeded, RemoteProtocolError, StatusError
from aiodicomweb.client.redirects import next_request
from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import URL, Headers, Request, Response

HOME = "https://pacs.example/dicom-web/studies?PatientName=Doe"
HEADERS = Headers({"Accept": "a/b", "Content-Type": "c/d", "X-Key": "secret", "Cookie": "c=1"})


def request(method: str = "GET", url: str = HOME, body: bytes = b"") -> Request:
    """A request of a caller who gave fields of their own."""
    return Request(method, URL.parse(url), HEADERS, body)


def moved(location: str, status: int = 302) -> Response:
    """A redirect."""
    return Response(status, Headers({"Location": location}))


def follow(location: str, status: int = 302, *, asked: Request | None = None) -> Request:
    """The request that a redirect makes of one."""
    following = next_request([asked or request()], moved(location, status), 5)
    assert following is not None
    return following


# --- methods -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_is_safe_follows_everywhere(method: str, status: int) -> None:
    """With its method and its fields (HTP-61)."""
    following = follow("/other", status, asked=request(method))

    assert method == following.method
    assert "https://pacs.example/other" == str(following.url)
    assert HEADERS == following.headers


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_what_has_an_effect_is_sent_again_where_that_is_asked(method: str, status: int) -> None:
    """307 and 308 keep method, body and fields (HTP-61)."""
    following = follow("/other", status, asked=request(method, body=b"body"))

    assert (method, (b"body",), HEADERS) == (following.method, following.body, following.headers)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_answer_elsewhere_is_fetched(method: str) -> None:
    """303 becomes a GET without body, and without fields about one (HTP-61)."""
    headers = HEADERS.add("Expect", "100-continue")
    asked = Request(method, URL.parse(HOME), headers, b"body")
    following = follow("/other", 303, asked=asked)

    assert ("GET", ()) == (following.method, following.body)
    assert ["Accept", "X-Key", "Cookie"] == list(following.headers)


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_has_an_effect_does_not_become_something_else(method: str, status: int) -> None:
    """301 and 302 would make a GET of a store, which then would look done."""
    with pytest.raises(StatusError, match=f"status {status} .* give that URL") as caught:
        follow("/other", status, asked=request(method, body=b"body"))

    assert status == caught.value.status


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, Headers({"Location": "/x"})),
        Response(201, Headers({"Location": "/x"})),
        Response(300, Headers({"Location": "/x"})),
        Response(304, Headers({"Location": "/x"})),
        Response(302),
    ],
)
def test_what_is_no_redirect(answer: Response) -> None:
    """Another status, or none that says where to."""
    assert next_request([request()], answer, 5) is None


# --- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("series", "https://pacs.example/dicom-web/series"),
        ("../wado/./x?y=1", "https://pacs.example/wado/x?y=1"),
        ("?page=2", "https://pacs.example/dicom-web/studies?page=2"),
        ("//other.example/x", "https://other.example/x"),
        ("https://other.example:8443", "https://other.example:8443"),
        ("  /space ", "https://pacs.example/space"),
        ("https://user:word@pacs.example/x", "https://pacs.example/x"),
        ("/x#part", "https://pacs.example/x#part"),
    ],
)
def test_a_location_is_relative(location: str, url: str) -> None:
    """It is resolved against the URL of the request, and no credentials are taken (HTP-60)."""
    assert url == str(follow(location).url)


@pytest.mark.parametrize(
    "location", ["http://", "/a b", "http://[::1", "/caf\xe9", "http://pacs:99999/", "https:x"]
)
def test_a_location_may_be_none(location: str) -> None:
    """What is no URL, or has no host, is the server's error; what it is isn't shown."""
    with pytest.raises(RemoteProtocolError, match="no URL") as caught:
        follow(location)

    assert location not in str(caught.value)


def test_two_locations_are_none() -> None:
    """Who says two things says nothing; who says one thing twice is understood (HTP-10)."""
    same = Headers({"Location": "/a"}).add("Location", "/a")
    with pytest.raises(RemoteProtocolError, match="more than one Location"):
        next_request([request()], Response(302, same.add("Location", "/b")), 5)

    following = next_request([request()], Response(302, same), 5)
    assert following is not None
    assert "/a" == following.url.path


@pytest.mark.parametrize("host", ["pacs.example", "pacs.example:443", "other.example"])
def test_https_is_not_left(host: str) -> None:
    """Patients' data don't go on in the clear (HTP-63)."""
    with pytest.raises(StatusError, match="status 307 .*from https to http") as caught:
        follow(f"http://{host}/dicom-web?PatientName=Doe", 307)

    assert "Doe" not in str(caught.value)
    assert "https://pacs.example/dicom-web/studies?PatientName=…" == caught.value.url


@pytest.mark.parametrize(
    "location",
    ["ftp://pacs.example:21/x", "ws://pacs.example/x", "file:///x", "javascript:1", "mailto:a@b"],
)
def test_other_schemes_are_not_followed(location: str) -> None:
    """Only http and https are spoken, whether another one has hosts and ports or not."""
    with pytest.raises(StatusError, match="status 302 .*neither http nor https") as caught:
        follow(location)

    assert location not in str(caught.value)


def test_https_may_be_entered() -> None:
    """A server that wants TLS gets it."""
    asked = request(url="http://pacs.example/x")

    assert "https" == follow("https://pacs.example/x", asked=asked).url.scheme


# --- what goes along -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    ["https://other.example/x", "https://pacs.example:8443/x", "https://sub.pacs.example/x"],
)
@pytest.mark.parametrize("status", [303, 307])
def test_secrets_stay_at_home(location: str, status: int) -> None:
    """Another origin gets the fields of the transaction and none of the caller's (HTP-62)."""
    assert ["Accept", "Content-Type"] == list(follow(location, status).headers)


@pytest.mark.parametrize("location", ["/x", "https://PACS.example:443/x", "//pacs.example/x"])
def test_the_same_origin_gets_all(location: str) -> None:
    """However it is written."""
    assert HEADERS == follow(location).headers


# --- ends ----------------------------------------------------------------------------------------


def test_a_circle_is_left() -> None:
    """A URL that was asked already, with the same method, is not asked again."""
    trail = [request(url=f"https://pacs.example/{path}") for path in "abc"]
    with pytest.raises(RemoteProtocolError, match="in a circle"):
        next_request(trail, moved("https://PACS.example:443/b"), 5)

    stored = request("POST", "https://pacs.example/b", b"body")
    following = next_request([stored], moved("/b", 303), 5)
    assert following is not None
    assert "GET" == following.method


def test_redirects_are_counted() -> None:
    """More than the limit are not followed."""
    trail = [request(url=f"https://pacs.example/{number}") for number in range(6)]
    assert next_request(trail[:5], moved("/next"), 5) is not None
    with pytest.raises(LimitExceeded) as caught:
        next_request(trail, moved("/next"), 5)

    assert ("redirects", 5) == (caught.value.limit, caught.value.value)


@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.integers(300, 308),
    st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=40)
    | st.builds(
        "{}://{}{}".format,
        *map(
            st.sampled_from,
            (
                ["http", "https", "HTTP", "x"],
                ["a", "pacs.example", "[::1]:1", "u@b:0"],
                ["", "/", "?q"],
            ),
        ),
    ),
)
def test_whatever_a_server_says(method: str, status: int, location: str) -> None:
    """The outcome is a request to http or https with no more secrets, nothing, or our error."""
    headers = Headers.from_wire([(b"Location", location.encode("latin-1"))])
    asked = request(method)
    try:
        following = next_request([asked], Response(status, headers), 5)
    except DicomWebError:
        return
    if following is not None:
        assert "https" == following.url.scheme
        assert following.url.userinfo is None
        assert ("X-Key" in following.headers) == (asked.url.origin == following.url.origin)
