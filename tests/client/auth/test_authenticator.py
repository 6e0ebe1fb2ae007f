"""Flows carried out: who waits for whom, what goes over the wire, and what is left behind."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from aiodicomweb import (
    AccessToken,
    AuthenticationRequired,
    BasicAuth,
    BearerAuth,
    Client,
    ConnectFailed,
    ConnectionLost,
    CredentialsUnavailable,
    DeadlineExceeded,
    Limits,
    OAuth2ClientCredentials,
    Retry,
    Timeout,
)
from aiodicomweb.client.auth import Authenticator, Fetch, Run
from aiodicomweb.errors import TransportError
from aiodicomweb.http import URL, Request, Response
from aiodicomweb.net import Deadlines
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ...support.flows import OK, REFUSED, REQUEST, token_answer
from ...support.messages import FRAMES, dicom_file, json_response, module, parts_response
from ...support.serving import serving, talking

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiodicomweb.client.auth import Auth, Flow
    from aiodicomweb.testing import PeerRequest

EMPTY = json_response([])
UNAUTHORIZED = response(b"who are you?", {"WWW-Authenticate": "Bearer"}, 401)
ENDPOINT = URL.parse("https://idp/token")


def token(text: str, **more: Any) -> bytes:
    """A token endpoint's answer."""
    return response(token_answer(text, **more).body, {"Content-Type": "application/json"})


def credentials(peer: ScriptedPeer, **settings: Any) -> OAuth2ClientCredentials:
    """A client of the token endpoint that this peer is."""
    return OAuth2ClientCredentials(peer.url + "token", "me", "s3cret", **settings)


class Incoming:
    """A response, as far as an authenticator looks at it."""

    def __init__(self, answer: Response) -> None:
        self.response = answer
        self.closed = False

    async def read_start(self, most: int, phase: object = None) -> bytes:
        """The start of the body."""
        self.closed = True
        return self.response.body[:most]

    def close(self) -> None:
        """Nobody wants it."""
        self.closed = True


class Wire:
    """Answers by a function of the request, once ``open`` is set."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.given: list[Incoming] = []
        self.open = anyio.Event()
        self.began = anyio.Event()

    async def __call__(self, request: Request) -> Any:
        """Send."""
        self.requests.append(request)
        self.began.set()
        await self.open.wait()
        self.given.append(Incoming(self.answer(request)))
        return self.given[-1]


# --- one refresh for all -------------------------------------------------------------------------


async def test_one_token_for_a_hundred() -> None:
    """A hundred tasks that have none fetch one; and when it is refused, one more."""
    valid = {"token": "1"}

    def archive(request: PeerRequest) -> bytes:
        known = request.headers["Authorization"] == f"Bearer {valid['token']}"
        return EMPTY if known else UNAUTHORIZED

    tokens = iter("123")
    async with (
        ScriptedPeer(lambda _: token(next(tokens), expires_in=3600)) as endpoint,
        talking(archive, auth=credentials(endpoint)) as (client, peer),
    ):
        for expected in (1, 2):
            valid["token"] = str(expected)
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(client.search_for_studies()._run)

            assert expected == len(endpoint.requests)
        assert 100 <= len(peer.requests) - 100 <= 200


async def outcomes(
    authenticator: Authenticator, send: Callable[[Request], Any], tasks: int = 10
) -> list[Any]:
    """What comes of tasks that begin together: statuses, and errors."""
    found: list[Any] = []

    async def ask() -> None:
        try:
            found.append((await authenticator.send(REQUEST, send)).response.status)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(ask)
    return found


async def test_who_waits_for_a_failure_shares_it() -> None:
    """One question for all who waited, lest the account be locked; who comes later asks anew."""
    answers = iter([Response(401), token_answer("good", expires_in=3600)])
    wire = Wire(lambda request: next(answers) if request.method == "POST" else OK)
    wire.open.set()
    authenticator = Authenticator(OAuth2ClientCredentials(str(ENDPOINT), "a", "b"))

    refused = await outcomes(authenticator, wire)

    assert [(CredentialsUnavailable, 401)] * 10 == [(type(e), e.status) for e in refused]
    assert 10 == len({id(error) for error in refused})
    assert 1 == len(wire.requests)
    assert [200] * 10 == await outcomes(authenticator, wire)
    assert 2 == len([request for request in wire.requests if request.method == "POST"])


async def test_an_error_of_a_function_is_shared() -> None:
    """It is called once, whatever it raises."""
    calls: list[object] = []

    async def fail() -> str:
        calls.append(None)
        await anyio.lowlevel.checkpoint()
        raise LookupError("no vault")

    found = await outcomes(Authenticator(BearerAuth(fail)), Wire(lambda _: OK))

    assert ["no vault"] * 10 == [str(*error.args) for error in found]
    assert 1 == len(calls)


async def test_who_takes_over_fails_for_all() -> None:
    """The first is cancelled, the second fails: who waited for both gets the failure."""
    wire = Wire(lambda _: Response(401))
    authenticator = Authenticator(OAuth2ClientCredentials(str(ENDPOINT), "a", "b"))
    found: list[Any] = []

    async def ask() -> None:
        found.extend(await outcomes(authenticator, wire, 5))

    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as first:
            first.start_soon(authenticator.send, REQUEST, wire)
            await wire.began.wait()
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        wire.open.set()

    assert [401] * 5 == [error.status for error in found]
    assert 2 == len(wire.requests)


async def test_whose_time_is_over_is_followed() -> None:
    """``Timeout.total`` is of one call: the next one, which has more of it, tries."""
    deadlines = [Deadlines(Timeout(total=0.01), "http://a"), Deadlines(Timeout(), "http://a")]
    asked: list[Request] = []

    async def send(request: Request) -> Any:
        if request.method == "POST":
            asked.append(request)
            with deadlines[len(asked) - 1].phase("head"):
                await anyio.sleep(0 if len(asked) > 1 else 10)
        return Incoming(token_answer("good") if request.method == "POST" else OK)

    authenticator = Authenticator(OAuth2ClientCredentials(str(ENDPOINT), "a", "b"))
    late, *others = await outcomes(authenticator, send, 5)

    assert isinstance(late, DeadlineExceeded)
    assert [200] * 4 == others
    assert 2 == len(asked)


async def test_who_is_cancelled_is_followed() -> None:
    """The one that was fetching goes away in the middle; the others don't notice."""
    wire = Wire(lambda request: token_answer("good") if request.method == "POST" else OK)
    authenticator = Authenticator(OAuth2ClientCredentials(str(ENDPOINT), "a", "b"))
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await authenticator.send(REQUEST, wire)).response.status)

    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as first:
            first.start_soon(ask)
            await wire.began.wait()
            for _ in range(5):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        wire.open.set()

    assert [200] * 5 == statuses
    assert 2 == len([request for request in wire.requests if request.method == "POST"])


