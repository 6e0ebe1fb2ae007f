"""The forms of ``Accept``: from the usual one to simpler ones, and what is remembered."""

from __future__ import annotations

import pytest

from aiodicomweb import StatusError
from aiodicomweb.client.ladder import (
    Kind,
    Memory,
    forms_of,
    is_refusal,
    is_verdict,
    with_accept,
)
from aiodicomweb.http import URL, Headers, Origin, Request, parse_accept
from aiodicomweb.services import Resource, accept_for

KINDS = [*Resource, *Kind]
ORIGIN = URL.parse("http://archive.example/").origin


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_few_forms_and_all_are_legal(kind: Resource | Kind) -> None:
    """At most four requests; each form can be read (PS3.18 §8.7.5)."""
    forms = forms_of(kind)

    assert 1 < len(forms) <= 4
    assert len(set(forms)) == len(forms)
    assert all(parse_accept(form) for form in forms)


@pytest.mark.parametrize("resource", Resource)
def test_the_first_form_is_the_usual_one(resource: Resource) -> None:
    """What a request has by itself."""
    assert accept_for(resource) == forms_of(resource)[0]


def test_the_steps() -> None:
    """Quotation marks go, then the transfer syntax, then all (MED-40, MED-50)."""
    assert (
        'multipart/related; type="application/dicom"; transfer-syntax=*',
        "multipart/related; type=application/dicom; transfer-syntax=*",
        'multipart/related; type="application/dicom"',
        "*/*",
    ) == forms_of(Resource.INSTANCES)


@pytest.mark.parametrize("resource", [Resource.RENDERED, Resource.THUMBNAIL])
def test_images_stay_images(resource: Resource) -> None:
    """Who asks for an image gets no video or document in its place."""
    assert all(form.startswith("image/") for form in forms_of(resource))


@pytest.mark.parametrize(
    ("status", "retrieval", "store"),
    [(400, True, False), (406, True, True), (415, True, False), (404, False, False)],
)
def test_what_is_a_refusal(status: int, retrieval: bool, store: bool) -> None:
    """A store's 400 and 415 are about what was sent."""
    error = StatusError.for_status(status)(status=status)

    assert retrieval is is_refusal(Resource.FRAMES, error)
    assert store is is_refusal(Kind.STORE, error)


@pytest.mark.parametrize(
    ("status", "verdict"), [(404, True), (401, True), (406, False), (400, False), (500, False)]
)
def test_what_says_more_than_the_first_refusal(status: int, verdict: bool) -> None:
    """Who understood the form speaks of the thing; who fell over did not understand."""
    assert verdict is is_verdict(StatusError.for_status(status)(status=status))


def test_the_field_is_replaced() -> None:
    """All else stays; the usual form leaves the request as it is."""
    request = Request("GET", URL.parse("http://a/"), Headers({"Accept": "a/b", "X": "y"}))

    assert request is with_accept(request, "a/b")
    assert {"X": "y", "Accept": "*/*"} == dict(with_accept(request, "*/*").headers.items())


def test_what_worked_is_first() -> None:
    """By origin and kind; what is more than it is not asked for again."""
    memory = Memory()
    forms = forms_of(Resource.FRAMES)
    memory.note(ORIGIN, Resource.FRAMES, forms[2])

    assert forms[2:] == memory.forms(ORIGIN, Resource.FRAMES)
    assert forms_of(Resource.INSTANCES) == memory.forms(ORIGIN, Resource.INSTANCES)
    other = URL.parse("https://archive.example/").origin
    assert forms == memory.forms(other, Resource.FRAMES)


def test_the_memory_is_bounded() -> None:
    """Of many origins those that were used last are remembered."""
    memory = Memory()
    form = forms_of(Kind.SEARCH)[1]
    origins = [Origin("http", f"host{number}", 80) for number in range(300)]
    for origin in origins:
        memory.note(origin, Kind.SEARCH, form)
        memory.note(ORIGIN, Kind.SEARCH, form)

    kept = [origin for origin in origins if memory.forms(origin, Kind.SEARCH)[0] == form]
    assert origins[-255:] == kept
    assert form == memory.forms(ORIGIN, Kind.SEARCH)[0]
