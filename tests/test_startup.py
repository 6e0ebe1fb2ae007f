"""What starting costs, counted in modules: the front door, and the help of all commands."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.cli.app import application

if TYPE_CHECKING:
    from pathlib import Path

FRONT_DOOR = {"aiodicomweb", "aiodicomweb._util", "aiodicomweb.errors"}
HELP = {
    f"aiodicomweb.{name}" for name in ("cli", "cli.app", "cli.connection_options", "cli.failures")
}

IMPORT = "import aiodicomweb"
COMMAND = "from aiodicomweb.cli import main; main(['--help'])"

# What the two can't do without; whichever modules that brings is the business of their versions.
STANDARD_LIBRARY = "import importlib, math, re, typing"
A_HELP_BY_CLICK = """
import importlib.util, click, aiodicomweb

@click.group()
@click.option("--file", type=click.Path())
def program(): "Some text."

program.add_command(click.Command("work", help="Some text."))
program(["--help"], standalone_mode=False)
"""


def modules(program: str, folder: Path) -> set[str]:
    """What is loaded when a program has run in a fresh interpreter."""
    program = f"{program}\nimport sys, json; print(json.dumps([*sys.modules]), file=sys.stderr)"
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=True
    )
    return set(json.loads(process.stderr))


@pytest.mark.parametrize(
    ("program", "without", "ours"),
    [(IMPORT, STANDARD_LIBRARY, FRONT_DOOR), (COMMAND, A_HELP_BY_CLICK, HELP)],
    ids=["import", "help"],
)
def test_starting_loads_little(program: str, without: str, ours: set[str], tmp_path: Path) -> None:
    """Of our modules these, and of others none but what they can't do without."""
    assert ours == modules(program, tmp_path) - modules(without, tmp_path) - {"__future__"}


def test_a_command_loads_its_own_modules(tmp_path: Path) -> None:
    """The help of one command loads that command, and not the others."""
    loaded = modules("from aiodicomweb.cli import main; main(['delete', '--help'])", tmp_path)
    commands = {f"aiodicomweb.cli.{name}" for name in application.commands}

    assert {"aiodicomweb.cli.delete"} == loaded & commands
