"""Settings that all tests share."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .support import blocking
from .support.discretion import attentive, detector, discreet  # noqa: F401 - fixtures
from .support.loops import LOOPS, LoopFactories, runs_on_trio
from .support.orthanc import Orthanc, running_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.terminal import TerminalReporter

# No deadlines: a slow machine is not a bug. In CI, the same examples each time: a change is judged
# by what it changed; new examples are for those who sit before the screen.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive for tests that store what they need, whatever others have left in it."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


# --- on which loop -------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let all tests run on another event loop: see ``support/loops.py``."""
    parser.addoption("--loop", choices=LOOPS, default="asyncio", help="event loop of the tests")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest-asyncio which loops to make, if not asyncio's as they are."""
    if config.getoption("--loop") in ("debug", "uvloop"):
        config.pluginmanager.register(LoopFactories(config.getoption("--loop")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what drives asyncio itself, where the loop is trio's."""
    if config.getoption("--loop") == "trio":
        left_out = [item for item in items if not runs_on_trio(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if runs_on_trio(item)]


@pytest.fixture(scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The loop of anyio's plugin, which runs the tests on trio."""
    return "trio" if request.config.getoption("--loop") == "trio" else "asyncio"


@pytest.fixture(autouse=True)
def _nothing_blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """In debug mode: fail a test in which our code blocked the loop."""
    if request.config.getoption("--loop") != "debug":
        yield
        return
    blocking.watch_once()
    blocking.take_blocking_calls()
    yield
    assert [] == blocking.take_blocking_calls(), "the event loop was blocked"


# --- how much was tried --------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Add up the numbers that the tests of faults recorded as properties.

    Not in their own folder: the process that prints, where others run the tests, reads only this.
    """
    sums: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "/faults/" in report.nodeid:
            sums.update({str(name): value for name, value in report.user_properties})  # type: ignore[misc]
    if sums:
        terminalreporter.section("faults")
    for name, number in sums.items():
        terminalreporter.write_line(f"{number:7} {name}")
