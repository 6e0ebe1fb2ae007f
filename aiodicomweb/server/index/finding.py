"""A search in the index: SQLite narrows it down, and matching decides (PS3.18 §10.6)."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ...errors import ContentError, RemoteProtocolError
from ..archive import Matches
from .attributes import COMPUTED, NOTED, Level, level_of, read_attributes
from .columns import conditions
from .found import SELECT_FOUND, Found, found_of
from .matching import Rules, compile_filters
from .notation import find_attribute, format_attribute, split_attributes
from .results import CHARACTER_SET, Results, level_of_search

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from pydicom import Dataset
    from pydicom.tag import BaseTag

    from ...dicom import AttributePath, JsonObject
    from ...services import SearchRequest
    from ..archive import Written

__all__ = ["MOST_COMPARED", "MOST_COUNTED", "MOST_READ", "Search"]

MOST_READ: Final = 1000
"""Instances that one search may have to read from their files, each within milliseconds."""
MOST_COMPARED: Final = 25_000
"""Rows that one search may have to compare with its keys here in vain, each within 10 µs. Those
that match don't count: whoever goes from page to page comes to the end."""
MOST_COUNTED: Final = 10_000
"""Results behind the last one wanted that are counted, all within 2 ms."""
MOST_COMPARED_TO_COUNT: Final = 1000
"""Rows behind it that are compared for that."""

