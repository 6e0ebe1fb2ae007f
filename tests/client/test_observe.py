"""What hooks and the log are told, and when."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import (
    Client,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    MultipartError,
    NotFound,
    OAuth2ClientCredentials,
    Retry,
)
from aiodicomweb.client import (
    BearerAuth,
    Event,
    HeadReceived,
    PartReceived,
    Progress,
    RequestFinished,
    RequestRedirected,
    RequestRetried,
    RequestStarted,
    Transaction,
)
from aiodicomweb.client.observe import Observer, Watch
from aiodicomweb.http import URL, Request
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ..support.discretion import QUIET
from ..support.messages import (
    FRAMES,
    JSON,
    dicom_file,
    json_response,
    module,
    parts_response,
    parts_type,
    result,
)
from ..support.serving import serving, talking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiodicomweb.testing.peers import Answer, PeerRequest

QUICK = Retry(first=0.001)
EMPTY = json_response([])
BUSY = response(b"busy", status=503)


def kinds(events: list[Event]) -> list[str]:
    """The names of the events, in order."""
    return [type(event).__name__ for event in events]


def moved(location: str) -> bytes:
    """A redirect."""
    return response(b"", {"Location": location}, 302)


def one(kind: type[Any], events: list[Event]) -> Any:
    """The only event of a kind."""
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Clients have no hooks but those of the test, and log no more than they usually do."""
    monkeypatch.setattr("aiodicomweb.client.client.Observer", Observer)
    for name in QUIET:
        caplog.set_level(logging.WARNING, name)


@pytest.fixture
def log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> pytest.LogCaptureFixture:
    """What the client logs."""
    for name in QUIET:
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    return caplog


# --- events --------------------------------------------------------------------------------------


async def test_a_search() -> None:
    """It starts, has a head and finishes; all three belong together, and time runs."""
    events: list[Event] = []
    async with serving(json_response([result("1.2")]), hooks=events.append) as (client, peer):
        await client.search_for_series("1.2", search_filters={"Modality": "CT"})
        origin = URL.parse(peer.url).origin

    assert ["RequestStarted", "HeadReceived", "RequestFinished"] == kinds(events)
    started, head, finished = events
    assert isinstance(started, RequestStarted)
    assert isinstance(head, HeadReceived)
    assert isinstance(finished, RequestFinished)
    assert 1 == len({(event.call, event.request) for event in events})
    assert {("GET", origin, Transaction.SEARCH)} == {
        (event.method, event.origin, event.transaction) for event in events
    }
    assert {"/studies/{study}/series"} == {event.route for event in events}
    assert (0, 0, 0) == (started.resends, started.size, started.parts)
    assert started.time <= head.time <= finished.time
    assert head.seconds == finished.head_seconds <= finished.seconds
    assert (200, None, True, 0) == (
        finished.status, finished.error, finished.complete, finished.parts
    )  # fmt: skip


async def test_octets_are_counted() -> None:
    """Heads included, as they went over the wire."""
    events: list[Event] = []
    async with serving(EMPTY, hooks=events.append) as (client, peer):
        await client.search_for_studies()

    finished = one(RequestFinished, events)
    assert len(EMPTY) == finished.received
    assert len(f"GET /studies HTTP/1.1\r\nHost: {peer.origin[7:]}\r\n") < finished.sent < 1000


async def test_parts() -> None:
    """Each tells of its octets once it was handed out, and the finish counts them."""
    events: list[Event] = []
    reply = parts_response([b"one", b"three"], FRAMES)
    async with serving(reply, hooks=[events.append]) as (client, _):
        await client.retrieve_instance_frames("1", "2", "3", [1, 2])

    first, second = (event for event in events if isinstance(event, PartReceived))
    assert (1, FRAMES, 3) == (first.number, first.media_type, first.octets)
    assert (2, FRAMES, 5) == (second.number, second.media_type, second.octets)
    assert 0 <= first.seconds
    assert "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}" == first.route
    assert 2 == one(RequestFinished, events).parts
    assert ["PartReceived", "RequestFinished"] == kinds(events)[-2:]


