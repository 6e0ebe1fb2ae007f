"""Writing instances into the index: what is new, what is replaced, and what follows of it.

A study's row, and a series', follow from the instances that it has. Instances should agree about
their study, but don't always: a report may lack the study's description, files are corrected one
by one. So the wordings are kept, each once, and merged; see the table ``said``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from .attributes import Entry, Level
from .columns import columns_of_series, columns_of_study, first_number
from .notation import format_attributes
from .values import has_value

if TYPE_CHECKING:
    import sqlite3

    from ...dicom import JsonObject

__all__ = ["Notes"]

_WORDINGS: Final = 16
"""How many wordings are merged, the newest. There are one or two; where each instance has its
own, merging all of them for each new instance would cost the square of their number."""

_SELECT_KEYS: Final = (
    "SELECT i.key, i.uid, s.key, s.study FROM instance i JOIN series s ON s.key = i.series"
)
_INSTANCE: Final = """
    INSERT INTO instance (
        series, uid, number, sop_class, transfer_syntax, path, offset, length, modified, version,
        said_of_study, said_of_series, attributes
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Notes:
    """Changes of the index within one transaction; :meth:`settle` comes last.

    Args:
        connection: The connection that writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._studies: dict[str, int] = {}
        self._series: dict[tuple[int, str], int] = {}
        self._said: dict[tuple[Level, int], dict[str, int]] = {}
        self._last: dict[tuple[Level, int], tuple[JsonObject, int]] = {}
        self._touched: dict[int, int] = {}
        """Keys of series with those of their studies."""
        self._lessened: set[int] = set()
        """Keys of studies of which something was taken away."""

    def add(self, entry: Entry) -> None:
        """Note an instance, in place of what was noted of it before."""
        description = entry.description
        self.remove(description.instance)
        study = self._study(description.study)
        series = self._one_series(study, description.series)
        self._touched[series] = study
        own = _own_attributes(entry)
        content = entry.content
        path = None if content is None else os.fsencode(content.path)
        self._connection.execute(
            _INSTANCE,
            (
                series,
                description.instance,
                first_number(own.get("00200013")),
                description.sop_class,
                entry.transfer_syntax,
                path,
                content.offset if content else 0,
                content.length if content else 0,
                entry.modified,
                entry.version,
                self._wording(Level.STUDY, study, description.attributes[Level.STUDY]),
                self._wording(Level.SERIES, series, description.attributes[Level.SERIES]),
                format_attributes(own),
            ),
        )
        if path is not None:
            self._connection.execute("DELETE FROM note WHERE path = ?", (path,))

    def remove(self, instance: str) -> None:
        """Forget an instance and the file that it is taken from, if there is one of that UID."""
        self._remove("i.uid = ?", instance)

    def remove_content(self, path: bytes) -> list[str]:
        """Forget what is taken from a file; SOP Instance UIDs of it."""
        return self._remove("i.path = ?", path)

    def _remove(self, condition: str, value: str | bytes) -> list[str]:
        rows = self._connection.execute(
            f"{_SELECT_KEYS} WHERE {condition}",
            (value,),
        ).fetchall()
        for key, _, series, study in rows:
            self._connection.execute("DELETE FROM instance WHERE key = ?", (key,))
            self._touched[series] = study
            self._lessened.add(study)
        return [row[1] for row in rows]

    def settle(self) -> None:
        """Make the rows of series and studies what now follows of the instances."""
        for series in self._touched:
            self._settle_series(series)
        for study in dict.fromkeys(self._touched.values()):
            self._settle_study(study)

    # --- rows that instances refer to ---------------------------------------------------------

    def _study(self, uid: str) -> int:
        key = self._studies.get(uid)
        if key is None:
            key = self._studies[uid] = self._row(
                "SELECT key FROM study WHERE uid = ?", "INSERT INTO study (uid) VALUES (?)", uid
            )
        return key

    def _one_series(self, study: int, uid: str) -> int:
        key = self._series.get((study, uid))
        if key is None:
            key = self._series[study, uid] = self._row(
                "SELECT key FROM series WHERE study = ? AND uid = ?",
                "INSERT INTO series (study, uid) VALUES (?, ?)",
                study,
                uid,
            )
        return key

    def _wording(self, level: Level, about: int, attributes: JsonObject) -> int:
        """The key of what is said. Mostly it is the same as just before, which is soon seen."""
        last = self._last.get((level, about))
        if last is not None and last[0] == attributes:
            return last[1]
        known = self._said.get((level, about))
        if known is None:
            rows = self._connection.execute(
                "SELECT attributes, key FROM said WHERE level = ? AND about = ?", (level, about)
            )
            known = self._said[level, about] = dict(rows.fetchall())
        text = format_attributes(attributes)
        key = known.get(text)
        if key is None:
            key = known[text] = self._insert(
                "INSERT INTO said (level, about, attributes) VALUES (?, ?, ?)", level, about, text
            )
        self._last[level, about] = (attributes, key)
        return key

    def _row(self, select: str, insert: str, *values: Any) -> int:
        row = self._connection.execute(select, values).fetchone()
        return self._insert(insert, *values) if row is None else int(row[0])

    def _insert(self, insert: str, *values: Any) -> int:
        key = self._connection.execute(insert, values).lastrowid
        assert key is not None  # noqa: S101
        return key

    # --- what follows -------------------------------------------------------------------------

    def _settle_series(self, series: int) -> None:
        (instances,) = self._one("SELECT count(*) FROM instance WHERE series = ?", series)
        if not instances:
            self._drop(Level.SERIES, series)
            return
        if self._touched[series] in self._lessened:
            self._connection.execute(
                "DELETE FROM said WHERE level = 1 AND about = ? AND key NOT IN"
                " (SELECT said_of_series FROM instance WHERE series = ?)",
                (series, series),
            )
        attributes = self._merged(Level.SERIES, series)
        attributes["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
        attributes["00201209"] = {"vr": "IS", "Value": [instances]}
        self._update("series", series, columns_of_series(attributes), attributes)

    def _settle_study(self, study: int) -> None:
        (series,) = self._one("SELECT count(*) FROM series WHERE study = ?", study)
        if not series:
            self._drop(Level.STUDY, study)
            return
        if study in self._lessened:
            self._connection.execute(
                "DELETE FROM said WHERE level = 0 AND about = ? AND key NOT IN"
                " (SELECT i.said_of_study FROM series s JOIN instance i ON i.series = s.key"
                " WHERE s.study = ?)",
                (study, study),
            )
        (instances,) = self._one(
            "SELECT count(*) FROM series s JOIN instance i ON i.series = s.key WHERE s.study = ?",
            study,
        )
        columns = self._several("SELECT DISTINCT modality FROM series WHERE study = ?", study)
        modalities = sorted({text for column in columns for text in column.split("\n") if text})
        sop_classes = self._several(
            "SELECT DISTINCT i.sop_class FROM series s JOIN instance i ON i.series = s.key"
            " WHERE s.study = ? ORDER BY 1",
            study,
        )
        attributes = self._merged(Level.STUDY, study)
        attributes["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
        attributes["00080061"] = {"vr": "CS", "Value": modalities} if modalities else {"vr": "CS"}
        attributes["00080062"] = {"vr": "UI", "Value": sop_classes}
        attributes["00201206"] = {"vr": "IS", "Value": [series]}
        attributes["00201208"] = {"vr": "IS", "Value": [instances]}
        self._update("study", study, columns_of_study(attributes), attributes)

    def _merged(self, level: Level, about: int) -> JsonObject:
        """What is said, the newer before the older; an empty value gives way to any other."""
        wordings = self._several(
            "SELECT attributes FROM said WHERE level = ? AND about = ? ORDER BY key DESC LIMIT ?",
            level,
            about,
            _WORDINGS,
        )
        merged: JsonObject = {}
        for wording in wordings:
            for name, attribute in json.loads(wording).items():
                if not has_value(merged.get(name, {})):
                    merged[name] = attribute
        return merged

    def _update(
        self, table: str, key: int, columns: dict[str, Any], attributes: JsonObject
    ) -> None:
        settings = ", ".join(f"{name} = ?" for name in (*columns, "attributes"))
        self._connection.execute(
            f"UPDATE {table} SET {settings} WHERE key = ?",  # noqa: S608
            (*columns.values(), format_attributes(attributes), key),
        )

    def _drop(self, level: Level, key: int) -> None:
        """Delete what has no instances."""
        table = "series" if level is Level.SERIES else "study"
        self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608
        self._connection.execute("DELETE FROM said WHERE level = ? AND about = ?", (level, key))

    def _one(self, select: str, *values: Any) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._connection.execute(select, values).fetchone()
        return row

    def _several(self, select: str, *values: Any) -> list[Any]:
        return [row[0] for row in self._connection.execute(select, values)]


def _own_attributes(entry: Entry) -> JsonObject:
    return {
        **entry.description.attributes[Level.INSTANCE],
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00083002": {"vr": "UI", "Value": [entry.transfer_syntax]},
    }
