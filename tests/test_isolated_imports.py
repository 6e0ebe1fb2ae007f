"""Every module can be imported alone, and importing the package costs little."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import aiodicomweb

if TYPE_CHECKING:
    from pathlib import Path

MODULES = [
    "aiodicomweb",
    *sorted(info.name for info in pkgutil.walk_packages(aiodicomweb.__path__, "aiodicomweb.")),
]
PROGRAM = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"

EACH_ALONE = """
import gc, json, os, sys, traceback
import anyio, h11, pydicom  # others' packages take most of the time, and are the same for all

gc.disable()  # to look through all that they made, again and again, takes a quarter of the rest
for module in sys.argv[1:]:
    process = os.fork()
    if process == 0:
        try:
            __import__(module)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            os._exit(1)
        os._exit(0)
    print(module, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def run(program: str, *arguments: str, folder: Path) -> str:
    """What a program prints in a fresh interpreter where every warning is an error."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-bb", "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,  # away from the checkout, which is not what is installed
        # A process with threads, as numpy's are, had better not fork.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )

    assert "" == process.stderr
    return process.stdout


def modules_after_import(module: str, folder: Path) -> set[str]:
    """What is loaded after one import."""
    return set(json.loads(run(PROGRAM.format(module=module), folder=folder)))


@pytest.mark.slow
def test_modules_import_alone(tmp_path: Path) -> None:
    """No module needs another of ours to have been imported before it."""
    told = run(EACH_ALONE, *MODULES, folder=tmp_path)

    assert [f"{module} 0" for module in MODULES] == told.splitlines()


def test_a_module_that_does_not_import(tmp_path: Path) -> None:
    """It is told, with the reason."""
    assert "ModuleNotFoundError" in run(EACH_ALONE, "aiodicomweb.attic", folder=tmp_path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("aiodicomweb", "pydicom ssl anyio h11 sqlite3 click rich asyncio"),
        ("aiodicomweb.http", "pydicom ssl anyio h11 asyncio"),
        ("aiodicomweb.wire", "pydicom ssl anyio asyncio"),
    ],
)
def test_import_is_light(module: str, heavy: str, tmp_path: Path) -> None:
    """What is heavy is not loaded before it is needed."""
    assert set() == modules_after_import(module, tmp_path) & set(heavy.split())
