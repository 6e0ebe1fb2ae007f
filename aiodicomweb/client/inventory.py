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
_SERIES_INSTANCE_UID = "0020000E"
_NUMBER_OF_STUDY_RELATED_INSTANCES = "00201208"
_NUMBER_OF_SERIES_RELATED_INSTANCES = "00201209"

_LONGEST_UID = 64
_MOST_DIGITS = 12  # of an IS


class Inventory:
    """Instances that search results or metadata name.

    Args:
        series: The series, where only its instances are asked for.
        most: How many instances may be listed.

    Attributes:
        instances: SOP to Series Instance UIDs.
        doubted: Whether an answer said, or showed, that it is not all.
    """

    __slots__ = ("_most", "_of_series", "_of_study", "_series", "doubted", "instances")

    instances: dict[str, str]
    doubted: bool

    def __init__(self, series: str | None, most: int) -> None:
        self._series = series
        self._most = most
        self._of_study = 0  # how many there are, as told; 0 if it wasn't
        self._of_series: dict[str, int] = {}
        self.instances = {}
        self.doubted = False

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
        self.doubted |= new < taken or _leaves_out(response)
        return new > 0

    def merge(self, other: Inventory) -> None:
        """Take what another one has, but for its doubts. Raises ``NotResumable`` as above."""
        for uid, series in other.instances.items():
            self._put(uid, series)
        self._of_study = max(self._of_study, other._of_study)
        for series, number in other._of_series.items():
            self._of_series[series] = max(number, self._of_series.get(series, 0))

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
        self._put(uid, series)
        if len(self.instances) > self._most:
            raise LimitExceeded("too many instances are listed", limit="parts", value=self._most)
        if self._series is None:
            number = _number(obj, _NUMBER_OF_STUDY_RELATED_INSTANCES)
            self._of_study = max(self._of_study, number)
        if number := _number(obj, _NUMBER_OF_SERIES_RELATED_INSTANCES):
            self._of_series[series] = max(number, self._of_series.get(series, 0))

    def _put(self, uid: str, series: str) -> None:
        if self.instances.setdefault(uid, series) != series:
            raise NotResumable("an instance is listed in two series")


def _leaves_out(response: Response) -> bool:
    """Whether a response says that it isn't all (PS3.18 §8.3.4.4, §10.4.3.1)."""
    warned = any((warning.code or "299") == "299" for warning in parse_warnings(response.headers))
    return warned or response.status == 206


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
