"""The pool's decisions: who gets which connection, and that nobody starves."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiodicomweb.http import Headers, Origin
from aiodicomweb.net.pool_state import (
    IDLE_CONNECTIONS,
    IDLE_SECONDS,
    OPEN,
    Open,
    PoolState,
    Waiter,
    idle_seconds,
)

A = Origin("http", "a", 80)
B = Origin("https", "a", 443)


def waiter(decision: object) -> Waiter[str]:
    """The decision, which must be to wait."""
    assert isinstance(decision, Waiter)
    return decision


def test_places_are_opened_up_to_the_limit() -> None:
    """The first requests open connections; those beyond the limit wait."""
    state: PoolState[str] = PoolState(2)

    assert [OPEN, OPEN] == [state.request(A), state.request(A)]
    assert waiter(state.request(A)).granted is None
    assert {"http://a:80": (0, 2, 1)} == state.counts()


def test_origins_have_places_of_their_own() -> None:
    """The limit is by origin, and another scheme is another origin."""
    state: PoolState[str] = PoolState(1)

    assert [OPEN, OPEN] == [state.request(A), state.request(B)]


def test_the_connection_used_last_is_used_next() -> None:
    """Idle connections are taken last in, first out: the others can age."""
    state: PoolState[str] = PoolState(3)
    for _ in range(3):
        state.request(A)
    for name in ("one", "two", "three"):
        assert state.release(A, name) is None

    assert ["three", "two"] == [state.request(A), state.request(A)]


def test_who_waits_first_is_served_first() -> None:
    """A connection, or the place of one that is gone, goes to the first who waits."""
    state: PoolState[str] = PoolState(1)
    state.request(A)
    first, second = waiter(state.request(A)), waiter(state.request(A))

    assert first is state.release(A, "kept")
    assert "kept" == first.granted
    assert second.granted is None
    assert second is state.release(A, None)
    assert OPEN is second.granted
    assert state.release(A, None) is None
    assert {} == state.counts()


@pytest.mark.parametrize("connection", ["kept", None])
def test_what_comes_too_late_goes_on(connection: str | None) -> None:
    """Who gave up at the moment of being served leaves it to the next."""
    state: PoolState[str] = PoolState(1)
    state.request(A)
    first, second = waiter(state.request(A)), waiter(state.request(A))
    state.release(A, connection)

    assert second is state.withdraw(A, first)
    assert (connection or OPEN) == second.granted
    assert state.withdraw(A, second) is None
    assert {"http://a:80": (1, 0, 0)} == state.counts() or connection is None


def test_who_gives_up_is_forgotten() -> None:
    """A waiter that withdraws is not served."""
    state: PoolState[str] = PoolState(1)
    state.request(A)
    first, second = waiter(state.request(A)), waiter(state.request(A))

    assert state.withdraw(A, first) is None
    assert second is state.release(A, "kept")


def test_idle_connections_can_be_taken_out() -> None:
    """To close them: busy ones and waiters stay."""
    state: PoolState[str] = PoolState(2)
    for origin in (A, A, B):
        state.request(origin)
    state.release(A, "one")
    state.release(B, "two")

    assert ["one", "two"] == state.take_idle(lambda _: True)
    assert {"http://a:80": (0, 1, 0)} == state.counts()


def test_only_what_is_chosen_is_taken_out() -> None:
    """The others stay, in their order."""
    state: PoolState[str] = PoolState(3)
    for _ in range(3):
        state.request(A)
    for name in ("one", "two", "three"):
        state.release(A, name)

    assert ["two"] == state.take_idle(lambda name: name == "two")
    assert ["three", "one"] == [state.request(A), state.request(A)]


def test_few_are_idle_in_all() -> None:
    """Whatever their origins: the oldest are taken out, and busy ones don't count."""
    state: PoolState[int] = PoolState(2, idle=3)
    origins = [Origin("http", f"host{number}", 80) for number in range(6)]
    for origin in origins:
        state.request(origin)
    state.request(origins[0])
    for number in (3, 0, 5):
        state.release(origins[number], number)
        assert [] == state.take_surplus()
    for number in (1, 2):
        state.release(origins[number], number)

    assert [3, 0] == state.take_surplus()
    assert [] == state.take_surplus()
    state.request(origins[5])
    state.release(origins[5], 5)
    state.release(origins[4], 4)
    assert [1] == state.take_surplus()
    assert {f"http://host{n}:80": (n > 0, n == 0, 0) for n in (0, 2, 4, 5)} == state.counts()


def test_one_origin_keeps_what_it_may() -> None:
    """Where more connections to one are allowed, as many may be idle."""
    state: PoolState[int] = PoolState(IDLE_CONNECTIONS + 9)
    for _ in range(IDLE_CONNECTIONS + 9):
        state.request(A)
    for number in range(IDLE_CONNECTIONS + 9):
        state.release(A, number)

    assert [] == state.take_surplus()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, IDLE_SECONDS),
        ("timeout=5", 4),
        ("timeout=5, max=100", 4),
        ('max=1, Timeout = "20"', 19),
        ("timeout=1", 0.5),
        ("timeout=0", 0),
        ("timeout=3600", IDLE_SECONDS),
        ("timeout=99999999999999999999", IDLE_SECONDS),
        ("timeout=-1", IDLE_SECONDS),
        ("timeout=", IDLE_SECONDS),
        ("300", IDLE_SECONDS),
    ],
)
def test_how_long_a_connection_is_kept(value: str | None, seconds: float) -> None:
    """A minute at most, and less than the server keeps it."""
    headers = Headers({} if value is None else {"Keep-Alive": value})

    assert seconds == idle_seconds(headers)


