"""The options of the connection, which every command takes.

They may stand before the command (``aiodicomweb --url URL search studies``) or behind it; the later
one wins, and the environment comes last. What becomes of them is :mod:`aiodicomweb.cli.connection`,
which the help of all commands needs nothing of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["Settings", "connection_options", "connection_settings"]


class Settings(dict[str, Any]):
    """Values of the options, kept by click's contexts from the group's to the command's."""


def connection_settings() -> Settings:
    """What the command line and the environment say of the connection; empty if nothing."""
    return click.get_current_context().find_object(Settings) or Settings()


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep an option's value for :func:`connection_settings`: the command's before the group's."""
    settings = context.ensure_object(Settings)
    name = str(parameter.name)
    explicit = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    if value and (explicit or name not in settings):
        settings[name] = value


def _option(flag: str, help_text: str, *, variable: bool = False, **kwargs: Any) -> Any:
    """One option of the connection; its value is remembered, never shown."""
    if variable:
        kwargs |= {"envvar": f"AIODICOMWEB_{flag.strip('-').upper()}", "show_envvar": True}
    return click.option(flag, help=help_text, expose_value=False, callback=_remember, **kwargs)


_FILE = click.Path(exists=True, dir_okay=False)

_OPTIONS = (
    _option("--url", "The DICOMweb service.", variable=True, metavar="URL"),
    _option("--user", "User name for basic authentication.", variable=True, metavar="NAME"),
    _option(
        "--password", "Its password; better in the environment.", variable=True, metavar="WORD"
    ),
    _option("--token", "Token for bearer authentication.", variable=True, metavar="TOKEN"),
    _option(
        "--ca",
        "Trust the certificates in this file (PEM) alone.",
        type=_FILE,
    ),
    _option("--insecure", "Accept any certificate of the server.", is_flag=True),
    _option(
        "--cert",
        "Show this certificate (PEM) to a server that wants to see one.",
        type=_FILE,
    ),
    _option("--key", "Its private key, if that is in another file.", type=_FILE),
    _option(
        "--proxy",
        'Go through this proxy; "direct" is none. Otherwise HTTPS_PROXY and its like count.',
        metavar="URL",
    ),
    _option(
        "--timeout",
        "Wait at most so long for each connection, write, answer and read.",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
    ),
)


def connection_options(command: Command) -> Command:
    """Give a command the options of the connection."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
