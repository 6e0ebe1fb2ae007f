"""An archive whose answers break off where a test says."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from aiodicomweb.testing import End, Reply, response

from .messages import chunked, dicom_file, json_response, multipart, parts_type, until_close

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiodicomweb.testing.peers import PeerRequest

__all__ = ["STUDY", "Archive", "Cut", "study"]

STUDY = "1.2"
_TARGET = re.compile(
    r"/studies/1\.2(?:/series/(?P<series>[0-9.]+))?"
    r"(?:/instances(?:/(?P<instance>[0-9.]+))?)?(?P<metadata>/metadata)?"
)


def study(counts: Iterable[int], payload: int = 10_000) -> dict[str, dict[str, bytes]]:
    """Series with so many instances each."""
    return {
        f"1.2.{series}": {
            f"1.2.{series}.{number}": dicom_file(f"1.2.{series}.{number}", payload)
            for number in range(1, count + 1)
        }
        for series, count in enumerate(counts, 1)
    }


@dataclass(frozen=True)
class Cut:
    """Where a body breaks off, and how.

    Attributes:
        at: The octet of the body before which it does.
        end: What becomes of the connection.
        framing: How the body is framed.
    """

    at: int
    end: End = End.CLOSE
    framing: Literal["length", "chunked", "until close"] = "length"

    def reply(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """A response with this body, cut."""
        start = body[: self.at]
        if self.framing == "length" or not start:  # a chunk of no octets would be the last
            octets = response(start, {**headers, "Content-Length": str(len(body))})
        elif self.framing == "chunked":
            octets = chunked(start, headers, last=False)
        else:
            octets = until_close(start, headers)
        return Reply(octets, self.end)


@dataclass
class Archive:
    """A script for ``ScriptedPeer``: one study.

    Attributes:
        series: Instances by series.
        cuts: For each retrieval in turn, where it breaks off; ``None`` and none left: nowhere.
        page: Results to a page of a search; 0 for no search at all.
        has_metadata: Whether there are metadata.
        tells: Whether metadata, and results of a search for studies or series, have the numbers
            of instances.
        most: The most instances that are listed, in silence, on all pages together.
        hidden: Instances that are listed and that can't be retrieved.
        partial: Answer with 206.
        asked: Targets of the requests.
        accepts: The ``Accept`` of the retrievals.
    """

    series: dict[str, dict[str, bytes]]
    cuts: deque[Cut | None] = field(default_factory=deque["Cut | None"])
    page: int = 1000
    has_metadata: bool = True
    tells: bool = True
    most: int | None = None
    hidden: set[str] = field(default_factory=set[str])
    partial: bool = False
    asked: list[str] = field(default_factory=list[str])
    accepts: list[str] = field(default_factory=list[str])

    def __call__(self, request: PeerRequest) -> Reply:
        """Answer a request."""
        self.asked.append(request.target)
        path, _, query = request.target.partition("?")
        if path in ("/studies", "/studies/1.2/series"):
            return self._count()
        match = _TARGET.fullmatch(path)
        assert match is not None, request.target
        chosen = match["series"], match["instance"]
        if match["metadata"] or (path.endswith("/instances")):
            return self._list(chosen[0], query, is_search=not match["metadata"])
        self.accepts.append(request.headers["Accept"])
        return self._retrieve(*chosen)

    def all(self) -> dict[str, bytes]:
        """All instances that can be retrieved."""
        return dict(self._instances(None))

    def _instances(self, series: str | None) -> list[tuple[str, bytes]]:
        return [
            pair
            for uid, instances in self.series.items()
            if series in (None, uid)
            for pair in instances.items()
            if pair[0] not in self.hidden
        ]

    def _retrieve(self, series: str | None, instance: str | None) -> Reply:
        found = [(u, f) for u, f in self._instances(series) if instance in (None, u)]
        if not found:
            return Reply(response(status=404))
        cut = self.cuts.popleft() if self.cuts else None
        body = multipart([octets for _, octets in found])
        if cut is not None and cut.at <= len(body):
            return cut.reply(body, parts_type())
        return Reply(response(body, parts_type(), 206 if self.partial else 200))

    def _list(self, series: str | None, query: str, *, is_search: bool) -> Reply:
        if not (self.page if is_search else self.has_metadata):
            return Reply(response(status=501))
        offset = int(parse_qs(query).get("offset", ["0"])[0])
        objects = [
            {
                "0020000D": {"vr": "UI", "Value": [STUDY]},
                "0020000E": {"vr": "UI", "Value": [uid]},
                "00080018": {"vr": "UI", "Value": [instance]},
                **({} if is_search else self._numbers(uid)),
            }
            for uid, instances in self.series.items()
            if series in (None, uid)
            for instance in instances
        ][: self.most]
        if is_search:
            objects = objects[offset : offset + self.page]
        return Reply(json_response(objects))

    def _count(self) -> Reply:
        """All studies, or series, whatever the query asks for."""
        if not self.page:
            return Reply(response(status=501))
        objects = [
            {
                "0020000D": {"vr": "UI", "Value": [STUDY]},
                "0020000E": {"vr": "UI", "Value": [uid]},
                **self._numbers(uid),
            }
            for uid in self.series
        ]
        return Reply(json_response(objects))

    def _numbers(self, series: str) -> dict[str, dict[str, object]]:
        if not self.tells:
            return {}
        count = sum(map(len, self.series.values()))
        return {
            "00201208": {"vr": "IS", "Value": [count]},
            "00201209": {"vr": "IS", "Value": [len(self.series[series])]},
        }
