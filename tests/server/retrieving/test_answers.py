from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.http import URL, Deferred, Headers, MediaType, Produced, Request
from aiodicomweb.server.retrieving.answers import Part, entity_tag, is_known, multipart, single_part
from aiodicomweb.wire.multipart import read_parts

from ...support.fake_archive import whole

OCTETS = MediaType("application", "octet-stream")
TAG = '"tag"'


def request(method: str = "GET", **fields: str) -> Request:
    """A request with these fields."""
    headers = Headers((name.replace("_", "-"), value) for name, value in fields.items())
    return Request(method, URL.parse("http://archive.example/x"), headers)


def part(octets: bytes = b"0123456789") -> Part:
    """A part of which some is there, and some is promised."""
    promised = octets[4:7]
    return Part(OCTETS, (octets[:4], Deferred(len(promised), lambda: promised), octets[7:]))


@pytest.mark.parametrize(
    ("asked", "expected", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=3-7", b"34567", "bytes 3-7/10"),
        ("bytes=5-5", b"5", "bytes 5-5/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-4", b"6789", "bytes 6-9/10"),
        ("bytes=2-99", b"23456789", "bytes 2-9/10"),
        ("bytes=0-1,90-99", b"01", "bytes 0-1/10"),
    ],
)
def test_a_range_is_given(asked: str, expected: bytes, told: str) -> None:
    """Wherever it begins and ends in the pieces (HTP-71)."""
    response = whole(single_part(part(), request(Range=asked), TAG))

    assert (206, expected, told) == (
        response.status,
        response.body,
        response.headers["Content-Range"],
    )


def test_several_ranges_are_parts() -> None:
    """Each says which octets it has, and the whole does not (HTP-72)."""
    response = whole(single_part(part(), request(Range="bytes=0-1, 4-5, -1"), TAG))

    assert response.media_type is not None
    assert (206, "multipart/byteranges") == (response.status, response.media_type.essence)
    assert "Content-Range" not in response.headers
    found = read_parts(response.body, response.media_type.boundary)
    assert [
        ("bytes 0-1/10", b"01"),
        ("bytes 4-5/10", b"45"),
        ("bytes 9-9/10", b"9"),
    ] == [(headers["Content-Range"], bytes(octets)) for headers, octets in found]


def test_many_ranges_of_what_has_to_be_made_are_the_whole() -> None:
    """Each would have it made again; of what is there, many are given."""
    many = {"Range": "bytes=0-0,2-2,4-4,6-6,8-8"}

    assert 200 == single_part(part(), request(**many), '"t"').head.status
    there = Part(OCTETS, (b"0123456789",))
    assert 206 == single_part(there, request(**many), '"t"').head.status


def test_a_range_behind_the_end_is_416() -> None:
    """Which tells how long the whole is (HTP-73)."""
    response = whole(single_part(part(), request(Range="bytes=10-"), TAG))

    assert (416, "bytes */10") == (response.status, response.headers["Content-Range"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Range": "bytes=3-1"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=0-8,1-9"},
        {"Range": "bytes=0-1", "If_Range": '"other"'},
        {"Range": "bytes=0-1", "If_Range": f"W/{TAG}"},
        {"Range": "bytes=0-1", "If_Range": "Tue, 01 Jul 2025 00:00:00 GMT"},
    ],
)
def test_otherwise_all_is_given(fields: dict[str, str]) -> None:
    """No range, one that is none, one of another version, and those that are more than all."""
    response = whole(single_part(part(), request(**fields), TAG))

    assert (200, b"0123456789") == (response.status, response.body)
    assert ("bytes", TAG) == (response.headers["Accept-Ranges"], response.headers["ETag"])


def test_a_range_of_the_same_version_is_given() -> None:
    """``If-Range`` compares strongly (HTP-84)."""
    answer = single_part(part(), request(Range="bytes=0-1", If_Range=TAG), TAG)

    assert 206 == answer.head.status


