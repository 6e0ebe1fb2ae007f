"""Which address is tried when (RFC 8305)."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.net.happy_eyeballs import ATTEMPT_DELAY, Attempts, interleave


def family(address: str) -> str:
    """The first letter stands for the family."""
    return address[0]


def test_families_take_turns() -> None:
    """The first address's family begins, the order within a family stays (§4)."""
    assert ["6a", "4a", "6b", "4b", "6c"] == interleave(["6a", "6b", "6c", "4a", "4b"], family)
    assert ["4a", "6a", "4b"] == interleave(["4a", "4b", "6a"], family)
    assert [] == interleave([], family)


@given(st.lists(st.tuples(st.sampled_from("46"), st.integers()).map(lambda it: f"{it[0]}{it[1]}")))
def test_nothing_is_lost(addresses: list[str]) -> None:
    """Whatever the resolver gives is tried, in its order within each family."""
    ordered = interleave(addresses, family)

    for one in "46":
        mine = [address for address in addresses if family(address) == one]
        assert mine == [address for address in ordered if family(address) == one]


def test_attempts_begin_one_after_the_other() -> None:
    """A quarter of a second apart, while none has failed (§5)."""
    attempts = Attempts(["one", "two"])

    assert 0 == attempts.pause(100.0)
    assert "one" == attempts.begin(100.0)
    assert attempts.begin(100.0) is None
    assert ATTEMPT_DELAY == attempts.pause(100.0)
    assert attempts.begin(100.0 + ATTEMPT_DELAY / 2) is None
    assert "two" == attempts.begin(100.0 + ATTEMPT_DELAY)
    assert math.inf == attempts.pause(100.0 + ATTEMPT_DELAY)
    assert attempts.begin(1000.0) is None


def test_a_failure_lets_the_next_begin() -> None:
    """At once, also while others run (§5)."""
    attempts = Attempts(["one", "two", "three"])
    attempts.begin(0.0)
    attempts.fail()

    assert 0 == attempts.pause(0.0)
    assert "two" == attempts.begin(0.0)
    assert ATTEMPT_DELAY == attempts.pause(0.0)


def test_it_is_over_when_all_failed() -> None:
    """Not while one is left, or runs."""
    attempts = Attempts(["one", "two"])
    seen = [attempts.over]
    for _ in range(2):
        attempts.begin(0.0)
        seen.append(attempts.over)
        attempts.fail()
        seen.append(attempts.over)

    assert [False, False, False, False, True] == seen
    assert Attempts([]).over
