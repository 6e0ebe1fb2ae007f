"""The reader of multipart bodies, on an arena of its own."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import DicomWebError, LimitExceeded, MultipartError
from aiodicomweb.http import Headers
from aiodicomweb.wire import (
    BLOCK,
    END,
    NEED_DATA,
    Arena,
    Limits,
    MultipartReader,
    OutgoingPart,
    PartHead,
    WholePart,
    render_multipart,
)

from .driver import CHUNK_SIZES, MODES, Feed, Mode, every_octet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .driver import Part

T = TypeVar("T")

ON_TRUST = 64 * 1024 * 1024
FIELD = b"Content-Type: application/dicom\r\n"


def first(feed: Feed) -> Headers:
    """Head of the next part, of which there is one."""
    head = feed(feed.reader.next_part)
    assert isinstance(head, PartHead)
    return head.headers


# --- round trip and cuts --------------------------------------------------------------------------

NAMES = st.from_regex(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}", fullmatch=True).filter(
    lambda name: not name.lower().startswith(("content-", "transfer-"))
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=3).map(Headers)
PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\r",
        b"\n",
        b"-",
        b"--",
        b"--b",
        b"--bn",
        b"--bnd",
        b"\r\n--bnd",
        b" ",
        b":",
        b"\0X",
    ]
)
BOUNDARY_LIKE = st.lists(PIECES, max_size=12).map(b"".join)
DELIMITER = re.compile(rb"\r\n--bnd(--)?[ \t]*\r?\n")
CUTS = st.lists(st.integers(0, 600), max_size=25, unique=True).map(sorted)


@settings(max_examples=150)
@given(
    parts=st.lists(st.tuples(HEADERS, BOUNDARY_LIKE), max_size=4),
    cuts=CUTS,
    mode=st.sampled_from(MODES),
)
def test_round_trip(parts: list[Part], cuts: list[int], mode: Mode) -> None:
    """What was rendered is read again, whatever the payload is that isn't a delimiter (MUL-51)."""
    assume(not any(DELIMITER.search(b"\r\n" + payload + b"\r\n") for _, payload in parts))
    body = b"".join(map(bytes, render_multipart([OutgoingPart(h, (p,)) for h, p in parts], "bnd")))

    assert parts == Feed(body, cuts, boundary="bnd").parts(mode)


@settings(max_examples=200)
@given(
    pieces=st.lists(
        PIECES
        | st.sampled_from(
            [b"\r\n--bnd\r\n", b"\r\n--bnd--", b"\r\n\r\n", b"A: b", b"Content-Length: 3\r\n\r\n"]
        ),
        max_size=16,
    ),
    cuts=CUTS,
    boundary=st.sampled_from(["bnd", None]),
    delimited=st.booleans(),
)
def test_any_octets(
    pieces: list[bytes], cuts: list[int], boundary: str | None, *, delimited: bool
) -> None:
    """Whatever comes, the outcome is the same however it was cut and however it is read."""
    body = b"--bnd\r\n" + b"".join(pieces)
    outcomes = [
        Feed(body, cut, boundary=boundary, delimited=delimited).outcome(mode)
        for cut in ((), cuts, every_octet(body))
        for mode in MODES
    ]

    assert outcomes[1:] == outcomes[:-1]


# --- delimiters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("closing", [b"", b"--"])
@pytest.mark.parametrize("padding", [0, 1, 255, 256])
def test_padding(padding: int, closing: bytes, *, cut: bool) -> None:
    """Up to 256 octets of padding may follow a boundary (MUL-53)."""
    line = b"--b" + closing + b" " * padding + b"\r\n"
    body = b"--b\r\n\r\n1\r\n" + line + (b"" if closing else b"\r\n2\r\n--b--")
    feed = Feed(body, every_octet(body) if cut else ())

    assert [b"1"] + ([] if closing else [b"2"]) == [octets for _, octets in feed.parts()]


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("closing", [b"", b"--"])
@pytest.mark.parametrize("padding", [257, 258, 300])
def test_too_much_padding(padding: int, closing: bytes, *, cut: bool) -> None:
    """A line with more padding is data, so that what is held back is bounded."""
    data = b"1\r\n--b" + closing + b" " * padding + b"\r\n"
    body = b"--b\r\n\r\n" + data + b"\r\n--b--"
    feed = Feed(body, every_octet(body) if cut else ())

    assert [(Headers(), data)] == feed.parts()


