"""A body, read part by part as its octets come, whoever brings them."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import (
    DicomWebError,
    FramingError,
    LimitExceeded,
    MultipartError,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.net import BodyStream
from aiodicomweb.wire import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTS = "multipart/related; boundary=b"
TWO = b"--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"


def stream(pieces: Iterable[bytes], limits: Limits | None = None, **fields: str) -> BodyStream:
    """A body whose octets a framework brings in these pieces."""
    arriving = iter(pieces)

    async def octets() -> bytes | None:
        return next(arriving, None)

    headers = Headers((name.replace("_", "-"), value) for name, value in fields.items())
    request = Request("POST", URL.parse("http://a/studies"), headers)
    return BodyStream.over(request, octets, limits or Limits())


@given(cuts=st.lists(st.integers(0, len(TWO)), max_size=10).map(sorted), coded=st.booleans())
async def test_parts(cuts: list[int], coded: bool) -> None:
    """Parts are what they are however they come, and their content coding is undone."""
    octets = gzip.compress(TWO) if coded else TWO
    ends = [0, *cuts, len(octets)]
    pieces = [octets[begin:end] for begin, end in itertools.pairwise(ends)]
    body = stream(pieces, Content_Type=PARTS, **({"Content_Encoding": "gzip"} if coded else {}))

    assert (0, 0, False) == (body.part_number, body.complete_parts, body.ended)
    head = await body.next_part()
    assert head is not None
    assert Headers({"A": "1"}) == head.headers
    assert b"one" == await body.read_part()
    assert (1, 1) == (body.part_number, body.complete_parts)
    assert await body.next_part() is not None
    chunks = b""
    while (chunk := await body.read_chunk()) is not None:
        chunks += chunk
    assert b"two" == chunks
    assert await body.next_part() is None
    assert body.ended
    assert await body.next_part() is None


async def test_parts_that_are_ready() -> None:
    """What is here whole, and like the part that was read, comes at once."""
    parts = b"".join(b"--b\r\n\r\n%d\r\n" % number for number in range(5))
    body = stream([parts, b"--b--"], Content_Type=PARTS)
    assert [] == body.take_ready()
    assert await body.next_part() is not None
    assert [] == body.take_ready()
    assert b"0" == await body.read_part()

    assert [(2, b"1"), (3, b"2"), (4, b"3")] == [
        (head.number, octets) for head, octets in body.take_ready()
    ]
    assert (4, 4) == (body.part_number, body.complete_parts)
    assert await body.next_part() is not None
    assert b"4" == await body.read_part()
    assert [] == body.take_ready()
    assert await body.next_part() is None


async def test_one_part() -> None:
    """A body that is not multipart is one part; as one it is read even if it is multipart."""
    body = stream([b"ab", b"cd"])
    assert await body.next_part() is not None
    assert b"abcd" == await body.read_part()
    assert await body.next_part() is None

    body = stream([TWO], Content_Type=PARTS)
    assert TWO == await body.read_all()
    assert body.ended


@pytest.mark.parametrize("octets", [b"", b"abc", b"x" * 300_000])
async def test_what_arrived_of_a_body_that_failed(octets: bytes) -> None:
    """It is not lost with the error, and the taker's own."""

    async def break_off() -> bytes | None:
        if pieces:
            return pieces.pop()
        raise FramingError("cut short")

    pieces = [octets] if octets else []
    body = BodyStream.over(
        Request("POST", URL.parse("http://a/studies"), Headers()), break_off, Limits()
    )
    assert await body.next_part() is not None
    with pytest.raises(FramingError):
        await body.read_part()

    arrived = body.take_arrived()
    assert octets == arrived
    assert arrived.readonly
    assert b"" == body.take_arrived()


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (MultipartError, 400, lambda: stream([TWO[:-10]], Content_Type=PARTS)),
        (FramingError, 400, lambda: stream([b"no gzip"], Content_Encoding="gzip")),
        (UnexpectedMediaType, None, lambda: stream([b"x"], Content_Encoding="br")),
        (LimitExceeded, 413, lambda: stream([b"abc"], Limits(part=2))),
    ],
)
async def test_what_fails_stays_so(
    error: type[DicomWebError], status: int | None, body: object
) -> None:
    """The error that ended a body is raised again, and says what was whole before it."""
    failing: BodyStream = body()  # type: ignore[operator]

    async def read() -> None:
        while await failing.next_part() is not None:
            await failing.read_part()

    with pytest.raises(error) as caught:
        await read()
    assert caught.value is failing.failure
    assert (1 if error is MultipartError else 0) == caught.value.complete
    assert status == getattr(caught.value, "status_hint", None)
    with pytest.raises(error) as again:
        await failing.read_chunk()
    assert caught.value is again.value
    assert not failing.ended


@pytest.mark.parametrize("octets", [b"no gzip", b""])
async def test_a_body_that_is_read_whole_has_no_parts(octets: bytes) -> None:
    """An answer that breaks off says nothing of parts: nobody was given any."""
    body = stream([octets], Content_Type=PARTS, Content_Encoding="gzip")
    with pytest.raises(DicomWebError) as caught:
        await body.read_all()

    assert caught.value.complete is None
    assert "complete before that" not in str(caught.value)
