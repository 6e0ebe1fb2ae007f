"""When to repeat, and how long to wait: pure decisions."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import (
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    PoolExhausted,
    Retry,
    TlsError,
    TransportError,
)
from aiodicomweb.client.auth import TokenEndpointBusy
from aiodicomweb.client.retry import RETRIED_STATUSES, Attempt, may_repeat, resend
from aiodicomweb.errors import DeadlineExceeded, ProxyError
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.wire import BLOCK

BODY = bytes(1000)
WHOLE = 1200
"""Octets of a request with that body."""

JSON = Headers({"Content-Type": "application/dicom+json"})


def attempt(
    outcome: Response | TransportError, *, sent: int = WHOLE, method: str = "POST"
) -> Attempt:
    """An attempt to store, all of which was sent unless said otherwise."""
    request = Request(method, URL.parse("http://pacs/studies"), body=BODY)
    return Attempt(request, outcome, sent)


def deletion() -> Request:
    """A request without a body, which so never is begun."""
    return Request("DELETE", URL.parse("http://pacs/studies/1.2"))


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"),
    [(1, 1.0, 0.5), (2, 1.0, 1.0), (3, 1.0, 2.0), (2, 0.5, 0.5), (9, 1.0, 30.0), (1, 0.0, 0.0)],
)
def test_the_wait_doubles(attempt: int, chance: float, seconds: float) -> None:
    """From attempt to attempt, up to the longest, of which chance takes a share."""
    retry = Retry(attempts=10, budget=1000)

    assert seconds == retry.wait(attempt, waited=0, chance=chance, retry_after=None)


def test_the_wait_stays_finite() -> None:
    """However many attempts there are: floats end at the 1024th doubling."""
    retry = Retry(attempts=10_000, first=0.5)

    assert 30.0 == retry.wait(5_000, waited=0, chance=1, retry_after=None)


def test_attempts_end() -> None:
    """The last attempt is not repeated; one attempt is none repeated."""
    assert Retry().wait(3, waited=0, chance=0, retry_after=None) is None
    assert Retry(attempts=1).wait(1, waited=0, chance=0, retry_after=None) is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [(0, 0.25), (0.1, 0.25), (7, 7), (30, 30), (30.1, None)]
)
def test_the_server_may_ask_for_more(retry_after: float, seconds: float | None) -> None:
    """``Retry-After`` is the least wait; one beyond the longest ends the attempts."""
    assert seconds == Retry().wait(1, waited=0, chance=0.5, retry_after=retry_after)


@pytest.mark.parametrize(("waited", "seconds"), [(59.5, 0.5), (59.6, None), (70, None)])
def test_the_budget_ends(waited: float, seconds: float | None) -> None:
    """A wait beyond the budget is not begun."""
    assert seconds == Retry().wait(1, waited=waited, chance=1, retry_after=None)


@pytest.mark.parametrize(
    "settings",
    [
        {"attempts": 0},
        {"attempts": "3"},
        {"attempts": 1.5},
        {"budget": -1},
        {"budget": math.nan},
        {"first": -0.1},
        {"first": "1"},
        {"longest": -1},
        {"longest": None},
        {"stores": "no"},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    """No attempt at all, negative seconds, and what is no number."""
    with pytest.raises(ConfigurationError, match="Retry|negative"):
        Retry(**settings)


seconds = st.floats(0, 1e6)


@given(
    attempts=st.integers(1, 50),
    budget=seconds,
    first=seconds,
    longest=seconds,
    chance=st.floats(0, 1),
    retry_after=st.none() | seconds,
)
def test_it_always_ends_within_its_budget(
    attempts: int,
    budget: float,
    first: float,
    longest: float,
    chance: float,
    retry_after: float | None,
) -> None:
    """Whatever the settings: no more attempts, no longer waits, no more time than they say."""
    retry = Retry(attempts=attempts, budget=budget, first=first, longest=longest)
    attempt, waited = 1, 0.0
    while True:
        wait = retry.wait(attempt, waited=waited, chance=chance, retry_after=retry_after)
        if wait is None:
            break
        assert (retry_after or 0) <= wait <= longest
        attempt, waited = attempt + 1, waited + wait

    assert attempt <= attempts
    assert waited <= budget


# --- what is repeated ----------------------------------------------------------------------------

NOT_CONNECTED = [
    ConnectFailed(phase="connect"),
    DeadlineExceeded(phase="connect"),
    DeadlineExceeded(phase="tls"),
    ProxyError(status=503, phase="connect"),
]
LOST = [ConnectionLost(phase=phase) for phase in ("write", "head")]
FINAL = [
    *(DeadlineExceeded(phase=phase) for phase in ("head", "read", "write")),
    PoolExhausted(phase="pool"),
    TlsError(phase="tls"),
    ProxyError(status=407, phase="connect"),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_is_safe_is_repeated(method: str) -> None:
    """After any failure that passes, and after no other (RFC 9110 §9.2.1, HTP-69)."""
    passing = {
        status
        for status in range(200, 600)
        if may_repeat(method, attempt(Response(status), method=method))
    }

    assert passing == RETRIED_STATUSES
    for outcome in (*NOT_CONNECTED, *LOST):
        assert may_repeat(method, attempt(outcome, method=method))
    for outcome in FINAL:
        assert not may_repeat(method, attempt(outcome, method=method))


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_has_an_effect_is_repeated_if_it_had_none(method: str) -> None:
    """No connection, a server that did not begin, or one that answered before it had all."""
    for outcome in NOT_CONNECTED:
        assert may_repeat(method, attempt(outcome, method=method, sent=0))
    for outcome in (*LOST, *FINAL):
        assert not may_repeat(method, attempt(outcome, method=method, sent=0))
    whole = [s for s in range(200, 600) if may_repeat(method, attempt(Response(s), method=method))]
    early = [
        status
        for status in range(200, 600)
        if may_repeat(method, attempt(Response(status), method=method, sent=900))
    ]
    assert [425, 429] == whole
    assert [408, 425, 429, 503] == early


def test_stores_are_repeated_if_wanted() -> None:
    """``Retry.stores`` lets a store be repeated as a search is, and no deletion."""
    for outcome in (*NOT_CONNECTED, *LOST, *map(Response, sorted(RETRIED_STATUSES))):
        assert may_repeat("POST", attempt(outcome), stores=True)
    for outcome in (*FINAL, Response(200), Response(400), Response(409)):
        assert not may_repeat("POST", attempt(outcome), stores=True)
    for outcome in (*LOST, Response(503)):
        assert not may_repeat("DELETE", attempt(outcome, method="DELETE"), stores=True)


@pytest.mark.parametrize("stores", [True, False])
def test_an_answer_about_instances_is_one(*, stores: bool) -> None:
    """A status that passes, with a module: the server has looked at the instances (STW-37)."""
    for status in (429, 503):
        answer = attempt(Response(status, JSON), sent=10)
        assert not may_repeat("POST", answer, stores=stores)
        assert may_repeat("GET", answer)


@pytest.mark.parametrize("stores", [True, False])
def test_what_was_done_before_a_redirect_is_not_done_again(*, stores: bool) -> None:
    """303 answers a store that was processed: only its answer is lost (RFC 9110 §15.4.4)."""
    for outcome in (*NOT_CONNECTED, *LOST, Response(429)):
        assert not may_repeat("POST", attempt(outcome, method="GET"), stores=stores)


def test_what_reached_the_server() -> None:
    """What was sent, and a block that was on its way; nothing without a connection."""
    assert 900 + BLOCK == attempt(ConnectionLost(), sent=900).reached
    assert WHOLE + BLOCK == attempt(Response(503)).reached
    for outcome in NOT_CONNECTED:
        assert 0 == attempt(outcome, sent=0).reached


def test_what_was_held_back_reached_nobody() -> None:
    """With ``Expect`` a server may refuse before the body: whatever the sizes, it took nothing."""
    request = attempt(Response(503)).request
    refused = Attempt(request, Response(503), WHOLE, begun=False)
    assert 0 == refused.reached
    assert may_repeat("POST", refused)
    assert not may_repeat("DELETE", Attempt(deletion(), Response(503), 200, begun=False))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        (None, None),
    ],
)
def test_when_to_come_back(value: str | None, seconds: float | None) -> None:
    """``Retry-After`` is seconds or a date; what can't be read is passed over (HTP-68)."""
    headers = Headers({} if value is None else {"Retry-After": value})

    assert seconds == attempt(Response(503, headers)).retry_after(1000.0)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_token_endpoint_that_is_busy(method: str) -> None:
    """Nothing was sent to the archive; the endpoint's wishes count as the archive's do."""
    passing = {
        status
        for status in range(400, 600)
        if may_repeat(method, attempt(TokenEndpointBusy(status=status), method=method, sent=0))
    }
    busy = attempt(TokenEndpointBusy(status=503, retry_after=7.0), sent=0)

    assert passing == RETRIED_STATUSES
    assert 7.0 == busy.retry_after(0)
    assert 0 == busy.reached


def test_a_failure_does_not_say_when_to_come_back() -> None:
    """Only a response has fields."""
    assert attempt(ConnectionLost()).retry_after(1000.0) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_stale_connection_lost_is_sent_again(method: str) -> None:
    """As it was, if it is safe; on a connection that was new or had answered it is not."""
    lost = attempt(ConnectionLost(stale=True), method=method)

    assert lost.request is resend(lost)
    assert resend(attempt(ConnectionLost(), method=method)) is None


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_has_an_effect_is_not_sent_again_at_once(method: str) -> None:
    """A stale connection doesn't say whether the server saw it."""
    assert resend(attempt(ConnectionLost(stale=True), method=method)) is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_expects_too_much_is_sent_again_without(method: str) -> None:
    """With all else that it had; 417 to what expects nothing is an answer."""
    headers = Headers({"Accept": "a/b", "Expect": "100-continue"})
    request = Request(method, URL.parse("http://pacs/studies"), headers, BODY)
    again = resend(Attempt(request, Response(417), WHOLE))

    assert again == Request(method, request.url, Headers({"Accept": "a/b"}), BODY)
    assert again is not None
    assert resend(Attempt(again, Response(417), WHOLE)) is None
    assert resend(Attempt(request, Response(503), WHOLE)) is None
