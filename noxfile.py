"""Every check of the project: ``pip install nox && nox``.

``nox -l`` lists the sessions, ``nox -s "tests(3.12)" -- -k selector`` runs a piece of one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"  # download_python
nox.options.error_on_missing_interpreters = False  # in CI too: we run on what is there

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
PURE = ("errors.py", "_util.py", "http/*", "wire/*", "dicom/*", "services/*")
"""The layers without I/O."""
PURE_COVERAGE = 95
ON_EACH_LOOP = ("client", "net", "testing")
"""The tests that run on each kind of event loop, and those that run on one besides."""
BESIDES = {"debug": ("server",), "trio": ("integration",), "uvloop": ()}
SHARED = ("-n", "2", "--dist", "worksteal", "--max-worker-restart", "0")
"""Two processes share the tests; when one has ended, because a test hangs, none takes its place."""
CLAIMS = (
    "frames",
    "tiles",
    "single_tiles",
    "store",
    "disk",
    "search",
    "latency",
    "startup",
    "embedded",
    "growth",
)
"""The files of ``benchmarks`` that keep their results."""


def group(name: str) -> list[str]:
    """The requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def interpreter(version: str) -> str:
    """The path of a Python that runs and has this version; the bare version if there is none.

    Being on PATH proves little: pyenv puts a ``python3.12`` there that works only in folders
    where that version was chosen, although the interpreter itself is installed.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python{version}"))),
    ]
    for candidate in filter(None, candidates):
        if runs_as(candidate, version):
            return candidate
    return version


def runs_as(python: str, version: str) -> bool:
    """Whether this executable starts, and says that it has this version."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [python, "-c", question], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version


INTERPRETERS = {version: interpreter(version) for version in PYTHONS}
FOUND = [version for version, python in INTERPRETERS.items() if python != version]
if not FOUND:
    sys.exit(f"no Python of {', '.join(PYTHONS)} runs here")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check", "--diff")


@nox.session
def types(session: nox.Session) -> None:
    """Strict mypy and pyright, and complete types on all that is public."""
    session.install(".[aws,cli,google,otel,render]", *group("types"))
    session.run("mypy")
    session.run("pyright")
    # What users' type checkers see: the installed package, from outside the checkout.
    session.chdir(session.create_tmp())
    session.run("pyright", "--ignoreexternal", "--verifytypes", "aiodicomweb")


@nox.session(download_python="never")
@nox.parametrize("python", [nox.param(INTERPRETERS[v], id=v) for v in PYTHONS])
def tests(session: nox.Session) -> None:
    """The whole suite against the installed package; one Python also measures coverage."""
    session.install(".[cli,render]", *group("tests"))
    if session.python == INTERPRETERS[FOUND[-1]]:
        session.env["AIODICOMWEB_SOAK"] = "1"  # the long form of tests/faults/test_soak.py, once
    # Not by "-m pytest", which would put the checkout before the installed package.
    if session.python != INTERPRETERS[FOUND[0]]:
        session.run("pytest", *(session.posargs or SHARED))
        return
    session.run("pytest", "--cov", "--cov-report=", *(session.posargs or SHARED))
    if not session.posargs:
        pure = ",".join(f"*/aiodicomweb/{pattern}" for pattern in PURE)
        session.run("coverage", "report", f"--include={pure}", f"--fail-under={PURE_COVERAGE}")


@nox.session(python=INTERPRETERS[FOUND[0]], download_python="never")
@nox.parametrize("loop", list(BESIDES))
def loops(session: nox.Session, loop: str) -> None:
    """What waits for the network, on other event loops; ``debug`` finds calls that block one."""
    session.install(".[cli,render]", *group("tests"))
    # anyio's plugin runs them on trio: pytest-asyncio must leave them alone.
    modes = ["-o", "asyncio_mode=strict", "-o", "anyio_mode=auto"] if loop == "trio" else []
    folders = [f"tests/{room}" for room in (*ON_EACH_LOOP, *BESIDES[loop])]
    session.run("pytest", "--loop", loop, *modes, *(session.posargs or (*SHARED, *folders)))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure every claim beside its peers, and write table and chart; for a quiet machine."""
    session.install(".[cli]", *group("bench"))
    for claim in CLAIMS:
        session.run("python", f"benchmarks/{claim}.py", "--save", *session.posargs)
    session.run("python", "benchmarks/report.py")