@pytest.mark.parametrize("end", [b"--b--", b"--b--\r", b"--b--\r\n", b"--b--\n", b"--b-- \t"])
@pytest.mark.parametrize("delimited", [False, True])
def test_close_delimiter(end: bytes, *, delimited: bool) -> None:
    """Once both hyphens came, nothing can be missing."""
    feed = Feed(b"--b\r\n\r\n1\r\n" + end, delimited=delimited)

    assert [(Headers(), b"1")] == feed.parts()


@pytest.mark.parametrize(
    "tail", [b"", b"\r\n", b"\r", b"\r\n-", b"\r\n--", b"\r\n--b-", b"\r\n--b"]
)
def test_no_close_delimiter(tail: bytes) -> None:
    """A body that ends before is not complete, and its part's number is told (MUL-08, MUL-58)."""
    feed = Feed(b"--b\r\n\r\n1\r\n--b\r\n\r\n2" + tail, delimited=False)

    with pytest.raises(MultipartError, match=r"close delimiter .* in part 2") as caught:
        feed.parts()

    assert 2 == caught.value.part
    assert 1 == feed.reader.complete_parts


@pytest.mark.parametrize("tail", [b"", b"\r\n", b" \t", b" \r\n"])
def test_last_delimiter_without_hyphens(tail: bytes) -> None:
    """A last delimiter without ``--`` is the end, if the framing says that it is (MUL-08)."""
    body = b"--b\r\n\r\n1\r\n--b" + tail

    assert [(Headers(), b"1")] == Feed(body).parts()
    with pytest.raises(MultipartError):
        Feed(body, delimited=False).parts()


@pytest.mark.parametrize("body", [b"--b", b"--b\r\n", b"preamble\r\n--b\r\n"])
def test_first_delimiter_is_not_the_end(body: bytes) -> None:
    """A body that ends behind its first delimiter lacks a part; ``--b--`` says none (MUL-12)."""
    with pytest.raises(MultipartError):
        Feed(body).parts()


@pytest.mark.parametrize("tail", [b"A", b"A: b\r\n", b"\r"])
def test_end_in_a_head(tail: bytes) -> None:
    """A head that is cut off belongs to the part that it begins (MUL-58)."""
    with pytest.raises(MultipartError) as caught:
        Feed(b"--b\r\n\r\n1\r\n--b\r\n" + tail).parts()

    assert 2 == caught.value.part


def test_end() -> None:
    """Behind the close delimiter there is the epilogue, and the end again and again (MUL-09)."""
    feed = Feed(b"--b--\r\nepilogue --b\r\n\r\n--b\r\n\r\n")

    assert END is feed(feed.reader.next_part)
    feed.feed()
    assert END is feed.reader.next_part()
    assert END is feed.reader.next_part()
    assert 0 == feed.arena.available


# --- the boundary ---------------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", ["", " \t", "x" * 257])
def test_bad_boundary(boundary: str) -> None:
    """A boundary that is none, or far longer than any, is refused."""
    with pytest.raises(MultipartError, match="boundary"):
        MultipartReader(Arena(), boundary, Limits())


def test_boundary_loses_white_space_at_its_end() -> None:
    """White space at the end of the parameter isn't part of the boundary (MUL-07)."""
    assert [(Headers(), b"1")] == Feed(b"--b\r\n\r\n1\r\n--b--", boundary="b \t").parts()


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("size", [1, 73, 256])
def test_learned_boundary(size: int, *, cut: bool) -> None:
    """The body's first line tells a boundary that the ``Content-Type`` doesn't (MUL-22)."""
    mark = b"--" + b"x" * size
    body = b"\r\n" + mark + b"\r\n\r\n1\r\n" + mark + b"--"
    feed = Feed(body, every_octet(body) if cut else (), boundary=None)

    assert [(Headers(), b"1")] == feed.parts()


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"--",
        b"-- \r\n",
        b"-b\r\n",
        b"--" + b"x" * 257 + b"\r\n\r\n",
        b"--" + b"x" * 1000,
        b"\r\n" * 1000,
    ],
)
def test_no_boundary_to_be_learned(body: bytes, *, cut: bool) -> None:
    """A body without boundary is not multipart; little of it is read to see that."""
    feed = Feed(body, every_octet(body) if cut else (), boundary=None)

    with pytest.raises(MultipartError, match="boundary"):
        feed.parts()
    if cut:
        assert 264 >= feed.arena.available


