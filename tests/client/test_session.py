"""Requests to responses: credentials, header fields, retries, redirects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import (
    AuthenticationRequired,
    BasicAuth,
    BearerAuth,
    Client,
    ConnectFailed,
    ConnectionLost,
    LimitExceeded,
    Limits,
    NotFound,
    OAuth2ClientCredentials,
    PoolExhausted,
    RemoteProtocolError,
    Retry,
    ServerError,
    StatusError,
    Throttled,
    Timeout,
)
from aiodicomweb.client import Event, HeadReceived, RequestFinished, RequestRetried
from aiodicomweb.errors import CredentialsUnavailable, DeadlineExceeded, DicomWebError
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ..support.messages import FRAMES, JSON, dicom_file, json_response, parts_response, result
from ..support.serving import serving, talking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from aiodicomweb.http import Request, Response
    from aiodicomweb.testing.peers import Answer, PeerRequest

QUICK = Retry(first=0.001)
EMPTY = json_response([])
BUSY = response(b"busy", status=503)


# --- credentials and header fields ---------------------------------------------------------------


async def test_every_request_has_them() -> None:
    """Credentials and the client's header fields go with each request; a call's replace them."""
    headers = {"X-Site": "one", "Accept": "x/y"}
    async with serving(EMPTY, EMPTY, auth=BearerAuth("t"), headers=headers) as (client, peer):
        await client.search_for_studies()
        await client.search_for_studies(headers={"x-site": "two"})

        assert ["one", "two"] == [request.headers["X-Site"] for request in peer.requests]
        assert ["Bearer t", "Bearer t"] == [r.headers["Authorization"] for r in peer.requests]


async def test_services_of_their_own_get_them_too() -> None:
    """A prefix that is a URL names an origin of the client's."""
    async with ScriptedPeer([EMPTY]) as elsewhere:
        settings = {"auth": BasicAuth("u", "p"), "qido_url_prefix": elsewhere.url + "qido"}
        async with serving(**settings) as (client, peer):
            await client.search_for_studies()

        assert 0 == peer.connections
        assert "Basic dTpw" == elsewhere.requests[0].headers["Authorization"]
        assert "/qido/studies" == elsewhere.requests[0].target


async def test_other_origins_do_not_get_them() -> None:
    """A BulkDataURI may point anywhere: credentials stay at home (RFC 9110 §15.4)."""
    value = parts_response([b"x"], FRAMES)
    async with ScriptedPeer([value]) as elsewhere:
        settings = {"auth": BasicAuth("u", "p"), "headers": {"X-Api-Key": "secret"}}
        async with serving(value, **settings) as (client, peer):
            await client.retrieve_bulkdata(elsewhere.url + "bulk/1")
            await client.retrieve_bulkdata("bulk/2")

        away, home = elsewhere.requests[0], peer.requests[0]
        assert ("/bulk/1", "/bulk/2") == (away.target, home.target)
        assert b"Basic" not in away.head
        assert b"secret" not in away.head
        assert {"Authorization", "X-Api-Key"} <= set(home.headers)


async def test_secrets_of_a_call_do_not_go_to_other_origins() -> None:
    """What the caller gave for the archive stays there, on the first hop as behind a redirect."""
    value = parts_response([b"x"], FRAMES)
    secrets = {"X-Api-Key": "s3cret", "Cookie": "s=s3cret", "Authorization": "Bearer s3cret"}
    async with ScriptedPeer([value]) as elsewhere:
        async with serving(value) as (client, peer):
            given = {**secrets, "Accept-Language": "eo"}
            await client.retrieve_bulkdata(elsewhere.url + "bulk/1", headers=given)
            await client.retrieve_bulkdata("bulk/2", headers=given)

        away, home = elsewhere.requests[0], peer.requests[0]
        assert b"s3cret" not in away.head
        assert "eo" == away.headers["Accept-Language"]
        assert secrets == {name: home.headers[name] for name in secrets}


async def test_userinfo_of_a_uri_is_not_sent() -> None:
    """A server that hands out credentials in a URI doesn't make us send them."""
    async with serving(parts_response([b"x"], FRAMES)) as (client, peer):
        await client.retrieve_bulkdata(peer.url.replace("//", "//user:word@") + "bulk/1")

        assert "Authorization" not in peer.requests[0].headers
        assert b"word" not in peer.requests[0].head


