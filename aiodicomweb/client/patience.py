"""How long a call goes on after bodies that broke off."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import anyio

from .resume import is_cut

if TYPE_CHECKING:
    from ..errors import DicomWebError
    from ..net import Deadlines, Incoming
    from .retry import Retry

__all__ = ["Patience"]


class Patience:
    """The attempts and waits that ``Retry`` grants to the bodies of one call.

    Args:
        retry: How often, and when.
        deadlines: Of the call.
    """

    __slots__ = ("_deadlines", "_failures", "_retry", "_waited")

    def __init__(self, retry: Retry, deadlines: Deadlines) -> None:
        self._retry = retry
        self._deadlines = deadlines
        self._failures = 0  # since something new came
        self._waited = 0.0

    def renew(self) -> None:
        """Something new came: the attempts begin anew, the waits still count."""
        self._failures = 0

    async def outlasts(self, error: DicomWebError, incoming: Incoming) -> bool:
        """Wait before another attempt; false if none may be made.

        Args:
            error: What ended the body.
            incoming: Whose body.
        """
        if not is_cut(error, closed=incoming.cut):
            return False
        self._failures += 1
        wait = self._retry.wait(
            self._failures,
            waited=self._waited,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
            retry_after=None,
        )
        if wait is None or wait >= self._deadlines.left:
            return False
        await anyio.sleep(wait)
        self._waited += wait
        return True
