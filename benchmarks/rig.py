"""What all benchmarks over a network share: contestants in turn, each in a process of its own.

A benchmark file makes a :class:`Claim` and calls :func:`main` with it. It then plays three parts,
each in processes of its own: the rig (as called), the origin (``--serve``) and one contestant in
one run (``--run``). A contestant gets the URL of a service and a function to hand payload to, and
is called twice in its process: for a short warm-up, and for what is measured. The contestants of
a round run one after the other in random order, and what counts is the ratio of two in one round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import inspect
import json
import os
import platform
import random
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import delay
import origin

RESULTS = Path(__file__).parent / "results"
PEERS = ("aiohttp", "dicomweb-client", "httpx", "pycurl", "h11", "anyio", "pydicom")
RUN_LIMIT = 180.0
"""Seconds after which a run is a failure."""


class Take:
    """Where payload goes; it is counted, as cheaply as can be."""

    def __init__(self) -> None:
        self.octets = 0

    def __call__(self, piece: Any) -> None:
        """Take a piece of payload."""
        self.octets += len(piece)

    def file(self, path: Path) -> None:
        """Take a file that was written."""
        self.octets += path.stat().st_size


class CheckedTake(Take):
    """Makes a checksum of it besides: for runs whose time doesn't count."""

    def __init__(self) -> None:
        super().__init__()
        self.crc = 0

    def __call__(self, piece: Any) -> None:
        """Take a piece of payload, and look at it."""
        super().__call__(piece)
        self.crc = zlib.crc32(piece, self.crc)

    def file(self, path: Path) -> None:
        """Take a file that was written, and read it."""
        self(path.read_bytes())


Work: TypeAlias = Callable[[str, int, Take], Awaitable[None] | None]
"""A contestant: the service's URL, the size of the task, and where payload goes."""


@dataclass(frozen=True)
class Contestant:
    """One way to do the work.

    Attributes:
        work: Does it.
        whole: Whether it gives out the payload itself, so that its checksum can be compared; the
            floor gives out what comes over the wire.
        peer: Whether it is a library that users could take instead.
        case: The one case that it takes part in, if not in all.
        times: How many times the task's size it does. Ratios are those of the time for each.
    """

    work: Work
    whole: bool = True
    peer: bool = True
    case: str | None = None
    times: int = 1


@dataclass(frozen=True)
class Target:
    """A ratio to reach: how many times as fast as another ``subject`` is.

    Attributes:
        subject: A contestant.
        against: Others; the fastest of them counts.
        ratio: What to reach.
        case: Of which case, if not of all.
    """

    subject: str
    against: Sequence[str]
    ratio: float
    case: str | None = None


@dataclass(frozen=True)
class Limit:
    """A figure not to exceed.

    Attributes:
        subject: A contestant.
        figure: A field of :class:`Figures`: ``seconds``, or ``growth`` in octets.
        bound: What its median is to stay within.
        case: In which case, if not in all.
    """

    subject: str
    figure: str
    bound: float
    case: str | None = None


@dataclass(frozen=True)
class Claim:
    """What a benchmark file measures.

    Attributes:
        name: Of the file and its results.
        title: What is done, in a few words.
        size: Of the task: frames, files or requests.
        unit: What ``size`` counts.
        cases: Names of the ways in which the origin does it.
        serve: Makes the origin's application for a case.
        payload: Octets and checksum that a contestant must have handed over, by case and size.
        contestants: By name.
        targets: To be reached.
        limits: Not to be exceeded.
        warm_up: Size of the warm-up.
        tls: Cases that are served over TLS.
        round_trip: Seconds that a round trip to the origin takes at least.
        octets: Octets that a task moves, where that is not the payload handed over.
        prepare: Puts what contestants need into a folder, for tasks of a size.
    """

    name: str
    title: str
    size: int
    unit: str
    cases: Sequence[str]
    serve: Callable[[str], origin.Application]
    payload: Callable[[str, int], tuple[int, int]]
    contestants: Mapping[str, Contestant]
    targets: Sequence[Target] = ()
    limits: Sequence[Limit] = ()
    warm_up: int = 16
    tls: Sequence[str] = ()
    round_trip: float = 0.0
    octets: Callable[[int], int] | None = None
    prepare: Callable[[Path, int], object] | None = None


