"""Every verb is cancelled at every await: nothing leaks, and the client is as good as new.

An await is one at which a task of the verb's really waits, be it the caller's or one that the
verb started. Each verb is run again and again, and cancelled at the first, the second, and so on,
until it gets through.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from aiodicomweb import Client, Limits, Retry
from aiodicomweb.testing import Fault, FaultProxy

from .leaks import nothing_left
from .stepping import Steps, counted, counting_tasks
from .verbs import STUDY, VERBS, Shape, a_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from ssl import SSLContext
    from typing import Any

    from aiodicomweb.server import Server
    from aiodicomweb.testing import Plan, Turn

    from .verbs import Verb

    Way = Callable[[Coroutine[Any, Any, Any], int], Awaitable[tuple[bool, int]]]

CIRCUMSTANCES = [
    pytest.param(verb, network, id=f"{verb}-{network}")
    for verb in VERBS
    for network in ("http", "https", "broken")
    if network != "broken" or (verb.resumes and verb.shape is not Shape.NOTHING)
]
WITH_BODY = [verb for verb in VERBS if verb.shape is not Shape.NOTHING]
PATIENCE = 10.0
"""Seconds after which a client that is not usable any more fails the test."""

MOST = 400
"""Awaits of a verb; one with more would be wrong, or the test is."""


async def natively(verb: Coroutine[Any, Any, Any], at: int) -> tuple[bool, int]:
    """Cancel the task."""
    steps = Steps(at, lambda: task.cancel())  # noqa: PLW0108 - there is none yet
    task = asyncio.ensure_future(counted(verb, steps))
    await asyncio.wait([task])
    if task.cancelled():
        return True, steps.count
    task.result()
    return False, steps.count


async def by_scope(verb: Coroutine[Any, Any, Any], at: int) -> tuple[bool, int]:
    """Cancel a scope around it."""
    with anyio.CancelScope() as scope:
        steps = Steps(at, scope.cancel)
        await counted(verb, steps)
    return scope.cancelled_caught, steps.count


def dribbling(_: Turn) -> Fault:
    """What dribbles makes more awaits, and leaves more of an answer unread."""
    return Fault.dribble(1000)


def breaking(verb: Verb) -> Plan:
    """The first answer breaks off in its middle, so that what is missing is asked for."""

    def plan(turn: Turn) -> Fault:
        if turn.number == 1 and turn.start.startswith(b"GET /studies/"):
            return Fault.cut(verb.middle, in_body=True)
        return dribbling(turn)

    return plan


async def cancel_once(
    verb: Verb, way: Way, at: int, server: Server, plan: Plan, tls: SSLContext | None
) -> tuple[bool, int]:
    """Cancel a verb at an await, and look at what is left; whether it was, and at how many."""
    with anyio.fail_after(PATIENCE):
        async with nothing_left(), FaultProxy(server.url, plan) as proxy:
            async with Client(
                proxy.url, limits=Limits(connections=1), retry=Retry(first=0.001), tls=tls
            ) as client:
                with counting_tasks():
                    outcome = await way(verb.run(client), at)
                # Over the only connection, or in its place, comes the right answer.
                assert STUDY in [
                    each.StudyInstanceUID for each in await client.search_for_studies()
                ]
                assert "1 idle, 0 busy, 0 waiting>" in repr(client)
            await proxy.wait_until_idle()
    return outcome


@pytest.mark.parametrize("way", [natively, by_scope])
@pytest.mark.parametrize(("verb", "network"), CIRCUMSTANCES)
async def test_cancelling_at_every_await(
    verb: Verb,
    network: str,
    way: Way,
    served: SSLContext,
    trusting: SSLContext,
    record_property: Callable[[str, object], None],
) -> None:
    """No socket, task or place in the pool is lost, and the only connection is not half-read."""
    context, tls = (served, trusting) if network == "https" else (None, None)
    plan = breaking(verb) if network == "broken" else dribbling
    cancelled = 0
    async with nothing_left(), a_server(context) as lasting:
        for at in range(1, MOST):
            # What was stored or deleted is so; the next one needs an archive as it was.
            fresh = contextlib.nullcontext(lasting) if verb.is_safe else a_server(context)
            async with fresh as server:
                was_cancelled, count = await cancel_once(verb, way, at, server, plan, tls)
            cancelled += was_cancelled
            if count < at:
                break
        else:
            pytest.fail("it does not end")

    assert cancelled > 3
    record_property("cancellations, each at another await of a verb", cancelled)


@pytest.mark.parametrize("in_body", [False, True], ids=["head", "body"])
@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb.shape is not Shape.NOTHING], ids=str
)
async def test_a_half_read_connection_is_not_used_again(verb: Verb, *, in_body: bool) -> None:
    """Cancelled while the rest of an answer is still to come: it would be taken for the next."""
    stall = Fault.stall(verb.middle if in_body else 20, in_body=in_body)
    with anyio.fail_after(PATIENCE):
        async with nothing_left(), a_server() as server, FaultProxy(server.url, [stall]) as proxy:
            async with Client(proxy.url, limits=Limits(connections=1)) as client:
                task = asyncio.ensure_future(verb.run(client))
                await proxy.wait_for_faults()
                for _ in range(50):  # what has passed is read: nothing shows that more would come
                    await anyio.lowlevel.checkpoint()
                task.cancel()
                await asyncio.wait([task])
                found = await client.search_for_studies()
                assert STUDY in [each.StudyInstanceUID for each in found]

                assert task.cancelled()
                assert 2 == proxy.connections
            await proxy.wait_until_idle()
