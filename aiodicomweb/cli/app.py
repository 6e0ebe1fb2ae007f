"""The command ``aiodicomweb``: its groups, and the exit status of whatever happens in them."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

import click

from aiodicomweb import __version__

from .connection import connection_options
from .delete import delete
from .demo import demo
from .failures import error_line, exit_status
from .retrieve import retrieve
from .search import search
from .serve import serve
from .store import store

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["application", "run"]

NAME = "aiodicomweb"


@click.group(
    name=NAME,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@connection_options
def application() -> None:
    """Search, retrieve, store, delete and serve DICOM objects over DICOMweb.

    Options of the connection may stand before or after the command, or come from the environment.
    The exit status is 0 when all went well, 1 when something failed, 2 for wrong usage.
    """


for _command in (search, retrieve, store, delete, serve, demo):
    application.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run one command line, and turn every failure into one line on standard error.

    click's own ``main`` would write several lines for wrong usage, and tracebacks for the rest.

    Args:
        arguments: The words after the program's name.

    Returns:
        The exit status.
    """
    try:
        with _discreet(), application.make_context(NAME, list(arguments)) as context:
            return int(application.invoke(context) or 0)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except BrokenPipeError:
        _abandon_output()
        return 1
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001 - the last stop
        click.echo(error_line(error, NAME), err=True)
        return exit_status(error)


@contextlib.contextmanager
def _discreet() -> Generator[None]:
    """Silence pydicom, whose warnings and log lines quote values that may name a patient."""
    log = logging.getLogger("pydicom")
    level = log.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
        log.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            log.setLevel(level)


def _abandon_output() -> None:
    """Let the interpreter's last flush of standard output go nowhere: its reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
