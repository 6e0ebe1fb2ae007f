"""``aiodicomweb retrieve``: WADO-RS (PS3.18 §10.4) into files."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .connection import Connection, connected, uid
from .files import frame_name
from .output import amount, count, json_array, json_line, progress, warn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from aiodicomweb.client import (
        BulkDataPart,
        Call,
        Client,
        Frame,
        ImageCall,
        ImagesCall,
        Instance,
        InstanceMetadataCall,
        MetadataCall,
    )
    from aiodicomweb.http import Response

__all__ = ["retrieve"]

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

Item = TypeVar("Item")

MediaTypes = list[str | tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class Saving:
    """Where files go and what was said of them.

    Attributes:
        output: The directory.
        media_types: What to ask for; ``None`` is the client's default.
        as_json: Whether to print an object for each file, instead of a summary.
        files: How many were saved.
        octets: Their sizes together.
        started: When it began, in seconds of the monotonic clock.
    """

    output: Path
    media_types: MediaTypes | None
    as_json: bool
    files: int = 0
    octets: int = 0
    started: float = 0.0

    def saved(self, path: Path, octets: int, **facts: object) -> None:
        """Count a file, and print what is known of it."""
        self.files += 1
        self.octets += octets
        if self.as_json:
            json_line({"path": str(path), "size": octets, **facts})

    def finish(self, response: Response) -> int:
        """Sum up, and return the exit status: an incomplete answer is a failure."""
        warn(response.warnings)
        if not self.files:
            raise _nothing()
        rate = amount(self.octets, time.monotonic() - self.started)
        if not self.as_json:
            files = count(self.files, "file")
            click.echo(f"{files}, {amount(self.octets)} in {self.output} ({rate})")
        if response.partial:
            raise click.ClickException("the server returned only a part of what it has (206)")
        return 0


def _nothing() -> click.ClickException:
    return click.ClickException("the server returned nothing")


def saving_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of saving, and their values as its ``saving``."""

    @click.option(
        "--output", type=_DIRECTORY, default=".", metavar="DIR",
        help="Save into this directory; it is made if need be. Default: the current one.",
    )  # fmt: skip
    @click.option("--media-type", metavar="TYPE", help="Ask for this media type.")
    @click.option("--transfer-syntax", type=uid, help="Ask for it in this transfer syntax.")
    @click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each file.")
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        output: Path,
        media_type: str | None,
        transfer_syntax: str | None,
        as_json: bool,
        **kwargs: Any,
    ) -> int:
        if transfer_syntax and not media_type:
            raise click.UsageError("--transfer-syntax needs --media-type")
        media_types: MediaTypes | None = None
        if media_type:
            media_types = [(media_type, transfer_syntax) if transfer_syntax else media_type]
        output.mkdir(parents=True, exist_ok=True)
        saving = Saving(output=output, media_types=media_types, as_json=as_json)
        return command(*args, saving=saving, **kwargs)

    return wrapper


_study = click.argument("study", type=uid)
_series = click.argument("series", type=uid)
_instance = click.argument("instance", type=uid)
_perhaps_series = click.argument("series", type=uid, required=False)
_perhaps_instance = click.argument("instance", type=uid, required=False)
_perhaps_frames = click.argument(
    "numbers", metavar="[FRAME]...", nargs=-1, type=click.IntRange(min=1)
)


@click.group()
def retrieve() -> None:
    """Save instances, metadata, frames or images (WADO-RS)."""


@retrieve.command()
@_study
@saving_options
@connected
def study(connection: Connection, saving: Saving, study: str) -> int:
    """Save every instance of the study STUDY."""
    return connection.run(
        lambda client: _save_all(
            client.retrieve_study(study, saving.media_types), saving, _save_instance
        )
    )


@retrieve.command()
@_study
@_series
@saving_options
@connected
def series(connection: Connection, saving: Saving, study: str, series: str) -> int:
    """Save every instance of a series."""
    return connection.run(
        lambda client: _save_all(
            client.retrieve_series(study, series, saving.media_types), saving, _save_instance
        )
    )


@retrieve.command()
@_study
@_series
@_instance
@saving_options
@connected
def instance(connection: Connection, saving: Saving, study: str, series: str, instance: str) -> int:
    """Save one instance."""
    return connection.run(
        lambda client: _save_all(
            client.retrieve_instance(study, series, instance, saving.media_types),
            saving,
            _save_instance,
        )
    )


@retrieve.command()
@_study
@_series
@_instance
@click.argument("numbers", metavar="FRAME...", nargs=-1, required=True, type=click.IntRange(min=1))
@saving_options
@connected
def frames(
    connection: Connection,
    saving: Saving,
    *,
    study: str,
    series: str,
    instance: str,
    numbers: tuple[int, ...],
) -> int:
    """Save frames of an instance, by their numbers from 1.

    Each goes to a file of its own, named after the instance and the frame's number.
    """
    return connection.run(
        lambda client: _save_all(
            client.retrieve_instance_frames(study, series, instance, numbers, saving.media_types),
            saving,
            functools.partial(_save_frame, instance),
        )
    )