# --- heads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        ([], b"\r\n"),
        ([("A", "b")], b"A:b\r\n\r\n"),
        ([("A", "b")], b"A: \t b \t\r\n\r\n"),
        ([("A", "")], b"A:\r\n\r\n"),
        ([("A", "b c")], b"A: b\r\n \t c\r\n\r\n"),
        ([("A", "b"), ("a", "c")], b"A: b\na: c\n\n"),
        ([("A", "b: c")], b"A: b: c\r\n\r\n"),
        ([("A", "\xff")], b"A: \xff\r\n\r\n"),
        ([("Content-Transfer-Encoding", "8BIT")], b"Content-Transfer-Encoding: 8BIT\r\n\r\n"),
        ([("Content-Encoding", "Identity")], b"Content-Encoding: Identity\r\n\r\n"),
    ],
)
def test_head(expected: list[tuple[str, str]], head: bytes) -> None:
    """Header blocks as servers write them (MUL-03, MUL-10, MUL-37, MUL-38, MUL-54)."""
    feed = Feed(b"--b\r\n" + head + b"data\r\n--b--")

    assert expected == list(first(feed).items())
    assert b"data" == feed.read()


@pytest.mark.parametrize(
    "head",
    [
        b"no colon",
        b": no name",
        b"A : b",
        b"A\x80: b",
        b" A: b",
        b"A: \x00",
        b"A: b\rc",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
    ],
)
def test_bad_head(head: bytes) -> None:
    """A header block that isn't one, or that codes the data (MUL-10, MUL-35, MUL-36)."""
    feed = Feed(b"--b\r\n\r\n1\r\n--b\r\n" + head + b"\r\n\r\n2\r\n--b--")

    with pytest.raises(MultipartError, match="in part 2") as caught:
        feed.parts()

    assert 2 == caught.value.part
    assert head.decode("latin-1") not in str(caught.value)


@pytest.mark.parametrize("value", [b" " * 16_000 + b"\x00", b"x" + b" " * 16_000 + b"y"])
def test_head_full_of_white_space(value: bytes) -> None:
    """White space without end costs no more than other octets: no backtracking."""
    feed = Feed(b"--b\r\nA: " + value + b"\r\n\r\n1\r\n--b--")

    _, error, _ = feed.outcome(Mode.PART)

    assert (MultipartError if b"\x00" in value else None) is error


# --- parts ----------------------------------------------------------------------------------------


def test_unread_parts_are_skipped() -> None:
    """What is not read of a part, all or the rest, is skipped by the next step."""
    body = b"--b\r\n\r\n1\r\n--b\r\n\r\n" + bytes(100) + b"\r\n--b\r\n\r\n3\r\n--b--"
    feed = Feed(body, range(40, len(body), 20))

    first(feed)
    first(feed)
    assert 0 < len(feed(feed.reader.read_chunk)) < 100
    first(feed)
    assert 3 == feed.reader.part_number
    assert 2 == feed.reader.complete_parts
    assert b"3" == feed.read()


@pytest.mark.parametrize("most", [1, 3, 9])
@pytest.mark.parametrize("mode", MODES)
def test_peek(most: int, mode: Mode) -> None:
    """A part's first octets, never those of its delimiter; all of them stay to be read."""
    body = b"--b\r\n\r\nabcd\r\n--b\r\n\r\n\r\n--b--\r\n"
    feed = Feed(body, every_octet(body))
    shown = []
    while feed(feed.reader.next_part) is not END:
        start = feed(lambda: feed.reader.peek(most))
        shown.append((start, feed.read(mode)))

    assert [(b"abcd"[:most], b"abcd"), (b"", b"")] == shown


def test_peek_at_a_part_that_is_cut() -> None:
    """What can't be shown whole is not shown."""
    arena = Arena()
    reader = MultipartReader(arena, "bnd", Limits())
    arena.write(b"--bnd\r\n\r\nabcd")
    arena.deliver(arena.undecoded)
    reader.next_part()

    assert NEED_DATA is reader.peek(4)
    reader.receive_eof(delimited=False)
    with pytest.raises(MultipartError, match="close delimiter"):
        reader.peek(4)


