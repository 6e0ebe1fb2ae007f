"""``aiodicomweb search``: QIDO-RS (PS3.18 §10.6) as a table, or as DICOM JSON."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import click

from .connection import Connection, connected, uid
from .output import count, json_array, progress, show_table, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiodicomweb.client import SearchCall
    from aiodicomweb.dicom import JsonObject

__all__ = ["cell_text", "parse_filters", "search"]

Column = tuple[str, str]
"""A heading, and the tags (eight hexadecimal digits, joined by dots) of the path to its value."""

_STUDY_UID = ("Study", "0020000D")
_SERIES_UID = ("Series", "0020000E")

_STUDY_COLUMNS = (
    ("Patient", "00100010"),
    ("ID", "00100020"),
    ("Date", "00080020"),
    ("Modalities", "00080061"),
    ("Description", "00081030"),
    ("Series", "00201206"),
    ("Instances", "00201208"),
    _STUDY_UID,
)
_SERIES_COLUMNS = (
    ("Modality", "00080060"),
    ("Number", "00200011"),
    ("Description", "0008103E"),
    ("Instances", "00201209"),
    _SERIES_UID,
)
_INSTANCE_COLUMNS = (
    ("Number", "00200013"),
    ("Frames", "00280008"),
    ("SOP Class", "00080016"),
    ("Instance", "00080018"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What every search takes: the parameters of the client's verbs, and how to print."""

    arguments: dict[str, Any]
    fields: tuple[str, ...]
    as_json: bool


def parse_filters(texts: Sequence[str]) -> dict[str, str | list[str]]:
    """Read ``KEY=VALUE`` filters.

    The value may hold ``=`` and may be empty, which asks for the attribute without matching it. A
    key given several times makes a list (of UIDs, PS3.18 §8.3.4.1).

    Args:
        texts: The filters as typed.

    Raises:
        click.BadParameter: There is no ``=``, or no key.
    """
    values: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter("a filter has the form KEY=VALUE", param_hint="--filter")
        values.setdefault(key.strip(), []).append(value)
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def search_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of every search, and their values as its ``options``."""

    @click.option(
        "--filter", "filters", multiple=True, metavar="KEY=VALUE",
        help="Match an attribute, by keyword, tag or dotted path; repeatable.",
    )  # fmt: skip
    @click.option("--field", "fields", multiple=True, metavar="KEY", help="Ask for an attribute.")
    @click.option("--limit", type=click.IntRange(min=1), help="At most so many results a page.")
    @click.option("--offset", type=click.IntRange(min=0), help="Skip so many results.")
    @click.option("--fuzzy", is_flag=True, help="Match names by their sound.")
    @click.option("--all", "everything", is_flag=True, help="Get all pages.")
    @click.option("--json", "as_json", is_flag=True, help="Print a DICOM JSON array.")
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        filters: tuple[str, ...],
        fields: tuple[str, ...],
        limit: int | None,
        offset: int | None,
        fuzzy: bool,
        everything: bool,
        as_json: bool,
        **kwargs: Any,
    ) -> int:
        arguments = {
            "search_filters": parse_filters(filters),
            "fields": fields,
            "limit": limit,
            "offset": offset,
            "fuzzymatching": True if fuzzy else None,
            "get_remaining": everything,
        }
        options = SearchOptions(arguments=arguments, fields=fields, as_json=as_json)
        return command(*args, options=options, **kwargs)

    return wrapper


@click.group()
def search() -> None:
    """Find studies, series or instances (QIDO-RS)."""


@search.command()
@search_options
@connected
def studies(connection: Connection, options: SearchOptions) -> int:
    """Find studies."""
    return connection.run(
        lambda client: _show(
            client.search_for_studies(**options.arguments), _STUDY_COLUMNS, options
        )
    )


@search.command()
@click.option("--study", type=uid, help="Only in this study.")
@search_options
@connected
def series(connection: Connection, options: SearchOptions, study: str | None) -> int:
    """Find series, in one study or in all."""
    columns = (*_SERIES_COLUMNS, *([] if study else [_STUDY_UID]))
    return connection.run(
        lambda client: _show(client.search_for_series(study, **options.arguments), columns, options)
    )


@search.command()
@click.option("--study", type=uid, help="Only in this study.")
@click.option("--series", type=uid, help="Only in this series of the study.")
@search_options
@connected
def instances(
    connection: Connection, options: SearchOptions, study: str | None, series: str | None
) -> int:
    """Find instances, in one series, in one study or in all."""
    if series and not study:
        raise click.UsageError("--series needs --study")
    columns = (
        *_INSTANCE_COLUMNS,
        *([] if series else [_SERIES_UID]),
        *([] if study else [_STUDY_UID]),
    )
    return connection.run(
        lambda client: _show(
            client.search_for_instances(study, series, **options.arguments),
            columns,
            options,
        )
    )


async def _show(call: SearchCall[Any], columns: Sequence[Column], options: SearchOptions) -> int:
    """Print the results as they come, or as a table when they have come."""
    async with call.as_json() as results:
        if options.as_json:
            await _print_json(results)
        else:
            await _show_rows(results, [*columns, *_extra_columns(options, columns)])
    warn(results.response.warnings)
    return 0


async def _print_json(results: SearchCall[JsonObject]) -> None:
    with progress("searching", printing=True) as advance, json_array(sys.stdout.write) as add:
        async for item in results:
            add(item)
            advance(0)


async def _show_rows(results: SearchCall[JsonObject], columns: Sequence[Column]) -> None:
    rows: list[list[str]] = []
    with progress("searching") as advance:
        async for item in results:
            rows.append([cell_text(item, path) for _, path in columns])
            advance(0)
    if rows:
        show_table([heading for heading, _ in columns], rows)
    click.echo(count(len(rows), "result"))


def _extra_columns(options: SearchOptions, columns: Sequence[Column]) -> list[Column]:
    """A column for each field asked for that has none yet."""
    from aiodicomweb.dicom import parse_attribute_path

    known = {path for _, path in columns}
    fields = {
        parse_attribute_path(name).format(numerical=True): name
        for name in options.fields
        if name != "all"
    }
    return [(name, path) for path, name in fields.items() if path not in known]


def cell_text(item: object, path: str) -> str:
    """Read one value of a DICOM JSON object as text (PS3.18 §F.2).

    Nothing is taken for granted: an attribute of an unexpected shape reads as empty.

    Args:
        item: The object.
        path: Tags joined by dots; of a sequence, the first item is read.
    """
    tag, _, rest = path.partition(".")
    values = _member(_member(item, tag) or _member(item, tag.lower()), "Value")
    if not isinstance(values, list):
        return ""
    members = cast("list[object]", values)
    if rest:
        return cell_text(members[0], rest) if members else ""
    return ", ".join(map(_value_text, members))


def _member(item: object, name: str) -> object:
    return cast("JsonObject", item).get(name) if isinstance(item, dict) else None


def _value_text(value: object) -> str:
    match value:
        case {"Alphabetic": str(name)} | {"Ideographic": str(name)} | {"Phonetic": str(name)}:
            return name
        case dict():
            return "…"
        case None:
            return ""
        case _:
            return str(value)