class TwoSteps:
    """Credentials that the server asks for."""

    def flow(self, request: Request, *, now: float) -> Generator[Request, Response, None]:
        answer = yield request
        if answer.status == 401:
            headers = request.headers.add("Authorization", answer.headers["WWW-Authenticate"])
            yield type(request)(request.method, request.url, headers, request.body)


async def test_a_flow_may_take_steps() -> None:
    """A flow sees the response's head, and may ask again; the last answer is the caller's."""
    challenge = response(b"log in", {"WWW-Authenticate": "Nonce 5"}, 401)
    async with serving(challenge, EMPTY, auth=TwoSteps(), limits=Limits(connections=1)) as (
        client,
        peer,
    ):
        assert [] == await client.search_for_studies()
        assert "Nonce 5" == peer.requests[1].headers["Authorization"]


class Broken:
    """A flow that fails."""

    def flow(self, request: Request, *, now: float) -> Generator[Request, Response, None]:
        yield request
        raise LookupError("no token")


async def test_a_flow_may_fail() -> None:
    """Its error comes out, and its connection goes back."""
    async with serving(EMPTY, EMPTY, auth=Broken(), limits=Limits(connections=1)) as (client, _):
        for _ in range(2):
            with pytest.raises(LookupError, match="no token"):
                await client.search_for_studies()


# --- retries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_passes_is_repeated(status: int) -> None:
    """A search is asked again until the server is well."""
    again = response(status=status)
    async with serving(again, again, json_response([result("1.2")]), retry=QUICK) as (client, peer):
        assert 1 == len(await client.search_for_studies())
        assert 3 == len(peer.requests)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 409, 410, 413, 415, 501, 505])
async def test_what_does_not_pass_is_not(status: int) -> None:
    """Asking again would get the same answer, where the caller named the media type."""
    async with serving(response(status=status), EMPTY, retry=QUICK) as (client, peer):
        with pytest.raises(Exception, match=f"status {status}"):
            await client.search_for_studies(headers={"Accept": "application/json"})

        assert 1 == len(peer.requests)


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
async def test_a_lost_connection_is_repeated(end: End) -> None:
    """Before anything was handed out."""
    async with serving(Reply(b"", end), Reply(EMPTY[:9], End.RESET), EMPTY, retry=QUICK) as (
        client,
        peer,
    ):
        assert [] == await client.search_for_studies()
        assert 3 == len(peer.requests)


DYING = Reply(b"", End.CLOSE)


async def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    """At once, and it counts as no attempt (RFC 9110 §9.2.2)."""
    async with serving(EMPTY, DYING, EMPTY, retry=Retry(attempts=1)) as (client, peer):
        await client.search_for_studies()

        assert [] == await client.search_for_studies()
        assert [1, 1, 2] == [request.connection for request in peer.requests]


async def test_a_kept_connection_is_replaced_once() -> None:
    """A new connection that ends as well is the end of it, and so is a new one at the start."""
    async with serving(DYING, EMPTY, DYING, DYING, retry=Retry(attempts=1)) as (client, peer):
        with pytest.raises(ConnectionLost):
            await client.search_for_studies()
        await client.search_for_studies()
        with pytest.raises(ConnectionLost, match="without an answer"):
            await client.search_for_studies()

        assert [1, 2, 2, 3] == [request.connection for request in peer.requests]


async def test_what_has_an_effect_is_not_sent_again() -> None:
    """Nobody knows whether the server saw it before it closed the kept connection."""
    async with serving(EMPTY, DYING, EMPTY, DYING) as (client, peer):
        await client.search_for_studies()
        with pytest.raises(ConnectionLost):
            await client.store_instances(dicom_file())
        await client.search_for_studies()
        with pytest.raises(ConnectionLost):
            await client.delete_study("1.2")

        assert ["GET", "POST", "GET", "DELETE"] == [request.method for request in peer.requests]


async def test_what_breaks_off_is_an_error_where_nothing_is_repeated() -> None:
    """An answer that breaks off in its body is no end."""
    reply = Reply(response(b"[", {**JSON, "Content-Length": "9"}), End.RESET)
    async with serving(reply, EMPTY, retry=Retry(attempts=1)) as (client, peer):
        with pytest.raises(ConnectionLost):
            await client.search_for_studies()

        assert 1 == len(peer.requests)


