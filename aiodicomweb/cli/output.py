"""What commands print: tables for people, JSON for programs, progress for whoever waits."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING

import click

from .failures import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from rich.console import Console
    from rich.text import Text

__all__ = [
    "amount",
    "count",
    "json_array",
    "json_line",
    "progress",
    "show_table",
    "status",
    "warn",
    "watched",
]

PIPE_COLUMNS = 1000
"""Width of a table in a pipe: no line is broken, so that one result stays one line."""

CELL_CHARACTERS = 256
"""The longest text of a cell. UIDs (64) always fit; long descriptions are cut."""


def amount(octets: int, seconds: float | None = None) -> str:
    """Octets for people, as ``1.5 MB``, or with a duration as the rate ``1.5 MB/s``."""
    from rich.filesize import decimal

    if seconds is None:
        return decimal(octets)
    return f"{decimal(round(octets / max(seconds, 1e-6)))}/s"


def count(number: int, noun: str) -> str:
    """A number of things, as ``1 file`` or ``2 studies``."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun}"


def warn(texts: Iterable[str]) -> None:
    """Print warnings, one line each, on standard error."""
    for text in texts:
        click.echo(f"warning: {fold(text)}", err=True)


def json_line(item: object) -> None:
    """Print one JSON object in one line, in ASCII: no encoding of a terminal can break it."""
    click.echo(json.dumps(item))


@contextlib.contextmanager
def json_array(write: Callable[[str], object]) -> Generator[Callable[[object], None]]:
    """Write a JSON array while its items arrive, each in a line of its own.

    If the block fails the array stays open: nobody can take a part for the whole.

    Args:
        write: Takes the text.

    Yields:
        A function that adds an item.
    """
    start = "["

    def add(item: object) -> None:
        nonlocal start
        write(f"{start}\n{json.dumps(item)}")
        start = ","

    yield add
    write("[]\n" if start == "[" else "\n]\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output.

    Columns without any value are left out: servers return few of the attributes that they could.

    Args:
        columns: The headings.
        rows: The cells of each row, as they came: they are made printable here.
    """
    from rich.table import Table
    from rich.text import Text

    cells = [[fold(cell, CELL_CHARACTERS) for cell in row] for row in rows]
    used = [index for index in range(len(columns)) if any(row[index] for row in cells)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index in used:
        table.add_column(columns[index], overflow="fold")
    for row in cells:
        table.add_row(*(Text(row[index]) for index in used))
    _console().print(table)


def _console() -> Console:
    from rich.console import Console

    reconfigure: Callable[..., object] | None = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # a name that the terminal can't show
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if narrow else PIPE_COLUMNS)


@contextlib.contextmanager
def status(activity: str, *, printing: bool = False) -> Generator[Callable[[str], None]]:
    """Show what is being done, on standard error if that is a terminal.

    Args:
        activity: What is being done, such as ``retrieving``.
        printing: Whether lines are printed meanwhile; on the same terminal they would collide.

    Yields:
        A function that shows another text.
    """
    if not sys.stderr.isatty() or (printing and sys.stdout.isatty()):
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status(activity) as shown:
        yield shown.update


@contextlib.contextmanager
def watched(thing: object) -> Generator[None]:
    """Show what a thing's ``str`` says, several times a second, as :func:`status` does.

    Args:
        thing: Is asked in a thread of its own.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(_Shown(thing)):
        yield


class _Shown:
    """Text that is made anew each time it is drawn."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(str(self._thing))


@contextlib.contextmanager
def progress(activity: str, *, printing: bool = False) -> Generator[Callable[[int], None]]:
    """Show how many items and octets have passed, as :func:`status` does.

    Args:
        activity: What is being done, such as ``retrieving``.
        printing: Whether lines are printed meanwhile.

    Yields:
        A function that counts one more item, of so many octets.
    """
    started = time.monotonic()
    passed = total = 0
    with status(activity, printing=printing) as show:

        def advance(octets: int) -> None:
            nonlocal passed, total
            passed += 1
            total += octets
            text = f"{activity}: {passed}"
            if total:
                text += f", {amount(total)}, {amount(total, time.monotonic() - started)}"
            show(text)

        yield advance
