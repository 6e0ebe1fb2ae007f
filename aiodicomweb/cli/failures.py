"""What a failure looks like on a command line: one line of text and an exit status.

A server's text may hold line breaks, escape sequences or pages of HTML: it is folded and cut. An
exception that nobody foresaw may quote patient data: only its type and place are printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from aiodicomweb.errors import ConfigurationError, DicomWebError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["error_line", "exit_status", "fold"]

LINE_CHARACTERS = 600
"""The longest text of a failure: a URL with three UIDs, an explanation and a hint fit."""

_OPTIONS = {
    "auth=": "--user and --password, or --token",
    "Timeout(": "--timeout sets the seconds",
    "media_types=": "--media-type asks for another representation",
    "tls=Tls(certificate": "--cert and --key show a certificate to the server",
    "proxy=": "--proxy http://user:password@host:port names one, --proxy direct goes without",
    "tls=": "--ca FILE trusts another authority",
    "Limits(": "",
}
"""What Python code in a hint is on the command line."""


def fold(text: str, limit: int = LINE_CHARACTERS) -> str:
    """Make one printable line of any text, and cut it at ``limit`` characters.

    Control characters, terminal escapes, bidirectional overrides and lone surrogates become spaces.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def exit_status(error: BaseException) -> int:
    """The exit status that stands for an error: 1, 2 for wrong usage, 130 for an interruption."""
    match _leading(error):
        case KeyboardInterrupt():
            return 130
        case ConfigurationError():
            return 2
        case click.ClickException(exit_code=status):
            return status
        case _:
            return 1


def error_line(error: BaseException, program: str) -> str:
    """Describe an error, or the leading one of a group, in one line.

    Args:
        error: What was raised.
        program: The name that the line starts with.
    """
    others = sum(1 for _ in _leaves(error)) - 1
    suffix = f" (and {others} more)" if others else ""
    return f"{program}: {fold(_describe(_leading(error)))}{suffix}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(member)
    else:
        yield error


def _leading(error: BaseException) -> BaseException:
    """The error of a group to show: an interruption, else one that we can explain."""
    leaves = list(_leaves(error))
    for kind in (KeyboardInterrupt, DicomWebError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def _describe(error: BaseException) -> str:
    match error:
        case KeyboardInterrupt():
            return "interrupted"
        case click.UsageError(ctx=click.Context() as context):
            return f"{error.format_message()} (see '{context.command_path} --help')"
        case click.ClickException():
            return error.format_message()
        case DicomWebError():
            return _with_our_hint(error)
        case OSError(filename=name, strerror=reason) if name is not None and reason:
            return f"{name}: {reason}"
        case OSError():
            return str(error) or type(error).__name__
        case _:
            return f"unexpected {type(error).__name__}{_place(error)}; please report this"


def _with_our_hint(error: DicomWebError) -> str:
    """The error's text, with a hint that names options in place of Python code."""
    error.hint = next((text for code, text in _OPTIONS.items() if code in error.hint), error.hint)
    return str(error)


def _place(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f" in {frames[-1].name} ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
