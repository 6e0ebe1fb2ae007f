"""What faults do to octets, however these are split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.testing import Direction, Fault, FaultKind, RandomFaults, Turn
from aiodicomweb.testing.faults import Flow

BODY = bytes(range(48, 98))
MESSAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nServer: x\r\n\r\n" + BODY
HEAD = len(MESSAGE) - len(BODY)
CUTS = st.lists(st.integers(0, len(MESSAGE)), max_size=6)


def run(fault: Fault | None, cuts: list[int]) -> tuple[bytes, bytes, int]:
    """What passes before the fault happens, what behind it, and how often it happens."""
    flow = Flow(fault)
    passed = [b"", b""]
    happened = 0
    bounds = sorted({0, *cuts, len(MESSAGE)})
    pieces = [MESSAGE[begin:end] for begin, end in pairwise(bounds)]
    for steps in [*map(flow.steps, pieces), flow.end()]:
        for step in steps:
            if isinstance(step, Fault):
                assert fault is step
                happened += 1
            else:
                passed[min(happened, 1)] += step
    return passed[0], passed[1], happened


@given(CUTS)
def test_without_a_fault_all_passes(cuts: list[int]) -> None:
    """What no fault touches goes through as it is."""
    assert (MESSAGE, b"", 0) == run(None, cuts)


@given(CUTS, st.integers(0, len(MESSAGE)))
def test_a_break_comes_where_it_was_planned(cuts: list[int], at: int) -> None:
    """Exactly so many octets pass before; the rest would follow."""
    assert (MESSAGE[:at], MESSAGE[at:], 1) == run(Fault.cut(at), cuts)


@given(CUTS, st.integers(0, len(BODY)))
def test_offsets_in_the_body(cuts: list[int], at: int) -> None:
    """Counted from the end of the head, however that was split."""
    assert (MESSAGE[: HEAD + at], BODY[at:], 1) == run(Fault.stall(at, in_body=True), cuts)


@pytest.mark.parametrize("kind", [Fault.cut, Fault.corrupt])
@pytest.mark.parametrize("in_body", [False, True])
def test_behind_the_end_nothing_happens(kind: type[Fault], *, in_body: bool) -> None:
    """A fault that was planned behind the message's end does not come."""
    assert (MESSAGE, b"", 0) == run(kind(1000, in_body=in_body), [20])  # type: ignore[call-arg]


@given(CUTS, st.integers(0, len(BODY) - 1))
def test_one_octet_is_corrupted(cuts: list[int], at: int) -> None:
    """It is another one, and all others are the same."""
    before, behind, happened = run(Fault.corrupt(at, in_body=True), cuts)

    assert 1 == happened
    differing = [i for i, (a, b) in enumerate(zip(MESSAGE, before + behind, strict=True)) if a != b]
    assert [HEAD + at] == differing


@given(CUTS, st.integers(-60, 60))
def test_another_length(cuts: list[int], amount: int) -> None:
    """Content-Length says more or less, but nothing below zero; all else is the same."""
    before, behind, happened = run(Fault.length(amount), cuts)

    told = b"Content-Length: %d\r\n" % max(0, 50 + amount)
    assert (MESSAGE.replace(b"Content-Length: 50\r\n", told), 1) == (before + behind, happened)


def test_a_head_without_length_stays() -> None:
    """Where there is no Content-Length, none is changed, and what has no head passes."""
    for message in (b"GET / HTTP/1.1\r\nHost: content-length:5\r\n\r\n", b"no head at all"):
        flow = Flow(Fault.length(1))
        assert [message] == [*flow.steps(message), *flow.end()]


def test_octets_dribble() -> None:
    """So many at a time; it counts once."""
    flow = Flow(Fault.dribble(2))

    assert [Fault.dribble(2), b"ab", b"cd", b"e", b"fg"] == [
        *flow.steps(b"abcde"),
        *flow.steps(b"fg"),
    ]


def test_what_cannot_be() -> None:
    """Nonsense is refused."""
    with pytest.raises(ConfigurationError, match="first octet"):
        Fault.cut(-1)
    with pytest.raises(ConfigurationError, match="at least one"):
        Fault.dribble(0)


def test_chance_can_be_repeated() -> None:
    """The same seed has the same faults, about as many as asked for; another one has others."""
    turns = [Turn(number, 1, b"") for number in range(1, 10_001)]

    def faults(seed: int) -> list[Fault | None]:
        return [*map(RandomFaults(seed=seed, rate=0.01), turns)]

    happened = [fault for fault in faults(1) if fault is not None]
    assert faults(1) == faults(1) != faults(2)
    assert 70 < len(happened) < 130
    assert {FaultKind.STALL, FaultKind.CUT, FaultKind.RESET} == {each.kind for each in happened}
    assert set(Direction) == {each.direction for each in happened}
    assert 0 == min(each.at for each in happened)
    assert 4096 < max(each.at for each in happened) < 65536
