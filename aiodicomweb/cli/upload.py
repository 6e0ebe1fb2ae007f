"""How far a store has come, for whoever waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .output import amount, count

if TYPE_CHECKING:
    from aiodicomweb.client import Event, RequestStarted

__all__ = ["Upload"]


class Upload:
    """A hook that keeps an eye on the latest store of its client. May be asked from any thread."""

    def __init__(self) -> None:
        self._started: RequestStarted | None = None

    def __call__(self, event: Event) -> None:
        """Remember a store that starts, and forget it when it is over."""
        from aiodicomweb.client import RequestFinished, RequestStarted, Transaction

        if event.transaction is not Transaction.STORE:
            return
        if isinstance(event, RequestStarted):
            self._started = event
        elif isinstance(event, RequestFinished):
            self._started = None

    def __str__(self) -> str:
        """Instances and octets that were sent, of how many, and the rate so far."""
        started = self._started
        if started is None:
            return "storing"
        progress = started.progress()
        if progress.sent >= started.size:
            sent = f"{count(started.parts, 'instance')}, {amount(started.size)}"
            return f"storing: {sent} sent, waiting for the answer"
        instances = f"{progress.parts_sent} of {count(started.parts, 'instance')}"
        octets = f"{amount(progress.sent)} of {amount(started.size)}"
        rate = amount(progress.sent, time.monotonic() - started.time)
        return f"storing: {instances}, {octets}, {rate}"