async def test_parts_in_pieces() -> None:
    """A part that is read in pieces is over with its last; one that is not read, with the next."""
    events: list[Event] = []
    file = dicom_file("1.2.3", 100_000)
    async with serving(parts_response([file, file]), hooks=events.append) as (client, _):
        call = client.retrieve_study("1.2")
        first = await anext(call)
        assert len(file) == sum([len(piece) async for piece in first])
        assert "PartReceived" == kinds(events)[-1]
        await anext(call)
        with pytest.raises(StopAsyncIteration):
            await anext(call)

    parts = [event for event in events if isinstance(event, PartReceived)]
    assert [(1, len(file)), (2, 0)] == [(part.number, part.octets) for part in parts]


async def test_bodies_that_are_read_whole_have_no_parts() -> None:
    """The text of an error is no part."""
    events: list[Event] = []
    async with serving(response(b"none", status=404), hooks=events.append) as (client, _):
        with pytest.raises(NotFound):
            await client.retrieve_study("1.2")

    finished = one(RequestFinished, events)
    assert ["RequestStarted", "HeadReceived", "RequestFinished"] == kinds(events)
    assert (404, None, True, 0) == (
        finished.status, finished.error, finished.complete, finished.parts
    )  # fmt: skip


async def test_retries() -> None:
    """Each attempt is a request of its own; between two stands why, and the wait."""
    events: list[Event] = []
    lost = Reply(b"", End.CLOSE)
    async with serving(BUSY, lost, EMPTY, hooks=events.append, retry=QUICK) as (client, _):
        await client.search_for_studies()

    busy, closed = (event for event in events if isinstance(event, RequestRetried))
    starts = [event for event in events if isinstance(event, RequestStarted)]
    ends = [event for event in events if isinstance(event, RequestFinished)]
    assert (503, None) == (busy.status, busy.error)
    assert (None, "ConnectionLost") == (closed.status, closed.error)
    assert 0 <= busy.wait <= 0.001
    assert [0, 1, 2] == [event.resends for event in starts]
    assert [503, None, 200] == [event.status for event in ends]
    assert [None, "ConnectionLost", None] == [event.error for event in ends]
    assert [False, False, True] == [event.complete for event in ends]
    assert [starts[0].request, starts[1].request] == [busy.request, closed.request]
    assert 3 == len({event.request for event in events})
    assert 1 == len({event.call for event in events})


CUT = Reply(response(b"[", {**JSON, "Content-Length": "9"}), End.CUT)
"""An answer to a search whose body breaks off."""


async def test_a_body_that_breaks_off() -> None:
    """It is over before it is told that, and how long later, it is asked for again."""
    events: list[Event] = []
    async with serving(CUT, CUT, EMPTY, hooks=events.append, retry=QUICK) as (client, _):
        await client.search_for_studies()

    exchange = ["RequestStarted", "HeadReceived", "RequestFinished"]
    assert [*exchange, "RequestRetried", *exchange, "RequestRetried", *exchange] == kinds(events)
    retried = [event for event in events if isinstance(event, RequestRetried)]
    starts = [event for event in events if isinstance(event, RequestStarted)]
    assert [(None, "FramingError")] * 2 == [(event.status, event.error) for event in retried]
    assert all(0 <= event.wait <= 0.002 for event in retried)
    assert [0, 1, 2] == [event.resends for event in starts]
    assert [event.request for event in starts[:2]] == [event.request for event in retried]
    assert 1 == len({event.call for event in events})


async def test_what_is_missing_is_another_request() -> None:
    """Why it is sent is told; it is not the one that broke off."""
    events: list[Event] = []
    whole = parts_response([b"one", b"two"], FRAMES)
    cut = Reply(whole[: whole.index(b"two")], End.CUT)
    rest = parts_response([b"two"], FRAMES)
    async with serving(cut, rest, hooks=events.append, retry=QUICK) as (client, peer):
        assert 2 == len(await client.retrieve_instance_frames("1", "2", "3", [1, 2]))

    assert ["1,2", "2"] == [request.target.rpartition("/")[2] for request in peer.requests]
    assert "FramingError" == one(RequestRetried, events).error
    assert [0, 0] == [event.resends for event in events if isinstance(event, RequestStarted)]