@dataclass
class Figures:
    """What one contestant took, run by run.

    Attributes:
        seconds: On the clock.
        processor: Seconds of processor time, of the contestant alone.
        faults: Page faults.
        growth: Octets by which its memory grew at most.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    growth: list[int] = field(default_factory=list)

    def add(self, run: Mapping[str, Any]) -> None:
        """Note one run."""
        for name, value in run.items():
            getattr(self, name).append(value)


# --- a contestant's process ----------------------------------------------------------------------


def run_contestant(contestant: Contestant, url: str, size: int, warm_up: int, check: bool) -> None:
    """Do the work and print what it took, as JSON."""
    take = CheckedTake() if check else Take()

    async def go() -> dict[str, Any]:
        await _call(contestant, f"{url}{warm_up}", warm_up, Take())
        gc.collect()
        with measured() as figures:
            await _call(contestant, f"{url}{size}", size, take)
        return figures

    result = asyncio.run(go())
    if isinstance(take, CheckedTake):
        result = {"octets": take.octets, "crc": take.crc}
    print(json.dumps(result))


async def _call(contestant: Contestant, url: str, size: int, take: Take) -> None:
    outcome = contestant.work(url, size, take)
    if inspect.isawaitable(outcome):
        await outcome


@contextlib.contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Measure what is done within; the figures are there behind it."""
    Path("/proc/self/clear_refs").write_text("5")  # let the highest resident size begin anew
    resident = _status("VmRSS")
    figures: dict[str, Any] = {}
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield figures
    figures["seconds"] = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures["processor"] = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    figures["faults"] = after.ru_minflt - before.ru_minflt
    figures["growth"] = max(0, _status("VmHWM") - resident)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def current_case() -> str:
    """The case that this contestant is in."""
    return os.environ["BENCHMARK_CASE"]


def folder() -> Path:
    """The folder that the claim prepared."""
    return Path(os.environ["BENCHMARK_FOLDER"])


def trust(ca: str | None = None) -> ssl.SSLContext:
    """A context of the benchmark's own authority: the one that the rig names, as a rule."""
    return ssl.create_default_context(cafile=ca or os.environ["BENCHMARK_CA"])


# --- the rig -------------------------------------------------------------------------------------


def main(claim: Claim) -> None:
    """Play the part that the command line says."""
    options = _options(claim)
    if options.serve:
        certificate = options.certificate if options.serve in claim.tls else None
        origin.serve(claim.serve(options.serve), certificate)
    elif options.run:
        contestant = claim.contestants[options.run]
        run_contestant(contestant, options.url, options.size, claim.warm_up, options.check)
    else:
        _measure(claim, options)


def _options(claim: Claim) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=claim.title)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=claim.size, help=claim.unit)
    parser.add_argument("--case", action="append", choices=claim.cases)
    parser.add_argument("--only", action="append", choices=[*claim.contestants])
    parser.add_argument("--save", action="store_true", help="into benchmarks/results")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--certificate", help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(claim: Claim, options: argparse.Namespace) -> None:
    cases: dict[str, Any] = {}
    print(f"{claim.title}: {options.size:,} {claim.unit}, {options.rounds} rounds")
    for case in options.case or claim.cases:
        names = [
            name
            for name, contestant in claim.contestants.items()
            if contestant.case in {None, case} and name in (options.only or claim.contestants)
        ]
        cases[case] = _measure_case(claim, case, names, options)
    result = {
        "claim": claim.name,
        "title": claim.title,
        "size": options.size,
        "unit": claim.unit,
        "machine": machine(),
        "cases": cases,
    }
    if options.save:
        save(result)