async def test_attempts_end_with_the_last_failure() -> None:
    """What the server said last is told, with its body and ``Retry-After``."""
    replies = [BUSY, response(status=500), response(b"so", {"Retry-After": "0"}, 503)]
    async with serving(*replies, retry=QUICK) as (client, peer):
        with pytest.raises(Throttled) as caught:
            await client.search_for_studies()

        assert (b"so", 0) == (caught.value.body, caught.value.retry_after)
        assert 3 == len(peer.requests)


async def test_a_server_that_asks_for_too_long() -> None:
    """``Retry-After`` beyond the longest wait ends the attempts at once."""
    busy = response(status=503, headers={"Retry-After": "3600"})
    async with serving(busy, EMPTY, retry=QUICK) as (client, peer):
        with pytest.raises(Throttled) as caught:
            await client.search_for_studies()

        assert 3600 == caught.value.retry_after
        assert 1 == len(peer.requests)


async def test_a_server_that_is_down() -> None:
    """No connection: tried again, and then told with the reason."""
    async with ScriptedPeer() as peer:
        url = peer.url
    async with Client(url, retry=QUICK) as client:
        with pytest.raises(ConnectFailed, match="Connection refused"):
            await client.search_for_studies()


async def test_a_wait_can_be_cancelled() -> None:
    """Between attempts nothing is held."""
    busy = response(status=503, headers={"Retry-After": "20"})
    scope = anyio.CancelScope()

    def leave(event: Event) -> None:
        if isinstance(event, RequestRetried):
            scope.cancel()

    async with serving(busy, EMPTY, retry=QUICK, hooks=leave) as (client, peer):
        with scope:
            await client.search_for_studies()

        assert scope.cancelled_caught
        await peer.wait_until_idle()
        assert [] == await client.search_for_studies()


@pytest.mark.parametrize(("status", "requests"), [(429, 2), (503, 1), (500, 1)])
async def test_a_deletion_is_repeated_if_it_was_not_begun(status: int, requests: int) -> None:
    """A second answer of 404 would deny what the first one did."""
    async with serving(response(status=status), response(), retry=QUICK) as (client, peer):
        try:
            await client.delete_study("1.2")
        except ServerError:
            assert 500 == status
        except Throttled:
            assert 503 == status

        assert requests == len(peer.requests)


ONE_WAIT = Retry(attempts=9, first=0.02, longest=0.02, budget=0.03)
"""Whose second wait goes beyond the budget, where chance makes waits as long as can be."""


async def test_a_ladder_has_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each form of ``Accept`` has its attempts, and all forms have the same seconds to wait."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    async with serving(BUSY, response(status=406), BUSY, EMPTY, retry=ONE_WAIT) as (client, peer):
        with pytest.raises(StatusError, match="status 406"):
            await client.retrieve_instance_frames("1.2", "1.3", "1.4", [1])

        assert 3 == len(peer.requests)


