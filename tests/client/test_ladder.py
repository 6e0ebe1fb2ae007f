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
    """By origin and kind; then come the others, from the top."""
    memory = Memory()
    forms = forms_of(Resource.FRAMES)
    memory.note(ORIGIN, Resource.FRAMES, forms[2], [406, 415], 0)

    assert (forms[2], forms[0], forms[1], forms[3]) == memory.forms(ORIGIN, Resource.FRAMES, 1)
    assert forms_of(Resource.INSTANCES) == memory.forms(ORIGIN, Resource.INSTANCES, 1)
    other = URL.parse("https://archive.example/").origin
    assert forms == memory.forms(other, Resource.FRAMES, 1)


def test_what_is_remembered_expires() -> None:
    """Ten minutes after it was found out, however often it worked since: servers are mended."""
    memory = Memory()
    forms = forms_of(Resource.FRAMES)
    memory.note(ORIGIN, Resource.FRAMES, forms[1], [406], 0)
    memory.note(ORIGIN, Resource.FRAMES, forms[1], [], 599)

    assert forms[1] == memory.forms(ORIGIN, Resource.FRAMES, 599)[0]
    assert forms == memory.forms(ORIGIN, Resource.FRAMES, 600)
    memory.note(ORIGIN, Resource.FRAMES, forms[1], [], 601)
    assert forms == memory.forms(ORIGIN, Resource.FRAMES, 601)


def test_what_is_refused_is_forgotten() -> None:
    """A form that worked once and is refused now is first no longer; another's refusal is not."""
    memory = Memory()
    forms = forms_of(Resource.FRAMES)
    memory.note(ORIGIN, Resource.FRAMES, forms[3], [406], 0)

    memory.refuse(ORIGIN, Resource.FRAMES, forms[2])
    assert forms[3] == memory.forms(ORIGIN, Resource.FRAMES, 1)[0]
    memory.refuse(ORIGIN, Resource.FRAMES, forms[3])
    memory.refuse(ORIGIN, Resource.FRAMES, forms[3])
    assert forms == memory.forms(ORIGIN, Resource.FRAMES, 1)


@pytest.mark.parametrize("refusals", [[400], [406, 400], [400, 406]])
def test_after_a_400_a_form_is_seen_twice(refusals: list[int]) -> None:
    """A 400 may be about anything: one that passed teaches nothing."""
    memory = Memory()
    forms = forms_of(Resource.FRAMES)
    memory.note(ORIGIN, Resource.FRAMES, forms[2], refusals, 0)
    assert forms == memory.forms(ORIGIN, Resource.FRAMES, 1)

    memory.note(ORIGIN, Resource.FRAMES, forms[2], refusals, 2)
    assert forms[2] == memory.forms(ORIGIN, Resource.FRAMES, 3)[0]


def test_what_comes_between_counts() -> None:
    """The usual form that works, another one, or ten minutes: it is not seen twice."""
    forms = forms_of(Resource.FRAMES)
    for form, refusals, now in ((forms[0], [], 1.0), (forms[1], [400], 1.0), (None, [], 600.0)):
        memory = Memory()
        memory.note(ORIGIN, Resource.FRAMES, forms[2], [400], 0)
        if form is not None:
            memory.note(ORIGIN, Resource.FRAMES, form, refusals, now)
        memory.note(ORIGIN, Resource.FRAMES, forms[2], [400], now)

        assert forms == memory.forms(ORIGIN, Resource.FRAMES, now)


def test_the_memory_is_bounded() -> None:
    """Of many origins those that were used last are remembered."""
    memory = Memory()
    form = forms_of(Kind.SEARCH)[1]
    origins = [Origin("http", f"host{number}", 80) for number in range(300)]
    memory.note(ORIGIN, Kind.SEARCH, form, [406], 0)
    for origin in origins:
        memory.note(origin, Kind.SEARCH, form, [406], 0)
        memory.note(ORIGIN, Kind.SEARCH, form, [], 0)

    kept = [origin for origin in origins if memory.forms(origin, Kind.SEARCH, 1)[0] == form]
    assert origins[-255:] == kept
    assert form == memory.forms(ORIGIN, Kind.SEARCH, 1)[0]
