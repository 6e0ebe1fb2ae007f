from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.http import URL
from aiodicomweb.services import SearchRequest, Selector
from aiodicomweb.services.paging import Pager

if TYPE_CHECKING:
    from aiodicomweb.dicom import JsonObject

BASE = URL.parse("https://pacs.example/dicom-web")


def result(study: object, tag: str = "0020000D") -> JsonObject:
    """A result with a UID."""
    return {tag: {"vr": "UI", "Value": [f"1.2.{study}"]}}


def search(offset: int | None = None, limit: int | None = None) -> SearchRequest:
    """A search for studies."""
    return SearchRequest(BASE, Selector(study=""), offset=offset, limit=limit)


def walk(
    archive: list[JsonObject], first: SearchRequest, most: int, *, deaf: bool = False
) -> tuple[list[JsonObject], list[int]]:
    """Go through an archive that gives ``most`` results at a time; results and offsets asked."""
    pager = Pager(first, all_pages=True)
    results: list[JsonObject] = []
    offsets: list[int] = []
    while (request := pager.next_request()) is not None:
        offsets.append(request.offset or 0)
        start = 0 if deaf else request.offset or 0
        size = min(most, request.limit or most)
        results += pager.take(archive[start : start + size])
        assert len(offsets) <= len(archive) + 2
    return results, offsets


def test_one_page_only() -> None:
    """Unless all pages are wanted, the first is the last, and is given as it is."""
    pager = Pager(search(offset=3, limit=2), all_pages=False)

    assert search(offset=3, limit=2) == pager.next_request()
    assert [result(1), result(1)] == pager.take([result(1), result(1)])
    assert pager.next_request() is None


def test_pages_go_on_to_an_empty_one() -> None:
    """A short page proves nothing: a server may have a lower limit of its own (QID-53)."""
    archive = [result(number) for number in range(7)]

    assert (archive, [0, 3, 6, 7]) == walk(archive, search(limit=5), 3)
    assert (archive[2:], [2, 5, 7]) == walk(archive, search(offset=2), 3)
    assert ([], [0]) == walk([], search(), 3)


def test_a_server_that_ignores_offset() -> None:
    """A page that repeats itself is the end, and is not given twice (wire case 35)."""
    archive = [result(number) for number in range(7)]

    assert (archive[:3], [0, 3]) == walk(archive, search(), 3, deaf=True)


def test_pages_that_overlap() -> None:
    """What came before is not given again, and the next page starts behind what came."""
    pager = Pager(search(), all_pages=True)

    assert [result(1), result(2)] == pager.take([result(1), result(2)])
    assert [result(3)] == pager.take([result(2), result(3)])
    assert search(offset=4) == pager.next_request()


@pytest.mark.parametrize(
    "page",
    [
        [result(1, "0020000E"), result(2, "0020000E")],
        [{**result(1), **result(1, "00080018")}, {**result(1), **result(2, "00080018")}],
        [{"00100020": {"vr": "LO", "Value": ["a"]}}, {"00100020": {"vr": "LO", "Value": ["b"]}}],
        [{"0020000D": {"vr": "UI"}, "x": 1}, {"0020000D": {"vr": "UI", "Value": []}, "x": 1}],
    ],
)
def test_results_are_told_apart(page: list[JsonObject]) -> None:
    """By the UIDs of their level; without any by all that they hold."""
    pager = Pager(search(), all_pages=True)

    assert page == pager.take(page)
    assert [] == pager.take(page)
    assert pager.next_request() is None


@given(st.integers(0, 40), st.integers(1, 10), st.none() | st.integers(1, 10), st.booleans())
def test_every_result_once(size: int, most: int, limit: int | None, deaf: bool) -> None:
    """Whatever server and limit, each result comes once, in order, and the search ends."""
    archive = [result(number) for number in range(size)]
    results, _ = walk(archive, search(limit=limit), most, deaf=deaf)

    assert (archive[: min(most, limit or most)] if deaf else archive) == results
