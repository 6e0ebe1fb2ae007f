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
SOME, OTHER = (f"/studies/1/series/2/instances/{number}" for number in (3, 4))
PICKY = [resource for resource in Resource if resource is not Resource.METADATA]
"""Whose simpler forms may bring something else."""


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


def first(memory: Memory, kind: Resource | Kind, path: str = SOME, now: float = 1) -> str:
    """What an origin is asked with first."""
    return memory.forms(ORIGIN, kind, path, now)[0]


def test_what_worked_is_first() -> None:
    """By origin and kind; then come the others, from the top."""
    memory = Memory()
    forms = forms_of(Kind.SEARCH)
    memory.note(ORIGIN, Kind.SEARCH, SOME, forms[1], [406], 0)

    assert (forms[1], forms[0], forms[2]) == memory.forms(ORIGIN, Kind.SEARCH, SOME, 1)
    assert forms[1] == first(memory, Kind.SEARCH, OTHER)
    assert forms == memory.forms(ORIGIN, Resource.METADATA, SOME, 1)
    other = URL.parse("https://archive.example/").origin
    assert forms == memory.forms(other, Kind.SEARCH, SOME, 1)


def test_what_is_remembered_expires() -> None:
    """Ten minutes after it was found out, however often it worked since: servers are mended."""
    memory = Memory()
    forms = forms_of(Kind.SEARCH)
    memory.note(ORIGIN, Kind.SEARCH, SOME, forms[1], [406], 0)
    memory.note(ORIGIN, Kind.SEARCH, SOME, forms[1], [], 599)

    assert forms[1] == first(memory, Kind.SEARCH, now=599)
    assert forms[0] == first(memory, Kind.SEARCH, now=600)
    memory.note(ORIGIN, Kind.SEARCH, SOME, forms[1], [], 601)
    assert forms[0] == first(memory, Kind.SEARCH, now=601)


@pytest.mark.parametrize("kind", PICKY)
@pytest.mark.parametrize("refusals", [[406, 406], [415, 400], [400, 400]])
def test_a_form_that_says_less_is_found_for_two(kind: Resource, refusals: list[int]) -> None:
    """One instance may be what can't be given so: others are asked for as usual (MED-40)."""
    memory = Memory()
    forms = forms_of(kind)
    memory.note(ORIGIN, kind, SOME, forms[1], refusals, 0)
    assert [forms[0]] * 2 == [first(memory, kind, path) for path in (SOME, OTHER)]

    memory.note(ORIGIN, kind, OTHER, forms[1], refusals, 1)
    assert [forms[1]] * 3 == [first(memory, kind, path) for path in (SOME, OTHER, "/third")]
    memory.note(ORIGIN, kind, SOME, forms[1], refusals, 599)
    assert [forms[1], forms[0]] == [first(memory, kind, now=now) for now in (600, 601)]


@pytest.mark.parametrize("kind", PICKY)
def test_what_is_known_of_one_instance(kind: Resource) -> None:
    """What worked twice for one is asked for first for it, and its frames; not for others."""
    memory = Memory()
    form = forms_of(kind)[1]
    for number in (1, 2, 3):
        memory.note(ORIGIN, kind, f"{SOME}/frames/{number}", form, [406], 0)

    assert [form] * 2 == [first(memory, kind, SOME + below) for below in ("", "/frames/4")]
    usual = forms_of(kind)[0]
    paths = (OTHER, f"{OTHER}/frames/1", f"{SOME}5", SOME[:10])
    assert [usual] * 4 == [first(memory, kind, path) for path in paths]

    memory.note(ORIGIN, kind, f"{OTHER}/frames/1", form, [406], 1)
    assert [form] * 4 == [first(memory, kind, path) for path in paths]


@pytest.mark.parametrize("kind", [Kind.SEARCH, Kind.STORE, Resource.METADATA])
@pytest.mark.parametrize("refusals", [[400], [406, 400], [400, 406]])
def test_after_a_400_a_form_is_seen_twice(kind: Resource | Kind, refusals: list[int]) -> None:
    """A 400 may be about anything: one that passed teaches nothing."""
    memory = Memory()
    forms = forms_of(kind)
    memory.note(ORIGIN, kind, SOME, forms[2], refusals, 0)
    assert forms[0] == first(memory, kind)

    memory.note(ORIGIN, kind, SOME, forms[2], refusals, 2)
    assert [forms[2]] * 2 == [first(memory, kind, path, 3) for path in (SOME, OTHER)]


def test_what_comes_between_counts() -> None:
    """The usual form that works, another one, or ten minutes: it is not seen twice."""
    forms = forms_of(Resource.FRAMES)
    for form, refusals, now in ((forms[0], [], 1.0), (forms[1], [400], 1.0), (None, [], 600.0)):
        memory = Memory()
        memory.note(ORIGIN, Resource.FRAMES, SOME, forms[2], [400], 0)
        if form is not None:
            memory.note(ORIGIN, Resource.FRAMES, OTHER, form, refusals, now)
        memory.note(ORIGIN, Resource.FRAMES, OTHER, forms[2], [400], now)

        assert forms == memory.forms(ORIGIN, Resource.FRAMES, SOME, now)


def test_another_form_that_worked_takes_its_place() -> None:
    """What was remembered is forgotten where it was refused, and another form was not."""
    forms = forms_of(Kind.SEARCH)
    for form, refusals, expected in ((forms[0], [406], 0), (forms[1], [406, 406], 1)):
        memory = Memory()
        memory.note(ORIGIN, Kind.SEARCH, SOME, forms[2], [406], 0)
        memory.note(ORIGIN, Kind.SEARCH, SOME, form, refusals, 1)

        assert forms[expected] == first(memory, Kind.SEARCH)


def test_the_memory_is_bounded() -> None:
    """Of many origins those that were used last are remembered."""
    memory = Memory()
    form = forms_of(Kind.SEARCH)[1]
    origins = [Origin("http", f"host{number}", 80) for number in range(300)]
    memory.note(ORIGIN, Kind.SEARCH, SOME, form, [406], 0)
    for origin in origins:
        memory.note(origin, Kind.SEARCH, SOME, form, [406], 0)
        memory.note(ORIGIN, Kind.SEARCH, SOME, form, [], 0)

    kept = [o for o in origins if memory.forms(o, Kind.SEARCH, SOME, 1)[0] == form]
    assert origins[-255:] == kept
    assert form == first(memory, Kind.SEARCH)