_Row = tuple[Any, ...]
_UNICODE: Final = format_attribute({"vr": "CS", "Value": ["ISO_IR 192"]})
"""Specific Character Set of what is more than ASCII."""
_NO_KEYS: Final = frozenset({0x00080005, 0x00080052})
"""Specific Character Set and Query/Retrieve Level: URLs are UTF-8, and the resource has a level."""
_OF_ANSWERS: Final = _NO_KEYS | {0x00081190}
"""Fields that need no search: an answer has a Retrieve URL whether it is asked for or not."""
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""They are not read; an answer that had them empty would say that there are none."""
_NOT_IN_DATASETS: Final = frozenset({0x0000, 0x0002})
"""Groups of messages and of files (PS3.7 §6.3, PS3.10 §7.1)."""
_MOST_WARNINGS: Final = 10
"""Attributes of which it is said that they were ignored; clients take some hundred fields."""
_BINARY: Final = "InlineBinary"

_ALIASES: Final = "tsi"
_COLUMNS: Final = {
    Level.STUDY: "t.key, t.attributes",
    Level.SERIES: "s.key, t.attributes, s.attributes",
    Level.INSTANCE: "i.key, t.attributes, s.attributes, i.attributes",
}
# CROSS keeps SQLite from any other order of loops: with this one nothing has to be sorted.
_TABLES: Final = {
    Level.STUDY: "study t",
    Level.SERIES: "study t {join} series s ON s.study = t.key",
    Level.INSTANCE: (
        "study t {join} series s ON s.study = t.key {join} instance i ON i.series = s.key"
    ),
}
_ORDER: Final = {
    Level.STUDY: "t.date DESC, t.time DESC, t.uid",
    Level.SERIES: "t.date DESC, t.time DESC, t.uid, s.number, s.uid",
    Level.INSTANCE: "t.date DESC, t.time DESC, t.uid, s.number, s.uid, i.number, i.uid",
}
"""The newest studies first; series and instances as they are numbered."""


class Search:
    """A search that was understood, and can be run once.

    Args:
        request: What is asked for.
        load: Reads an instance, without its pixels; ``None`` if none can be read.

    Raises:
        RemoteProtocolError: A key has a value that cannot be.
    """

    def __init__(self, request: SearchRequest, load: Callable[[Found], Dataset] | None) -> None:
        query = request.query
        self._selector = request.selector
        self._level = level_of_search(request.selector)
        self._can_load = load is not None
        self._offset = request.offset or 0
        self._limit = request.limit
        self._rules = Rules.of(request)
        keys = [pair for pair in query.filters if pair[0].tag not in _NO_KEYS]
        self._filters = tuple(pair for pair in keys if self._is_supported(pair[0]))
        self._warnings = self._ignored([path for path, _ in keys], query.fields)
        self._noted = tuple(pair for pair in self._filters if _is_noted(pair[0]))
        self._names = list(dict.fromkeys(f"{path.tags[0]:08X}" for path, _ in self._noted))
        self._is_noted_match = compile_filters(self._noted, self._rules)
        self._is_match = compile_filters(self._filters, self._rules)
        self._reads_keys = self._noted != self._filters
        fields = [
            path for path in query.fields if self._is_supported(path) and path.tag not in _NO_KEYS
        ]
        everything = query.all_fields and self._level is Level.INSTANCE and self._can_load
        self._reads_results = everything or not all(map(_is_noted, fields))
        asked = [path for path, _ in self._filters]
        creators = _creators(self._filters, [*asked, *fields])
        self._results = Results(
            request.selector, asked, fields, creators, all_fields=query.all_fields
        )
        unread = [path.tags[0] for path in (*asked, *fields) if not _is_noted(path)]
        # Those of a study and of a series stand in many rows, one after the other.
        self._split = lru_cache(maxsize=4)(split_attributes)
        self._reader = None if load is None else _Reader(load, unread, everything=everything)

    def run(self, connection: sqlite3.Connection, limit: int) -> Matches:
        """Search.

        Args:
            connection: To the index; it sees one state of it.
            limit: The most matches wanted, besides the request's own limit.

        Raises:
            RemoteProtocolError: Too much would have to be compared, or read.
        """
        if self._limit is not None:
            limit = min(limit, self._limit)
        if self._filters:
            rows, first = self._rows(connection, _COLUMNS[self._level], -1, 0), self._offset
        else:
            rows, first = self._rows(connection, _COLUMNS[self._level], limit, self._offset), 0
        page = islice(self._matching(connection, rows), first, first + limit)
        datasets = [self._result(connection, *found) for found in page]
        remaining = 0 if len(datasets) < limit else self._remaining(connection, rows, limit)
        return Matches(datasets, remaining, self._warnings)

    def _matching(
        self, connection: sqlite3.Connection, rows: Iterator[_Row]
    ) -> Iterator[tuple[int, list[str], JsonObject]]:
        """What matches: keys of rows, what is noted, and what was read besides to tell.

        Raises:
            RemoteProtocolError: Too much would have to be compared, or read.
        """
        left = MOST_COMPARED
        for key, *noted in rows:
            read: JsonObject = {}
            if self._filters and not self._is_noted_match(self._keys_of(noted)):
                if not left:
                    raise _too_broad("studies, series or instances would have to be compared")
                left -= 1
                continue
            if self._reader is not None and self._reads_keys:
                read = self._reader.read(connection, self._level, key)
                if not self._is_match({**read, **_merged(map(json.loads, noted))}):
                    continue
            yield key, noted, read

    def _keys_of(self, noted: list[str]) -> JsonObject:
        """The attributes that are matched, as far as they are noted; the lowest level's count."""
        found: JsonObject = {}
        for name in self._names:
            for text in reversed(noted):
                attribute = find_attribute(text, name)
                if attribute is not None:
                    found[name] = attribute
                    break
        return found

    def _result(
        self, connection: sqlite3.Connection, key: int, noted: list[str], read: JsonObject
    ) -> Written:
        if self._reader is not None and self._reads_results and not self._reads_keys:
            read = self._reader.read(connection, self._level, key)
        attributes = {name: format_attribute(attribute) for name, attribute in read.items()}
        for text in noted:
            attributes |= self._split(text)
        if not all(map(str.isascii, (*noted, *attributes.values()) if read else noted)):
            attributes[CHARACTER_SET] = _UNICODE
        return self._results.make(attributes, read)

    def _remaining(
        self, connection: sqlite3.Connection, rows: Iterator[_Row], limit: int
    ) -> int | None:
        """How many more match than were wanted; ``None`` if it takes too much to tell."""
        if not self._filters:
            behind = self._rows(connection, "1", MOST_COUNTED + 1, self._offset + limit)
            count = sum(1 for _ in behind)
            return count if count <= MOST_COUNTED else None
        candidates = list(islice(rows, MOST_COMPARED_TO_COUNT + 1))
        if candidates and (self._reads_keys or len(candidates) > MOST_COMPARED_TO_COUNT):
            return None
        return sum(self._is_noted_match(self._keys_of(noted)) for _, *noted in candidates)

    def _rows(
        self, connection: sqlite3.Connection, columns: str, limit: int, offset: int
    ) -> Iterator[_Row]:
        terms, values = conditions(self._noted, self._rules, self._level + 1)
        uids = (self._selector.study, self._selector.series)
        for alias, uid in zip(_ALIASES, uids, strict=False):
            if uid:
                terms.append(f"{alias}.uid = ?")
                values.append(uid)
        join = "JOIN" if any(".uid = ?" in term for term in terms) else "CROSS JOIN"
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        # All of it is ours: where values belong it has question marks.
        statement = " ".join(
            [
                f"SELECT {columns}",
                f"FROM {_TABLES[self._level].format(join=join)}",
                where,
                f"ORDER BY {_ORDER[self._level]} LIMIT ? OFFSET ?",
            ]
        )
        return connection.execute(statement, (*values, limit, offset))

    def _ignored(
        self, keys: Iterable[AttributePath], fields: Iterable[AttributePath]
    ) -> tuple[str, ...]:
        """What is said of attributes that cannot be had."""
        wanted = [path for path in fields if path.tags[0] not in _OF_ANSWERS]
        texts = [
            f"{path} cannot be {what} at this level and was ignored."
            for paths, what in ((keys, "searched for"), (wanted, "returned"))
            for path in paths
            if not self._is_supported(path)
        ]
        more = ["Further attributes were ignored."] if len(texts) > _MOST_WARNINGS else []
        return (*texts[:_MOST_WARNINGS], *more)

    def _is_supported(self, path: AttributePath) -> bool:
        """Whether an attribute can be had at the level that is searched."""
        tag = path.tags[0]
        if tag in _PIXELS or tag.group in _NOT_IN_DATASETS:
            return False
        level = level_of(path)
        if level is not None and level > self._level:
            return False
        return self._can_load or _is_noted(path)


