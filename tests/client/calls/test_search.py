"""Searches and metadata: pages, representations, and answers that are no results."""

from __future__ import annotations

import pytest

from aiodicomweb import (
    ContentError,
    FramingError,
    JsonModelError,
    LimitExceeded,
    Limits,
    ServerError,
    UnexpectedMediaType,
)
from aiodicomweb.testing import End, PeerRequest, Reply, response

from ...support.messages import JSON, json_response, result
from ...support.serving import serving, talking

ALL = [f"1.2.{number}" for number in range(7)]


def offset_of(request: PeerRequest) -> int:
    """The offset that a search asks for."""
    _, _, query = request.target.partition("?")
    values = dict(pair.split("=") for pair in query.split("&") if pair)
    return int(values.get("offset", 0))


async def test_results_are_data_sets_or_json() -> None:
    """Awaited a list, iterated one by one; ``as_json`` gives what the server sent."""
    page = json_response([result("1.2"), result("1.3")])
    async with serving(page, page, page, page) as (client, _):
        assert ["1.2", "1.3"] == [d.StudyInstanceUID for d in await client.search_for_studies()]
        assert ["1.2", "1.3"] == [d.StudyInstanceUID async for d in client.search_for_studies()]
        json = [result("1.2"), result("1.3")]
        assert json == await client.search_for_studies().as_json()
        assert json == [obj async for obj in client.search_for_studies().as_json()]


@pytest.mark.parametrize(
    "reply",
    [response(status=204), response(b"[]", JSON), response(b"", JSON), response(b" \n", JSON)],
    ids=["204", "[]", "empty", "blank"],
)
async def test_no_results(reply: bytes) -> None:
    """Every way to say that there is nothing is understood (QID-50)."""
    async with serving(reply) as (client, _):
        assert [] == await client.search_for_studies()


async def test_one_page_unless_asked_for_more() -> None:
    """A limit is what the caller wants, and no reason to go on."""
    async with serving(json_response([result("1.2")])) as (client, peer):
        await client.search_for_studies(limit=1)

        assert "/studies?limit=1" == peer.requests[0].target


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_all_pages(size: int) -> None:
    """Pages are asked for until one is empty, whatever size the server makes them."""

    def script(request: PeerRequest) -> bytes:
        begin = offset_of(request)
        return json_response([result(uid) for uid in ALL[begin : begin + size]])

    async with talking(script) as (client, peer):
        found = await client.search_for_studies(get_remaining=True, limit=5)

        assert ALL == [study.StudyInstanceUID for study in found]
        assert 1 == peer.connections
        assert all("limit=5" in request.target for request in peer.requests)


async def test_a_server_that_ignores_offset() -> None:
    """The same page again is the end; nothing is given twice (QID-53)."""
    page = json_response([result(uid) for uid in ALL])
    async with talking(lambda _: page) as (client, peer):
        found = await client.search_for_studies(get_remaining=True)

        assert ALL == [study.StudyInstanceUID for study in found]
        assert ["/studies", "/studies?offset=7"] == [request.target for request in peer.requests]


async def test_a_server_without_end() -> None:
    """A server that makes up results for ever is stopped by ``Limits.pages``."""

    def script(request: PeerRequest) -> bytes:
        return json_response([result(f"1.{offset_of(request)}")])

    async with talking(script, limits=Limits(pages=5)) as (client, peer):
        with pytest.raises(LimitExceeded, match="Limits.pages is 5"):
            await client.search_for_studies(get_remaining=True)

        assert 5 == len(peer.requests)


async def test_a_failure_on_a_later_page() -> None:
    """What came before was given; the failure comes in its place."""
    replies = [json_response([result("1.2")]), response(status=500)]
    async with serving(*replies) as (client, _):
        found = []
        call = client.search_for_studies(get_remaining=True)
        found.append(await anext(call))
        with pytest.raises(ServerError):
            await anext(call)

        assert ["1.2"] == [study.StudyInstanceUID for study in found]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (response(b"<html>", {"Content-Type": "text/html"}), UnexpectedMediaType),
        (response(b"[{]", JSON), JsonModelError),
        (response(b"[1]", JSON), JsonModelError),
        (Reply(response(b"[]", {**JSON, "Content-Length": "9"}), End.CLOSE), FramingError),
        (response(b"[]" * 100, JSON), LimitExceeded),
        (response(b"[]", {**JSON, "Content-Encoding": "br"}), UnexpectedMediaType),
    ],
    ids=["page", "no JSON", "no objects", "cut", "too long", "coded"],
)
async def test_what_is_no_result(reply: Reply, error: type[Exception]) -> None:
    """Each is its own error, and the next search goes well."""
    async with serving(reply, json_response([]), limits=Limits(body=150)) as (client, _):
        with pytest.raises(error):
            await client.search_for_studies()

        assert [] == await client.search_for_studies()


async def test_metadata_of_many() -> None:
    """Metadata of a study: a data set for each instance."""
    objects = [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in ALL]
    async with serving(json_response(objects), json_response(objects)) as (client, _):
        found = await client.retrieve_study_metadata("1.2")

        assert ALL == [instance.SOPInstanceUID for instance in found]
        assert objects == await client.retrieve_study_metadata("1.2").as_json()


async def test_metadata_of_one() -> None:
    """Metadata of an instance: one data set, or an error."""
    one = {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}
    async with serving(json_response([one]), json_response(one), json_response([]),
                       json_response([one, one])) as (client, _):  # fmt: skip
        uids = ("1", "2", "3")
        assert "1.2.3" == (await client.retrieve_instance_metadata(*uids)).SOPInstanceUID
        assert one == await client.retrieve_instance_metadata(*uids).as_json()
        for count in (0, 2):
            with pytest.raises(ContentError, match=f"one instance, got {count}"):
                await client.retrieve_instance_metadata(*uids)


async def test_metadata_of_one_is_iterated_too() -> None:
    """An instance's metadata can be iterated like those of many."""
    one = {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}
    async with serving(json_response([one])) as (client, _):
        found = [d.SOPInstanceUID async for d in client.retrieve_instance_metadata("1", "2", "3")]

        assert ["1.2.3"] == found
