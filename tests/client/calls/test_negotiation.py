"""Servers that refuse what is usually asked for: simpler forms of ``Accept``, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import NotAcceptable, NotFound, Retry, StatusError
from aiodicomweb.client.ladder import Kind, forms_of
from aiodicomweb.services import Resource
from aiodicomweb.testing import End, Reply, response

from ...support.messages import (
    FRAMES,
    dicom_file,
    json_response,
    module,
    parts_response,
    result,
)
from ...support.serving import serving, talking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiodicomweb import Client
    from aiodicomweb.testing.peers import PeerRequest, Script

FILE = dicom_file()
INSTANCE = ("1.2", "1.2.3", "1.2.3.4")

VERBS: dict[str, tuple[Resource | Kind, Callable[[Client], Awaitable[object]], bytes]] = {
    "study": (Resource.INSTANCES, lambda c: c.retrieve_study("1.2"), parts_response([FILE])),
    "instance": (
        Resource.INSTANCES,
        lambda c: c.retrieve_instance(*INSTANCE),
        parts_response([FILE]),
    ),
    "frames": (
        Resource.FRAMES,
        lambda c: c.retrieve_instance_frames(*INSTANCE, [1]),
        parts_response([b"x"], FRAMES),
    ),
    "bulk data": (
        Resource.BULKDATA,
        lambda c: c.retrieve_bulkdata("bulk/1"),
        response(b"x", {"Content-Type": FRAMES}),
    ),
    "metadata": (
        Resource.METADATA,
        lambda c: c.retrieve_study_metadata("1.2"),
        json_response([result("1.2")]),
    ),
    "search": (
        Kind.SEARCH,
        lambda c: c.search_for_studies(),
        json_response([result("1.2")]),
    ),
    "rendered": (
        Resource.RENDERED,
        lambda c: c.retrieve_instance_rendered(*INSTANCE),
        response(b"x", {"Content-Type": "image/png"}),
    ),
    "thumbnail": (
        Resource.THUMBNAIL,
        lambda c: c.retrieve_study_thumbnail("1.2"),
        response(b"x", {"Content-Type": "image/png"}),
    ),
    "store": (
        Kind.STORE,
        lambda c: c.store_instances(FILE),
        json_response(module(["1.2.3.4"])),
    ),
}


def understands(form: str, answer: bytes, status: int = 406) -> Script:
    """A server that takes this form alone."""

    def reply(request: PeerRequest) -> Reply:
        return Reply(answer if request.headers["Accept"] == form else response(b"no", {}, status))

    return reply


@pytest.mark.parametrize(("kind", "verb", "answer"), VERBS.values(), ids=VERBS)
async def test_the_form_that_works_is_found_and_remembered(
    kind: Resource | Kind, verb: Callable[[Client], Awaitable[object]], answer: bytes
) -> None:
    """All steps down to the last: the next call begins with what worked.

    The next but one where that may bring something else.
    """
    forms = forms_of(kind)
    times = 1 if kind in (Kind.SEARCH, Kind.STORE, Resource.METADATA) else 2
    async with talking(understands(forms[-1], answer)) as (client, peer):
        for _ in range(times + 1):
            await verb(client)

        assert [*forms * times, forms[-1]] == [r.headers["Accept"] for r in peer.requests]
        assert 1 == peer.connections


async def test_one_instance_does_not_speak_for_all() -> None:
    """It can't be given as it is stored; those after it are asked for so (MED-40)."""
    forms = forms_of(Resource.INSTANCES)

    def script(request: PeerRequest) -> Reply:
        usable = "instances/14" in request.target or request.headers["Accept"] == forms[2]
        return Reply(parts_response([FILE]) if usable else response(status=406))

    async with talking(script) as (client, peer):
        for uid in ("13", "13", "14", "13", "14"):
            await client.retrieve_instance("1", "1.2", uid)

        expected = [*forms[:3], *forms[:3], forms[0], *forms[:3], forms[0]]
        assert expected == [r.headers["Accept"] for r in peer.requests]


@pytest.mark.parametrize("status", [400, 406])
async def test_a_request_that_is_refused_in_all_forms(status: int) -> None:
    """It says nothing of them: what is remembered stays."""
    form = forms_of(Kind.SEARCH)[1]
    good = understands(form, json_response([]), status)

    def script(request: PeerRequest) -> Reply:
        return Reply(response(status=status)) if "Bad" in request.target else good(request)

    async with talking(script) as (client, peer):
        for _ in range(2):
            await client.search_for_studies()
        with pytest.raises(StatusError):
            await client.search_for_studies(search_filters={"PatientID": "Bad"})
        before = len(peer.requests)
        await client.search_for_studies()

        assert [form] == [r.headers["Accept"] for r in peer.requests[before:]]


@pytest.mark.parametrize("status", [400, 406, 415])
async def test_any_of_the_refusals(status: int) -> None:
    """Servers differ in the status, too (Orthanc says 400)."""
    form = forms_of(Resource.INSTANCES)[1]
    script = understands(form, parts_response([FILE]), status)
    async with talking(script) as (client, peer):
        assert 1 == len(await client.retrieve_study("1.2"))
        assert 2 == len(peer.requests)


@pytest.mark.parametrize(("kind", "verb", "answer"), VERBS.values(), ids=VERBS)
async def test_the_first_refusal_is_told(
    kind: Resource | Kind, verb: Callable[[Client], Awaitable[object]], answer: bytes
) -> None:
    """Where no form works, the answer to the usual one is the error; nothing is remembered."""

    def script(request: PeerRequest) -> Reply:
        return Reply(response(request.headers["Accept"].encode(), {}, 406))

    async with talking(script) as (client, peer):
        for _ in range(2):
            with pytest.raises(NotAcceptable) as caught:
                await verb(client)

            assert forms_of(kind)[0].encode() == caught.value.body
        assert 2 * len(forms_of(kind)) == len(peer.requests)