def test_ranges_are_for_get_alone() -> None:
    """HEAD tells about the whole (HTP-70)."""
    assert 200 == single_part(part(), request("HEAD", Range="bytes=0-1"), TAG).head.status


def test_what_has_no_length_has_no_ranges() -> None:
    """It is made when its turn comes."""
    made = Part(OCTETS, (Produced(lambda: b"01"),))

    response = whole(single_part(made, request(Range="bytes=0-0"), TAG))

    assert (200, b"01") == (response.status, response.body)
    assert "Accept-Ranges" not in response.headers


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_range_of_any_pieces_is_right(octets: bytes, data: st.DataObject) -> None:
    """Whatever the pieces are."""
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=6))
    edges = sorted({0, len(octets), *cuts})
    pieces = tuple(octets[first:end] for first, end in pairwise(edges))
    first = data.draw(st.integers(0, len(octets) - 1))
    last = data.draw(st.integers(first, len(octets)))

    answer = single_part(Part(OCTETS, pieces), request(Range=f"bytes={first}-{last}"), TAG)

    assert octets[first : last + 1] == whole(answer).body


def test_tags_differ_where_anything_does() -> None:
    """And are the same for the same."""
    told = [("a", "b"), ("ab", ""), ("a",), ("a", "b", "")]

    assert len(told) == len({entity_tag(*each) for each in told})
    assert entity_tag("a", "b") == entity_tag("a", "b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"a,b", {TAG}', True),
        ("*", True),
        ('"a"', False),
        ("", False),
    ],
)
def test_what_is_known_is_compared_weakly(value: str, expected: bool) -> None:
    """A list of tags, or any (HTP-84)."""
    assert expected == is_known(request(If_None_Match=value), TAG)
    assert not is_known(request("POST", If_None_Match=value), TAG)


@pytest.mark.parametrize("value", [TAG, f'"a", {TAG}', "*", f'W/"a",{TAG}'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_still_the_same_is_given(value: str, method: str) -> None:
    """``If-Match`` names it, or anything (RFC 9110 §13.1.1)."""
    assert 200 == single_part(part(), request(method, If_Match=value), TAG).head.status


@pytest.mark.parametrize("value", ['"a"', f"W/{TAG}", "", "tag"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("further", [{}, {"If_None_Match": TAG}, {"Range": "bytes=0-1"}])
def test_what_is_not_the_same_any_more_is_412(
    value: str, method: str, further: dict[str, str]
) -> None:
    """``If-Match`` compares strongly, and comes first (RFC 9110 §13.1.1, §13.2.2)."""
    response = whole(single_part(part(), request(method, If_Match=value, **further), TAG))

    assert (412, 1) == (response.status, response.body.count(b"\n"))
    assert TAG == response.headers["ETag"]


def test_what_is_known_is_not_given_though_it_is_the_same() -> None:
    """Behind ``If-Match`` comes ``If-None-Match`` (RFC 9110 §13.2.2)."""
    answer = single_part(part(), request(If_Match="*", If_None_Match=TAG), TAG)

    assert 304 == answer.head.status


def test_parts_say_what_they_are() -> None:
    """Media type, place, and the root of the whole."""
    parts = [Part(OCTETS, (b"a", b"b"), "http://archive.example/1"), Part(OCTETS, (b"c",))]

    response = whole(multipart(parts, "application/octet-stream"))

    assert response.media_type is not None
    assert (200, "application/octet-stream") == (
        response.status,
        response.media_type.parameter("type"),
    )
    first, second = read_parts(response.body, response.media_type.boundary)
    assert ("http://archive.example/1", b"ab") == (first[0]["Content-Location"], bytes(first[1]))
    assert "Content-Location" not in second[0]


def test_what_is_missing_is_told() -> None:
    """A 206 without range, and a warning (RET-31)."""
    service = URL.parse("http://archive.example/dicom-web")
    response = whole(multipart([part()], "application/octet-stream", left_out_by=service))

    assert (206, True, 1) == (response.status, response.partial, len(response.warnings))
    assert response.headers["Warning"].startswith("299 http://archive.example/dicom-web: ")