class Model(RuleBasedStateMachine):
    """The pool against a model: what is lent, what is idle, who waits."""

    LIMIT = 3
    IDLE = 4

    def __init__(self) -> None:
        super().__init__()
        self.state: PoolState[int] = PoolState(self.LIMIT, idle=self.IDLE)
        self.since: list[int] = []
        self.number = 0
        self.lent: dict[Origin, list[int | None]] = {A: [], B: []}
        self.idle: dict[Origin, list[int]] = {A: [], B: []}
        self.waiting: dict[Origin, deque[Waiter[int]]] = {A: deque(), B: deque()}
        self.served: list[tuple[Origin, Waiter[int]]] = []

    @rule(origin=st.sampled_from([A, B]))
    def request(self, origin: Origin) -> None:
        """LIFO among the idle, else a new one within the limit, else in the queue."""
        decision = self.state.request(origin)
        if self.idle[origin]:
            assert self.idle[origin].pop() == decision
            self.since.remove(decision)
            self.lent[origin].append(decision)
        elif isinstance(decision, Open):
            self.lent[origin].append(None)
        else:
            assert isinstance(decision, Waiter)
            self.waiting[origin].append(decision)

    @precondition(lambda self: self.lent[A] or self.lent[B])
    @rule(data=st.data(), keep=st.booleans())
    def release(self, data: st.DataObject, *, keep: bool) -> None:
        """The place goes to the first who waits."""
        origin = data.draw(st.sampled_from([o for o in (A, B) if self.lent[o]]))
        index = data.draw(st.integers(0, len(self.lent[origin]) - 1))
        self.give_back(origin, self.lent[origin].pop(index), keep=keep)

    @precondition(lambda self: self.waiting[A] or self.waiting[B])
    @rule(data=st.data())
    def give_up_waiting(self, data: st.DataObject) -> None:
        """Who leaves the queue changes nothing for the others."""
        origin = data.draw(st.sampled_from([o for o in (A, B) if self.waiting[o]]))
        index = data.draw(st.integers(0, len(self.waiting[origin]) - 1))
        leaving = self.waiting[origin][index]
        del self.waiting[origin][index]

        assert self.state.withdraw(origin, leaving) is None

    @precondition(lambda self: self.served)
    @rule(data=st.data(), wakes=st.booleans())
    def wake(self, data: st.DataObject, *, wakes: bool) -> None:
        """Who was served wakes and takes it, or gives up just then and leaves it to the next."""
        served = data.draw(st.sampled_from(self.served))
        self.served.remove(served)
        origin, woken = served
        granted = None if isinstance(woken.granted, Open) else woken.granted
        if wakes:
            self.lent[origin].append(granted)
        else:
            self.check_next(origin, granted, self.state.withdraw(origin, woken))

    @rule(parity=st.sampled_from([None, 0, 1]))
    def close_idle(self, parity: int | None) -> None:
        """What is idle and chosen, and nothing else, can be taken out; the order stays."""

        def chosen(number: int) -> bool:
            return parity is None or number % 2 == parity

        taken = self.state.take_idle(chosen)

        assert sorted(filter(chosen, self.idle[A] + self.idle[B])) == sorted(taken)
        for origin in (A, B):
            self.idle[origin] = [number for number in self.idle[origin] if not chosen(number)]
        self.since = [number for number in self.since if not chosen(number)]

    @rule()
    def close_surplus(self) -> None:
        """What was idle for longest goes, as long as there is too much."""
        idle = len(self.idle[A]) + len(self.idle[B])
        taken = self.state.take_surplus()

        assert self.since[: max(0, idle - self.IDLE)] == taken
        for number in taken:
            self.since.remove(number)
            next(kept for kept in self.idle.values() if number in kept).remove(number)

    def give_back(self, origin: Origin, connection: int | None, *, keep: bool) -> None:
        if keep and connection is None:
            self.number += 1
            connection = self.number
        kept = connection if keep else None
        self.check_next(origin, kept, self.state.release(origin, kept))

    def check_next(self, origin: Origin, kept: int | None, woken: Waiter[int] | None) -> None:
        if not self.waiting[origin]:
            assert woken is None
            if kept is not None:
                self.idle[origin].append(kept)
                self.since.append(kept)
            return
        assert self.waiting[origin].popleft() is woken, "first come, first served"
        assert woken is not None
        assert woken.granted == (OPEN if kept is None else kept)
        self.served.append((origin, woken))

    @invariant()
    def counts_are_right(self) -> None:
        """Nothing is lost, nothing is made up, and the limit holds."""
        counts = self.state.counts()
        for origin in (A, B):
            on_their_way = sum(other == origin for other, _ in self.served)
            busy = len(self.lent[origin]) + on_their_way
            idle, waiting = len(self.idle[origin]), len(self.waiting[origin])
            assert (idle, busy, waiting) == counts.get(str(origin), (0, 0, 0))
            assert idle + busy <= self.LIMIT
            assert not (waiting and (idle or busy < self.LIMIT)), "nobody waits for nothing"
        assert {str(o) for o in (A, B)} >= set(counts)
        assert all(any(numbers) for numbers in counts.values()), "unused origins are forgotten"


Model.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
TestModel = Model.TestCase
