"""URLs and the query grammar of DICOMweb."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError, ProtocolError
from aiodicomweb.http import URL, Origin, build_query, quote, quote_segment

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = URL.parse("https://h:8443/dicom-web")

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCHEMES = st.sampled_from(["", "http", "https", "foo", "urn", "a+b-c.d"])
AUTHORITIES = st.sampled_from(
    ["", "h", "H.example:80", "[::1]:8080", "u:p@h", "h:", "127.0.0.1", "a_b", "%41"]
)
PATHS = st.text("ab./:@%2,;=-~", max_size=12)
REST = st.none() | st.text("ab./:@%2,;=&?+~", max_size=12)


@st.composite
def urls(draw: Callable[[st.SearchStrategy[str]], str]) -> URL:
    """URLs and relative references made of components."""
    parts = [draw(part) for part in (SCHEMES, AUTHORITIES, PATHS, REST, REST)]
    try:
        return URL(*parts)
    except ProtocolError:
        assume(False)
        raise AssertionError from None


# --- parse and str ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo://info.example.com?fred", ("foo", "info.example.com", "", "fred", None)),
        ("HTTPS://U@H:1/a/b?c=d?e#f#g", ("https", "U@H:1", "/a/b", "c=d?e", "f#g")),
        ("http://h?", ("http", "h", "", "", None)),
        ("http://h#", ("http", "h", "", None, "")),
        ("urn:uuid:1-2", ("urn", "", "uuid:1-2", None, None)),
        ("//h/a", ("", "h", "/a", None, None)),
        ("../bulkdata/x", ("", "", "../bulkdata/x", None, None)),
        ("1.2:3", ("", "", "1.2:3", None, None)),
        ("", ("", "", "", None, None)),
    ],
)
def test_parse(text: str, expected: tuple[str | None, ...]) -> None:
    """The five components of RFC 3986 appendix B; only the scheme changes its case."""
    url = URL.parse(text)

    assert expected == (url.scheme, url.authority, url.path, url.query, url.fragment)


@given(urls())
def test_round_trip(url: URL) -> None:
    """What is written reads back the same."""
    assert url == URL.parse(str(url))
    assert str(url) == str(URL.parse(str(url)))


@given(st.text() | st.text("a1:/?#[]@%.\\\t\r\n \0é", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Junk is a ProtocolError and nothing else; what is read fits on a request line (HTP-90)."""
    try:
        url = URL.parse(text)
    except ProtocolError:
        return

    assert url == URL.parse(str(url))
    assert not set(" \t\r\n\0") & set(url.target + url.host)
    assert url.port is None or 0 <= url.port < 65536
    assert url.parse_query() is not None
    assert repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "http://h/a b",
        "http://h/a\r\nHost: evil",
        "http://h/a\n",
        "\n",
        "http://h/\0",
        "http://h/\x7f",
        "http://h/é",
        "http://h/?q=\ud800",
        "http://h:x/",
        "http://h:-1/",
        "http://h:65536/",
        "http://h:123456/",
        "http://h:8\u0664/",
        "http://[::1/",
        "http://[::g]/",
        "http://a[::1]/",
        "http://::1/",
        "http://good\\@evil/",
        "http://a@b@c/",
        "http://good\\.evil/",
        'http://h"/',
    ],
)
def test_malformed(text: str) -> None:
    """White space, controls, non-ASCII and hosts with two readings are refused, not shown."""
    with pytest.raises(ProtocolError) as error:
        URL.parse(text)
    assert text not in str(error.value)


@pytest.mark.parametrize(
    "components",
    [
        ("http", "h", "a"),
        ("http", "h/x", "/a"),
        ("http", "h", "/a?b"),
        ("http", "h", "/a#b"),
        ("http", "h", "/a", "b#c"),
        ("", "", "http:a"),
        ("HTTP", "h", "/"),
        ("ht tp", "h", "/"),
        ("http:", "h", "/"),
        ("http", "h", "/a b"),
        ("http", "h", "/", "a\r\nb"),
        ("http", "h", "/", None, " "),
    ],
)
def test_components_that_would_read_otherwise(components: tuple[str, ...]) -> None:
    """A URL put together by hand is checked like a parsed one."""
    with pytest.raises(ProtocolError):
        URL(*components)