@retrieve.command()
@_study
@_perhaps_series
@_perhaps_instance
@_perhaps_frames
@saving_options
@connected
def rendered(
    connection: Connection,
    saving: Saving,
    *,
    study: str,
    series: str | None,
    instance: str | None,
    numbers: tuple[int, ...],
) -> int:
    """Save a study, series, instance or frames as images to look at.

    They are image/jpeg unless another media type is asked for.
    """

    def work(client: Client) -> Awaitable[int]:
        if series is not None and instance is not None and numbers:
            frames = client.retrieve_instance_frames_rendered(
                study, series, instance, numbers, saving.media_types
            )
            return _save_all(frames, saving, functools.partial(_save_frame, f"{instance}_rendered"))
        call = _rendered_call(client, study, series, instance, saving.media_types)
        stem = f"{instance or series or study}_rendered"
        return _save_all(call, saving, functools.partial(_save_image, stem))

    return connection.run(work)


def _rendered_call(
    client: Client,
    study: str,
    series: str | None,
    instance: str | None,
    media_types: MediaTypes | None,
) -> ImagesCall | ImageCall:
    if series is None:
        return client.retrieve_study_rendered(study, media_types)
    if instance is None:
        return client.retrieve_series_rendered(study, series, media_types)
    return client.retrieve_instance_rendered(study, series, instance, media_types)


@retrieve.command()
@_study
@_perhaps_series
@_perhaps_instance
@_perhaps_frames
@saving_options
@connected
def thumbnail(
    connection: Connection,
    saving: Saving,
    *,
    study: str,
    series: str | None,
    instance: str | None,
    numbers: tuple[int, ...],
) -> int:
    """Save the thumbnail of a study, series, instance or frames."""
    stem = f"{instance or series or study}_thumbnail"
    return connection.run(
        lambda client: _save_all(
            _thumbnail_call(client, study, series, instance, numbers, saving.media_types),
            saving,
            functools.partial(_save_image, stem),
        )
    )


def _thumbnail_call(
    client: Client,
    study: str,
    series: str | None,
    instance: str | None,
    numbers: tuple[int, ...],
    media_types: MediaTypes | None,
) -> ImageCall:
    if series is None:
        return client.retrieve_study_thumbnail(study, media_types)
    if instance is None:
        return client.retrieve_series_thumbnail(study, series, media_types)
    if not numbers:
        return client.retrieve_instance_thumbnail(study, series, instance, media_types)
    return client.retrieve_instance_frames_thumbnail(study, series, instance, numbers, media_types)


@retrieve.command()
@_study
@_perhaps_series
@_perhaps_instance
@click.option(
    "--output", type=_FILE, metavar="FILE", help="Write to this file, not to standard output."
)
@connected
def metadata(
    connection: Connection,
    study: str,
    series: str | None,
    instance: str | None,
    output: Path | None,
) -> int:
    """Print the metadata of a study, series or instance as a DICOM JSON array."""
    return connection.run(
        lambda client: _print_metadata(_metadata_call(client, study, series, instance), output)
    )


def _metadata_call(
    client: Client, study: str, series: str | None, instance: str | None
) -> MetadataCall[Any] | InstanceMetadataCall[Any]:
    if series is None:
        return client.retrieve_study_metadata(study)
    if instance is None:
        return client.retrieve_series_metadata(study, series)
    return client.retrieve_instance_metadata(study, series, instance)


async def _print_metadata(
    call: MetadataCall[Any] | InstanceMetadataCall[Any], output: Path | None
) -> int:
    async with call.as_json() as objects:
        with _text_output(output) as write, json_array(write) as add:
            some = False
            async for item in objects:
                add(item)
                some = True
            if not some:
                raise _nothing()
    warn(objects.response.warnings)
    return 0


@contextlib.contextmanager
def _text_output(output: Path | None) -> Generator[Callable[[str], object]]:
    """Yield what writes text to a file, or to standard output if there is none."""
    if output is None:
        yield sys.stdout.write
        return
    from aiodicomweb.client.draft import Draft

    with Draft(output) as stream:
        yield lambda text: stream.write(text.encode("ascii"))


async def _save_all(
    call: Call[Item, Any], saving: Saving, save: Callable[[Item, Saving], Awaitable[int]]
) -> int:
    """Save items while they arrive, and return the exit status."""
    saving.started = time.monotonic()
    with progress("retrieving", printing=saving.as_json) as advance:
        async with call as items:
            async for item in items:
                advance(await save(item, saving))
    return saving.finish(call.response)


async def _save_instance(part: Instance, saving: Saving) -> int:
    from aiodicomweb.dicom import PEEK_OCTETS, peek

    path = await part.save(saving.output)
    # Few servers tell the transfer syntax with the part; the file itself always does.
    with path.open("rb") as file:
        meta = peek(file.read(PEEK_OCTETS))
    octets = path.stat().st_size
    saving.saved(
        path,
        octets,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax=meta.transfer_syntax_uid,
    )
    return octets


async def _save_image(stem: str, part: BulkDataPart, saving: Saving) -> int:
    from anyio import to_thread

    path = saving.output / frame_name(stem, part.number, part.media_type, None)
    data = await part.read()
    await to_thread.run_sync(_write, path, data)
    saving.saved(path, len(data), media_type=part.media_type, location=part.location)
    return len(data)


async def _save_frame(stem: str, frame: Frame, saving: Saving) -> int:
    from anyio import to_thread

    name = frame_name(stem, frame.number, frame.media_type, frame.transfer_syntax)
    path = saving.output / name
    await to_thread.run_sync(_write, path, frame.data)
    saving.saved(
        path,
        len(frame),
        frame=frame.number,
        media_type=frame.media_type,
        transfer_syntax=frame.transfer_syntax,
    )
    return len(frame)


def _write(path: Path, data: memoryview) -> None:
    from aiodicomweb.client.draft import Draft

    with Draft(path) as stream:
        stream.write(data)
