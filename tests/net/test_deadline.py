"""Deadlines name the phase that took too long."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import ConfigurationError, DeadlineExceeded, Timeout
from aiodicomweb.net import Deadlines, ServerTimeout

if TYPE_CHECKING:
    from aiodicomweb.net.deadline import Phase

PHASES: list[Phase] = ["connect", "tls", "pool", "head", "read", "write"]


@pytest.mark.parametrize("name", [*PHASES, "total"])
@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_at_all_is_refused(name: str, seconds: float) -> None:
    """What could never succeed is a mistake in the settings."""
    with pytest.raises(ConfigurationError, match=f"Timeout.{name} must be more than 0"):
        Timeout(**{name: seconds})


@pytest.mark.parametrize("seconds", [math.nan, "5", True])
def test_no_number_is_refused(seconds: Any) -> None:
    """Neither a deadline that never comes nor a text is taken for seconds; for ever is."""
    with pytest.raises(ConfigurationError, match=r"Timeout\.read must be a number of seconds"):
        Timeout(read=seconds)

    assert math.inf == Timeout(read=math.inf).read


def test_a_rate_of_nothing_is_refused() -> None:
    """It is no rate; ``None`` says that there is none."""
    with pytest.raises(ConfigurationError, match="ServerTimeout.rate must be more than 0 octets"):
        ServerTimeout(rate=0)

    assert ServerTimeout(rate=None).rate is None


@pytest.mark.parametrize("name", ["tls", "idle", "head", "read", "write"])
async def test_the_phases_of_a_server(name: Phase) -> None:
    """They have seconds of their own, and no total."""
    with pytest.raises(ConfigurationError, match=f"ServerTimeout.{name} must be more than 0"):
        ServerTimeout(**{name: 0})

    deadlines = Deadlines(ServerTimeout(**{name: 0.01}), "127.0.0.1")
    assert math.inf == deadlines.left
    over = pytest.raises(DeadlineExceeded, match=f"ServerTimeout.{name} of 0.01 s is over")
    with over, deadlines.phase(name):
        await anyio.sleep_forever()


async def test_a_phase_may_be_ended() -> None:
    """Who cancels its scope says that time is up."""
    deadlines = Deadlines(ServerTimeout(), "127.0.0.1")
    over = pytest.raises(DeadlineExceeded)
    with over, deadlines.phase("idle") as scope:
        scope.cancel()
        await anyio.sleep_forever()


@pytest.mark.parametrize("phase", PHASES)
async def test_a_phase_ends(phase: Phase) -> None:
    """Each phase has its seconds; the error has the phase and the peer."""
    deadlines = Deadlines(Timeout(**{phase: 0.01}), "http://pacs:80")

    over = pytest.raises(DeadlineExceeded, match=f"Timeout.{phase} of 0.01 s is over")
    with over as caught, deadlines.phase(phase):
        await anyio.sleep_forever()

    assert (phase, "http://pacs:80") == (caught.value.phase, caught.value.origin)


async def test_the_total_ends_any_phase() -> None:
    """What is left of the total bounds each phase, and is what the error names."""
    deadlines = Deadlines(Timeout(total=0.2), "http://pacs:80")
    with deadlines.phase("connect"):
        await anyio.sleep(0.001)

    assert 0 < deadlines.left < 0.2
    over = pytest.raises(DeadlineExceeded, match="Timeout.total of 0.2 s is over")
    with over as caught, deadlines.phase("read"):
        await anyio.sleep_forever()

    assert ("read", "total") == (caught.value.phase, caught.value.bound)
    assert 0 == deadlines.left
    with pytest.raises(DeadlineExceeded), deadlines.phase("read"):
        await anyio.lowlevel.checkpoint()


async def test_the_total_ends_what_is_in_no_phase() -> None:
    """Within ``whole()``, however deep; a phase that is under way still says so itself."""
    deadlines = Deadlines(Timeout(total=0.2), "http://pacs:80")
    over = pytest.raises(DeadlineExceeded, match="Timeout.total of 0.2 s is over")
    with over as caught, deadlines.whole(), deadlines.whole():
        with deadlines.phase("connect"):
            await anyio.sleep(0.001)
        await anyio.sleep_forever()
    assert ("total", "http://pacs:80") == (caught.value.phase, caught.value.origin)

    deadlines = Deadlines(Timeout(total=0.2), "http://pacs:80")
    with over as caught, deadlines.whole(), deadlines.phase("read"):
        await anyio.sleep_forever()
    assert "read" == caught.value.phase


async def test_the_shorter_one_counts() -> None:
    """A phase that is shorter than what is left of the total is named itself."""
    deadlines = Deadlines(Timeout(total=60, read=0.01), "")
    begun = time.monotonic()

    with pytest.raises(DeadlineExceeded, match="Timeout.read"), deadlines.phase("read"):
        await anyio.sleep_forever()

    assert time.monotonic() - begun < 10


async def test_for_ever_is_for_ever() -> None:
    """``None`` sets no deadline."""
    deadlines = Deadlines(Timeout(read=None), "")

    assert math.inf == deadlines.left
    with deadlines.phase("read"):
        assert math.inf == anyio.current_effective_deadline()


async def test_what_is_raised_inside_comes_out() -> None:
    """A phase that fails in time fails as it does; one that is cancelled is cancelled."""
    deadlines = Deadlines(Timeout(), "")

    with pytest.raises(ZeroDivisionError), deadlines.phase("read"):
        raise ZeroDivisionError
    with anyio.CancelScope() as scope:
        scope.cancel()
        with deadlines.phase("read"):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