async def test_who_waits_can_be_cancelled() -> None:
    """It leaves the queue; nothing of it stays."""
    wire = Wire(lambda request: token_answer("good") if request.method == "POST" else OK)
    authenticator = Authenticator(OAuth2ClientCredentials(str(ENDPOINT), "a", "b"))
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await authenticator.send(REQUEST, wire)).response.status)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await wire.began.wait()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            waiting.cancel_scope.cancel()
        wire.open.set()

    assert [200] == statuses
    assert 1 == len([request for request in wire.requests if request.method == "POST"])


async def test_time_passes_while_one_waits() -> None:
    """The moment that counts is that at which one's turn comes."""
    moments = iter([0.0, 50.0, 100.0, 400.0])
    lives = iter(["1", "2"])

    def give() -> AccessToken:
        return AccessToken(next(lives), 450.0)

    authenticator = Authenticator(BearerAuth(give), clock=lambda: next(moments))
    wire = Wire(lambda _: OK)
    wire.open.set()
    for _ in range(2):
        await authenticator.send(REQUEST, wire)

    assert ["Bearer 1", "Bearer 1"] == [each.headers["Authorization"] for each in wire.requests]


# --- functions -----------------------------------------------------------------------------------


async def test_functions_run_where_they_may() -> None:
    """What may block runs in a thread, a coroutine function on the loop; either may be awaited."""
    threads: list[int] = []

    def blocking() -> str:
        threads.append(threading.get_ident())
        return "one"

    async def waiting() -> str:
        threads.append(threading.get_ident())
        await anyio.lowlevel.checkpoint()
        return "two"

    class Vault:
        async def __call__(self) -> str:
            return await waiting()

    wire = Wire(lambda _: OK)
    wire.open.set()
    for source in (blocking, waiting, Vault()):
        await Authenticator(BearerAuth(source)).send(REQUEST, wire)

    here = threading.get_ident()
    assert [False, True, True] == [thread == here for thread in threads]
    assert ["Bearer one", "Bearer two", "Bearer two"] == [
        request.headers["Authorization"] for request in wire.requests
    ]


