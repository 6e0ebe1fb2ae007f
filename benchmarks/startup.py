"""How long a program takes to start: importing the library, and the command's help.

Claims: ``python -c "import aiodicomweb"`` takes at most 0.10 s, ``aiodicomweb --help`` 0.15 s.

These are whole processes, from their start to their exit, with what Python itself takes, which is
shown as well. Each runs once before anything counts, so that files are in memory and compiled.
Memory is not measured: what the kernel tells of a child begins with what its parent had.

It shows what one waits for before a script or a command begins to work. It doesn't show what the
first call costs: whatever is needed for that only, such as TLS or pydicom, is imported then.
Seconds, unlike ratios, are those of one machine.

Usage: ``python benchmarks/startup.py [--rounds N] [--save]``
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rig import Figures, Limit, Target, machine, ratio, save, show, spread

COMMAND = str(Path(sys.executable).with_name("aiodicomweb"))
CASES = {
    "import": {
        "python": [sys.executable, "-c", "pass"],
        "aiodicomweb": [sys.executable, "-c", "import aiodicomweb"],
        "dicomweb-client": [sys.executable, "-c", "import dicomweb_client"],
        "aiohttp": [sys.executable, "-c", "import aiohttp"],
        "httpx": [sys.executable, "-c", "import httpx"],
        "pydicom": [sys.executable, "-c", "import pydicom"],
    },
    "help": {
        "python": [sys.executable, "-c", "pass"],
        "aiodicomweb": [COMMAND, "--help"],
        "dicomweb-client": [str(Path(COMMAND).with_name("dicomweb_client")), "--help"],
    },
}
PEERS = ["dicomweb-client", "aiohttp", "httpx", "pydicom"]
COMPILING = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
SECONDS = {"import": 0.10, "help": 0.15}


def run(command: list[str]) -> dict[str, Any]:
    """Run a program, and measure it."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=COMPILING)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed")
    return {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "faults": usage.ru_minflt,
        "growth": 0,
    }


def measure(case: str, rounds: int) -> dict[str, Any]:
    """Run the programs of a case in turn, and print what they took."""
    programs = CASES[case]
    figures = {name: Figures() for name in programs}
    for command in programs.values():
        run(command)
    for _ in range(rounds):
        for name in random.sample([*programs], len(programs)):
            figures[name].add(run(programs[name]))
    target = Target("aiodicomweb", ["dicomweb-client"], 1, case)
    limit = Limit("aiodicomweb", "seconds", SECONDS[case], case)
    result = {
        "octets": 0,
        "size": 1,
        "times": {},
        "figures": {name: asdict(taken) for name, taken in figures.items()},
        "peers": [name for name in programs if name in PEERS],
        "targets": [{**asdict(target), **ratio(target, figures, {})}],
        "limits": [{**asdict(limit), **spread(figures["aiodicomweb"].seconds)}],
    }
    show(case, result)
    return result


def main() -> None:
    """Measure each case."""
    parser = argparse.ArgumentParser(description="How long a program takes to start")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--save", action="store_true", help="into benchmarks/results")
    options = parser.parse_args()
    result = {
        "claim": "startup",
        "title": "Start of a program",
        "size": 1,
        "unit": "processes",
        "machine": machine(),
        "cases": {case: measure(case, options.rounds) for case in CASES},
    }
    if options.save:
        save(result)


if __name__ == "__main__":
    main()
