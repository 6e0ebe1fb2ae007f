from __future__ import annotations

import threading

import pytest

from aiodicomweb.server.retrieving.threads import in_threads


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
async def test_everything_is_done_in_order_and_elsewhere(count: int) -> None:
    """However many things there are, and never in the thread of the loop."""
    here = threading.get_ident()

    made = await in_threads(lambda n: (n * 2, threading.get_ident() == here), range(count))

    assert [(n * 2, False) for n in range(count)] == made
