"""Tokens: fixed, and from functions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from aiodicomweb import AccessToken, BearerAuth, ConfigurationError, CredentialsUnavailable
from aiodicomweb.client.auth import Run

from ...support.flows import OK, REFUSED, play, sent


def counting(*tokens: Any) -> Any:
    """A function that gives these in turn, and counts its calls."""
    left = list(tokens)
    calls: Counter[str] = Counter()

    def give() -> Any:
        calls["all"] += 1
        return left.pop(0)

    give.calls = calls  # type: ignore[attr-defined]
    return give


def test_fixed() -> None:
    """The example of RFC 6750 §2.1; refused, it is not sent again."""
    auth = BearerAuth("mF_9.B5f-4.1JqM")

    assert ["Bearer mF_9.B5f-4.1JqM"] == sent(play(auth, REFUSED))
    assert ["Bearer mF_9.B5f-4.1JqM"] == sent(play(auth, OK, now=1e12))


def test_fixed_with_an_end() -> None:
    """Nobody could renew it: the server is to say that it is over."""
    assert ["Bearer t"] == sent(play(BearerAuth(AccessToken("t", 5.0)), REFUSED, now=9.0))


def test_a_text_is_kept() -> None:
    """A function is called once, as long as the server is content."""
    source = counting("one", "two")
    auth = BearerAuth(source)

    assert ["Bearer one"] == sent(play(auth, OK))
    assert ["Bearer one"] == sent(play(auth, OK, now=1e9))
    assert 1 == source.calls["all"]


def test_a_refused_one_is_renewed_once() -> None:
    """After a 401 the function is called again; a second 401 is the caller's."""
    source = counting("one", "two", "three")
    auth = BearerAuth(source)

    assert ["Bearer one", "Bearer two"] == sent(play(auth, REFUSED, REFUSED))
    assert ["Bearer two", "Bearer three"] == sent(play(auth, REFUSED, OK))


@pytest.mark.parametrize(("now", "token"), [(0.0, "one"), (539.0, "one"), (540.0, "two")])
def test_one_with_an_end_is_renewed_before(now: float, token: str) -> None:
    """A minute before, without the server having to say so."""
    auth = BearerAuth(counting(AccessToken("one", 600.0), AccessToken("two")))
    play(auth, OK, now=0.0)

    assert [f"Bearer {token}"] == sent(play(auth, OK, now=now))


@pytest.mark.parametrize("status", [403, 500, 200])
def test_other_refusals_say_nothing_of_the_token(status: int) -> None:
    """403 means that another token would not help (RFC 9110 §15.5.4)."""
    answer = type(OK)(status)

    assert 1 == len(sent(play(BearerAuth(counting("one")), answer)))


@pytest.mark.parametrize("result", [None, b"token", "", "two words", "line\n", "ä", 5])
def test_no_token(result: object) -> None:
    """What a function gives is looked at, and not shown."""
    with pytest.raises(CredentialsUnavailable, match="returned no token") as caught:
        play(BearerAuth(counting(result)))

    assert "two words" not in str(caught.value)


def test_after_no_token_it_is_asked_again() -> None:
    """A failure is not kept."""
    auth = BearerAuth(counting(None, "one"))
    with pytest.raises(CredentialsUnavailable):
        play(auth)

    assert ["Bearer one"] == sent(play(auth, OK))


@pytest.mark.parametrize("text", ["", "a b", "token\n", "ä", "\x7f"])
def test_what_cannot_be_sent_is_refused(text: str) -> None:
    """Before anything is sent, and without showing it."""
    for make in (AccessToken, BearerAuth):
        with pytest.raises(ConfigurationError, match="a token is empty, or holds") as caught:
            make(text)
        assert repr(text)[1:-1] not in str(caught.value) or not text


@pytest.mark.parametrize("end", [float("nan"), float("inf")])
def test_an_end_is_a_time(end: float) -> None:
    """What is not known to end has none."""
    with pytest.raises(ConfigurationError, match="not a time"):
        AccessToken("t", end)


def test_tokens_are_not_shown() -> None:
    """Neither by ``repr`` nor by the steps."""
    auth = BearerAuth(counting(AccessToken("secret")))
    shown = [repr(play(auth, OK)), repr(auth), repr(BearerAuth("secret")), repr(auth._grant)]

    assert "secret" not in "".join(shown) + repr(AccessToken("secret"))


def test_a_function_is_a_step() -> None:
    """Whoever carries the flow out calls it, in the way that suits it."""
    source = counting("one")
    steps = play(BearerAuth(source), OK)

    assert Run(source) == steps[0]
