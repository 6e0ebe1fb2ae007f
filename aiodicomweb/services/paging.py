"""Going through the pages of a search, as far as the server really has some (PS3.18 §8.3.4.4)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dicom.json_model import JsonObject
    from .qido import SearchRequest

__all__ = ["Pager"]

_KEYS = ("0020000D", "0020000E", "00080018")
"""Study, Series and SOP Instance UID: together they tell results of any level apart."""


class Pager:
    """Which page to ask for next, and which of its results are new.

    A page that is shorter than the limit proves nothing, as a server may have a lower limit of
    its own: only a page without results is the end. A server that ignores ``offset`` gives the
    same page for ever: a page without *new* results is the end too, and what was there before is
    not given again.

    Args:
        request: The search; its offset is that of the first page, its limit that of each.
        all_pages: False for the first page only.
    """

    __slots__ = ("_all_pages", "_offset", "_request", "_seen")

    def __init__(self, request: SearchRequest, *, all_pages: bool) -> None:
        self._request: SearchRequest | None = request
        self._all_pages = all_pages
        self._offset = request.offset or 0
        self._seen: set[str] = set()

    def next_request(self) -> SearchRequest | None:
        """The search for the next page; ``None`` behind the last."""
        return self._request

    def take(self, results: list[JsonObject]) -> list[JsonObject]:
        """Take the page's results; those that were not in an earlier page come back."""
        if self._request is None or not self._all_pages:
            self._request = None
            return results
        new: list[JsonObject] = []
        for result in results:
            key = _key(result)
            if key not in self._seen:
                self._seen.add(key)
                new.append(result)
        self._offset += len(results)
        self._request = replace(self._request, offset=self._offset) if new else None
        return new


def _key(result: JsonObject) -> str:
    uids = [_value(result, tag) for tag in _KEYS]
    return "|".join(uids) if any(uids) else json.dumps(result, sort_keys=True, default=str)


def _value(result: JsonObject, tag: str) -> str:
    match result.get(tag):
        case {"Value": [value, *_]}:
            return str(value)
        case _:
            return ""