async def test_what_a_function_raises_comes_out() -> None:
    """As it is: it is the caller's own."""

    async def fail() -> str:
        raise LookupError("no vault")

    async with serving(EMPTY, auth=BearerAuth(fail)) as (client, peer):
        with pytest.raises(LookupError, match="no vault"):
            await client.search_for_studies()

        assert 0 == peer.connections


async def test_a_function_that_blocks_can_be_left() -> None:
    """Its task is cancelled at once, whatever the thread waits for."""
    began, go_on = anyio.Event(), threading.Event()

    def block() -> str:
        anyio.from_thread.run_sync(began.set)
        go_on.wait(10)
        return "late"

    wire = Wire(lambda _: OK)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Authenticator(BearerAuth(block)).send, REQUEST, wire)
            await began.wait()
            tasks.cancel_scope.cancel()
    finally:
        go_on.set()

    assert [] == wire.requests


# --- over the wire -------------------------------------------------------------------------------


async def test_a_token_request_is_our_own() -> None:
    """It has none of the client's header fields, and the archive sees no secret of it."""
    async with (
        ScriptedPeer([token("T0ken")]) as endpoint,
        serving(EMPTY, auth=credentials(endpoint), headers={"X-Api-Key": "k"}) as (client, peer),
    ):
        await client.search_for_studies(search_filters={"PatientName": "Doe"})

    (asked,) = endpoint.requests
    assert ("POST", "/token") == (asked.method, asked.target)
    assert b"grant_type=client_credentials" == asked.body
    assert "X-Api-Key" not in asked.headers
    assert b"Doe" not in asked.head
    assert "Bearer T0ken" == peer.requests[0].headers["Authorization"]
    assert b"s3cret" not in peer.requests[0].head


async def test_other_origins_get_no_token() -> None:
    """Not even one that is fetched for them."""
    value = parts_response([b"x"], FRAMES)
    async with (
        ScriptedPeer([token("T0ken")]) as endpoint,
        ScriptedPeer([value]) as elsewhere,
        serving(auth=credentials(endpoint)) as (client, _),
    ):
        await client.retrieve_bulkdata(elsewhere.url + "bulk/1")

        assert [] == endpoint.requests
        assert "Authorization" not in elsewhere.requests[0].headers


async def test_redirects_of_the_endpoint_are_not_followed() -> None:
    """Who redirects a token endpoint would get the secret."""
    async with ScriptedPeer() as elsewhere:
        moved = response(b"", {"Location": elsewhere.url}, 307)
        async with (
            ScriptedPeer([moved]) as endpoint,
            serving(auth=credentials(endpoint)) as (client, peer),
        ):
            with pytest.raises(CredentialsUnavailable, match="status 307"):
                await client.search_for_studies()

            assert (0, 0) == (elsewhere.connections, peer.connections)


async def test_a_stored_file_is_sent_again() -> None:
    """A 401 means that nothing of it was processed."""
    file = dicom_file("1.2.3", 100_000)
    tokens = iter("12")
    replies = [UNAUTHORIZED, json_response(module(["1.2.3"]))]
    async with (
        ScriptedPeer(lambda _: token(next(tokens))) as endpoint,
        serving(*replies, auth=credentials(endpoint)) as (client, peer),
    ):
        report = await client.store_instances(file)

        assert 1 == len(report.stored)
        assert ["Bearer 1", "Bearer 2"] == [r.headers["Authorization"] for r in peer.requests]
        assert peer.requests[0].body_length == peer.requests[1].body_length


async def test_the_second_refusal_is_the_callers() -> None:
    """Once is enough."""
    tokens = iter("12")
    async with (
        ScriptedPeer(lambda _: token(next(tokens))) as endpoint,
        serving(UNAUTHORIZED, UNAUTHORIZED, auth=credentials(endpoint)) as (client, peer),
    ):
        with pytest.raises(AuthenticationRequired) as caught:
            await client.search_for_studies()

        assert b"who are you?" == caught.value.body
        assert (2, 2) == (len(peer.requests), len(endpoint.requests))


async def test_one_connection_is_enough() -> None:
    """Where the archive is its own token endpoint, a renewal doesn't wait for its own refusal."""

    def answer(request: PeerRequest) -> bytes:
        if request.target == "/token":
            return token(f"t{len(peers[0].requests)}")
        late = len([each for each in peers[0].requests if each.target == "/token"]) > 1
        return EMPTY if late else UNAUTHORIZED

    peers: list[ScriptedPeer] = []
    async with ScriptedPeer(answer) as peer:
        peers.append(peer)
        async with Client(
            peer.url, auth=credentials(peer), limits=Limits(connections=1), retry=Retry(attempts=1)
        ) as client:
            assert [] == await client.search_for_studies()

    assert ["/token", "/studies", "/token", "/studies"] == [each.target for each in peer.requests]


