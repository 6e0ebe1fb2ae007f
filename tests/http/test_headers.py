"""Header fields as values."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError, ProtocolError
from aiodicomweb.http import Headers

NAMES = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=8)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"])
).map(lambda value: value.strip(" \t"))
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@pytest.fixture
def headers() -> Headers:
    """Fields with a repeated name."""
    return Headers([("Accept", "a/b"), ("X-Key", "1"), ("accept", "c/d")])


@given(LINES)
def test_wire_round_trip(lines: list[tuple[str, str]]) -> None:
    """Fields survive the way to octets and back, line by line."""
    headers = Headers(lines)

    assert lines == list(headers.items())
    assert headers == Headers.from_wire(headers.to_wire())
    assert lines == list(Headers.from_wire(headers.to_wire()).items())


@given(LINES, LINES)
def test_merged_holds_all_of_the_other(
    ours: list[tuple[str, str]], theirs: list[tuple[str, str]]
) -> None:
    """Merging keeps each line of the other, and of ours those whose names it has not."""
    merged = Headers(ours).merged(Headers(theirs))

    for name, _ in theirs:
        assert Headers(theirs).get_all(name) == merged.get_all(name)
    for name in Headers(ours).without(*Headers(theirs)):
        assert Headers(ours).get_all(name) == merged.get_all(name)


@given(st.text(), st.text())
def test_any_text_is_taken_or_refused(name: str, value: str) -> None:
    """Whatever a caller gives is either sendable or a protocol error (HTP-90)."""
    try:
        wire = Headers({name: value}).to_wire()
    except ProtocolError:
        return

    ((octets, content),) = wire
    assert not set(b"\r\n\0: ") & set(octets)
    assert not set(b"\r\n\0") & set(content)


def test_from_mapping_pairs_and_headers(headers: Headers) -> None:
    """A mapping, pairs and another object are all taken."""
    assert Headers([("A", "1"), ("B", "2")]) == Headers({"A": "1", "B": "2"})
    assert headers == Headers(headers)
    assert 0 == len(Headers())


def test_order_and_repeats_are_kept(headers: Headers) -> None:
    """Iteration shows each line's name as it was given."""
    assert ["Accept", "X-Key", "accept"] == list(headers)
    assert [("Accept", "a/b"), ("X-Key", "1"), ("accept", "c/d")] == list(headers.items())
    assert 3 == len(headers)


def test_lookup_ignores_case(headers: Headers) -> None:
    """Names are case-insensitive, and repeated lines are joined (HTP-06, HTP-10)."""
    assert "a/b, c/d" == headers["ACCEPT"]
    assert "a/b, c/d" == headers.get("aCCept")
    assert ["a/b", "c/d"] == headers.get_all("accept")
    assert "x-kEY" in headers


def test_lookup_of_what_is_absent(headers: Headers) -> None:
    """An absent field is None, the default, an empty list or a KeyError."""
    assert headers.get("Host") is None
    assert "*" == headers.get("Host", "*")
    assert [] == headers.get_all("Host")
    assert "Host" not in headers
    assert 1 not in headers
    with pytest.raises(KeyError, match="Host"):
        headers["Host"]


def test_tokens() -> None:
    """Members of all lines, in lower case; empty ones dropped, quotes respected (HTP-10)."""
    headers = Headers([("Connection", "Keep-Alive, ,"), ("connection", 'TE, "A,B"')])

    assert ["keep-alive", "te", '"a,b"'] == headers.tokens("Connection")
    assert [] == headers.tokens("TE")


def test_changes_are_copies(headers: Headers) -> None:
    """add, replace and without leave the original alone."""
    before = list(headers.items())

    assert ["a/b", "c/d", "*/*"] == headers.add("Accept", "*/*").get_all("Accept")
    assert ["X-Key", "Accept"] == list(headers.replace("Accept", "*/*"))
    assert ["Accept", "accept"] == list(headers.without("x-key", "Host"))
    assert before == list(headers.items())


def test_merged(headers: Headers) -> None:
    """The other's lines take the place of all of ours of the same name, whatever its case."""
    merged = headers.merged(Headers([("ACCEPT", "*/*"), ("Host", "h")]))

    assert [("X-Key", "1"), ("ACCEPT", "*/*"), ("Host", "h")] == list(merged.items())


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\r\nb", "a\n"])
def test_names_must_be_tokens(name: str) -> None:
    """A name that is no token cannot be sent (HTP-06)."""
    with pytest.raises(LocalProtocolError):
        Headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\rb", "\0", "\x1b", "\x7f", "王"])
def test_values_cannot_break_the_line(value: str) -> None:
    """A control character is refused wherever a value enters, and not shown (HTP-07, HTP-90)."""
    for enter in (lambda: Headers({"Location": value}), lambda: Headers().add("Location", value)):
        with pytest.raises(LocalProtocolError) as error:
            enter()
        assert value not in str(error.value)


def test_values_lose_white_space_around() -> None:
    """White space around a value is not part of it (HTP-06); inside it is."""
    assert "a\tb c" == Headers({"A": " \ta\tb c\t "})["a"]


def test_opaque_octets() -> None:
    """Octets outside ASCII are kept, as ISO-8859-1 (HTP-07)."""
    headers = Headers.from_wire([(b"Warning", b"299 - \xe9")])

    assert "299 - é" == headers["warning"]
    assert [(b"Warning", b"299 - \xe9")] == headers.to_wire()


def test_equality() -> None:
    """Case of names does not matter; values, order and repeats do."""
    headers = Headers([("A", "1"), ("B", "2")])

    assert headers == Headers([("a", "1"), ("b", "2")])
    assert hash(headers) == hash(Headers([("a", "1"), ("b", "2")]))
    assert headers != Headers([("A", "1"), ("B", "x")])
    assert headers != Headers([("B", "2"), ("A", "1")])
    assert headers != {"A": "1", "B": "2"}


def test_repr_shows_names_only() -> None:
    """Credentials in values are not shown."""
    assert "Headers(Authorization, Accept)" == repr(
        Headers({"Authorization": "Bearer secret", "Accept": "*/*"})
    )


def test_pickle(headers: Headers) -> None:
    """Headers travel between processes, on errors for one."""
    assert headers == pickle.loads(pickle.dumps(headers))
