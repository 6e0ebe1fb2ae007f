"""A day's work in small: 20,000 requests, and in one of a hundred a fault is planned.

By default it is a tenth of that; ``AIODICOMWEB_SOAK=1`` makes it whole.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import Client
from aiodicomweb.testing import FaultKind, FaultProxy, RandomFaults

from .verbs import STUDY_SETS, a_server, uids

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
REQUESTS = 20_000 if os.environ.get("AIODICOMWEB_SOAK") else 2_000
WARM_UP = REQUESTS // 10
SEED = 1
RATE = 0.01
MORE_MEMORY = 8 << 20
KINDS = (FaultKind.STALL, FaultKind.CUT, FaultKind.RESET, FaultKind.DRIBBLE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]


async def test_a_day_in_small(record_property: Callable[[str, object], None]) -> None:
    """Nothing is lost, nothing comes twice, and nothing of it all is left in the client."""
    async with (
        a_server() as server,
        FaultProxy(server.url, RandomFaults(seed=SEED, rate=RATE, kinds=KINDS)) as proxy,
    ):
        order = {"url": proxy.url, "requests": REQUESTS, "warm_up": WARM_UP, "seed": SEED}
        command = [sys.executable, str(HERE / "soak_process.py"), json.dumps(order)]
        process = await anyio.run_process(command, stderr=None, check=True)
        result: dict[str, Any] = json.loads(process.stdout)
        await proxy.wait_until_idle()
        async with Client(server.url) as client:
            there = uids(await client.search_for_instances(get_remaining=True))
    assert [] == result["wrong"]
    assert REQUESTS == sum(result["done"].values())
    assert sorted([*result["kept"], *uids(STUDY_SETS)]) == sorted(there)
    # Some were planned behind the end of a message.
    assert RATE * REQUESTS / 4 < proxy.done.total() < RATE * REQUESTS * 2
    # Retries and resumption hide most of them.
    assert sum(result["errors"].values()) < proxy.done.total() / 2
    before, after = result["before"], result["after"]
    assert (before["sockets"], before["tasks"]) == (after["sockets"], after["tasks"])
    assert after["memory"] - before["memory"] < MORE_MEMORY
    record_property("requests through a network with faults", REQUESTS)
    record_property("faults that they met", proxy.done.total())
    record_property("errors of them that reached the caller", sum(result["errors"].values()))
