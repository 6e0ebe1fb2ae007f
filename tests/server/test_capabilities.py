"""The capabilities document (PS3.18 §8.9)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import fromstring

import pytest

from aiodicomweb.server.origin import Origin
from aiodicomweb.services import Route

from ..support.asking import Asking, PlainArchive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

WADL = "application/vnd.sun.wadl+xml"
NAMES = {"w": "http://wadl.dev.java.net/2009/02"}


def methods(element: Element, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each resource's path and methods, where it has any."""
    for resource in element.findall("w:resource", NAMES):
        below = f"{path}/{resource.get('path')}"
        names = [method.get("name", "") for method in resource.findall("w:method", NAMES)]
        if names:
            yield below, names
        yield from methods(resource, below)


async def document(**settings: Any) -> dict[str, list[str]]:
    """What a server says that it can do."""
    ask = Asking(Origin(PlainArchive(), base_path="/dicom-web", **settings))
    response = await ask("OPTIONS", "/dicom-web/", {"Accept": WADL})
    assert (200, WADL) == (response.status, response.headers["Content-Type"])
    (resources,) = fromstring(response.body).findall("w:resources", NAMES)
    assert "http://pacs.example/dicom-web" == resources.get("base")
    return dict(methods(resources))


async def test_every_resource_is_named() -> None:
    """With the methods that it answers to (CAP-03, STU-33)."""
    found = await document()

    assert ["GET", "HEAD", "POST"] == found["/studies"]
    assert ["GET", "HEAD", "POST"] == found["/studies/{study}"]
    assert ["GET", "HEAD"] == found["/series"]
    instance = "/studies/{study}/series/{series}/instances/{instance}"
    assert ["GET", "HEAD"] == found[f"{instance}/frames/{{frames}}/rendered"]
    assert 27 == len(found)
    for path in found:
        assert Route.parse(re.sub(r"\{\w+\}", "1", path)).services


async def test_what_is_off_is_not_named() -> None:
    """Neither storing nor deleting, as they are set."""
    found = await document(allow_store=False, allow_delete=True)

    assert ["GET", "HEAD"] == found["/studies"]
    assert ["GET", "HEAD", "DELETE"] == found["/studies/{study}"]


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", f"{WADL}; q=0.1, */*"])
async def test_json(accept: str | None) -> None:
    """Attributes begin with an at sign, what can be repeated is an array (CAP-04)."""
    headers = {} if accept is None else {"Accept": accept}
    response = await Asking(Origin(PlainArchive()))("OPTIONS", "/", headers)

    assert "application/json" == response.headers["Content-Type"]
    resources = json.loads(response.body)["application"]["resources"]
    assert "http://pacs.example" == resources["@base"]
    assert ["studies", "series", "instances"] == [item["@path"] for item in resources["resource"]]
    search, _, store = resources["resource"][0]["method"]
    assert {"@name": "limit", "@style": "query"} in search["request"]["param"]
    assert "200" == search["response"][0]["@status"]
    assert "200 202 409" == store["response"][0]["@status"]


@pytest.mark.parametrize("path", ["", "/", "/capabilities"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_where_it_is(path: str, method: str) -> None:
    """The standard's place is the base URL with a slash (CAP-01); others are for people."""
    ask = Asking(Origin(PlainArchive(), base_path="/dicom-web"))

    assert 200 == (await ask(method, f"/dicom-web{path}")).status


async def test_what_it_cannot_be() -> None:
    """Another media type, or another method."""
    ask = Asking(Origin(PlainArchive()))
    refused = await ask("POST", "/")

    assert 406 == (await ask("OPTIONS", "/", {"Accept": "text/html"})).status
    assert (405, "GET, HEAD, OPTIONS") == (refused.status, refused.headers["Allow"])
