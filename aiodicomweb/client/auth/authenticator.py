"""Carries out what flows ask for: the one place of this package that waits."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, assert_never

import anyio
import anyio.to_thread

from ...errors import DeadlineExceeded, DicomWebError, TransportError
from ...http import Request
from ...net import Incoming
from ...net.closing import Closing
from .flow import Alone, Fetch, Run

if TYPE_CHECKING:
    from ...http import Response
    from .flow import Auth, Subflow

__all__ = ["Authenticator", "Send"]

Send: TypeAlias = Callable[[Request], Awaitable[Incoming]]
"""Puts one request on the wire, as it is, and gives its response with the body still to come."""


class Authenticator:
    """Sends requests with credentials. Belongs to one client, and to one event loop.

    Args:
        auth: The credentials.
        clock: Tells the Unix time.
        closing: Of the client; its end is that of every wait for credentials.
    """

    def __init__(
        self,
        auth: Auth,
        *,
        clock: Callable[[], float] = time.time,
        closing: Closing | None = None,
    ) -> None:
        self._auth = auth
        self._clock = clock
        self._closing = closing or Closing()
        self._lock = anyio.Lock()
        self._queue = _Queue()

    async def send(self, request: Request, send: Send, fetch: Send | None = None) -> Incoming:
        """Authenticate and send a request; a response of any status comes back.

        Args:
            request: Its body is sent again where the credentials are renewed after a 401.
            send: Sends the request.
            fetch: Sends the flow's own ones, such as for a token; ``None`` for ``send``.

        Raises:
            CredentialsUnavailable: There are no credentials to be had.
            ConnectionLost: The client was closed while they were waited for.
            DicomWebError: What ``send`` raises.
        """
        flow = self._auth.flow(request, now=self._clock())
        incoming: Incoming | None = None
        outcome: object = None
        try:
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration:
                    break
                if incoming is not None:
                    # Before anything else is done: a renewal may need the very connection.
                    incoming.close()
                    incoming = None
                if isinstance(step, Request):
                    incoming = await send(step)
                    outcome = incoming.response
                else:
                    with self._closing.breaking_off(str(request.url.origin)):
                        outcome = await self._carry_out(step, fetch or send)
        except BaseException:
            if incoming is not None:
                incoming.close()
            raise
        finally:
            flow.close()
        if incoming is None:
            raise RuntimeError("the last step of an authentication must be a request")
        return incoming

    def __repr__(self) -> str:
        """The kind of credentials."""
        return f"<Authenticator {type(self._auth).__name__}>"

    async def _carry_out(self, step: Fetch | Run | Alone, send: Send) -> object:
        match step:
            case Fetch():
                return await _fetch(step, send)
            case Run():
                return await _run(step.function)
            case Alone():
                return await self._carry_out_alone(step, send)
            case _:
                assert_never(step)

    async def _carry_out_alone(self, step: Alone, send: Send) -> object:
        await self._turn()
        try:
            return await self._finish(step.begin(self._clock()), send)
        except Exception as error:
            if not _is_of_one_call(error):
                self._queue.failure, self._queue = error, _Queue()
            raise
        finally:
            self._lock.release()

    async def _turn(self) -> None:
        """Wait for the lock; raises what failed meanwhile, and doesn't hold the lock then."""
        queue = self._queue
        await self._lock.acquire()
        if queue.failure is not None:
            self._lock.release()
            failure = queue.failure
            # Who catches ours may write into it; of others' nobody knows how they are copied.
            if isinstance(failure, DicomWebError):
                raise copy(failure) from failure.__cause__
            raise failure

    async def _finish(self, steps: Subflow[object], send: Send) -> object:
        outcome: object = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as end:
                    return end.value
                outcome = await self._carry_out(step, send)
        finally:
            steps.close()


class _Queue:
    """Those who wait at the same time; the one who fails leaves them the failure."""

    __slots__ = ("failure",)

    def __init__(self) -> None:
        self.failure: Exception | None = None


def _is_of_one_call(error: Exception) -> bool:
    """Whether it says nothing to others: ``Timeout.total`` counts from the start of each call."""
    return isinstance(error, DeadlineExceeded) and error.bound == "total"


async def _fetch(step: Fetch, send: Send) -> Response:
    try:
        incoming = await send(step.request)
    except TransportError as error:
        # Who decides about a retry asks these of its own request, of which nothing is under way.
        error.origin, error.sent = str(step.request.url.origin), 0
        raise
    return replace(incoming.response, body=await incoming.read_start(step.most, "head"))


async def _run(function: Callable[[], object]) -> object:
    if inspect.iscoroutinefunction(function):
        return await function()
    # In a tuple: trio lets no thread hand over a coroutine.
    (result,) = await anyio.to_thread.run_sync(lambda: (function(),), abandon_on_cancel=True)
    return await result if inspect.isawaitable(result) else result