async def test_an_endpoint_that_is_away() -> None:
    """The error names it, and not the archive; nothing was sent to that one."""
    async with ScriptedPeer() as gone:
        auth, origin = credentials(gone), gone.origin
    async with serving(auth=auth) as (client, peer):
        with pytest.raises(ConnectFailed) as caught:
            await client.search_for_studies()

        assert (origin, 0, 0) == (caught.value.origin, caught.value.sent, peer.connections)


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
async def test_an_endpoint_that_breaks_off_is_asked_again(end: End) -> None:
    """It is as any server that is lost: the search begins anew."""
    async with (
        ScriptedPeer([Reply(b"", end), token("t")]) as endpoint,
        serving(EMPTY, auth=credentials(endpoint), retry=Retry(first=0)) as (client, _),
    ):
        assert [] == await client.search_for_studies()
        assert 2 == len(endpoint.requests)


async def test_an_endpoint_that_breaks_off_took_nothing() -> None:
    """What was sent to it is nothing of the caller's request: that one may be repeated."""
    async with (
        ScriptedPeer([Reply(b"", End.CLOSE)]) as endpoint,
        serving(auth=credentials(endpoint)) as (client, _),
    ):
        with pytest.raises(ConnectionLost) as caught:
            await client.store_instances(dicom_file("1.2.3", 1000))

        assert 0 == caught.value.sent


async def test_an_endpoint_that_says_nothing() -> None:
    """The client's timeouts bound it, and the error tells who it was."""
    async with (
        ScriptedPeer([[anyio.Event()]]) as endpoint,
        serving(auth=credentials(endpoint), timeout=Timeout(head=0.05)) as (client, _),
    ):
        with pytest.raises(DeadlineExceeded, match=r"Timeout\.head") as caught:
            await client.search_for_studies()

        assert endpoint.origin == caught.value.origin


async def test_an_endpoint_that_says_nothing_is_asked_once() -> None:
    """Who waited meanwhile does not wait once more."""
    kinds: list[type] = []
    async with (
        ScriptedPeer([[anyio.Event()]] * 9) as endpoint,
        talking([], auth=credentials(endpoint), timeout=Timeout(head=0.05)) as (client, _),
    ):

        async def ask() -> None:
            with pytest.raises(DeadlineExceeded) as caught:
                await client.search_for_studies()
            kinds.append(caught.type)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask)

        assert (10, 1) == (len(kinds), len(endpoint.requests))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_endpoint_that_is_busy_is_asked_again(status: int) -> None:
    """As the archive would be; a store, too, of which nothing was sent."""
    busy = response(b"", {"Retry-After": "0"}, status)
    stored = json_response(module(["1.2.3"]))
    file = dicom_file("1.2.3", 1000)
    async with (
        ScriptedPeer([busy, token("t")]) as endpoint,
        serving(stored, auth=credentials(endpoint), retry=Retry(first=0)) as (client, peer),
    ):
        report = await client.store_instances(file)

        assert (report.complete, report.repeated) == (True, ())
        assert (2, 1) == (len(endpoint.requests), len(peer.requests))


async def test_an_endpoint_that_stays_busy() -> None:
    """In the end it is what the caller gets, as credentials that there are not."""
    busy = response(b"", {"Retry-After": "0"}, 503)
    async with (
        ScriptedPeer([busy] * 9) as endpoint,
        serving(auth=credentials(endpoint), retry=Retry(first=0)) as (client, peer),
    ):
        with pytest.raises(CredentialsUnavailable, match="status 503"):
            await client.search_for_studies()

        assert (3, 0) == (len(endpoint.requests), peer.connections)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_endpoint_that_stays_busy_is_not_hammered(status: int) -> None:
    """A hundred tasks, their retries, and who comes later: one question, and its answer for all."""
    seconds = {"Retry-After": "60"}
    async with (
        ScriptedPeer(lambda _: response(b"", seconds, status)) as endpoint,
        talking([], auth=credentials(endpoint), retry=Retry(first=0)) as (client, peer),
    ):
        failures: list[CredentialsUnavailable] = []

        async def ask() -> None:
            with pytest.raises(CredentialsUnavailable, match=f"status {status}") as caught:
                await client.search_for_studies()
            failures.append(caught.value)

        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(ask)

        assert 200 == len({id(failure) for failure in failures})
        assert (1, 0) == (len(endpoint.requests), peer.connections)