async def test_a_simpler_form_is_another_request() -> None:
    """It is of the same call, and nothing is sent again; nor is it behind what broke off."""
    events: list[Event] = []
    refused = response(status=406)
    replies = (refused, CUT, EMPTY)
    async with serving(*replies, hooks=events.append, retry=QUICK) as (client, _):
        await client.search_for_studies()

    assert "FramingError" == one(RequestRetried, events).error
    assert [0, 0, 1] == [event.resends for event in events if isinstance(event, RequestStarted)]
    assert 1 == len({event.call for event in events})


async def test_a_kept_connection_that_was_closed() -> None:
    """What goes out again is a request of its own, at once, though nothing is to be repeated."""
    events: list[Event] = []
    replies = (EMPTY, Reply(b"", End.CLOSE), EMPTY)
    async with serving(*replies, hooks=events.append, retry=Retry(attempts=1)) as (client, _):
        await client.search_for_studies()
        events.clear()
        await client.search_for_studies()

    start, end = ["RequestStarted"], ["RequestFinished"]
    assert [*start, *end, "RequestRetried", *start, "HeadReceived", *end] == kinds(events)
    started, lost, retried, again, _, finished = events
    assert isinstance(lost, RequestFinished)
    assert isinstance(retried, RequestRetried)
    assert isinstance(again, RequestStarted)
    assert isinstance(finished, RequestFinished)
    assert (None, "ConnectionLost", 0) == (lost.status, lost.error, lost.received)
    assert (None, "ConnectionLost", 0) == (retried.status, retried.error, retried.wait)
    assert started.request == lost.request == retried.request == again.request - 1
    assert 1 == again.resends
    assert (200, None, True) == (finished.status, finished.error, finished.complete)


async def test_an_expectation_that_is_not_met() -> None:
    """The request that got 417 is over, and the one without ``Expect`` is another."""
    events: list[Event] = []
    replies = (Reply(response(status=417), End.CLOSE, early=True), json_response(module(["1.2"])))
    async with serving(*replies, hooks=events.append, retry=Retry(attempts=1)) as (client, _):
        await client.store_instances(dicom_file("1.2"), headers={"Expect": "100-continue"})

    retried = one(RequestRetried, events)
    first, second = (event for event in events if isinstance(event, RequestFinished))
    assert [417, 200] == [event.status for event in events if isinstance(event, HeadReceived)]
    assert (417, None, 0) == (retried.status, retried.error, retried.wait)
    assert (417, 200) == (first.status, second.status)
    assert first.request == retried.request == second.request - 1
    assert first.sent < second.sent


async def test_a_redirect() -> None:
    """It tells the origin that it leads to, and what follows is a request of the same call."""
    events: list[Event] = []
    async with ScriptedPeer([EMPTY]) as elsewhere:
        moved = response(b"", {"Location": elsewhere.url + "studies?PatientName=Doe"}, 302)
        async with serving(moved, hooks=events.append) as (client, _):
            await client.search_for_studies()
        target = URL.parse(elsewhere.url).origin

    redirected = one(RequestRedirected, events)
    assert (302, target, "/studies") == (redirected.status, redirected.target, redirected.route)
    assert [
        *("RequestStarted", "HeadReceived", "RequestFinished", "RequestRedirected"),
        *("RequestStarted", "HeadReceived", "RequestFinished"),
    ] == kinds(events)
    assert target == events[-1].origin
    assert [0, 1] == [event.resends for event in events if isinstance(event, RequestStarted)]
    assert 1 == len({event.call for event in events})


async def test_pages_belong_to_one_call() -> None:
    """A search that takes two requests is one call, and the next search another."""
    events: list[Event] = []
    pages = [json_response([result("1.2"), result("1.3")]), EMPTY, EMPTY]
    async with serving(*pages, hooks=events.append) as (client, _):
        await client.search_for_studies(limit=2, get_remaining=True)
        await client.search_for_studies()

    first, second, third = (event for event in events if isinstance(event, RequestStarted))
    assert first.call == second.call != third.call
    assert (0, 0) == (first.resends, second.resends)


