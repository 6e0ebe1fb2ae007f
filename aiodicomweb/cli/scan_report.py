"""What ``aiodicomweb serve`` says of its folder: what a scan has found, and what it left out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from .output import count, status, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from aiodicomweb.server import ScanProgress

__all__ = ["ScanReport"]

_LEFT_OUT = {
    "broken": "cut short or damaged",
    "unidentified": "without the UIDs of an instance",
    "duplicates": "instances that another file holds already",
    "unreadable": "cannot be read",
    "unfinished": "not whole but changed just now, perhaps still being written",
}


def _silent(_text: str) -> None:
    pass


class ScanReport:
    """Lines about the scans of a folder. Those of later scans only if something is new."""

    def __init__(self) -> None:
        self._last: ScanProgress | None = None
        self._show: Callable[[str], None] = _silent
        self._unreadable = 0

    def note(self, progress: ScanProgress) -> None:
        """Take how far a scan has come; it is shown within :meth:`shown`."""
        self._last = progress
        self._show(f"scanning: {progress.examined} of {progress.to_examine} files")

    @contextlib.contextmanager
    def shown(self) -> Generator[None]:
        """Show on a terminal how the scan goes."""
        with status("scanning") as show:
            self._show = show
            yield
        self._show = _silent

    def first(self) -> None:
        """Tell what the first scan left out."""
        if self._last is not None:
            self._warn(self._last, *_LEFT_OUT)

    def later(self, progress: ScanProgress) -> None:
        """Tell what is otherwise since the scan before."""
        changes = [
            text
            for number, text in (
                (progress.instances, f"{count(progress.instances, 'file')} new or changed"),
                (progress.gone, f"{count(progress.gone, 'file')} gone"),
            )
            if number
        ]
        if changes:
            click.echo(", ".join(changes), err=True)
        # What is unfinished is tried again, and what cannot be read was so before.
        silent = {"unfinished"}
        if progress.unreadable == self._unreadable:
            silent.add("unreadable")
        self._warn(progress, *(kind for kind in _LEFT_OUT if kind not in silent))

    def _warn(self, progress: ScanProgress, *kinds: str) -> None:
        """Tell what was left out. What has not changed an earlier scan has told of."""
        self._unreadable = progress.unreadable
        numbers = {kind: getattr(progress, kind) for kind in kinds}
        warn(
            f"left out: {count(number, 'file')}, {_LEFT_OUT[kind]}"
            for kind, number in numbers.items()
            if number
        )
