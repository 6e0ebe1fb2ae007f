"""Every module can be imported alone, and importing the package costs little."""

from __future__ import annotations

import json
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


def modules_after_import(module: str, folder: Path) -> set[str]:
    """What a fresh interpreter has loaded after one import, where every warning is an error."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-bb", "-c", PROGRAM.format(module=module)],
        capture_output=True,
        text=True,
        cwd=folder,  # away from the checkout, which is not what is installed
        check=False,
    )

    assert "" == process.stderr
    return set(json.loads(process.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_module_imports_alone(module: str, tmp_path: Path) -> None:
    """No module needs another to have been imported before it."""
    assert module in modules_after_import(module, tmp_path)


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
