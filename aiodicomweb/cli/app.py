"""The command ``aiodicomweb``: its commands, and the exit status of whatever happens in them."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from aiodicomweb import __version__

from .connection_options import connection_options
from .failures import error_line, exit_status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = ["LateCommand", "application", "run"]

NAME = "aiodicomweb"


class LateCommand(click.Command):
    """Stands for a command, which is imported when it is called or asked for its own help.

    A list of commands shows no more than the name and the first sentence.

    Args:
        load: Imports the command; its name and docstring are those that are listed.
    """

    def __init__(self, load: Callable[[], click.Command]) -> None:
        super().__init__(load.__name__, help=load.__doc__)
        self.load = load

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of the command itself, with which click goes on."""
        return self.load().make_context(info_name, args, parent, **extra)


@click.group(
    name=NAME,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@connection_options
@click.pass_context
def application(context: click.Context) -> None:
    """Search, retrieve, store, delete and serve DICOM objects over DICOMweb.

    Options of the connection may stand before or after the command, or come from the environment.
    The exit status is 0 when all went well, 1 when something failed, 2 for wrong usage.
    """
    context.with_resource(_discreet())  # for as long as the command runs


def _late(load: Callable[[], click.Command]) -> LateCommand:
    command = LateCommand(load)
    application.add_command(command)
    return command


@_late
def search() -> click.Command:
    """Find studies, series or instances (QIDO-RS)."""
    from .search import search as command

    return command


@_late
def retrieve() -> click.Command:
    """Save instances, metadata, frames or images (WADO-RS)."""
    from .retrieve import retrieve as command

    return command


@_late
def store() -> click.Command:
    """Store DICOM files, and those in directories (STOW-RS)."""
    from .store import store as command

    return command


@_late
def delete() -> click.Command:
    """Delete studies, series or instances, if the server lets you."""
    from .delete import delete as command

    return command


@_late
def serve() -> click.Command:
    """Serve the DICOM files of a folder, and keep there what is stored."""
    from .serve import serve as command

    return command


@_late
def demo() -> click.Command:
    """Do the main job once, and show the figures."""
    from .demo import demo as command

    return command


def run(arguments: Sequence[str]) -> int:
    """Run one command line, and turn every failure into one line on standard error.

    click's own ``main`` would write several lines for wrong usage, and tracebacks for the rest.

    Args:
        arguments: The words after the program's name.

    Returns:
        The exit status.
    """
    try:
        with application.make_context(NAME, list(arguments)) as context:
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
    import logging  # a tenth of what the help of all commands takes, which needs none

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
