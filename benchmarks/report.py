"""Make the table and the chart of what was measured: of ``benchmarks/results``, for the docs.

Usage: ``python benchmarks/report.py``
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = Path(__file__).parent.parent
RESULTS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "explanation" / "benchmarks.md"
CHART = PROJECT / "docs" / "explanation" / "benchmarks.svg"
README = PROJECT / "README.md"
ORDER = [
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
]
UNITS = {"seconds": (1, "s", 3), "growth": (2**20, "MiB", 1)}
"""How the figures of limits are written: divided by what, the unit, and digits."""

OURS = "aiodicomweb"
MARK = re.compile(r"(?s)(<!-- benchmarks -->\n).*(<!-- end of benchmarks -->)")

Case = dict[str, Any]


def results() -> list[dict[str, Any]]:
    """What was measured, in the order of the claims."""
    found = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    return [found[name] for name in ORDER if name in found]


def cases() -> Iterator[tuple[dict[str, Any], str, Case]]:
    """Each case of each claim."""
    for result in results():
        for name, case in result["cases"].items():
            yield result, name, case


# --- tables --------------------------------------------------------------------------------------


def summary(*, short: bool = False) -> Iterator[str]:
    """A row for each ratio that was to be reached; short, without what compares us with us."""
    yield "| work | against | times as fast, or how much: median (least – most) | to reach |"
    yield "|---|---|---|---|"
    for result, name, case in cases():
        if short and result["claim"] == "growth":
            continue
        for target in case["targets"]:
            title = entitled(result, name, target["subject"])
            spread = f"{target['median']:.2f} ({target['least']:.2f} – {target['most']:.2f})"
            mark = "" if target["median"] >= target["ratio"] else " – not reached"
            yield f"| {title} | {target['best']} | {spread} | {target['ratio']}{mark} |"
        for limit in case["limits"]:
            scale, unit, digits = UNITS[limit["figure"]]
            middle, least, most, bound = (
                f"{limit[figure] / scale:.{digits}f}"
                for figure in ("median", "least", "most", "bound")
            )
            mark = "" if limit["median"] <= limit["bound"] else " – not reached"
            title = entitled(result, name, limit["subject"])
            spread = f"{middle} {unit} ({least} – {most})"
            yield f"| {title} | – | {spread} | at most {bound} {unit}{mark} |"


def entitled(result: Mapping[str, Any], case: str, subject: str) -> str:
    """What was measured, and who did it where that isn't the library as it is."""
    words = [result["title"], *([case] if len(result["cases"]) > 1 else [])]
    return ", ".join([*words, subject.removeprefix(OURS).strip()]).removesuffix(", ")


def details(case: Case) -> Iterator[str]:
    """A row for each contestant of a case."""
    yield (
        "| | seconds: median (least – most) | µs each | MB/s | processor s | page faults "
        "| grown by MiB |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, figures in by_speed(case):
        seconds = figures["seconds"]
        middle = statistics.median(seconds)
        times = case["times"].get(name, 1)
        rate = f"{case['octets'] * times / middle / 1e6:,.0f}" if case["octets"] else "–"
        each = f"{middle / (case['size'] * times) * 1e6:,.1f}"
        yield (
            f"| {name} | {middle:.3f} ({min(seconds):.3f} – {max(seconds):.3f}) | {each} | {rate} "
            f"| {statistics.median(figures['processor']):.2f} "
            f"| {statistics.median(figures['faults']):,.0f} "
            f"| {max(figures['growth']) / 2**20:.1f} |"
        )


def by_speed(case: Case) -> list[tuple[str, Mapping[str, Any]]]:
    """The contestants, the fastest first."""
    return sorted(case["figures"].items(), key=lambda item: statistics.median(item[1]["seconds"]))


def page() -> str:
    """The page for the docs."""
    machine = results()[0]["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        "# Benchmarks",
        "",
        "Written by `benchmarks/report.py` from what `nox -s bench` measured. How, and what it",
        "doesn't show, stands in [the benchmarks](../../benchmarks/README.md) themselves.",
        "",
        f"{machine['system']}, {machine['processors']} processors, Python {machine['python']};",
        f"{packages}.",
        "",
        "![How fast each is, ours being 1](benchmarks.svg)",
        "",
        *summary(),
    ]
    for result, name, case in cases():
        size = f"{result['size']:,} {result['unit']}"
        rounds = len(next(iter(case["figures"].values()))["seconds"])
        load = result["machine"]["load"]
        title = f"## {result['title']}: {name}"
        lines += ["", title, "", f"{size}, {rounds} rounds, load {load}.", "", *details(case)]
    return "\n".join(lines) + "\n"


# --- the chart -----------------------------------------------------------------------------------

WIDTH, LABEL, BAR, GAP = 760, 220, 14, 12
COLOURS = {"ours": "#0b6e4f", "peer": "#8fa3b0", "bound": "#d8dee3"}


def chart() -> str:
    """Bars for each case: how fast each contestant is, ours being 1."""
    rows: list[str] = []
    top = GAP
    for result, name, case in cases():
        if OURS not in case["figures"]:
            continue
        rows.append(text(0, top + BAR - 3, f"{result['title']}: {name}", bold=True))
        top += BAR + 4
        own = statistics.median(case["figures"][OURS]["seconds"])
        speeds = {n: own / statistics.median(f["seconds"]) for n, f in by_speed(case)}
        scale = (WIDTH - LABEL - 60) / max(speeds.values())
        for contestant, speed in speeds.items():
            kind = "peer" if contestant in case["peers"] else "bound"
            colour = COLOURS["ours" if contestant.startswith(OURS) else kind]
            rows.append(text(LABEL - 8, top + BAR - 3, contestant, end=True))
            rows.append(
                f'<rect x="{LABEL}" y="{top}" width="{max(1, speed * scale):.1f}" '
                f'height="{BAR - 2}" fill="{colour}"/>'
            )
            rows.append(text(LABEL + speed * scale + 6, top + BAR - 3, f"{speed:.2f}"))
            top += BAR
        top += GAP
    style = "font-family:sans-serif;font-size:11px"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}"'
    background = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([f'{head} style="{style}">', background, *rows, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, *, bold: bool = False, end: bool = False) -> str:
    """A text in the chart."""
    weight = ' font-weight="bold"' if bold else ""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.1f}" y="{y}" fill="#222"{weight}{anchor}>{escape(words)}</text>'


def main() -> None:
    """Write all of it."""
    if not results():
        sys.exit(f"there is nothing in {RESULTS}: let nox -s bench measure")
    PAGE.write_text(page())
    CHART.write_text(chart())
    table = "\n".join(summary(short=True))
    README.write_text(MARK.sub(rf"\g<1>\n{table}\n\n\g<2>", README.read_text()))


if __name__ == "__main__":
    main()
