"""What the server can do, in the words of WADL (PS3.18 §8.9, Annexes G and H)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from ..errors import RemoteProtocolError
from ..http import Headers, MediaType, OutgoingResponse, Response, choose_media_type, parse_accept
from ..services import Resource, Route, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..http import URL, Request

__all__ = ["capabilities", "describe"]

_JSON: Final = MediaType("application", "json")
_WADL: Final = MediaType("application", "vnd.sun.wadl+xml")
_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"
_ONE_OF_A_KIND: Final = frozenset({"resources", "request"})
"""Elements that are not repeated: in JSON an object, where others are an array of objects."""

_OF_OBJECTS: Final[dict[str, Any]] = {
    str(resource): {} for resource in Resource if resource not in (Resource.INSTANCES, "frames")
}
_OF_FRAMES: Final[dict[str, Any]] = {"rendered": {}, "thumbnail": {}}
_INSTANCES: Final = {
    "instances": {"{instance}": {**_OF_OBJECTS, "frames": {"{frames}": _OF_FRAMES}}}
}
_RESOURCES: Final[dict[str, Any]] = {
    "studies": {
        "{study}": {
            **_OF_OBJECTS,
            "series": {"{series}": {**_OF_OBJECTS, **_INSTANCES}},
            "instances": {},
        }
    },
    "series": {},
    "instances": {},
}
"""Templates of paths, below each other (PS3.18 Table 10.1-1)."""

_DATASETS: Final = ("application/dicom+json", 'multipart/related; type="application/dicom+xml"')
_FILES: Final = ('multipart/related; type="application/dicom"', "application/dicom")
_OCTETS: Final = ('multipart/related; type="application/octet-stream"', "application/octet-stream")
_IMAGES: Final = ("image/jpeg", "image/png")
_RETRIEVED: Final[dict[Resource, tuple[str, ...]]] = {
    Resource.INSTANCES: _FILES,
    Resource.METADATA: _DATASETS,
    Resource.FRAMES: _OCTETS,
    Resource.BULKDATA: _OCTETS,
    Resource.PIXELDATA: _OCTETS,
    Resource.RENDERED: _IMAGES,
    Resource.THUMBNAIL: _IMAGES,
}
_STORED: Final = (
    *_FILES,
    'multipart/related; type="application/dicom+json"',
    'multipart/related; type="application/dicom+xml"',
)
_ANSWERED: Final = ("application/dicom+json", "application/dicom+xml")
_SEARCHED: Final = (
    *("limit", "offset", "includefield"),
    *("fuzzymatching", "emptyvaluematching", "multiplevaluematching"),
)


def capabilities(
    request: Request, base: URL, methods: Callable[[Route], Iterable[str]]
) -> OutgoingResponse:
    """The capabilities document, as JSON or XML.

    Args:
        request: Who asks, and in which media type.
        base: URL of the service.
        methods: Those of a resource that the server admits.

    Raises:
        RemoteProtocolError: Neither is acceptable; the status hint is 406.
    """
    accept = request.headers.get("Accept")
    chosen = choose_media_type((_JSON, _WADL), None if accept is None else parse_accept(accept))
    if chosen is None:
        raise RemoteProtocolError("capabilities are JSON or WADL", status_hint=406)
    application = describe(str(base), methods)
    if chosen == _WADL:
        body = tostring(application, encoding="utf-8", xml_declaration=True)
    else:
        body = json.dumps({"application": _as_json(application)}).encode()
    return OutgoingResponse.of(Response(200, Headers({"Content-Type": str(chosen)}), body, "OK"))


def describe(base: str, methods: Callable[[Route], Iterable[str]]) -> Element:
    """The document as WADL.

    Args:
        base: URL of the service.
        methods: Those of a resource that the server admits.
    """
    application = Element("application", {"xmlns": _NAMESPACE})
    resources = SubElement(application, "resources", {"base": base})
    _add_resources(resources, _RESOURCES, "", methods)
    return application


def _add_resources(
    parent: Element, tree: dict[str, Any], above: str, methods: Callable[[Route], Iterable[str]]
) -> None:
    for segment, below in tree.items():
        resource = SubElement(parent, "resource", {"path": segment})
        # Any UID and frame number stands for the variables, so that the routes tell.
        path = f"{above}/{'1' if segment.startswith('{') else segment}"
        if route := _route(path):
            for method in methods(route):
                _add_method(resource, method, route)
        _add_resources(resource, below, path, methods)


def _route(path: str) -> Route | None:
    try:
        return Route.parse(path, base="")
    except RemoteProtocolError:
        return None  # such as "frames", which is a piece of a path and no resource


def _add_method(resource: Element, name: str, route: Route) -> None:
    method = SubElement(resource, "method", {"name": name})
    if name in ("GET", "HEAD"):
        searches = Service.SEARCH in route.services
        request = SubElement(method, "request")
        for parameter in _SEARCHED if searches else ():
            SubElement(request, "param", {"name": parameter, "style": "query"})
        _add_answer(method, "200", _DATASETS if searches else _RETRIEVED[route.resource])
    elif name == "POST":
        _add_representations(SubElement(method, "request"), _STORED)
        _add_answer(method, "200 202 409", _ANSWERED)
    else:
        _add_answer(method, "204", ())


def _add_answer(method: Element, status: str, media_types: Iterable[str]) -> None:
    _add_representations(SubElement(method, "response", {"status": status}), media_types)


def _add_representations(parent: Element, media_types: Iterable[str]) -> None:
    for media_type in media_types:
        SubElement(parent, "representation", {"mediaType": media_type})


def _as_json(element: Element) -> dict[str, Any]:
    """An element as PS3.18 Annex H.2 writes it: attributes begin with ``@``."""
    obj: dict[str, Any] = {f"@{name}": value for name, value in element.items()}
    for child in element:
        if child.tag in _ONE_OF_A_KIND:
            obj[child.tag] = _as_json(child)
        else:
            obj.setdefault(child.tag, []).append(_as_json(child))
    return obj