def test_chunk_is_released() -> None:
    """A piece is valid until the next call, and read-only; a whole part stays valid."""
    body = b"--b\r\n\r\n" + bytes(100) + b"\r\n--b\r\n\r\n2\r\n--b--"
    feed = Feed(body, [60])
    first(feed)
    piece = feed(feed.reader.read_chunk)
    assert isinstance(piece, memoryview)
    assert piece.readonly

    feed(feed.reader.read_chunk)
    with pytest.raises(ValueError, match="released"):
        piece.tobytes()
    first(feed)
    whole = feed(feed.reader.read_part)
    assert END is feed(feed.reader.next_part)
    feed.arena.write(bytes(100))
    assert b"2" == whole
    assert whole.readonly
    assert END is feed.reader.read_chunk()


def test_hold_back() -> None:
    """Of a streamed part only what may begin a delimiter is held back (MUL-57)."""
    feed = Feed(b"--b\r\n\r\n" + bytes(1000), [7, 500])
    first(feed)

    assert 493 - len("\r\n--b") + 1 == len(feed(feed.reader.read_chunk))
    assert NEED_DATA is feed.reader.read_chunk()
    assert BLOCK == feed.reader.wanted


def test_content_length_guides_reads() -> None:
    """A part's own length lets the next read end with the part, with a little slack."""
    feed = Feed(b"--b\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000), [])
    first(feed)

    assert NEED_DATA is feed.reader.read_part()
    assert 999_000 <= feed.reader.wanted <= 1_000_000


def test_previous_part_guides_reads() -> None:
    """Where a part has no length, it will be like the one before it."""
    body = b"--b\r\n\r\n" + bytes(700_000) + b"\r\n--b\r\n\r\n"
    feed = Feed(body)
    first(feed)
    feed.read()
    first(feed)

    assert NEED_DATA is feed.reader.read_part()
    assert 700_000 <= feed.reader.wanted <= 701_000


@pytest.mark.parametrize("mode", MODES)
def test_part_shorter_than_its_length(mode: Mode) -> None:
    """A part that isn't as long as it says is incomplete, even if it isn't read (MUL-31)."""
    body = b"--b\r\nContent-Length: 5\r\n\r\n1234\r\n--b--"

    with pytest.raises(MultipartError, match="4 octets is shorter than its Content-Length 5"):
        Feed(body).parts(mode)
    feed = Feed(body)
    first(feed)
    with pytest.raises(MultipartError):
        feed(feed.reader.next_part)
    assert 0 == feed.reader.complete_parts


@pytest.mark.parametrize("size", [*CHUNK_SIZES, 1000])
@pytest.mark.parametrize("mode", MODES)
def test_a_length_that_a_delimiter_confirms(mode: Mode, size: int) -> None:
    """Is that of a part read whole, without a search; pieces end where a delimiter is (MUL-31).

    Which it is doesn't depend on how the octets arrive. A delimiter within is forbidden (MUL-04).
    """
    data = b"1234\r\n--b\r\n\r\n5"
    body = b"--b\r\nContent-Length: %d\r\n\r\n%s\r\n--b--\r\n" % (len(data), data)
    parts, error, _ = Feed(body, range(size, len(body), size)).outcome(mode)

    if mode is Mode.CHUNK:
        assert ([], MultipartError) == (parts, error)
    else:
        assert [(Headers([("Content-Length", str(len(data)))]), data)] == parts


@pytest.mark.parametrize("length", ["", "Content-Length: 4\r\n"])
def test_parts_that_are_alike_are_taken_together(length: str) -> None:
    """As many as have arrived whole, up to one with another head or another delimiter."""
    plain = f"--b\r\nA: 1\r\n{length}\r\n1234\r\n".encode()
    odd = b"--b\r\nA: 2\r\n\r\n12\r\n", b"--b \r\nA: 3\r\n\r\n56\r\n"
    body = 3 * plain + odd[0] + 2 * plain + odd[1] + plain + plain[:-4]
    feed = Feed(body, [len(body) - len(plain) + 4])
    batches = []
    for _ in range(6):
        head = feed(feed.reader.next_part)
        batches.append([head.number, *(ready.number for ready, _ in read_on(feed))])

    assert [[1, 2, 3], [4], [5], [6], [7], [8]] == batches
    assert 8 == feed.reader.complete_parts
    assert isinstance(feed(feed.reader.next_part), PartHead)
    assert [] == feed.reader.take_ready()
    with pytest.raises(MultipartError):
        feed.read()


def read_on(feed: Feed) -> list[WholePart]:
    """Read the current part; those that are ready then."""
    feed.read()
    return feed.reader.take_ready()


def test_lie_of_a_terabyte() -> None:
    """A length that can't be true allocates nothing, or what is lent on trust at most."""
    body = b"--b\r\nContent-Length: 1000000000000\r\n\r\n" + bytes(100_000)

    feed = Feed(body)
    first(feed)
    with pytest.raises(LimitExceeded, match=r"Limits\.part"):
        feed.read()

    feed = Feed(body, limits=Limits(part=1 << 50))
    first(feed)
    assert NEED_DATA is feed.reader.read_part()
    assert ON_TRUST <= feed.reader.wanted <= ON_TRUST + BLOCK

    feed = Feed(body)
    first(feed)
    feed(feed.reader.read_chunk)
    assert NEED_DATA is feed.reader.read_chunk()
    assert BLOCK == feed.reader.wanted


# --- limits and errors ----------------------------------------------------------------------------


def limited(body: bytes, **limits: int) -> Sequence[type[DicomWebError] | None]:
    """Errors that a body meets, whole and octet by octet."""
    return [
        Feed(body, cuts, limits=Limits(**limits)).outcome(Mode.PART)[1]
        for cuts in ((), every_octet(body))
    ]


OK = [None, None]
TOO_MUCH = [LimitExceeded, LimitExceeded]


def test_limit_of_preamble() -> None:
    """``Limits.preamble`` octets may come before the CRLF of the first delimiter."""
    assert OK == limited(b"12345678\r\n--b--", preamble=8)
    assert TOO_MUCH == limited(b"123456789\r\n--b--", preamble=8)
    assert TOO_MUCH == limited(b"\r\n--bX\r\n--b--", preamble=5)


def test_limit_of_fields() -> None:
    """``Limits.fields`` counts the lines of a part's head."""
    body = b"--b\r\nA: 1\r\nA: 2\r\n\r\n1\r\n--b--"
    assert OK == limited(body, fields=2)
    assert TOO_MUCH == limited(body, fields=1)


def test_limit_of_part_head() -> None:
    """``Limits.part_head`` counts a head with its blank line."""
    assert OK == limited(b"--b\r\nA: 45\r\n\r\n1\r\n--b--", part_head=9)
    assert TOO_MUCH == limited(b"--b\r\nA: 456\r\n\r\n1\r\n--b--", part_head=9)
    assert TOO_MUCH == limited(b"--b\r\nA: " + bytes(100), part_head=9)


def test_limit_of_parts() -> None:
    """``Limits.parts`` is the number of parts that may come."""
    assert OK == limited(b"--b\r\n\r\n--b\r\n\r\n--b--", parts=2)
    assert TOO_MUCH == limited(b"--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b--", parts=2)


@pytest.mark.parametrize("head", [b"", b"Content-Length: 1\r\n"])
def test_limit_of_part(head: bytes) -> None:
    """``Limits.part`` is the size of a part that is read whole; a streamed one has none."""
    body = b"--b\r\n" + head + b"\r\n12345678\r\n--b--"

    assert OK == limited(body, part=8)
    assert TOO_MUCH == limited(body, part=7)
    feed = Feed(body, limits=Limits(part=7))
    assert b"12345678" == feed.parts(Mode.CHUNK)[0][1]


def test_limit_of_part_by_its_length() -> None:
    """A part that says that it is longer than ``Limits.part`` is believed."""
    body = b"--b\r\nContent-Length: 9\r\n\r\n1\r\n--b--"

    assert TOO_MUCH == limited(body, part=8)
    assert [MultipartError] * 2 == limited(body, part=9)


def test_errors_travel() -> None:
    """Errors pickle, know where they happened, and show no octets of the body."""
    feed = Feed(b"preamble\r\n--b\r\n\r\n1\r\n--b\r\nPatientName=Doe\r\n\r\n", [20])

    with pytest.raises(MultipartError) as caught:
        feed.parts()
    copy = pickle.loads(pickle.dumps(caught.value))

    assert "a part's head is malformed at offset 25 in part 2" == str(caught.value)
    assert str(caught.value) == str(copy)
    assert (2, 25) == (copy.part, copy.offset)
