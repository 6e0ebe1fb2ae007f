"""Gives bad input to everything that reads octets of a peer, for as long as it is told to.

A finding is anything but a result or an error of our tree, a result that depends on how octets were
cut, or an input that takes longer than a few seconds. Each is shown once for the line at which it
comes up, as a bytes literal made as short as it gets, and makes the exit status 1.

Inputs are valid ones with small changes. With atheris, if it is installed, those that reach new
code are kept and changed further; otherwise those that come to a new end. What is kept can be
taken up by the next run.

Usage: ``python benchmarks/fuzz/run.py [--seconds N] [--corpus FOLDER] [--engine NAME] [target …]``
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
import zlib
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

ROOT = Path(__file__).parents[2]
if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW = 5
"""Seconds that no input of 64 KiB may take, even while other programs have the processor."""

MEMORY = 2 << 30
"""Octets of address space; what wants more gets a MemoryError, which is a finding."""

_SHORTENING = 4.0
_TURN = 2.0
_KEPT = 1000
_LONG = 4096


class TooSlowError(Exception):
    """An input took longer than it may."""


def main() -> int:
    """Run, and say whether there are findings."""
    options = arguments()
    if options.engine == "atheris" and not options.alone:
        return run_atheris(options)
    if options.alone:
        fuzz_with_atheris(options.alone, options)
    from tests.support.fuzz.targets import TARGETS

    names = options.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        print(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
        return 2
    limit_memory()
    runs = [Run(name, options) for name in names]
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        for run in runs:
            run.go_on(min(_TURN, options.seconds / len(runs)))
    print()
    for name, run in zip(names, runs, strict=True):
        places = "".join(f"\n    {place}" for place in sorted(run.places))
        print(f"{name:20}{run.count:9} inputs, {len(run.corpus):5} kept{places}")
    return 1 if any(run.places for run in runs) else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    engine = "atheris" if importlib.util.find_spec("atheris") else "python"
    add = parser.add_argument
    add("targets", nargs="*", metavar="target", help="all if none is named")
    add("--seconds", type=float, default=300.0, help="for all targets together (300)")
    add("--corpus", type=Path, help="a folder in which interesting inputs are kept")
    add("--engine", choices=["atheris", "python"], default=engine, help=f"({engine})")
    add("--seed", type=int, default=None, help="repeats a run of the engine python")
    add("--alone", help=argparse.SUPPRESS)
    return parser.parse_args()


def limit_memory() -> None:
    """Let what wants too much memory fail."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))


def too_slow(_signal: int, _frame: object) -> NoReturn:
    """Take the place of an input that does not come to an end."""
    raise TooSlowError


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Within, all is to be done in time."""
    signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, SLOW)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def place_of(error: Exception) -> str:
    """Where a finding comes up: what tells findings apart."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = str(error).partition(":")[0] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} {what}".rstrip()


def examine(name: str, octets: bytes) -> str | Exception:
    """Give octets to a target: what becomes of them, or what is found."""
    from tests.support.fuzz.targets import judge

    try:
        with watched():
            return judge(name, octets)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
        return error


def shorten(name: str, octets: bytes, place: str) -> bytes:
    """Leave out what the finding does not need, for as long as that takes few seconds."""
    end = time.monotonic() + _SHORTENING
    size = len(octets) // 2
    while size and time.monotonic() < end:
        for start in range(0, len(octets), size):
            shorter = octets[:start] + octets[start + size :]
            found = examine(name, shorter)
            if isinstance(found, Exception) and place_of(found) == place:
                octets = shorter
                break
            if time.monotonic() > end:
                return octets
        else:
            size //= 2
    return octets


def report(name: str, octets: bytes, error: Exception) -> None:
    """Say what was found, so that it can be made a test."""
    print(f"\nFINDING in {name}, {len(octets)} octets:\n{octets!r}\n")
    traceback.print_exception(error, file=sys.stdout)
    sys.stdout.flush()