async def test_waits_of_a_body_and_of_requests_are_one_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was waited for a response counts when its body breaks off."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    cut = Reply(response(b"[", {**JSON, "Content-Length": "9"}), End.CUT)
    async with serving(BUSY, cut, EMPTY, retry=ONE_WAIT) as (client, peer):
        with pytest.raises(DicomWebError):
            await client.search_for_studies()

        assert 2 == len(peer.requests)


async def test_attempts_without_anything_new_are_counted_together() -> None:
    """Whether there is no response or its body breaks off: three attempts are three requests."""
    cut = Reply(response(b"[", {**JSON, "Content-Length": "9"}), End.CUT)
    async with serving(BUSY, cut, BUSY, EMPTY, retry=QUICK) as (client, peer):
        with pytest.raises(Throttled):
            await client.search_for_studies()

        assert 3 == len(peer.requests)


async def test_each_page_has_its_attempts() -> None:
    """A page that came is progress: the next one may fail as often."""
    pages = [json_response([result("1.2")]), json_response([result("1.3")]), EMPTY]
    replies = [reply for page in pages for reply in (BUSY, BUSY, page)]
    async with serving(*replies, retry=QUICK) as (client, peer):
        assert 2 == len(await client.search_for_studies(limit=1, get_remaining=True))
        assert 9 == len(peer.requests)


# --- redirects -----------------------------------------------------------------------------------


def moved(location: str, status: int = 302, body: bytes = b"<html>moved</html>") -> bytes:
    """A redirect."""
    return response(body, {"Location": location}, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(status: int) -> None:
    """With credentials and all fields at the same origin, and on the same connection."""
    settings = {"auth": BearerAuth("t"), "headers": {"X-Key": "one"}}
    async with serving(moved("/b/c?d=e", status), EMPTY, **settings) as (client, peer):
        assert [] == await client.search_for_studies(headers={"X-Call": "two"})

        first, second = peer.requests
        assert "/b/c?d=e" == second.target
        assert first.headers == second.headers
        assert {"Authorization", "X-Key", "X-Call"} <= set(second.headers)
        assert 1 == peer.connections


async def test_a_redirect_leaves_secrets_at_home() -> None:
    """Neither credentials nor the client's or the call's fields go elsewhere (HTP-62)."""
    async with ScriptedPeer([EMPTY]) as elsewhere:
        settings = {"auth": BearerAuth("s3cret"), "headers": {"X-Key": "s3cret"}}
        async with serving(moved(elsewhere.url + "b"), **settings) as (client, peer):
            assert [] == await client.search_for_studies(headers={"X-Call": "s3cret"})

        away = elsewhere.requests[0]
        assert b"s3cret" in peer.requests[0].head
        assert b"s3cret" not in away.head
        assert elsewhere.origin == f"http://{away.headers['Host']}"
        assert "application/dicom+json" in away.headers["Accept"]


async def test_a_redirect_to_another_origin_of_the_client_has_credentials() -> None:
    """The origins that the client was made for are trusted, and get what is for them."""
    async with ScriptedPeer([EMPTY]) as other:
        settings = {"auth": BearerAuth("t"), "wado_url_prefix": other.url}
        async with serving(moved(other.url), **settings) as (client, _):
            await client.search_for_studies(headers={"X-Call": "two"})

        assert "Bearer t" == other.requests[0].headers["Authorization"]
        assert "X-Call" not in other.requests[0].headers


async def test_who_sends_away_cannot_send_home() -> None:
    """A stranger that redirects to us can't have us do things with our credentials."""
    value = parts_response([b"x"], FRAMES)
    async with ScriptedPeer(lambda _: moved(peer.url + "bulk/1")) as elsewhere:
        async with serving(value, auth=BearerAuth("t")) as (client, peer):
            await client.retrieve_bulkdata(elsewhere.url + "bulk/1")

        assert "/bulk/1" == peer.requests[0].target
        assert "Authorization" not in peer.requests[0].headers


async def test_a_login_elsewhere_says_what_is_missing() -> None:
    """401 at an origin that gets no credentials: the hint tells why, the URL where."""
    async with ScriptedPeer([response(status=401)]) as elsewhere:
        async with serving(moved(elsewhere.url + "b?name=Doe"), auth=BearerAuth("t")) as (
            client,
            _,
        ):
            with pytest.raises(AuthenticationRequired, match="this is another one") as caught:
                await client.search_for_studies()

        assert f"{elsewhere.url}b?name=…" == caught.value.url


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("/studies", RemoteProtocolError),
        ("http://[", RemoteProtocolError),
        ("ftp://127.0.0.1/x", StatusError),
    ],
)
async def test_a_redirect_that_goes_nowhere(location: str, error: type[Exception]) -> None:
    """A circle, no URL, another protocol: an error, and the connection is given back."""
    settings = {"limits": Limits(connections=1)}
    async with serving(moved(location), EMPTY, **settings) as (client, peer):
        with pytest.raises(error):
            await client.search_for_studies()

        assert 1 == len(peer.requests)
        assert [] == await client.search_for_studies()


async def test_redirects_have_a_limit() -> None:
    """A server that goes on for ever is left, by default after ten."""
    async with talking(lambda _: moved(f"/{len(peer.requests)}")) as (client, peer):
        with pytest.raises(LimitExceeded, match=r"Limits\.redirects is 10"):
            await client.search_for_studies()

        assert 11 == len(peer.requests)