# --- authority ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "userinfo", "host", "port"),
    [
        ("http://PACS.Example", None, "pacs.example", None),
        ("http://h:8080/", None, "h", 8080),
        ("http://h:/", None, "h", None),
        ("http://u:p@h:1", "u:p", "h", 1),
        ("http://@h", "", "h", None),
        ("http://[2001:DB8::1]:443/", None, "2001:db8::1", 443),
        ("urn:a", None, "", None),
    ],
)
def test_authority(text: str, userinfo: str | None, host: str, port: int | None) -> None:
    """User information, host and port."""
    url = URL.parse(text)

    assert (userinfo, host, port) == (url.userinfo, url.host, url.port)


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("http://H/", Origin("http", "h", 80), "http://h:80"),
        ("https://u@h", Origin("https", "h", 443), "https://h:443"),
        ("https://h:8443/x", Origin("https", "h", 8443), "https://h:8443"),
        ("http://[::1]", Origin("http", "::1", 80), "http://[::1]:80"),
        ("ws://h:1", Origin("ws", "h", 1), "ws://h:1"),
    ],
)
def test_origin(text: str, expected: Origin, shown: str) -> None:
    """Scheme, lower-case host, and port with its default (HTP-15)."""
    assert expected == URL.parse(text).origin
    assert shown == str(expected)


@pytest.mark.parametrize(
    "text", ["/studies", "http:/x", "foo://h", "urn:a:b", "//h:80", "http://:80"]
)
def test_no_origin(text: str) -> None:
    """Without a host or a known port there is nothing to connect to."""
    with pytest.raises(ProtocolError, match="without origin"):
        _ = URL.parse(text).origin


def test_without_userinfo() -> None:
    """User information is not sent (HTP-14)."""
    assert "http://h:1/x?y" == str(URL.parse("http://u:p@h:1/x?y").without_userinfo())
    assert "http://h" == str(URL.parse("http://h").without_userinfo())


# --- path ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h", "/"),
        ("http://h?a", "/?a"),
        ("http://h/a/?b=c#d", "/a/?b=c"),
        ("http://h/a?", "/a"),
    ],
)
def test_target(text: str, expected: str) -> None:
    """Origin-form: no fragment, no empty query (HTP-03, GEN-02)."""
    assert expected == URL.parse(text).target


@pytest.mark.parametrize(
    ("base", "segments", "expected"),
    [
        ("https://h", ["studies"], "https://h/studies"),
        ("https://h/", ["studies"], "https://h/studies"),
        ("https://h/dicom-web/", ["studies", "1.2"], "https://h/dicom-web/studies/1.2"),
        ("https://h/rs//", ["studies"], "https://h/rs/studies"),
        ("https://h/rs?a#b", ["studies"], "https://h/rs/studies"),
        ("https://h/rs", ["", "studies"], "https://h/rs/studies"),
        ("https://h/rs/", [], "https://h/rs"),
        ("https://h/%41", ["frames", "1,2"], "https://h/%41/frames/1,2"),
        ("https://h", ["a/b", "c?d#e%f", "é ü"], "https://h/a%2Fb/c%3Fd%23e%25f/%C3%A9%20%C3%BC"),
    ],
)
def test_child(base: str, segments: list[str], expected: str) -> None:
    """A base URL keeps its path, with or without a slash at its end (GEN-01, HTP-98)."""
    assert expected == str(URL.parse(base).child(*segments))


@pytest.mark.parametrize("segment", [".", "..", "a\0b", "\ud800"])
def test_child_that_cannot_be(segment: str) -> None:
    """A segment cannot climb the path, and what cannot be encoded is not shown (HTP-98)."""
    with pytest.raises(LocalProtocolError):
        BASE.child("studies", segment)


@given(st.lists(TEXT.filter(lambda text: text not in {"", ".", ".."}), max_size=4))
def test_child_stays_below(segments: list[str]) -> None:
    """Whatever the segments hold, each stays one segment below the base (HTP-98)."""
    child = BASE.child(*segments)

    assert child.path.startswith(BASE.path)
    assert len(segments) + 1 == child.path.count("/")
    assert child == BASE.join(child)


# RFC 3986 §5.4, normal and abnormal examples, strict.
RESOLUTIONS = {
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q#s",
    "g#s": "http://a/b/c/g#s",
    "g?y#s": "http://a/b/c/g?y#s",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y#s",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
    "../../../g": "http://a/g",
    "../../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    ".g": "http://a/b/c/.g",
    "g..": "http://a/b/c/g..",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/./y": "http://a/b/c/g;x=1/y",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/./x": "http://a/b/c/g?y/./x",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/./x": "http://a/b/c/g#s/./x",
    "g#s/../x": "http://a/b/c/g#s/../x",
    "http:g": "http:g",
}


