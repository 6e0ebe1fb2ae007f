"""What an archive lists, and whether that is all: the decisions alone."""

from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb import LimitExceeded
from aiodicomweb.client.inventory import Inventory
from aiodicomweb.client.resumption import NotResumable
from aiodicomweb.http import Headers, Response

PLAIN = Response(200)


def listed(
    instance: str | None, series: str | None = None, *, study: Any = None, own: Any = None
) -> dict[str, Any]:
    """A search result, with the numbers of instances that it tells of study and series."""
    uids = {"00080018": instance, "0020000E": series}
    numbers = {"00201208": study, "00201209": own}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items() if uid} | {
        tag: {"vr": "IS", "Value": [number]} for tag, number in numbers.items() if number
    }


def inventory(
    *objects: dict[str, Any], series: str | None = None, response: Response = PLAIN
) -> Inventory:
    """What a response lists."""
    taken = Inventory(series, 100)
    taken.take(response, objects)
    return taken


def test_instances() -> None:
    """Of a study each says its series; of a series it need not."""
    assert {"3": "1", "4": "2"} == inventory(listed("3", "1"), listed("4", "2")).instances
    of_series = inventory(listed("3"), listed("4", "x"), series="1")
    assert {"3": "1", "4": "1"} == of_series.instances
    assert not of_series.doubted


@pytest.mark.parametrize(
    "obj",
    [listed("3"), listed(None, "1"), {}, {"00080018": {"vr": "UI"}}, listed("1" * 65, "1")],
)
def test_an_instance_without_uids(obj: dict[str, Any]) -> None:
    """It says nothing that could be asked for."""
    with pytest.raises(ValueError, match="without UIDs"):
        inventory(obj)


def test_an_instance_in_two_series() -> None:
    """Its UID does not tell whether both came: in one list, or in two."""
    one, other = listed("3", "1"), listed("3", "2")
    with pytest.raises(NotResumable):
        inventory(one, other)
    taken = inventory(one)
    with pytest.raises(NotResumable):
        taken.take(PLAIN, [other])


def test_too_many() -> None:
    """A server that makes up instances for ever is not listened to."""
    taken = Inventory(None, 2)
    taken.take(PLAIN, [listed("1", "1"), listed("2", "1")])
    with pytest.raises(LimitExceeded) as caught:
        taken.take(PLAIN, [listed("3", "1")])

    assert "parts" == caught.value.limit


@pytest.mark.parametrize(
    ("response", "doubted"),
    [
        (PLAIN, False),
        (Response(204), False),
        (Response(206), True),
        (Response(200, Headers({"Warning": '299 x "There are 4 additional results"'})), True),
        (Response(200, Headers({"Warning": "something"})), True),
        (Response(200, Headers({"Warning": '214 proxy "Transformation applied"'})), False),
    ],
)
def test_an_answer_that_is_not_all(response: Response, *, doubted: bool) -> None:
    """206, or a warning of the archive (PS3.18 §8.3.4.4, §10.4.3.1); not one of a cache."""
    assert doubted is inventory(listed("3", "1"), response=response).doubted


def test_pages() -> None:
    """The last one is empty; one that repeats another shows that there are no pages."""
    taken = Inventory(None, 100)
    assert taken.take(PLAIN, [listed("3", "1")])
    assert taken.take(PLAIN, [listed("4", "1")])
    assert not taken.take(PLAIN, [])
    assert not taken.doubted
    assert not taken.take(PLAIN, [listed("3", "1"), listed("4", "1")])
    assert taken.doubted


MORE = Response(200, Headers({"Warning": '299 x "There are 1 additional results"'}))
UNSURE = Response(200, Headers({"Warning": '299 x "An archive did not answer"'}))


@pytest.mark.parametrize(
    ("first", "second", "last", "doubted"),
    [
        (MORE, PLAIN, PLAIN, False),
        (MORE, MORE, PLAIN, True),
        (MORE, PLAIN, MORE, True),
        (UNSURE, PLAIN, PLAIN, True),
    ],
)
def test_pages_that_say_that_there_are_more(
    first: Response, second: Response, last: Response, *, doubted: bool
) -> None:
    """The next page shows that it is true, and has it; then nothing is left out."""
    taken = inventory(listed("3", "1"), response=first)
    assert taken.doubted
    taken.take(second, [listed("4", "1")])
    taken.take(last, [])

    assert doubted is taken.doubted


def test_pages_that_overlap() -> None:
    """Where some results come twice others may have been left out."""
    taken = inventory(listed("3", "1"))

    assert taken.take(PLAIN, [listed("3", "1"), listed("4", "1")])
    assert taken.doubted


@pytest.mark.parametrize(
    ("objects", "short", "counted"),
    [
        ([listed("3", "1")], False, False),
        ([listed("3", "1", study=1)], False, True),
        ([listed("3", "1", study="1")], False, True),
        ([listed("3", "1", study=2), listed("4", "2")], False, True),
        ([listed("3", "1", study=3), listed("4", "2")], True, False),
        ([listed("3", "1", study=1), listed("4", "2")], False, False),
        ([listed("3", "1", own=1)], False, False),
        ([listed("3", "1", own=2)], True, False),
        ([listed("3", "1", study=1, own=2)], True, False),
        ([listed("3", "1", study="many", own=[1])], False, False),
    ],
)
def test_numbers_of_a_study(objects: list[dict[str, Any]], *, short: bool, counted: bool) -> None:
    """NumberOfStudyRelatedInstances counts all; those of series only say what is missing."""
    taken = inventory(*objects)

    assert short is taken.is_short
    assert counted is taken.is_counted


def test_numbers_of_a_series() -> None:
    """NumberOfSeriesRelatedInstances counts; that of the study says nothing of a series."""
    assert inventory(listed("3", own=1, study=9), series="1").is_counted
    assert inventory(listed("3", own=2), series="1").is_short
    assert not inventory(listed("3", study=9), series="1").is_short


@pytest.mark.parametrize("own", [None, 2])
def test_numbers_that_another_search_tells(own: int | None) -> None:
    """That of the study or series in question, among whatever else the search gives."""
    of_study = inventory(listed("3", "1"), listed("4", "2"))
    assert not of_study.is_told
    found = [
        {"0020000D": {"vr": "UI", "Value": [study]}, **listed(None, "1", study=number, own=own)}
        for study, number in [("8", 1), ("9", 2), ("7", 5)]
    ]
    of_study.count(found, "9")
    assert of_study.is_told
    assert of_study.is_counted

    of_series = inventory(listed("3"), listed("4"), series="1")
    of_series.count([*found, listed(None, "5", own=7), listed(None, None, own=7)], "9")
    assert of_series.is_told is (own is not None)
    assert of_series.is_counted is (own is not None)


def test_two_lists() -> None:
    """Instances and numbers of both count together; what comes twice is no surprise then."""
    both = inventory(listed("3", "1", study=1, own=1))
    both.take(PLAIN, [listed("3", "1"), listed("4", "1", study=3, own=3)])

    assert {"3": "1", "4": "1"} == both.instances
    assert both.is_short
    both.take(PLAIN, [listed("5", "1")])
    assert both.is_counted