async def test_a_token() -> None:
    """A request for a token goes by its own name, and tells nothing of what it holds."""
    events: list[Event] = []
    token = response(b'{"access_token": "T0ken", "token_type": "Bearer"}', {
        "Content-Type": "application/json"
    })  # fmt: skip
    async with ScriptedPeer([token]) as login:
        auth = OAuth2ClientCredentials(login.url + "token", "robot", "s3cret")
        async with serving(EMPTY, auth=auth, hooks=events.append) as (client, _):
            await client.search_for_studies()

    asked, searched = (event for event in events if isinstance(event, RequestStarted))
    assert (Transaction.AUTHENTICATE, "POST", None) == (
        asked.transaction, asked.method, asked.route
    )  # fmt: skip
    assert (Transaction.SEARCH, 0) == (searched.transaction, searched.resends)
    assert asked.call == searched.call
    shown = f"{events}{[event.url for event in events]}"
    assert [] == [secret for secret in ("T0ken", "s3cret") if secret in shown]


async def test_a_store() -> None:
    """The size and the parts of its body are known; progress ends with all of them sent."""
    events: list[Event] = []
    files = [dicom_file("1.2.3", 100_000), dicom_file("1.2.4", 100_000)]
    async with serving(json_response(module(["1.2.3", "1.2.4"])), hooks=events.append) as (
        client,
        peer,
    ):
        await client.store_instances(files)

    started = one(RequestStarted, events)
    finished = one(RequestFinished, events)
    assert (Transaction.STORE, "/studies", 2) == (started.transaction, started.route, started.parts)
    assert peer.requests[0].body_length == started.size
    assert started.size < finished.sent
    progress = started.progress()
    assert (finished.sent, finished.received, 2) == (
        progress.sent, progress.received, progress.parts_sent
    )  # fmt: skip


async def test_progress_while_a_store_is_under_way() -> None:
    """It may be asked for at any time, and begins with nothing."""
    events: list[Event] = []
    first: list[Progress] = []

    def hook(event: Event) -> None:
        events.append(event)
        if isinstance(event, RequestStarted):
            first.append(event.progress())

    asked, answered = anyio.Event(), anyio.Event()

    def script(_: PeerRequest) -> Answer:
        asked.set()
        return [answered, json_response(module(["1.2.3"]))]

    async with talking(script, hooks=hook) as (client, _), anyio.create_task_group() as tasks:
        tasks.start_soon(client.store_instances(dicom_file("1.2.3", 1000)).__aenter__)
        await asked.wait()
        progress = one(RequestStarted, events).progress()
        answered.set()

    assert [Progress(sent=0, received=0, parts_sent=0)] == first
    assert (0, 1) == (progress.received, progress.parts_sent)
    assert 1000 < progress.sent


async def test_what_breaks_off_is_told() -> None:
    """An error that ends a response is named by its class."""
    events: list[Event] = []
    broken = response(b"--end\r\nDoe Jane\r\n\r\nx", parts_type())
    async with serving(broken, hooks=events.append) as (client, _):
        with pytest.raises(MultipartError):
            await client.retrieve_study("1.2")

    finished = one(RequestFinished, events)
    assert (200, "MultipartError", False) == (finished.status, finished.error, finished.complete)


async def test_no_connection() -> None:
    """A request that never went out ends as well, with nothing sent."""
    events: list[Event] = []
    async with ScriptedPeer([]) as peer:
        url = peer.url
    async with Client(url, hooks=events.append, retry=Retry(attempts=1)) as client:
        with pytest.raises(ConnectFailed):
            await client.search_for_studies()

    finished = one(RequestFinished, events)
    assert ["RequestStarted", "RequestFinished"] == kinds(events)
    assert (None, "ConnectFailed", None) == (
        finished.status, finished.error, finished.head_seconds
    )  # fmt: skip
    assert (0, 0) == (finished.sent, finished.received)


