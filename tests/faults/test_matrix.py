"""Every verb, every fault, every phase: the right result or the right error, in time.

What must come of each is a rule of ``cases.py``, not something that was recorded. Afterwards the
same client works, holds no connection, and nothing is left of it: no task, no socket.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from aiodicomweb import (
    Client,
    ConnectionLost,
    DeadlineExceeded,
    DicomWebError,
    Retry,
    Timeout,
    TransportError,
)
from aiodicomweb.testing import Direction, Fault, FaultProxy

from ..support.instances import an_instance
from .cases import CASES, RIGHT
from .leaks import nothing_left
from .verbs import STUDY, VERBS, Shape, a_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ssl import SSLContext

    from .cases import Broken, Case, Outcome
    from .verbs import Verb

SHORT: Final = 0.1
"""Seconds of the phase that times out; nothing that goes well is bounded by it."""

BOUND: Final = 5.0
"""Seconds in which all must be over."""

LARGE: Final = 32 << 20
"""More octets than the system takes from one side before the other one reads."""

RETRIES: Final = {"once": Retry(attempts=1), "retried": Retry(first=0.0)}
CELLS: Final = [
    pytest.param(verb, case, retry, id=f"{verb}-{case}-{retry}")
    for verb in VERBS
    for case in CASES
    if case.applies(verb)
    for retry in RETRIES
    if retry == "once" or case.outcome(verb) is not RIGHT
]


@contextlib.contextmanager
def unreachable(proxy: FaultProxy, case: Case) -> Iterator[None]:
    """Let nobody connect inside, where that is the case."""
    if case.phase != "connect":
        yield
        return
    (proxy.refuse if case.name == "refused" else proxy.ignore)()
    yield
    proxy.accept()


def expected(verb: Verb, case: Case, retry: str) -> Outcome:
    """What must come of it: that of one attempt, unless another one is made and goes well."""
    outcome = case.outcome(verb)
    if outcome is RIGHT or retry == "once":
        return outcome
    if outcome.passes_for_all or ((outcome.passes or outcome.resumes) and verb.is_safe):
        return RIGHT
    return replace(outcome, complete=None)  # what another attempt brings counts too


async def check(verb: Verb, outcome: Outcome, client: Client) -> None:
    """Call the verb; its result or error is the right one."""
    if outcome is RIGHT:
        assert verb.right == await verb.run(client)
        return
    with pytest.raises(DicomWebError) as caught:
        await verb.run(client)
    check_error(caught.value, outcome)
    if verb.shape is Shape.JSON:
        assert caught.value.complete is None, repr(caught.value)
    elif outcome.complete is not None:
        assert outcome.complete == caught.value.complete, repr(caught.value)


def check_error(error: DicomWebError, outcome: Broken) -> None:
    """Class and phase are right."""
    assert isinstance(error, outcome.error), repr(error)
    if outcome.phases:
        assert isinstance(error, TransportError)
        assert error.phase in outcome.phases, repr(error)


async def check_usable(client: Client) -> None:
    """The client works, and holds nothing."""
    client._session._timeout = Timeout()  # a server under load may answer late
    assert STUDY in [each.StudyInstanceUID for each in await client.search_for_studies()]
    assert re.search(r" 0 busy, 0 waiting>|<Pool empty>", repr(client))


@pytest.mark.parametrize(("verb", "case", "retry"), CELLS)
async def test_every_verb_fault_and_phase(
    verb: Verb,
    case: Case,
    retry: str,
    served: SSLContext,
    trusting: SSLContext,
    record_property: Callable[[str, object], None],
) -> None:
    """The right result or the right error; the client is usable then, and leaves nothing."""
    fault, tls = case.fault_for(verb), case.phase == "tls"
    settings = {
        "tls": trusting if tls else None,
        "headers": {"Connection": "close"} if case.closing else None,
        "timeout": Timeout(**{case.short: SHORT}) if case.short else None,
        "retry": RETRIES[retry],
    }
    async with nothing_left():
        with anyio.fail_after(BOUND):
            async with (
                a_server(served if tls else None) as server,
                FaultProxy(server.url, [fault]) as proxy,
            ):
                async with Client(proxy.url, **settings) as client:
                    with unreachable(proxy, case):
                        await check(verb, expected(verb, case, retry), client)
                    assert proxy.done == ({fault: 1} if fault is not None else {})
                    proxy.release()
                    await check_usable(client)
                await proxy.wait_until_idle()
    record_property("combinations of verb, fault, phase and retries", 1)


@pytest.mark.parametrize(
    ("make", "error"), [(Fault.stall, DeadlineExceeded), (Fault.reset, ConnectionLost)]
)
async def test_an_upload_that_does_not_get_through(
    make: Callable[..., Fault], error: type[TransportError]
) -> None:
    """More than buffers take: the error is one of writing, and tells how much was sent."""
    fault = make(100_000, Direction.REQUEST, in_body=True)
    settings = {"timeout": Timeout(write=SHORT), "retry": RETRIES["retried"]}
    async with nothing_left():
        with anyio.fail_after(BOUND):
            async with a_server() as server, FaultProxy(server.url, [fault]) as proxy:
                async with Client(proxy.url, **settings) as client:
                    with pytest.raises(error) as caught:
                        await client.store_instances(an_instance(PixelData=bytes(LARGE)))
                    proxy.release()
                    await check_usable(client)
                await proxy.wait_until_idle()

    assert "write" == caught.value.phase
    assert 100_000 < caught.value.sent < LARGE
