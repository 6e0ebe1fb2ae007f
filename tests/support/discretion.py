"""Listens to all that the suite's client says of itself, and finds patients and passwords in it.

Fixtures that conftest takes in. While a test runs, all records of the loggers ``aiodicomweb`` and
below are formatted, as are all events that hooks of any client get. A test in which one shows a
secret fails, whatever else it is about.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.client import observe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from aiodicomweb.client import Event, Hook

__all__ = ["QUIET", "SECRETS", "Detector", "attentive", "detector", "discreet"]

SECRETS = ("Doe", "Jane", "s3cret", "czNjcmV0", "c2VjcmV0", "T0ken", "P4yload")
"""Patients' names, passwords and their coded forms, a token, and payload, as tests use them."""

QUIET = ("aiodicomweb.client", "aiodicomweb.net")
"""Loggers that say nothing at their usual levels, and are made to tell the detector all."""


class Detector(logging.Handler):
    """Looks at records and events.

    Args:
        secrets: What none may hold.

    Attributes:
        found: What did.
        heard: How many records and events there were.
    """

    def __init__(self, secrets: Iterable[str] = SECRETS) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self._secrets = tuple(secrets)
        self.found: list[str] = []
        self.heard = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at what a record says, with the traceback that belongs to it."""
        self._look(self.format(record))

    def hook(self, event: Event) -> None:
        """Look at an event and all that it holds."""
        self._look(f"{event!r} {event.url}")

    def _look(self, text: str) -> None:
        self.heard += 1
        if any(secret in text for secret in self._secrets):
            self.found.append(text)

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Hear all records; those of the quiet loggers don't come by ``aiodicomweb``."""
        loggers = [logging.getLogger(name) for name in ("aiodicomweb", *QUIET)]
        for logger in loggers:
            logger.addHandler(self)
        yield self
        for logger in loggers:
            logger.removeHandler(self)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Fail if anything is found meanwhile."""
        self.take()
        yield
        assert [] == self.take()

    def take(self) -> list[str]:
        """What was found since this was asked last."""
        found, self.found = self.found, []
        return found


@pytest.fixture(scope="session")
def detector() -> Iterator[Detector]:
    """One for the whole run."""
    with Detector().listening() as one:
        yield one


@pytest.fixture(scope="session", autouse=True)
def attentive(detector: Detector) -> Iterator[None]:
    """Every client made in the run has the detector among its hooks, and logs all."""

    class Attentive(observe.Observer):
        def __init__(self, hooks: Hook | Iterable[Hook] = ()) -> None:
            super().__init__(hooks)
            self._hooks = (*self._hooks, detector.hook)

    patch = pytest.MonkeyPatch()
    patch.setattr("aiodicomweb.client.client.Observer", Attentive)
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        # pytest keeps what it gets until a test is over, and some tests make 20,000 requests.
        logger.propagate = False
    yield
    patch.undo()
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


@pytest.fixture(autouse=True)
def discreet(detector: Detector) -> Iterator[None]:
    """Nothing that is said in a test shows a secret."""
    with detector.watching():
        yield