async def test_cancellation() -> None:
    """A request that is cancelled ends with the class of that."""
    events: list[Event] = []
    asked = anyio.Event()

    def script(_: PeerRequest) -> Answer:
        asked.set()
        return [anyio.Event()]

    async with (
        talking(script, hooks=events.append) as (client, _),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(client.search_for_studies().__aenter__)
        await asked.wait()
        tasks.cancel_scope.cancel()

    assert anyio.get_cancelled_exc_class().__name__ == one(RequestFinished, events).error


async def test_a_call_that_is_left() -> None:
    """It finishes, not complete and without an error."""
    events: list[Event] = []
    file = dicom_file("1.2.3", 100_000)
    async with (
        serving(parts_response([file, file]), hooks=events.append) as (client, _),
        client.retrieve_study("1.2") as call,
    ):
        await anext(call)

    finished = one(RequestFinished, events)
    assert (200, None, False, 0) == (
        finished.status, finished.error, finished.complete, finished.parts
    )  # fmt: skip


async def test_a_call_that_is_dropped() -> None:
    """Hooks are not called by the garbage collector, but before the next event."""
    events: list[Event] = []
    file = dicom_file("1.2.3", 100_000)
    async with serving(parts_response([file]), EMPTY, hooks=events.append) as (client, _):
        call = client.retrieve_study("1.2")
        await anext(call)
        del call
        gc.collect()
        assert "HeadReceived" == kinds(events)[-1]
        await client.search_for_studies()

    assert [
        *("RequestStarted", "HeadReceived", "RequestFinished"),
        *("RequestStarted", "HeadReceived", "RequestFinished"),
    ] == kinds(events)
    assert events[0].request == events[2].request != events[3].request


async def test_a_call_that_is_dropped_last() -> None:
    """Where no event follows, closing the client tells."""
    events: list[Event] = []
    file = dicom_file("1.2.3", 100_000)
    async with serving(parts_response([file]), hooks=events.append) as (client, _):
        call = client.retrieve_study("1.2")
        await anext(call)
        del call
        gc.collect()

    assert "RequestFinished" == kinds(events)[-1]


# --- routes and names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/studies", "/studies"),
        ("/dicom-web/series", "/series"),
        ("/studies/1.2", "/studies/{study}"),
        ("/studies/1.2/metadata", "/studies/{study}/metadata"),
        ("/studies/1.2/instances", "/studies/{study}/instances"),
        ("/studies/any-ID/series/2/thumbnail", "/studies/{study}/series/{series}/thumbnail"),
        (
            "/a/b/studies/1/series/2/instances/3/frames/4,5/rendered",
            "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        ),
        ("/bulk/1.2.3", None),
        ("/T0ken/studies/1.2/series", "/studies/{study}/series"),
    ],
)
def test_routes(path: str, route: str | None) -> None:
    """They have names in the place of UIDs, and nothing of what stands before."""
    events: list[Event] = []
    request = Request("GET", URL.parse(f"http://pacs{path}"))
    watch = Observer(events.append).watch(request, 1)
    assert watch is not None
    watch.begin(request)

    assert [route] == [event.route for event in events]


@pytest.mark.parametrize(
    ("method", "path", "transaction"),
    [
        ("GET", "/studies", Transaction.SEARCH),
        ("GET", "/studies/1.2/series", Transaction.SEARCH),
        ("GET", "/studies/1.2", Transaction.RETRIEVE),
        ("GET", "/bulk/1", Transaction.RETRIEVE),
        ("POST", "/studies", Transaction.STORE),
        ("DELETE", "/studies/1.2", Transaction.DELETE),
    ],
)
def test_transactions(method: str, path: str, transaction: Transaction) -> None:
    """They follow from method and path; what has no such path is bulk data."""
    events: list[Event] = []
    request = Request(method, URL.parse(f"http://pacs{path}"))
    watch = Observer(events.append).watch(request, 1)
    assert watch is not None
    watch.begin(request)

    assert [transaction] == [event.transaction for event in events]


def test_events_show_no_uid() -> None:
    """The URL with its UIDs is there for who asks for it, without query values."""
    events: list[Event] = []
    request = Request("GET", URL.parse("http://u:s3cret@pacs/studies/1.2.3?PatientName=Doe"))
    watch = Observer(events.append).watch(request, 1)
    assert watch is not None
    watch.begin(request)

    assert "1.2.3" not in repr(events)
    assert ["http://pacs/studies/1.2.3?PatientName=…"] == [event.url for event in events]


