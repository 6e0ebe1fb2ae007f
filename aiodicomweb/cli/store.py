"""``aiodicomweb store``: STOW-RS (PS3.18 §10.5) of files and directories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .connection import Connection, connected, uid
from .output import count, json_line, show_table, warn, watched
from .upload import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

    from aiodicomweb.client import Client, StoreReport

__all__ = ["store", "store_files"]

Outcome = dict[str, object]


@click.command()
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--study", type=uid, help="Store only what belongs to this study.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each instance.")
@connected
def store(connection: Connection, paths: tuple[Path, ...], study: str | None, as_json: bool) -> int:
    """Store DICOM files, and those in directories (STOW-RS).

    Instances that the server refuses, or does not mention in its answer, are listed, and the exit
    status is then 1.
    """
    upload = Upload()
    return connection.run(
        lambda client: _store(client, paths, study, upload, as_json=as_json), hooks=[upload]
    )


async def _store(
    client: Client, paths: tuple[Path, ...], study: str | None, upload: Upload, *, as_json: bool
) -> int:
    report = await store_files(client, paths, upload, study)
    warn(report.warnings)
    if as_json:
        for outcome in _outcomes(report):
            json_line(outcome)
    else:
        _show(report)
    return _verdict(report)


def _verdict(report: StoreReport) -> int:
    """The exit status; what was not stored, or not mentioned, is a failure."""
    if not report.complete:
        lost = report.sent - len(report.stored) or len(report.other_failures)
        raise click.ClickException(
            f"{lost} of {count(report.sent, 'instance')} not known to be stored"
        )
    return 0


async def store_files(
    client: Client, items: Sequence[Path | Dataset], upload: Upload, study: str | None = None
) -> StoreReport:
    """Store files, directories and data sets, with progress on a terminal.

    Args:
        client: Has ``upload`` among its hooks.
        items: What to store.
        upload: Knows the progress.
        study: Store only what belongs to this study.
    """
    with watched(upload):
        return await client.store_instances(items, study)


def _outcomes(report: StoreReport) -> Iterator[Outcome]:
    """What became of each instance, the stored ones first."""
    for stored in report.stored:
        yield {
            "status": "stored",
            "sop_class_uid": stored.sop_class_uid,
            "sop_instance_uid": stored.sop_instance_uid,
            "retrieve_url": stored.retrieve_url,
            "warning_reason": stored.warning_reason,
        }
    for failed in report.failed:
        yield {
            "status": "failed",
            "sop_class_uid": failed.sop_class_uid,
            "sop_instance_uid": failed.sop_instance_uid,
            "failure_reason": failed.failure_reason,
            "reason": failed.reason,
        }
    for code in report.other_failures:
        yield {"status": "failed", "failure_reason": code, "reason": _reason(code)}
    for instance in report.unreported:
        yield {"status": "unreported", "sop_instance_uid": instance}
    for path in report.skipped:
        yield {"status": "skipped", "path": path}


def _show(report: StoreReport) -> None:
    """Print how many were stored, and a table of the others."""
    click.echo(f"{count(len(report.stored), 'instance')} stored")
    rows = [
        (
            str(outcome["status"]),
            str(outcome.get("reason", "")),
            str(outcome.get("sop_instance_uid") or outcome.get("path", "")),
        )
        for outcome in _outcomes(report)
        if outcome["status"] != "stored"
    ]
    rows += [
        ("warning", _reason(stored.warning_reason), stored.sop_instance_uid)
        for stored in report.stored
        if stored.warning_reason is not None
    ]
    if rows:
        show_table(("Status", "Reason", "Instance or file"), rows)


def _reason(code: int | None) -> str:
    from aiodicomweb.dicom import describe_reason

    return "no reason given" if code is None else describe_reason(code)
