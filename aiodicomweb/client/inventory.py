"""What an archive lists of a study or series, and whether that is all: pure decisions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..errors import LimitExceeded
from ..http import parse_warnings
from .resumption import NotResumable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dicom.json_model import JsonObject
    from ..http import Response

__all__ = ["Inventory"]

_SOP_INSTANCE_UID = "00080018"
_STUDY_INSTANCE_UID = "0020000D"
_SERIES_INSTANCE_UID = "0020000E"
_NUMBER_OF_STUDY_RELATED_INSTANCES = "00201208"
_NUMBER_OF_SERIES_RELATED_INSTANCES = "00201209"

_MORE = "additional results"
"""What archives say of an answer that they capped: PS3.18 §8.3.4.4 has the sentence."""

_LONGEST_UID = 64
_MOST_DIGITS = 12  # of an IS


class Inventory:
    """Instances that search results or metadata name.

    Args:
        series: The series, where only its instances are asked for.
        most: How many instances may be listed.

    Attributes:
        instances: SOP to Series Instance UIDs.
    """

    __slots__ = (
        "_announced",
        "_doubted",
        "_most",
        "_of_series",
        "_of_study",
        "_series",
        "instances",
    )

    instances: dict[str, str]

    def __init__(self, series: str | None, most: int) -> None:
        self._series = series
        self._most = most
        self._of_study = 0  # how many there are, as told; 0 if it wasn't
        self._of_series: dict[str, int] = {}
        self._doubted = False
        self._announced = False  # that more are to be had, which have not come
        self.instances = {}

    def take(self, response: Response, objects: Iterable[JsonObject]) -> bool:
        """Take what a response lists.

        Returns:
            Whether any of it is new. What comes twice casts doubt: pages that overlap may leave
            gaps as well, and a server that ignores ``offset`` gives its first page for ever.

        Raises:
            NotResumable: An instance is in two series: its UID doesn't tell whether it came.
            LimitExceeded: There are too many.
            ValueError: An instance's UIDs are missing.
        """
        before = len(self.instances)
        taken = 0
        for each in objects:
            taken += 1
            self._add(each)
        new = len(self.instances) - before
        self._doubted |= new < taken or _leaves_out(response)
        self._announced = _announces_more(response) or (self._announced and not new)
        return new > 0

    def doubt(self) -> None:
        """An answer that lists some failed."""
        self._doubted = True

    @property
    def doubted(self) -> bool:
        """Whether an answer said, or showed, that it is not all.

        That there are more to be had is no doubt where the next page has some.
        """
        return self._doubted or self._announced

    def count(self, objects: Iterable[JsonObject], study: str) -> None:
        """Take the number of instances, of what a search for the study or series itself gives.

        Args:
            objects: The results. A server that ignores the query gives others among them.
            study: The study.
        """
        tag, uid = (
            (_STUDY_INSTANCE_UID, study)
            if self._series is None
            else (_SERIES_INSTANCE_UID, self._series)
        )
        for each in objects:
            if _uid(each, tag) == uid:
                self._note_numbers(each, self._series)

    @property
    def is_told(self) -> bool:
        """Whether the archive told how many there are."""
        return self._told > 0

    @property
    def is_short(self) -> bool:
        """Whether there are more instances, by the numbers that the archive told."""
        listed = Counter(self.instances.values())
        short = any(listed[series] < number for series, number in self._of_series.items())
        return short or len(self.instances) < self._told

    @property
    def is_counted(self) -> bool:
        """Whether it is all, by the numbers that the archive told."""
        return len(self.instances) == self._told and not self.is_short

    @property
    def _told(self) -> int:
        """How many instances there are, as told; 0 if it wasn't."""
        return self._of_study if self._series is None else self._of_series.get(self._series, 0)

    def _add(self, obj: JsonObject) -> None:
        uid, series = _uid(obj, _SOP_INSTANCE_UID), self._series or _uid(obj, _SERIES_INSTANCE_UID)
        if uid is None or series is None:
            raise ValueError("an instance without UIDs")
        if self.instances.setdefault(uid, series) != series:
            raise NotResumable("an instance is listed in two series")
        if len(self.instances) > self._most:
            raise LimitExceeded("too many instances are listed", limit="parts", value=self._most)
        self._note_numbers(obj, series)

    def _note_numbers(self, obj: JsonObject, series: str | None) -> None:
        if self._series is None:
            number = _number(obj, _NUMBER_OF_STUDY_RELATED_INSTANCES)
            self._of_study = max(self._of_study, number)
        if series and (number := _number(obj, _NUMBER_OF_SERIES_RELATED_INSTANCES)):
            self._of_series[series] = max(number, self._of_series.get(series, 0))


def _leaves_out(response: Response) -> bool:
    """Whether a response says that it isn't all, and not just that it is a page."""
    warned = any(_MORE not in text for text in _warnings(response))
    return warned or response.status == 206


def _announces_more(response: Response) -> bool:
    """Whether a response says that there are more results (PS3.18 §8.3.4.4)."""
    return any(_MORE in text for text in _warnings(response))


def _warnings(response: Response) -> list[str]:
    """What an archive warns of, in lower case; a cache has other codes."""
    warnings = parse_warnings(response.headers)
    return [each.text.lower() for each in warnings if (each.code or "299") == "299"]


def _uid(obj: JsonObject, tag: str) -> str | None:
    match obj.get(tag):
        case {"Value": [str(value), *_]} if len(value) <= _LONGEST_UID:
            return value
        case _:
            return None


def _number(obj: JsonObject, tag: str) -> int:
    """An IS; 0 if there is none."""
    match obj.get(tag):
        case {"Value": [int() | str() as value, *_]}:
            text = str(value).strip()
            return int(text) if len(text) <= _MOST_DIGITS and text.isdecimal() else 0
        case _:
            return 0