# --- hooks ---------------------------------------------------------------------------------------


def test_what_is_no_hook_is_refused() -> None:
    """A hook is callable."""
    with pytest.raises(ConfigurationError, match="hook"):
        Client("http://pacs", hooks=[3])  # type: ignore[list-item]


async def test_a_hook_that_raises(log: pytest.LogCaptureFixture) -> None:
    """It disturbs nothing, is called again, and is logged once, without its text."""
    calls: list[Event] = []
    name = "Doe^Jane"

    def broken(event: Event) -> None:
        calls.append(event)
        raise ValueError(name)

    after: list[Event] = []
    async with serving(EMPTY, EMPTY, hooks=[broken, after.append]) as (client, _):
        await client.search_for_studies()
        await client.search_for_studies()

    assert 6 == len(calls) == len(after)
    errors = [record for record in log.records if record.levelno == logging.ERROR]
    assert ["aiodicomweb.client"] == [record.name for record in errors]
    assert "a hook failed, which is told once: ValueError" in log.text
    assert "in broken" in log.text
    assert name not in log.text


async def test_a_hook_that_says_it_was_cancelled(log: pytest.LogCaptureFixture) -> None:
    """Such as by looking at a future: nobody cancelled the call, so it goes on."""

    def broken(event: Event) -> None:
        raise asyncio.CancelledError

    async with serving(EMPTY, hooks=broken) as (client, _):
        assert [] == await client.search_for_studies()

    assert "a hook failed, which is told once: CancelledError" in log.text


async def test_a_hook_that_ends_the_program() -> None:
    """What is meant for the whole program is not kept from it."""

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observer(interrupted).watch(Request("GET", URL.parse("http://a/")), 1).begin(  # type: ignore[union-attr]
            Request("GET", URL.parse("http://a/"))
        )


class Tagging:
    """A hook that adds a field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields

    def __call__(self, event: Event, /) -> None:
        """Nothing."""

    def header_fields(self, started: RequestStarted, /) -> Mapping[str, str]:
        """The fields."""
        return self.fields


async def test_hooks_may_add_header_fields() -> None:
    """They go to the client's own origins, beside the credentials, and to no other."""
    value = parts_response([b"x"], FRAMES)
    async with ScriptedPeer([value]) as elsewhere:
        hook = Tagging({"traceparent": "00-1-2-3"})
        settings: dict[str, Any] = {"hooks": hook, "auth": BearerAuth("t")}
        async with serving(EMPTY, **settings) as (client, peer):
            await client.search_for_studies()
            await client.retrieve_bulkdata(elsewhere.url + "bulk/1")

    assert "00-1-2-3" == peer.requests[0].headers["traceparent"]
    assert "Bearer t" == peer.requests[0].headers["Authorization"]
    assert "traceparent" not in elsewhere.requests[0].headers


async def test_a_detour_costs_what_hooks_add() -> None:
    """Who was sent home by a stranger comes without credentials, and without traces."""
    async with ScriptedPeer(lambda _: moved(peer.url + "b")) as elsewhere:
        hook = Tagging({"traceparent": "00-1-2-3", "baggage": "a=b"})
        async with serving(moved(elsewhere.url), EMPTY, hooks=hook) as (client, peer):
            await client.search_for_studies()

    home, back = peer.requests
    assert {"traceparent", "baggage"} <= set(home.headers)
    assert not {"traceparent", "baggage"} & {*elsewhere.requests[0].headers, *back.headers}


async def test_header_fields_that_cannot_be(log: pytest.LogCaptureFixture) -> None:
    """The request goes without them."""
    async with serving(EMPTY, hooks=Tagging({"trace parent": "1\r\n2"})) as (client, peer):
        await client.search_for_studies()

    assert "trace parent" not in peer.requests[0].headers
    assert "a hook failed" in log.text


