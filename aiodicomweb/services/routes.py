"""Which resources the Studies Service has, and which of them each service admits (PS3.18 §10.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError, RemoteProtocolError
from .selector import Selector

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Resource", "Route", "Service", "is_retrievable", "services_of"]


class Resource(StrEnum):
    """What to retrieve of a study, series, instance or frames (PS3.18 §10.4.1.1)."""

    INSTANCES = ""
    METADATA = "metadata"
    FRAMES = "frames"
    BULKDATA = "bulkdata"
    PIXELDATA = "pixeldata"
    RENDERED = "rendered"
    THUMBNAIL = "thumbnail"


class Service(StrEnum):
    """The transactions of the Studies Service (PS3.18 Table 10.3-1)."""

    SEARCH = "search"
    RETRIEVE = "retrieve"
    STORE = "store"


METHODS: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.SEARCH: ("GET", "HEAD"),
    Service.RETRIEVE: ("GET", "HEAD"),
    Service.STORE: ("POST",),
}
"""The methods that each service is asked with. HEAD asks for the head of what GET gives."""

_NAMED: Final = {
    resource.value: resource
    for resource in Resource
    if resource not in (Resource.INSTANCES, Resource.FRAMES)
}
"""Resources by the last segment of their paths; a selector names the others by itself."""

# The last level, and what there is of it (PS3.18 Tables 10.1-1 and 10.4.1-1 to -4).
_OF_OBJECTS: Final = frozenset(Resource) - {Resource.FRAMES}
_OF_FRAMES: Final = frozenset({Resource.FRAMES, Resource.RENDERED, Resource.THUMBNAIL})

_MOST_SEGMENTS: Final = 10
"""Of the longest path: /studies/1/series/2/instances/3/frames/4/rendered, and one for a slash."""

# The templates of PS3.18 Table 10.1-1, whatever the UIDs are.
_SHAPE: Final = re.compile(
    r"/(?:series|instances"
    r"|studies(?:/[^/]+(?:/instances|/series(?:/[^/]+(?:/instances(?:/[^/]+(?:/frames/[^/]+)?)?)?)?)?)?)"
    rf"(?:/(?:{'|'.join(_NAMED)}))?/?"
)
_OBJECT: Final = re.compile(r"/(?:studies|series|instances)/[0-9]")
"""A study, series or instance somewhere in a path: UIDs begin with a digit."""


def is_retrievable(selector: Selector, resource: Resource) -> bool:
    """Whether a study, series, instance or frames have such a resource."""
    if not selector.study or selector.is_collection:
        return False
    return resource in (_OF_OBJECTS if selector.frames is None else _OF_FRAMES)


def services_of(selector: Selector, resource: Resource = Resource.INSTANCES) -> frozenset[Service]:
    """The services that a resource has (PS3.18 §10.4.1.1, §10.5.1.1, §10.6.1.1)."""
    found: set[Service] = set()
    if is_retrievable(selector, resource):
        found.add(Service.RETRIEVE)
    if resource is Resource.INSTANCES:
        if selector.is_collection:
            found.add(Service.SEARCH)
        if selector.study is not None and selector == Selector(
            study=selector.study, permissive=True
        ):
            found.add(Service.STORE)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Route:
    """What the path of a request names.

    Attributes:
        base: Path of the base URL, without a slash at its end; still percent-encoded.
        selector: The study, series, instance or frames, or the collection.
        resource: What of them; ``INSTANCES`` for a collection.
    """

    base: str
    selector: Selector
    resource: Resource

    @property
    def services(self) -> frozenset[Service]:
        """The services of this resource."""
        return services_of(self.selector, self.resource)

    @classmethod
    def parse(cls, path: str, *, base: str | None = None, permissive: bool = False) -> Route:
        """Read the path of a request's URL.

        Args:
            path: The whole path, percent-encoded.
            base: Path of the base URL; a server should give it. Otherwise it is what stands before
                the longest end that looks like a resource of the service, and cannot itself have
                a study, series or instance in it.
            permissive: See :class:`Selector`.

        Raises:
            RemoteProtocolError: There is no such resource; the status hint is 404.
        """
        if base is None:
            route = _find(path, permissive=permissive)
        else:
            prefix = base.removesuffix("/")
            below = path.removeprefix(prefix)
            inside = path.startswith(prefix) and below.startswith("/")
            route = _read(prefix, below, permissive=permissive) if inside else None
        if route is None:
            raise RemoteProtocolError("not a path of the Studies Service", status_hint=404)
        return route


def _find(path: str, *, permissive: bool) -> Route | None:
    segments = path.split("/")
    for start in range(max(1, len(segments) - _MOST_SEGMENTS), len(segments)):
        base, below = "/".join(segments[:start]), "/" + "/".join(segments[start:])
        # The first that looks like a resource is meant to be one: were a study with a malformed
        # UID taken for the base, its series would be all series. So would those of a series
        # without its study.
        if _SHAPE.fullmatch(below):
            is_base = not _OBJECT.search(base)
            return _read(base, below, permissive=permissive) if is_base else None
    return None


def _read(base: str, below: str, *, permissive: bool) -> Route | None:
    head, _, last = below.removesuffix("/").rpartition("/")
    resource = _NAMED.get(last)
    if base.endswith("/") or (resource and head.endswith("/")):
        return None  # an empty segment is no segment
    try:
        selector = Selector.from_path(head if resource else below, permissive=permissive)
    except ConfigurationError:
        return None
    implied = Resource.INSTANCES if selector.frames is None else Resource.FRAMES
    route = Route(base, selector, resource or implied)
    return route if route.services else None