@pytest.mark.parametrize(
    "answer", [moved("/b", body=bytes(1_000_000)), [moved("/b")[:-1], anyio.Event()]]
)
async def test_what_a_redirect_says_is_not_waited_for(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that is long, or doesn't come, costs the connection and no more."""
    monkeypatch.setattr("aiodicomweb.client.session._SOON", 0.01)
    async with serving(answer, EMPTY) as (client, peer):
        assert [] == await client.search_for_studies()
        assert 2 == peer.connections


async def test_a_retry_begins_at_the_beginning() -> None:
    """What a redirect led to may be gone: the next attempt asks the server again."""
    replies = [moved("/b"), BUSY, moved("/c"), EMPTY]
    async with serving(*replies, retry=QUICK) as (client, peer):
        assert [] == await client.search_for_studies()
        assert ["/studies", "/b", "/studies", "/c"] == [each.target for each in peer.requests]


# --- phases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["head", "read"])
async def test_each_phase_is_named(phase: str) -> None:
    """A server that goes quiet, before its answer or in it."""
    replies = {"head": [anyio.Event()], "read": [EMPTY[:-1], anyio.Event()]}
    timeout = Timeout(**{phase: 0.03})
    async with serving(replies[phase], EMPTY, timeout=timeout) as (client, peer):
        with pytest.raises(DeadlineExceeded, match=f"Timeout.{phase}") as caught:
            await client.search_for_studies()

        assert (phase, peer.origin) == (caught.value.phase, caught.value.origin)
        await peer.wait_until_idle()
        assert [] == await client.search_for_studies()


async def test_a_handshake_has_its_time() -> None:
    """A server that accepts but never shakes hands is over after ``Timeout.tls``, each time."""
    async with ScriptedPeer(ready=anyio.Event()) as peer:  # never: it reads nothing at all
        url = peer.url.replace("http", "https")
        async with Client(url, timeout=Timeout(tls=0.05), retry=QUICK) as client:
            with pytest.raises(DeadlineExceeded, match="Timeout.tls") as caught:
                await client.search_for_studies()

        assert "tls" == caught.value.phase
        assert 3 == peer.connections


async def test_the_total_is_not_waited_for() -> None:
    """A wait that ``Timeout.total`` would cut short is not begun: the last answer is told."""
    busy = response(status=503, headers={"Retry-After": "20"})
    async with serving(busy, EMPTY, retry=Retry(), timeout=Timeout(total=15)) as (client, peer):
        with pytest.raises(Throttled):
            await client.search_for_studies()

        assert 1 == len(peer.requests)


async def test_the_total_spans_attempts_and_redirects() -> None:
    """However many there are, the call ends in time."""
    clock = iter(range(100))

    def answer(request: PeerRequest) -> Answer:
        if next(clock) < 6:
            return moved(f"/{len(peer.requests)}") if len(peer.requests) % 3 else BUSY
        return [anyio.Event()]

    settings = {"timeout": Timeout(total=0.5), "retry": Retry(first=0, attempts=9)}
    async with talking(answer, **settings) as (client, peer):
        with pytest.raises(DeadlineExceeded, match="Timeout.total") as caught:
            await client.search_for_studies()

        assert "head" == caught.value.phase
        assert 7 == len(peer.requests)


async def test_the_total_spans_authentication() -> None:
    """Credentials that don't come are part of the call."""

    async def never() -> str:
        await anyio.sleep_forever()
        raise AssertionError

    settings = {"timeout": Timeout(total=0.05), "auth": BearerAuth(never)}
    async with serving(EMPTY, **settings) as (client, peer):
        with pytest.raises(DeadlineExceeded, match="Timeout.total") as caught:
            await client.search_for_studies()

        assert ("total", 0) == (caught.value.phase, len(peer.requests))


async def dribble(status: int, **fields: str) -> AsyncIterator[bytes]:
    """A response whose body never ends and never pauses for long."""
    yield response(headers={"Content-Length": "1000000", **fields}, status=status)
    while True:
        await anyio.sleep(0.01)
        yield b"x"


@pytest.mark.parametrize("verb", ["search", "store", "delete"])
async def test_an_error_that_dribbles_in(verb: str) -> None:
    """Silence is bounded, and so is the whole of an error's body: what came has to do."""
    events: list[Event] = []
    settings = {"timeout": Timeout(read=0.1, head=0.3), "hooks": events.append}
    async with talking(lambda _: Reply(dribble(404)), **settings) as (client, _):
        call = {
            "search": client.search_for_studies,
            "store": lambda: client.store_instances(dicom_file("1.2.1")),
            "delete": lambda: client.delete_study("1.2"),
        }[verb]
        with pytest.raises(NotFound) as caught:
            await call()

        assert set(b"x") >= set(caught.value.body)
        # It was given up: no cancellation of the caller's, and no error, ended the request.
        assert [(404, None, False)] == [
            (event.status, event.error, event.complete)
            for event in events
            if isinstance(event, RequestFinished)
        ]


async def test_a_caller_that_goes_while_an_error_dribbles_in() -> None:
    """That is a cancellation, and told as one."""
    events: list[Event] = []
    came = anyio.Event()

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, HeadReceived):
            came.set()

    async with (
        talking(lambda _: Reply(dribble(404)), hooks=tell) as (client, _),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(client.search_for_studies()._run)
        await came.wait()
        tasks.cancel_scope.cancel()

    (finished,) = [event for event in events if isinstance(event, RequestFinished)]
    assert (404, anyio.get_cancelled_exc_class().__name__) == (finished.status, finished.error)


async def test_a_redirect_that_dribbles_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed all the same, and what was given up is told as that."""
    monkeypatch.setattr("aiodicomweb.client.session._SOON", 0.05)
    events: list[Event] = []

    def answer(request: PeerRequest) -> Answer:
        moved = request.target.startswith("/moved")
        return EMPTY if moved else Reply(dribble(307, Location="/moved/studies"))

    async with talking(answer, hooks=events.append) as (client, _):
        assert [] == await client.search_for_studies()

    assert [(307, None, False), (200, None, True)] == [
        (event.status, event.error, event.complete)
        for event in events
        if isinstance(event, RequestFinished)
    ]


async def test_a_token_that_dribbles_in() -> None:
    """It has ``Timeout.head`` for the whole."""
    async with ScriptedPeer(lambda _: Reply(dribble(200))) as tokens:
        auth = OAuth2ClientCredentials(tokens.url, "id", "secret")
        async with serving(EMPTY, auth=auth, timeout=Timeout(head=0.1)) as (client, peer):
            with pytest.raises(CredentialsUnavailable):
                await client.search_for_studies()

            assert [] == peer.requests


async def test_a_full_pool_says_so() -> None:
    """All connections in use for ``Timeout.pool``: an error that says what can be done."""
    settings = {"limits": Limits(connections=1), "timeout": Timeout(pool=0.03)}
    stream = parts_response([bytes(1_000_000)])
    async with serving(stream, EMPTY, **settings) as (client, _):
        async with client.retrieve_study("1.2"):
            with pytest.raises(PoolExhausted, match="raise Limits.connections") as caught:
                await client.search_for_studies()
            assert "0 idle, 1 busy, 0 waiting" in repr(client)

        assert "pool" == caught.value.phase
        assert [] == await client.search_for_studies()


async def test_many_tasks_share_a_client() -> None:
    """However many there are: no more connections than allowed, and all are served."""
    served = 0
    async with serving(*[EMPTY] * 100, limits=Limits(connections=3)) as (client, peer):

        async def work() -> None:
            nonlocal served
            await client.search_for_studies()
            served += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(work)

        assert 100 == served
        assert 3 == peer.connections


# --- errors --------------------------------------------------------------------------------------


async def test_an_error_has_what_the_server_said() -> None:
    """Body, bounded, header fields, warnings and the redacted URL."""
    refusal = response(b"x" * 1000, {"Warning": '299 x "try later"', "X-Id": "7"}, 404)
    async with serving(refusal, limits=Limits(error_body=100)) as (client, peer):
        with pytest.raises(NotFound) as caught:
            await client.search_for_studies(search_filters={"PatientName": "Doe"})

        error = caught.value
        assert (b"x" * 100, "7") == (error.body, error.headers["X-Id"])
        assert (("try later",), None) == (error.warnings, error.dataset)
        assert f"{peer.url}studies?PatientName=…" == error.url


async def test_a_data_set_in_an_error() -> None:
    """DICOM JSON in a refusal is given as a data set."""
    said = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
    async with serving(json_response(said, 500)) as (client, _):
        with pytest.raises(ServerError) as caught:
            await client.search_for_studies()

        assert "ISO_IR 192" == caught.value.dataset.SpecificCharacterSet
