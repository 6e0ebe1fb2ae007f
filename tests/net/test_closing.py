"""Closing ends what is waited for."""

from __future__ import annotations

import anyio
import pytest

from aiodicomweb import ConnectionLost, Timeout
from aiodicomweb.net import Deadlines
from aiodicomweb.net.closing import Closing


async def test_who_waits_is_told() -> None:
    """At once, and so is who comes too late; the error names the peer."""
    closing = Closing()
    deadlines = Deadlines(Timeout(), "http://pacs:80", closing=closing)
    told: list[str] = []

    async def wait() -> None:
        with pytest.raises(ConnectionLost, match="the client was closed") as caught:
            await deadlines.pause(1000)
        told.append(caught.value.origin)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            closing.close()
        await wait()

    assert ["http://pacs:80"] * 2 == told
    assert closing.closed


async def test_who_does_not_wait_goes_on() -> None:
    """What ended before, or needs no waiting, is what it is; other errors come out."""
    closing = Closing()
    with closing.breaking_off(""):
        await anyio.lowlevel.checkpoint()
    closing.close()
    with closing.breaking_off(""):
        pass
    with pytest.raises(ZeroDivisionError), closing.breaking_off(""):
        raise ZeroDivisionError