@pytest.mark.parametrize(("reference", "expected"), RESOLUTIONS.items())
def test_join_table(reference: str, expected: str) -> None:
    """The examples of RFC 3986 §5.4."""
    base = URL.parse("http://a/b/c/d;p?q")

    assert expected == str(base.join(reference))
    assert expected == str(base.join(URL.parse(reference)))


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        # JSN-43: relative to the series in series metadata, to the instance in instance metadata
        (
            "http://h/rs/studies/1/series/2/metadata",
            "../../../../bulkdata/x",
            "http://h/rs/bulkdata/x",
        ),
        ("http://h/rs/studies/1/series/2/instances/3/metadata", "./frames",
         "http://h/rs/studies/1/series/2/instances/3/frames"),
        ("http://h", "g", "http://h/g"),
        ("http://h?x", "g", "http://h/g"),
        ("http://h/a#f", "", "http://h/a"),
        ("https://u:p@h/a", "//other/b", "https://other/b"),
        ("https://h/a", "http://h/b/../c", "http://h/c"),
    ],
)  # fmt: skip
def test_join(base: str, reference: str, expected: str) -> None:
    """References that servers send; fragments and credentials of the base are not inherited."""
    assert expected == str(URL.parse(base).join(reference))


def remove_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4, step by step."""
    output: list[str] = []
    while path:
        if path.startswith(("../", "./")):
            path = path.partition("/")[2]
        elif path.startswith("/./") or path == "/.":
            path = "/" + path[3:]
        elif path.startswith("/../") or path == "/..":
            path = "/" + path[4:]
            output = output[:-1]
        elif path in {".", ".."}:
            path = ""
        else:
            end = path.find("/", 1)
            end = len(path) if end < 0 else end
            output.append(path[:end])
            path = path[end:]
    return "".join(output)


@given(st.text("ab./", max_size=16))
def test_join_removes_dot_segments(path: str) -> None:
    """The result is that of the RFC's own algorithm, and never climbs above the root."""
    path = "/" + path
    assume(not path.startswith("//"))

    assert remove_dot_segments(path) == URL.parse("http://h/x").join(path).path


@given(urls(), urls())
def test_join_of_anything(base: URL, reference: URL) -> None:
    """Joining gives a URL that reads back the same, or a ProtocolError."""
    try:
        joined = base.join(reference)
    except ProtocolError:
        return

    assert joined == URL.parse(str(joined))


# --- query --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([], None),
        ([("limit", "1")], "limit=1"),
        ([("a", "1"), ("a", "2"), ("b", "3")], "a=1&a=2&b=3"),
        ([("PatientName", "Doe^J n*")], "PatientName=Doe%5EJ%20n*"),
        ([("TimezoneOffsetFromUTC", "+0200")], "TimezoneOffsetFromUTC=%2B0200"),
        ([("StudyInstanceUID", ["1.2", "3.4"])], "StudyInstanceUID=1.2,3.4"),
        ([("PatientName", "Doe, J")], "PatientName=Doe%2C%20J"),
        ([("x", "#[]&=,%")], "x=%23%5B%5D%26%3D%2C%25"),
        ([("x", "!$'()*;:@/?-._~")], "x=!$'()*;:@/?-._~"),
        ([("PatientName", "王")], "PatientName=%E7%8E%8B"),
        ([("x", "")], "x="),
        ([("x", [])], "x"),
        ([("a=b&c", "d")], "a%3Db%26c=d"),
        ([("accept", 'multipart/related; type="a/b"')],
         "accept=multipart/related;%20type%3D%22a/b%22"),
    ],
)  # fmt: skip
def test_build_query(parameters: list[tuple[str, str | list[str]]], expected: str | None) -> None:
    """Encoding of names and values (GEN-02, GEN-05..08, MED-48)."""
    assert expected == build_query(parameters)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (None, []),
        ("", []),
        ("&&", []),
        ("a", [("a", [])]),
        ("a=", [("a", [""])]),
        ("a=1,2&a=3", [("a", ["1", "2"]), ("a", ["3"])]),
        ("a=1%2C2,3", [("a", ["1,2", "3"])]),
        ("a=1%2c2", [("a", ["1,2"])]),
        ("a=+0200", [("a", ["+0200"])]),
        ("a=b=c", [("a", ["b=c"])]),
        ("n%20m=%E7%8E%8B", [("n m", ["王"])]),
        ("a=%FF%zz", [("a", ["\ufffd%zz"])]),
    ],
)
def test_parse_query(query: str | None, expected: list[tuple[str, list[str]]]) -> None:
    """Commas separate before decoding, a plus is a plus (GEN-05, GEN-07, GEN-08, QID-23)."""
    assert expected == BASE.with_query(query).parse_query()


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT | st.lists(TEXT, max_size=3)), max_size=4))
def test_query_round_trip(parameters: list[tuple[str, str | list[str]]]) -> None:
    """What is built parses back, whatever the names and values hold (GEN-05..09)."""
    query = build_query(parameters)

    assert [
        (name, [value] if isinstance(value, str) else value) for name, value in parameters
    ] == BASE.with_query(query).parse_query()


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_values_that_cannot_be_sent(text: str) -> None:
    """NUL and what is not Unicode are refused, not shown (GEN-09)."""
    with pytest.raises(LocalProtocolError) as error:
        build_query([("PatientID", text)])

    assert text not in str(error.value)
    assert error.value.__cause__ is None


