"""The entry point: quick help, and a clear word where the extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aiodicomweb.cli import main


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_missing_extra_is_named_in_one_line(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without click or rich the command says what to install, and exits with 2."""
    monkeypatch.setitem(sys.modules, missing, None)

    status = main(["--help"])

    assert 2 == status
    err = capsys.readouterr().err
    assert "aiodicomweb: the command line needs: pip install 'aiodicomweb[cli]'\n" == err


def test_arguments_default_to_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Called without arguments, as an entry point is, the process's own are read."""
    monkeypatch.setattr(sys, "argv", ["aiodicomweb", "--version"])

    assert 0 == main()
    assert capsys.readouterr().out.startswith("aiodicomweb ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["search", "studies", "--help"],
        ["demo", "-h"],
        ["serve", "-h"],
        ["delete", "-h"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help is quick: it loads neither client nor server, pydicom, anyio, ssl nor rich."""
    script = (
        "import sys\n"
        "from aiodicomweb.cli import main\n"
        f"status = main({arguments!r})\n"
        "heavy = {'pydicom', 'anyio', 'ssl', 'rich.console', 'asyncio', 'sqlite3'}\n"
        "heavy |= {'aiodicomweb.client', 'aiodicomweb.server', 'aiodicomweb.testing'}\n"
        "sys.exit(status or ' '.join(heavy & set(sys.modules)) or 0)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "" == done.stderr
    assert 0 == done.returncode


def test_package_imports_without_click() -> None:
    """Importing the package alone loads no library of the extra."""
    script = "import sys, aiodicomweb.cli; sys.exit('click' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", script], check=False).returncode
