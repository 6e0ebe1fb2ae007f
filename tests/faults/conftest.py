"""Both sides of TLS; and in the end, how much the tests of faults have tried."""

from __future__ import annotations

import ssl
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import trustme

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A throw-away certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="session")
def served(authority: trustme.CA) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """The client's side of TLS."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Add up the numbers that tests here recorded as properties."""
    sums: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "/faults/" in report.nodeid:
            sums.update({str(name): value for name, value in report.user_properties})  # type: ignore[misc]
    if sums:
        terminalreporter.section("faults")
    for name, number in sums.items():
        terminalreporter.write_line(f"{number:7} {name}")
