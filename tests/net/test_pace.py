"""How far a peer is behind, by a clock that the tests set."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import DeadlineExceeded
from aiodicomweb.net import ServerTimeout
from aiodicomweb.net.pace import Pace, ServerDeadlines

RATE = ServerTimeout().rate
PATIENCE = ServerTimeout().read


def patience_lasts(octets: int, every: float, *, hours: float = 24) -> float:
    """Seconds after which a peer that sends so many octets at a time has used up its patience."""
    assert PATIENCE is not None
    pace, now = Pace(RATE), 0.0
    while now < hours * 3600:
        pace.wait(now)
        if pace.behind(now + every) >= PATIENCE:
            return now + PATIENCE - pace.behind(now)
        now += every
        pace.rest(now)
        pace.arrived(octets)
    return float("inf")


@pytest.mark.parametrize(
    ("expected", "octets", "every"),
    [
        (60.0, 0, 3.0),
        (60.0, 1, 1.0),
        (60.0, 1, 5.0),
        (60.0, 1, 59.0),
        (120.0, 512, 1.0),
    ],
)
def test_who_trickles_is_too_slow(expected: float, octets: int, every: float) -> None:
    """An octet now and then does not renew the patience of a minute."""
    assert expected == pytest.approx(patience_lasts(octets, every), rel=0.05)


@pytest.mark.parametrize(
    ("octets", "every"),
    [
        (1024, 1.0),
        (100_000, 1.0),  # a line of 100 kB/s
        (5_000, 1.0),  # shared by the 20 connections of one client
        (1_000_000, 50.0),  # files that are made on the way
    ],
)
def test_who_is_slow_but_steady_is_in_time(octets: int, every: float) -> None:
    """A day of it, and on."""
    assert float("inf") == patience_lasts(octets, every)


def test_time_counts_only_while_octets_are_waited_for() -> None:
    """A handler that thinks for an hour is not the peer's fault."""
    pace = Pace(1000)
    pace.wait(100)
    assert 3 == pace.behind(103)
    pace.rest(103)
    pace.arrived(1000)

    assert 2 == pace.behind(3600)
    pace.wait(3600)
    assert 4 == pace.behind(3602)


def test_nobody_saves_up() -> None:
    """A flood before does not pay for silence behind it."""
    pace = Pace(1000)
    pace.arrived(1 << 30)
    pace.wait(0)

    assert 5 == pace.behind(5)


def test_without_a_rate_any_octet_will_do() -> None:
    """Then only silence counts, and the end of the body is none."""
    pace = Pace(None)
    for octets, expected in [(1, 0.0), (0, 59.0), (1, 0.0)]:
        pace.wait(0)
        pace.rest(59)
        pace.arrived(octets)

        assert expected == pace.behind(59)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 1 << 20)), max_size=20),
    st.integers(1, 1 << 20),
)
def test_who_keeps_the_rate_is_never_behind(waits: list[tuple[float, int]], rate: int) -> None:
    """By more than the last wait; and nobody is ahead."""
    pace, now = Pace(rate), 0.0
    for seconds, more in waits:
        pace.wait(now)
        now += seconds
        assert seconds == pytest.approx(pace.behind(now))
        pace.rest(now)
        pace.arrived(int(seconds * rate) + 1 + more)
        assert 0 <= pace.behind(now) < 1e-6


async def test_the_deadline_of_a_body() -> None:
    """It comes sooner for who is behind, and is told as the silence that it bounds."""
    deadlines = ServerDeadlines(ServerTimeout(read=50.0, rate=1000), "peer")
    with deadlines.phase("read") as scope:
        assert 50 == pytest.approx(scope.deadline - anyio.current_time(), abs=5)
        scope.cancel  # noqa: B018
    late = ServerDeadlines(ServerTimeout(read=0.01, rate=1), "peer")
    over = pytest.raises(DeadlineExceeded, match=r"ServerTimeout.read of 0.01 s is over")
    with over, late.phase("read"):
        await anyio.sleep_forever()


async def test_a_new_body_has_all_its_time() -> None:
    """What a peer was behind with the last one is forgotten."""
    deadlines = ServerDeadlines(ServerTimeout(read=0.01), "peer")
    for _ in range(2):
        with pytest.raises(DeadlineExceeded), deadlines.phase("read"):
            await anyio.sleep_forever()
    with deadlines.phase("read") as scope:
        assert scope.deadline <= anyio.current_time()
    deadlines.begin_body()
    with deadlines.phase("read") as scope:
        assert scope.deadline > anyio.current_time()


async def test_who_is_waited_for() -> None:
    """In each phase, from its begin; nobody, while the server itself has work."""
    deadlines = ServerDeadlines(ServerTimeout(), "peer")
    assert 0 == deadlines.behind(anyio.current_time() + 10)
    for phase in ("tls", "idle", "head", "read", "write"):
        deadlines.begin_body()
        with deadlines.phase(phase):  # type: ignore[arg-type]
            assert 10 == pytest.approx(deadlines.behind(anyio.current_time() + 10), abs=5)
    with deadlines.waiting():
        assert 10 == pytest.approx(deadlines.behind(anyio.current_time() + 10), abs=5)
    assert 0 == deadlines.behind(anyio.current_time() + 10)