async def test_retries_wait_for_the_endpoint() -> None:
    """Each task's retry comes when the endpoint may be asked again, and one asks for all."""
    moments = [0.0]
    answers = iter([Response(503), token_answer("good", expires_in=3600)])
    wire = Wire(lambda request: next(answers) if request.method == "POST" else OK)
    wire.open.set()
    authenticator = Authenticator(
        OAuth2ClientCredentials(str(ENDPOINT), "a", "b"), clock=lambda: moments[0]
    )

    failures = await outcomes(authenticator, wire)
    moments[0] = max(failure.retry_after for failure in failures)

    assert [200] * 10 == await outcomes(authenticator, wire)
    assert 2 == len([request for request in wire.requests if request.method == "POST"])


async def test_a_refusal_of_the_endpoint_is_final() -> None:
    """A wrong secret stays wrong."""
    refusal = response(b'{"error": "invalid_client"}', {}, 401)
    async with (
        ScriptedPeer([refusal] * 9) as endpoint,
        serving(auth=credentials(endpoint), retry=Retry(first=0)) as (client, _),
    ):
        with pytest.raises(CredentialsUnavailable, match="secret is wrong"):
            await client.search_for_studies()

        assert 1 == len(endpoint.requests)


async def test_tokens_that_end_at_once() -> None:
    """``expires_in: 0``: those who waited for one use it."""
    async with (
        ScriptedPeer(lambda _: token("t", expires_in=0)) as endpoint,
        talking(lambda _: EMPTY, auth=credentials(endpoint)) as (client, peer),
    ):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(client.search_for_studies()._run)

        assert (1, 50) == (len(endpoint.requests), len(peer.requests))


async def test_an_endless_token_is_not_read() -> None:
    """Of what a token endpoint sends, 64 KiB are read."""
    huge = json.dumps({"access_token": "x" * 100_000}).encode()
    async with (
        ScriptedPeer([response(huge)]) as endpoint,
        serving(auth=credentials(endpoint)) as (client, _),
    ):
        with pytest.raises(CredentialsUnavailable, match="no access token"):
            await client.search_for_studies()


# --- flows of others -----------------------------------------------------------------------------


class Playing:
    """Takes the steps that it is told."""

    def __init__(self, *steps: Any) -> None:
        self.steps = steps
        self.outcomes: list[Any] = []
        self.ended = False

    def flow(self, request: Request, *, now: float) -> Flow:
        """One by one."""
        del request, now
        try:
            for step in self.steps:
                self.outcomes.append((yield step))
        finally:
            self.ended = True


async def test_a_fetched_response_is_whole() -> None:
    """As far as it was asked for."""
    auth = Playing(Fetch(REQUEST, most=5), REQUEST)
    wire = Wire(lambda _: Response(418, body=b"123456789"))
    wire.open.set()

    incoming = await Authenticator(auth).send(REQUEST, wire)

    assert Response(418, body=b"12345") == auth.outcomes[0]
    assert [True, False] == [each.closed for each in wire.given]
    assert wire.given[1] is incoming


@pytest.mark.parametrize("steps", [(), (REQUEST, Run(lambda: None))])
async def test_a_flow_ends_with_a_request(steps: tuple[Any, ...]) -> None:
    """Its response is what the caller gets; nothing is left open."""
    wire = Wire(lambda _: REFUSED)
    wire.open.set()

    with pytest.raises(RuntimeError, match="must be a request"):
        await Authenticator(Playing(*steps)).send(REQUEST, wire)
    assert all(each.closed for each in wire.given)


async def test_a_flow_that_is_left_is_closed() -> None:
    """Where a step fails, what the flow had to clean up is."""

    async def send(_: Request) -> Any:
        raise TransportError("away")

    auth = Playing(REQUEST)
    with pytest.raises(TransportError):
        await Authenticator(auth).send(REQUEST, send)

    assert auth.ended


@pytest.mark.parametrize("auth", [BasicAuth("u", "s3cret"), BearerAuth("s3cret")])
def test_it_shows_no_secret(auth: Auth) -> None:
    """The kind of credentials, not they."""
    assert f"<Authenticator {type(auth).__name__}>" == repr(Authenticator(auth))
