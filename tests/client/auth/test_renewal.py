"""When what expires is renewed, and that others' work is used."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import AccessToken, BearerAuth
from aiodicomweb.client.auth import Alone, Run
from aiodicomweb.client.auth.renewal import Pause, time_to_renew

from ...support.flows import OK, REFUSED, REQUEST, play, sent


@pytest.mark.parametrize(
    ("expires_at", "now", "renew_at"),
    [
        (None, 0.0, math.inf),
        (3600.0, 0.0, 3540.0),
        (120.0, 0.0, 60.0),
        (100.0, 0.0, 50.0),
        (1010.0, 1000.0, 1005.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_time_to_renew(expires_at: float | None, now: float, renew_at: float) -> None:
    """A minute before the end; of what lives less than two, half-way."""
    assert renew_at == time_to_renew(expires_at, now)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_it_is_never_renewed_late(lifetime: float, now: float) -> None:
    """What has some life is used for some of it, and not beyond its end."""
    renew_at = time_to_renew(now + lifetime, now)

    assert now <= renew_at <= now + lifetime


@pytest.mark.parametrize(
    ("seconds", "now", "left"),
    [
        (30.0, 100.0, 30.0),
        (30.0, 110.0, 20.0),
        (30.0, 129.95, 0.0),
        (30.0, 130.0, 0.0),
        (30.0, 99.0, 0.0),
        (None, 100.0, 1.0),
        (0.0, 100.0, 0.0),
        (math.inf, 100.0, 3600.0),
    ],
)
def test_pause(seconds: float | None, now: float, left: float) -> None:
    """From the moment of the answer on; over a moment early, and where the clock was set back."""
    assert left == Pause.asked_for(seconds, 100.0).left(now)


def test_who_waited_takes_what_another_fetched() -> None:
    """The second of two that began without a token finds that of the first."""
    tokens = iter(["one", "two"])
    auth = BearerAuth(lambda: next(tokens))
    first, second = (auth.flow(REQUEST, now=0.0) for _ in range(2))
    turns = [next(first), next(second)]
    assert isinstance(turns[0], Alone)
    assert isinstance(turns[1], Alone)

    steps = turns[0].begin(0.0)
    assert isinstance(next(steps), Run)
    with pytest.raises(StopIteration) as fetched:
        steps.send("one")
    with pytest.raises(StopIteration) as found:
        next(turns[1].begin(0.0))

    assert fetched.value.value is found.value.value


def test_who_was_refused_takes_what_another_fetched() -> None:
    """A token that was renewed meanwhile is not renewed again."""
    tokens = iter(["one", "two", "three"])
    auth = BearerAuth(lambda: next(tokens))
    play(auth, OK)
    late = auth.flow(REQUEST, now=0.0)
    next(late)
    play(auth, REFUSED, OK)
    turn = late.send(REFUSED)
    assert isinstance(turn, Alone)

    with pytest.raises(StopIteration) as found:
        next(turn.begin(0.0))
    again = late.send(found.value.value)

    assert "Bearer two" == again.headers["Authorization"]  # type: ignore[union-attr]


def test_who_waited_takes_what_has_no_life() -> None:
    """A token that has expired by its own word was good when it came; who comes later renews."""
    tokens = iter([AccessToken("one", 0.0), AccessToken("two", 0.0)])
    auth = BearerAuth(lambda: next(tokens))
    waiting = auth.flow(REQUEST, now=0.0)
    turn = next(waiting)
    assert isinstance(turn, Alone)
    assert ["Bearer one"] == sent(play(auth, OK))

    with pytest.raises(StopIteration) as found:
        next(turn.begin(1.0))

    assert "Bearer one" == found.value.value.fields["Authorization"]
    assert ["Bearer two"] == sent(play(auth, OK))


def test_what_was_refused_serves_nobody() -> None:
    """Who waited with the one that the server refused gets another."""
    tokens = iter(["one", "two"])
    auth = BearerAuth(lambda: next(tokens))

    assert ["Bearer one", "Bearer two"] == sent(play(auth, REFUSED, OK))
