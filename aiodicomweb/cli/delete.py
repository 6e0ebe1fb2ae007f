"""``aiodicomweb delete``: deletion, which is beyond the standard."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import click

from .connection import Connection, connected, uid
from .output import warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiodicomweb.client import DeleteCall

__all__ = ["delete"]

_ACCEPTED = 202


def confirmed(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the option ``--yes``, and let it run only if that or a person says so."""

    @click.option("--yes", is_flag=True, help="Don't ask whether it is meant.")
    @functools.wraps(command)
    def wrapper(*args: Any, yes: bool, **kwargs: Any) -> int:
        if not yes:
            _ask(kwargs)
        return command(*args, **kwargs)

    return wrapper


def _ask(uids: dict[str, str]) -> None:
    """Ask a person; nobody there, or no, ends the command."""
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: --yes deletes without a question")
    level = next(level for level in ("instance", "series", "study") if level in uids)
    try:
        meant = click.confirm(f"Delete the {level} {uids[level]} for good?", err=True)
    except click.Abort:
        meant = False
    if not meant:
        raise click.ClickException("nothing was deleted")


_study = click.argument("study", type=uid)
_series = click.argument("series", type=uid)
_instance = click.argument("instance", type=uid)


@click.group()
def delete() -> None:
    """Delete studies, series or instances, if the server lets you."""


@delete.command()
@_study
@connected
@confirmed
def study(connection: Connection, study: str) -> int:
    """Delete the study STUDY with all that belongs to it."""
    return connection.run(lambda client: _delete(client.delete_study(study)))


@delete.command()
@_study
@_series
@connected
@confirmed
def series(connection: Connection, study: str, series: str) -> int:
    """Delete a series with its instances."""
    return connection.run(lambda client: _delete(client.delete_series(study, series)))


@delete.command()
@_study
@_series
@_instance
@connected
@confirmed
def instance(connection: Connection, study: str, series: str, instance: str) -> int:
    """Delete one instance."""
    return connection.run(lambda client: _delete(client.delete_instance(study, series, instance)))


async def _delete(call: DeleteCall) -> int:
    await call
    warn(call.response.warnings)
    later = call.response.status == _ACCEPTED
    click.echo("the server is going to delete it" if later else "deleted")
    return 0
