"""One line for any failure, and its exit status."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.cli.failures import LINE_CHARACTERS, error_line, exit_status, fold
from aiodicomweb.errors import (
    AuthenticationRequired,
    ConfigurationError,
    ConnectionLost,
    DeadlineExceeded,
    DicomWebError,
    NotAcceptable,
    NotFound,
)


@given(st.text(max_size=2 * LINE_CHARACTERS))
def test_fold_makes_one_printable_line(text: str) -> None:
    """Any text becomes one short line that cannot steer a terminal."""
    folded = fold(text)

    assert folded.isprintable()
    assert len(folded) <= LINE_CHARACTERS


def test_fold_keeps_words() -> None:
    """Words survive, separators become single spaces, escapes lose their lead."""
    assert "a b [31mc d" == fold("a\r\n\tb \x1b[31mc\u202e d\n")
    assert "abc…" == fold("abcdef", 4)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (2, ConfigurationError("bad")),
        (2, click.UsageError("bad")),
        (1, click.ClickException("failed")),
        (1, NotFound(status=404)),
        (1, OSError(28, "No space left on device")),
        (1, ZeroDivisionError()),
        (130, KeyboardInterrupt()),
        (130, BaseExceptionGroup("", [NotFound(status=404), KeyboardInterrupt()])),
        (2, ExceptionGroup("", [ValueError(), ExceptionGroup("", [ConfigurationError("bad")])])),
    ],
)
def test_exit_status_tells_usage_from_failure(status: int, error: BaseException) -> None:
    """2 is the caller's mistake, 130 an interruption, 1 everything else; groups are looked into."""
    assert status == exit_status(error)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("p: interrupted", KeyboardInterrupt()),
        ("p: failed twice", click.ClickException("failed\ntwice")),
        ("p: bad", click.UsageError("bad")),
        ("p: bad", ConfigurationError("bad")),
        ("p: /x: No space left on device", OSError(28, "No space left on device", "/x")),
        ("p: [Errno 28] No space left", OSError(28, "No space left")),
        ("p: TimeoutError", TimeoutError()),
        ("p: status 404 from https://h/studies", NotFound(status=404, url="https://h/studies")),
        (
            "p: status 401 (hint: --user and --password, or --token)",
            AuthenticationRequired(status=401),
        ),
        (
            "p: status 406 (hint: --media-type asks for another representation)",
            NotAcceptable(status=406),
        ),
        ("p: late (hint: --timeout sets the seconds)", DeadlineExceeded("late")),
        ("p: status 401 (hint: ask Jo)", AuthenticationRequired(status=401, hint="ask Jo")),
        (
            "p: gone (and 2 more)",
            ExceptionGroup("", [ValueError("x"), DicomWebError("gone"), ConnectionLost("y")]),
        ),
    ],
)
def test_error_line_describes_what_we_know(line: str, error: BaseException) -> None:
    """Each kind of error has its text; hints name options."""
    assert line == error_line(error, "p")


def test_usage_error_points_to_the_help_of_its_command() -> None:
    """A usage error says which help to read."""
    context = click.Context(click.Command("x"), info_name="p x")

    assert "p: bad (see 'p x --help')" == error_line(click.UsageError("bad", context), "p")


def test_unforeseen_error_is_located_but_not_quoted() -> None:
    """A bug's message may hold patient data: its type and place are shown, its text is not."""
    try:
        int("Doe^Jane")
    except ValueError as error:
        line = error_line(error, "p")

    assert line.startswith("p: unexpected ValueError in test_unforeseen_error")
    assert "Doe" not in line


def test_an_error_never_raised_has_no_place() -> None:
    """Without a traceback the type alone is shown."""
    assert "p: unexpected KeyError; please report this" == error_line(KeyError("x"), "p")