def save(result: Mapping[str, Any]) -> None:
    """Keep the result of a claim."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result['claim']}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


def _measure_case(
    claim: Claim, case: str, names: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
    figures = {name: Figures() for name in names}
    times = {name: claim.contestants[name].times for name in names}
    with serving(claim, case, options.size * max(times.values())) as (url, environment):

        def run(name: str, *more: str) -> dict[str, Any]:
            size = str(options.size * times[name])
            return _child(["--run", name, "--url", url, "--size", size, *more], environment)

        for name in names:
            if claim.contestants[name].whole:
                octets, crc = claim.payload(case, options.size * times[name])
                came = run(name, "--check")
                if came != {"octets": octets, "crc": crc}:
                    sys.exit(f"{case}: {name} did not hand over what was served: {came}")
        for _ in range(options.rounds):
            for name in random.sample(names, len(names)):
                figures[name].add(run(name))
    ratios = [
        {**asdict(target), **ratio(target, figures, times)}
        for target in claim.targets
        if target.case in {None, case} and _is_there(target, figures)
    ]
    limits = [
        {**asdict(limit), **spread(getattr(figures[limit.subject], limit.figure))}
        for limit in claim.limits
        if limit.case in {None, case} and limit.subject in figures
    ]
    count = claim.octets or (lambda size: claim.payload(case, size)[0])
    result = {
        "octets": count(options.size),
        "size": options.size,
        "times": times,
        "figures": {name: asdict(taken) for name, taken in figures.items()},
        "peers": [name for name in names if claim.contestants[name].peer],
        "targets": ratios,
        "limits": limits,
    }
    show(case, result)
    return result


def _is_there(target: Target, figures: Mapping[str, Figures]) -> bool:
    return target.subject in figures and any(name in figures for name in target.against)


def ratio(
    target: Target, figures: Mapping[str, Figures], times: Mapping[str, int]
) -> dict[str, Any]:
    """How many times as fast, round by round: median, least and most."""

    def each(name: str) -> list[float]:
        return [seconds / times.get(name, 1) for seconds in figures[name].seconds]

    others = {name: each(name) for name in target.against if name in figures}
    best = min(others, key=lambda name: statistics.median(others[name]))
    pairs = zip(others[best], each(target.subject), strict=True)
    return {"best": best, **spread([theirs / ours for theirs, ours in pairs])}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


@contextlib.contextmanager
def serving(claim: Claim, case: str, size: int) -> Iterator[tuple[str, dict[str, str]]]:
    """An origin in a process of its own; its URL, and the environment that contestants need."""
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, "BENCHMARK_CASE": case}
        command = [sys.argv[0], "--serve", case]
        scheme = "http"
        if case in claim.tls:
            scheme = "https"
            certificates = stack.enter_context(tempfile.TemporaryDirectory())
            ca, certificate = origin.make_certificates(Path(certificates))
            environment["BENCHMARK_CA"] = ca
            command += ["--certificate", certificate]
        port = stack.enter_context(_listening(command))
        if claim.prepare is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            environment["BENCHMARK_FOLDER"] = str(folder)
            claim.prepare(folder, max(size, claim.warm_up))
        if claim.round_trip:
            port = stack.enter_context(_listening([delay.__file__, port, str(claim.round_trip)]))
        yield f"{scheme}://127.0.0.1:{port}/", environment


@contextlib.contextmanager
def _listening(command: Sequence[str]) -> Iterator[str]:
    """A process that listens; the port, which it prints first."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def _child(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, sys.argv[0], *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=RUN_LIMIT,
        check=True,
    )
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    versions = {}
    for name in PEERS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "packages": versions,
    }


def show(case: str, result: Mapping[str, Any]) -> None:
    """Print the figures of a case, the fastest first, its ratios and its limits."""
    print(
        f"\n{case}\n{'':24}{'seconds: median, least, most':^30}{'us each':>12}{'MB/s':>7}", end=""
    )
    print(f"{'cpu s':>8}{'faults':>9}{'MiB grown':>11}")
    for name, taken in sorted(result["figures"].items(), key=lambda item: min(item[1]["seconds"])):
        seconds, times = taken["seconds"], result["times"].get(name, 1)
        middle = statistics.median(seconds)
        each = middle / (result["size"] * times) * 1e6
        print(
            f"{name:24}{middle:10.3f}{min(seconds):10.3f}{max(seconds):10.3f}"
            f"{each:12,.1f}{result['octets'] * times / middle / 1e6:7.0f}"
            f"{statistics.median(taken['processor']):8.2f}"
            f"{statistics.median(taken['faults']):9.0f}{max(taken['growth']) / 2**20:11.1f}"
        )
    for one in result["targets"]:
        print(
            f"{one['subject']} / {one['best']}: {one['median']:.2f} "
            f"({one['least']:.2f} – {one['most']:.2f}), to reach {one['ratio']}"
        )
    for one in result["limits"]:
        print(
            f"{one['subject']}, {one['figure']}: {one['median']:,.3f} "
            f"({one['least']:,.3f} – {one['most']:,.3f}), at most {one['bound']:,}"
        )
