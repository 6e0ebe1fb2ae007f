"""What bad input may do: be refused by an error of our tree, or be taken for what it is."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, TypeVar

from aiodicomweb.errors import DicomWebError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Attempt", "same"]

T = TypeVar("T")

_DETAIL = re.compile(r"[0-9A-Fa-f]{8}|[0-9]+|'[^']*'")


class Attempt:
    """Calls what may refuse its input, and notes what became of it.

    Attributes:
        outcomes: A line for each call; inputs that make new ones are worth keeping.
    """

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def __call__(self, function: Callable[..., T], *arguments: object, **named: object) -> T | None:
        """The function's result; ``None`` if it refuses. All but an error of ours goes through."""
        try:
            result = function(*arguments, **named)
        except DicomWebError as error:
            self.refused(error)
            return None
        self.outcomes.append(type(result).__name__)
        return result

    def refused(self, error: DicomWebError) -> None:
        """An error has to be fit for a log, and for another process."""
        text, _ = str(error), repr(error)
        restored = pickle.loads(pickle.dumps(error))
        same("an error that was pickled", (type(error), text), (type(restored), str(restored)))
        words = " ".join(_DETAIL.sub("", text).split()[:4])
        self.outcomes.append(f"{type(error).__name__} {words}")


def same(what: str, expected: object, found: object) -> None:
    """Both are equal.

    Raises:
        AssertionError: They are not.
    """
    if expected != found:
        raise AssertionError(f"{what}: {found!r:.2000} in place of {expected!r:.2000}")
