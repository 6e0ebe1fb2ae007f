"""When to repeat, and how long to wait: pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import ConfigurationError, Retry


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"),
    [(1, 1.0, 0.5), (2, 1.0, 1.0), (3, 1.0, 2.0), (2, 0.5, 0.5), (9, 1.0, 30.0), (1, 0.0, 0.0)],
)
def test_the_wait_doubles(attempt: int, chance: float, seconds: float) -> None:
    """From attempt to attempt, up to the longest, of which chance takes a share."""
    retry = Retry(attempts=10, budget=1000)

    assert seconds == retry.wait(attempt, waited=0, chance=chance, retry_after=None)


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
    "settings", [{"attempts": 0}, {"budget": -1}, {"first": -0.1}, {"longest": -1}]
)
def test_what_makes_no_sense_is_refused(settings: dict[str, float]) -> None:
    """No attempt at all, or negative seconds."""
    with pytest.raises(ConfigurationError, match="Retry|negative"):
        Retry(**settings)  # type: ignore[arg-type]


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
