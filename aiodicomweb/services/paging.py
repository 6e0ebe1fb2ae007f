"""Going through the pages of a search, as far as the server really has some (PS3.18 §8.3.4.4)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dicom.json_model import JsonObject
    from .qido import SearchRequest

__all__ = ["Pager", "result_key"]

_KEYS = ("0020000D", "0020000E", "00080018")
"""Study, Series and SOP Instance UID: together they tell results of any level apart."""


class Pager:
    """Which page to ask for next, and which of its results are new.

    A page that is shorter than the limit proves nothing, as a server may have a lower limit of
    its own: only a page without results is the end. A server that ignores ``offset`` gives the
    same page for ever: a page without *new* results is the end too, and what was there before is
    not given again.

    For each page: :meth:`next_request`, :meth:`is_new` of each result as it comes, and
    :meth:`end_page`; or :meth:`take` of all of them at once.

    Args:
        request: The search; its offset is that of the first page, its limit that of each.
        all_pages: False for the first page only.
    """

    __slots__ = ("_all_pages", "_offset", "_page", "_request", "_seen")

    def __init__(self, request: SearchRequest, *, all_pages: bool) -> None:
        self._request: SearchRequest | None = request
        self._all_pages = all_pages
        self._offset = request.offset or 0
        self._seen: set[str] = set()
        self._page: set[str] = set()  # what this page has of its own

    def next_request(self) -> SearchRequest | None:
        """The search for the next page; ``None`` behind the last. The page begins anew."""
        self._page = set()
        return self._request

    def is_new(self, result: JsonObject) -> bool:
        """Whether a result of the page is one that was not given before."""
        if not self._all_pages:
            return True
        key = result_key(result)
        if key in self._seen or key in self._page:
            return False
        self._page.add(key)
        return True

    def end_page(self, count: int) -> None:
        """The page was read to its end, and had so many results, new or not."""
        self._offset += count
        if self._request is not None:
            more = self._all_pages and self._page
            self._request = replace(self._request, offset=self._offset) if more else None
        self._seen |= self._page
        self._page = set()

    def take(self, results: list[JsonObject]) -> list[JsonObject]:
        """Take the page's results; those that were not in an earlier page come back."""
        new = [result for result in results if self.is_new(result)]
        self.end_page(len(results))
        return new


def result_key(result: JsonObject) -> str:
    """What tells a result, or the metadata of an instance, from others: its UIDs, else all of it.

    Args:
        result: As it came.
    """
    uids = [_value(result, tag) for tag in _KEYS]
    return "|".join(uids) if any(uids) else json.dumps(result, sort_keys=True, default=str)


def _value(result: JsonObject, tag: str) -> str:
    match result.get(tag):
        case {"Value": [value, *_]}:
            return str(value)
        case _:
            return ""
