"""Searches an index, and reads what it finds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from aiodicomweb.dicom import dataset_from_json
from aiodicomweb.services import Selector

from .entries import search_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from aiodicomweb.dicom import JsonObject
    from aiodicomweb.server import Matches
    from aiodicomweb.server.archive import Written
    from aiodicomweb.server.index.index import Index

__all__ = [
    "INSTANCES",
    "SERIES",
    "STUDIES",
    "Answer",
    "datasets_of",
    "found",
    "json_of",
    "search",
]

STUDIES, SERIES, INSTANCES = Selector(study=""), Selector(series=""), Selector(instance="")


def json_of(matches: Matches) -> list[JsonObject]:
    """What an index found, as JSON."""
    written = cast("Sequence[Written]", matches.datasets)
    return [
        {name: json.loads(text) for name, text in match.attributes.items()} for match in written
    ]


def datasets_of(matches: Matches) -> list[Dataset]:
    """What an index found, as data sets."""
    return [dataset_from_json(match) for match in json_of(matches)]


@dataclass(frozen=True)
class Answer:
    """What a search finds, as data sets."""

    datasets: list[Dataset]
    remaining: int | None
    warnings: tuple[str, ...]


def search(index: Index, selector: Selector = STUDIES, most: int = 100, **asked: Any) -> Answer:
    """What a search finds; ``load`` is how instances are read."""
    load = asked.pop("load", None)
    matches = index.search(search_request(selector, **asked), most, load)
    return Answer(datasets_of(matches), matches.remaining, matches.warnings)


def found(index: Index, selector: Selector = STUDIES, **asked: Any) -> list[str]:
    """The UIDs of what a search finds."""
    names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    datasets = search(index, selector, **asked).datasets
    return [next(str(data[name].value) for name in names if name in data) for data in datasets]