class Run:
    """What goes on with one target, without atheris.

    Args:
        name: The target.
        options: The command line.

    Attributes:
        count: Inputs so far.
        corpus: Valid inputs, and those that came to a new end.
        places: Where findings came up.
    """

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        from tests.support.fuzz.seeds import seeds

        self.count = 0
        self.corpus: list[bytes] = []
        self.places: set[str] = set()
        self._name = name
        self._random = Random(None if options.seed is None else f"{options.seed} {name}")
        self._folder: Path | None = options.corpus and options.corpus / name
        self._seen: set[str] = set()
        self._seeds = seeds(name)
        self.corpus += self._seeds
        kept = sorted(self._folder.iterdir()) if self._folder and self._folder.is_dir() else []
        for octets in (*self._seeds, *(file.read_bytes() for file in kept)):
            self._try(octets)

    def go_on(self, seconds: float) -> None:
        """Try inputs for that long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._try(self._draw())

    def _draw(self) -> bytes:
        from tests.support.fuzz.mutation import EDITS, TOKENS, mutate, random_edit

        random = self._random
        if random.random() < 0.02:
            return b"".join(random.choices(TOKENS, k=random.randrange(1, 30)))
        octets = random.choice(random.choice((self._seeds, self.corpus)))
        other = random.choice(self.corpus)
        start, length = random.randrange(len(other) + 1), random.randrange(1, 200)
        tokens = (*TOKENS, other[start : start + length])
        edits = [random_edit(random, tokens) for _ in range(random.randrange(1, EDITS + 1))]
        return mutate(octets, edits)

    def _try(self, octets: bytes) -> None:
        self.count += 1
        found = examine(self._name, octets)
        if isinstance(found, Exception):
            if (place := place_of(found)) not in self.places:
                self.places.add(place)
                report(self._name, shorten(self._name, octets, place), found)
        elif found not in self._seen and len(self._seen) < _KEPT and len(octets) <= _LONG:
            self._seen.add(found)
            self._keep(octets)

    def _keep(self, octets: bytes) -> None:
        self.corpus.append(octets)
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{zlib.crc32(octets):08x}").write_bytes(octets)


# --- atheris: a process for each target, as it never comes back ----------------------------------


def run_atheris(options: argparse.Namespace) -> int:
    """Run each target in a process of its own, one after the other."""
    text = (ROOT / "tests/support/fuzz/seeds.py").read_text()
    known = re.findall(r'^    "([a-z0-9-]+)": ', text, re.MULTILINE)
    names: list[str] = options.targets or known
    failed: list[str] = []
    with TemporaryDirectory() as folder:
        corpus = options.corpus or Path(folder)
        for name in names:
            command = [sys.executable, __file__, "--engine", "atheris", "--alone", name]
            command += ["--seconds", str(options.seconds / len(names)), "--corpus", str(corpus)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
    print(f"\n{len(names)} targets, findings in: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def fuzz_with_atheris(name: str, options: argparse.Namespace) -> NoReturn:
    """Hand one target over to atheris."""
    import atheris

    with atheris.instrument_imports(include=["aiodicomweb"]):
        from tests.support.fuzz.targets import judge
    from tests.support.fuzz.mutation import MOST_OCTETS, TOKENS, mutate, random_edit
    from tests.support.fuzz.seeds import seeds

    folder = options.corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for octets in seeds(name):
        (folder / f"{zlib.crc32(octets):08x}").write_bytes(octets)

    def try_one(octets: bytes) -> None:
        try:
            judge(name, octets)
        except Exception as error:
            report(name, octets, error)
            raise

    def change(octets: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return bytes(atheris.Mutate(octets, most))
        return mutate(octets, [random_edit(random, TOKENS) for _ in range(random.randrange(1, 4))])[
            :most
        ]

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={max(1, int(options.seconds))}",
            f"-max_len={MOST_OCTETS}",
            f"-timeout={SLOW}",
            f"-rss_limit_mb={MEMORY >> 20}",
            f"-artifact_prefix={folder.parent}/{name}-",
            "-verbosity=0",
            "-print_final_stats=1",
            str(folder),
        ],
        try_one,
        custom_mutator=change,
    )
    atheris.Fuzz()
    sys.exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
