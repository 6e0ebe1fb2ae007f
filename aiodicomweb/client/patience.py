"""How long a call goes on after bodies that broke off."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..errors import ConnectionLost
from .resume import is_cut

if TYPE_CHECKING:
    from ..errors import DicomWebError
    from ..net import Incoming
    from .course import Course
    from .retry import Retry

__all__ = ["Patience"]


class Patience:
    """The attempts and waits that ``Retry`` grants to the bodies of one call.

    Both are counted with the call's deadlines: the requests that a body takes count as well.

    Args:
        retry: How often, and when.
        deadlines: Of the call.
    """

    __slots__ = ("_deadlines", "_retry")

    def __init__(self, retry: Retry, deadlines: Course) -> None:
        self._retry = retry
        self._deadlines = deadlines

    def renew(self) -> None:
        """Something new came: the attempts begin anew, the waits still count."""
        self._deadlines.failures = 0

    async def outlasts(self, error: DicomWebError, incoming: Incoming) -> bool:
        """Wait before another attempt, and tell of it; false if none may be made.

        Args:
            error: What ended the body.
            incoming: Whose body.
        """
        # A body that was read to its end and yet is an error was to be longer: it was cut before.
        if not is_cut(error, closed=incoming.cut or incoming.ended):
            return False
        deadlines = self._deadlines
        deadlines.failures += 1
        wait = self._retry.wait(
            deadlines.failures,
            waited=deadlines.waited,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
            retry_after=None,
        )
        if wait is None or wait >= deadlines.left:
            return False
        if deadlines.watch is not None:
            deadlines.watch.broke_off(incoming.request, error, wait)
        try:
            await deadlines.pause(wait)
        except ConnectionLost:  # the client was closed, for good
            return False
        return True