def _is_noted(path: AttributePath) -> bool:
    name = f"{path.tags[0]:08X}"
    return any(name in NOTED[level] or name in COMPUTED[level] for level in Level)


def _merged(levels: Iterable[JsonObject]) -> JsonObject:
    merged: JsonObject = {}
    for attributes in levels:
        merged |= attributes
    return merged


def _too_broad(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"too many {what}",
        status_hint=413,
        hint="search for further attributes, such as PatientID or StudyDate",
    )


def _creators(
    filters: Iterable[tuple[AttributePath, tuple[str, ...]]], paths: Iterable[AttributePath]
) -> dict[BaseTag, str]:
    """Of private attributes the creators that the query names, which it must (PS3.18 §8.3.4.1)."""
    named = {path: values[0] for path, values in filters}
    return {
        path.tags[0]: named[creator]
        for path in paths
        if (creator := path.private_creator) is not None and creator in named
    }


class _Reader:
    """Reads of instances what is not noted, as far as a search wants it.

    Args:
        load: Reads an instance.
        tags: What is wanted.
        everything: Whether all is wanted, except what is neither text nor number.
    """

    def __init__(
        self, load: Callable[[Found], Dataset], tags: Iterable[BaseTag], *, everything: bool
    ) -> None:
        self._load = load
        self._names = {f"{tag:08X}" for tag in tags if not tag.is_private}
        # Blocks of private attributes may be other ones than the query's.
        self._groups = {tag.group for tag in tags if tag.is_private}
        self._everything = everything
        self._left = MOST_READ

    def read(self, connection: sqlite3.Connection, level: Level, key: int) -> JsonObject:
        """Attributes of an instance, or of the first one of a series or study.

        Where it cannot be read it has none.

        Args:
            connection: To the index.
            level: The level.
            key: The key of its row.

        Raises:
            RemoteProtocolError: Too many have been read.
        """
        if not self._left:
            raise _too_broad("instances would have to be read")
        self._left -= 1
        row = connection.execute(
            f"{SELECT_FOUND} WHERE {_ALIASES[level]}.key = ?"
            " ORDER BY s.number, s.uid, i.number, i.uid LIMIT 1",
            (key,),
        ).fetchone()
        try:
            dataset = self._load(found_of(row))
        except (OSError, ContentError):
            return {}
        # Going through the data set itself would convert each of its elements.
        tags = dataset.keys()
        names = {f"{tag:08X}" for tag in tags if self._everything or tag.group in self._groups}
        read = read_attributes(dataset, (names | self._names) - {CHARACTER_SET})
        if self._everything:
            read = {name: value for name, value in read.items() if _BINARY not in value}
        return read