def test_quote() -> None:
    """Unreserved and safe characters stay, all else is UTF-8 octets (GEN-06)."""
    assert "a-._~/%2C%C3%A9" == quote("a-._~/,é", "/")
    assert "a%2Fb,c" == quote_segment("a/b,c")


# --- redaction ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/studies?PatientName=Doe&limit=1", "https://h/studies?PatientName=…&limit=…"),
        ("https://u:p@h:1/a#Doe", "https://h:1/a"),
        ("https://h/a?x", "https://h/a?x"),
        ("https://h/a?", "https://h/a"),
        ("https://h/a?Doe^John", "https://h/a?…"),
        ("https://h/a?Doe%20J=1&a=b=c", "https://h/a?…=…&a=…"),
    ],
)
def test_redacted(text: str, expected: str) -> None:
    """No user information, query value or fragment is shown (HTP-87)."""
    url = URL.parse(text)

    assert expected == url.redacted()
    assert f"URL('{expected}')" == repr(url)


@given(st.lists(st.tuples(st.sampled_from(["PatientName", "00100010"]), TEXT), min_size=1))
def test_redacted_shows_no_value(parameters: list[tuple[str, str]]) -> None:
    """However values are written, only the names are left (HTP-87)."""
    url = BASE.with_query(build_query(parameters))

    assert (
        "https://h:8443/dicom-web?" + "&".join(f"{name}=…" for name, _ in parameters)
        == url.redacted()
    )


def test_is_a_value() -> None:
    """URLs compare, hash and travel."""
    url = URL.parse("https://h/a?b#c")

    assert {url} == {URL.parse("https://h/a?b#c")}
    assert url == pickle.loads(pickle.dumps(url))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("http://example.com/", "HTTP://EXAMPLE.com"),
        ("http://example.com/", "http://example.com:80/"),
        ("https://h:80/", "https://h:080"),
        ("http://h/", "http://h:"),
        ("http://h/~a%2Fb?x=%C3%A9&y=.#-", "http://h/%7ea%2fb?x=%c3%a9&y=%2E#%2d"),
        ("http://h/b/", "http://h/./a/%2e%2E/b/."),
        ("http://U:P-@h/", "http://U:P%2d@H/"),
        ("http://[v1.fe80::a+en1]:81/", "http://[V1.FE80::A+en1]:81"),
        ("urn:uuid:a", "urn:uuid:%61"),
        ("%61:b", "%61:b"),
        ("../x?y", "../x?%79"),
    ],
)
def test_equivalent_urls_are_equal(expected: str, text: str) -> None:
    """RFC 3986 §6.2.2 and §6.2.3: case, percent-encoding, dots, and the scheme's own rules."""
    url = URL.parse(text)

    assert expected == str(url.normalized())
    assert URL.parse(expected) == url
    assert hash(URL.parse(expected)) == hash(url)


@pytest.mark.parametrize(
    "text",
    ["http://h/A", "https://h/a", "http://h:81/a", "http://h/a/", "http://h/a?", "//h/a", "/a"],
)
def test_other_urls_differ(text: str) -> None:
    """What may name another resource is not the same."""
    assert URL.parse(text) != URL.parse("http://h/a")
    assert URL.parse(text) != text


@given(urls())
def test_the_normalized_form_is_one(url: URL) -> None:
    """Normalized twice is normalized once."""
    once = url.normalized()

    assert once == url
    assert str(once) == str(once.normalized())