async def test_hooks_replace_nothing(log: pytest.LogCaptureFixture) -> None:
    """Of what a request has or says of itself; what tells of traces goes, and is the hook's."""
    fields = {
        **dict.fromkeys(["traceparent", "TraceState", "baggage", "X-Request-Id"], "hook"),
        **dict.fromkeys(["Authorization", "accept", "X-Site", "Host", "Content-Length"], "hook"),
        **dict.fromkeys(["Cookie", "Proxy-Authorization", "Range", "If-Match", "TE"], "hook"),
        **dict.fromkeys(["Connection", "Upgrade", "Transfer-Encoding", "X-Amz-Date"], "hook"),
    }
    settings: dict[str, Any] = {"auth": BearerAuth("t")}
    settings["headers"] = {"X-Site": "north", "traceparent": "client"}
    async with serving(EMPTY, EMPTY, hooks=Tagging(fields), **settings) as (client, peer):
        await client.search_for_studies()
        await client.search_for_studies()

    for request in peer.requests:
        given = [name.lower() for name, value in request.headers.items() if value == "hook"]
        assert ["baggage", "traceparent", "tracestate", "x-request-id"] == sorted(given)
        assert ["north", "Bearer t"] == [request.headers[n] for n in ("X-Site", "Authorization")]
        assert peer.origin == f"http://{request.headers['Host']}"
    assert 1 == log.text.count("fields that a hook may not set")


# --- nobody listens ------------------------------------------------------------------------------


@pytest.mark.usefixtures("unwatched")
async def test_without_hooks_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a watch nor an event: whatever is sent, and however it ends."""

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Watch, "__init__", fail)
    parts = parts_response([b"one", b"two"], FRAMES)
    lost = Reply(b"", End.CLOSE)
    async with serving(BUSY, parts, EMPTY, lost, lost, lost, retry=Retry(first=0, attempts=2)) as (
        client,
        _,
    ):
        assert 2 == len(await client.retrieve_instance_frames("1", "2", "3", [1, 2]))
        await client.search_for_studies()
        with pytest.raises(ConnectionLost):
            await client.search_for_studies()


# --- the log -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unwatched")
async def test_the_log_at_info(log: pytest.LogCaptureFixture) -> None:
    """Has retries and nothing else, without UIDs."""
    for name in QUIET:
        log.set_level(logging.INFO, name)
    async with serving(BUSY, response(b"[]", JSON), retry=QUICK) as (client, peer):
        await client.search_for_series("1.2.3.4")

    (record,) = (record for record in log.records if record.name.startswith("aiodicomweb"))
    assert ("INFO", "aiodicomweb.client") == (record.levelname, record.name)
    text = record.getMessage()
    assert f", GET {peer.origin}/studies/{{study}}/series: 503, again in 0.00 s" in text
    assert "1.2.3.4" not in text


@pytest.mark.usefixtures("unwatched")
async def test_a_body_that_breaks_off_is_logged(log: pytest.LogCaptureFixture) -> None:
    """At INFO, as every repetition is, though nobody is told of requests that go well."""
    for name in QUIET:
        log.set_level(logging.INFO, name)
    async with serving(CUT, EMPTY, retry=QUICK) as (client, _):
        await client.search_for_series("1.2.3.4")

    (record,) = (record for record in log.records if record.name.startswith("aiodicomweb"))
    assert "/studies/{study}/series: FramingError, again in 0.00 s" in record.getMessage()


async def test_the_log_at_debug(log: pytest.LogCaptureFixture) -> None:
    """Has connections, redirects and how each request ended."""
    for name in QUIET:
        log.set_level(logging.DEBUG, name)
    moved = response(b"", {"Location": "/moved/studies"}, 302)
    file = dicom_file("1.2.3", 100_000)
    async with serving(moved, EMPTY, parts_response([file, file])) as (client, peer):
        await client.search_for_studies()
        async with client.retrieve_study("1.2") as call:
            await anext(call)

    texts = [f"{record.name}: {record.getMessage()}" for record in log.records]
    assert f"aiodicomweb.net: connected to {peer.origin}" in texts
    assert f"aiodicomweb.net: connection to {peer.origin} closed, exchange 3" in texts
    assert any(f"/studies: 302, on to {peer.origin}" in text for text in texts)
    assert any("/studies: 200 in 0.0" in text for text in texts)
    assert any(text.endswith("not read to the end") for text in texts)