async def test_what_the_caller_names_is_asked_for_alone() -> None:
    """By media types, by a header field or by the parameter."""
    refusals = [response(b"", {}, 406)] * 4
    async with serving(*refusals) as (client, peer):
        with pytest.raises(NotAcceptable):
            await client.retrieve_study("1.2", media_types=[("application/dicom", "*")])
        with pytest.raises(NotAcceptable):
            await client.retrieve_study("1.2", headers={"accept": "*/*"})
        with pytest.raises(NotAcceptable):
            await client.retrieve_study("1.2", additional_params={"accept": "application/dicom"})
        with pytest.raises(NotAcceptable):
            await client.search_for_studies(headers={"Accept": "application/json"})

        assert 4 == len(peer.requests)


async def test_a_verdict_is_told() -> None:
    """A server that understands a simpler form may have nothing there."""
    async with serving(response(status=400), response(status=404)) as (client, _):
        with pytest.raises(NotFound):
            await client.retrieve_study("1.2")


async def test_a_server_that_falls_over() -> None:
    """A simpler form that breaks the server says nothing; the first refusal does."""
    async with serving(response(status=406), response(status=500)) as (client, peer):
        with pytest.raises(NotAcceptable):
            await client.retrieve_study("1.2")

        assert 2 == len(peer.requests)


@pytest.mark.parametrize("verb", ["study", "search"])
async def test_an_answer_of_another_kind_is_none(verb: str) -> None:
    """``*/*`` may bring a ZIP file or a page, which is not what was asked for."""
    kind, call, _ = VERBS[verb]
    page = response(b"<p>", {"Content-Type": "text/html"})
    async with talking(understands("*/*", page)) as (client, peer):
        for _ in range(2):
            with pytest.raises(NotAcceptable):
                await call(client)
        assert 2 * len(forms_of(kind)) == len(peer.requests)


async def test_a_store_that_is_sent_again_says_so() -> None:
    """406 comes before a server stores, as far as one knows; the report has the UIDs."""
    stored = json_response(module(["1.2.3.4"]))
    async with talking(understands("application/json", stored)) as (client, peer):
        report = await client.store_instances(FILE)

        assert report.complete
        assert ("1.2.3.4",) == report.repeated
        assert peer.requests[0].body == peer.requests[1].body


@pytest.mark.parametrize("status", [400, 415])
async def test_a_store_is_not_repeated_for_other_refusals(status: int) -> None:
    """They are about what was sent."""
    async with serving(response(status=status)) as (client, peer):
        with pytest.raises(StatusError):
            await client.store_instances(FILE)

        assert 1 == len(peer.requests)


async def test_what_is_missing_is_asked_for_as_what_came() -> None:
    """A retrieval that is resumed keeps to the form that worked (MED-40)."""
    form = forms_of(Resource.FRAMES)[2]
    whole = parts_response([b"x" * 99, b"y" * 99], FRAMES)
    replies = iter([Reply(whole[:-120], End.CLOSE), Reply(parts_response([b"y" * 99], FRAMES))])

    def script(request: PeerRequest) -> Reply:
        usable = request.headers["Accept"] == form
        return next(replies) if usable else Reply(response(status=406))

    async with talking(script, retry=Retry(first=0)) as (client, peer):
        assert 2 == len(await client.retrieve_instance_frames(*INSTANCE, [1, 2]))
        assert [form, form] == [r.headers["Accept"] for r in peer.requests[2:]]


async def test_a_form_that_is_refused_later() -> None:
    """What worked once is no trap: the others are asked with again, and the best is kept."""
    forms = forms_of(Resource.INSTANCES)
    whole = parts_response([FILE])
    usable = [forms[3]]

    def script(request: PeerRequest) -> Reply:
        fits = request.headers["Accept"] == usable[0]
        return Reply(whole if fits else response(status=406))

    async with talking(script) as (client, peer):
        await client.retrieve_study("1.2")
        await client.retrieve_study("1.3")
        usable[0] = forms[0]
        await client.retrieve_study("1.4")
        await client.retrieve_study("1.2")

        assert [*forms, *forms, forms[3], forms[0], forms[0]] == [
            r.headers["Accept"] for r in peer.requests
        ]


async def test_a_store_whose_form_is_refused_later() -> None:
    """The same of the answer to a store."""
    forms = forms_of(Kind.STORE)
    stored = json_response(module(["1.2.3.4"]))
    usable = [forms[2]]

    def script(request: PeerRequest) -> Reply:
        fits = request.headers["Accept"] == usable[0]
        return Reply(stored if fits else response(status=406))

    async with talking(script) as (client, peer):
        await client.store_instances(FILE)
        usable[0] = forms[0]
        await client.store_instances(FILE)
        await client.store_instances(FILE)

        assert [*forms, forms[2], forms[0], forms[0]] == [
            r.headers["Accept"] for r in peer.requests
        ]


@pytest.mark.parametrize("status", [400, 406])
async def test_a_server_that_was_ill_for_a_moment(status: int) -> None:
    """Three refusals, and all is well: the usual form is asked for again."""
    forms = forms_of(Resource.INSTANCES)
    whole = parts_response([FILE])
    async with serving(*[response(status=status)] * 3, whole, whole) as (client, peer):
        for _ in range(2):
            await client.retrieve_study("1.2")

        assert [*forms, forms[0]] == [r.headers["Accept"] for r in peer.requests]
