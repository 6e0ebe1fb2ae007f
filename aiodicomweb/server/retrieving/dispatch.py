"""Answers to retrievals, WADO-RS (PS3.18 §10.4): which resource, and who gives it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...dicom.uids import bulk_data_media_type, is_encapsulated
from ...errors import Part10Error
from ...http import URL, MediaType
from ...services.wado import Resource
from ..problems import problem
from .answers import overloaded, unreadable
from .budget import OverloadedError
from .bulk_values import parse_bulkdata_path
from .bulkdata import retrieve_bulkdata, retrieve_value
from .frames import NATIVE, retrieve_frames
from .instances import offer_instances, retrieve_instances
from .metadata import retrieve_metadata
from .offers import OCTETS, choose, in_syntax, offers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...http import OutgoingResponse, Request
    from ...services import Selector
    from ...services.wado import RetrieveRequest
    from ..archive import Archive, Holding

__all__ = ["retrieve"]


async def retrieve(
    archive: Archive, request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    """Answer a retrieval.

    Args:
        archive: Where the instances are.
        request: What is asked for.
        http: The message that asks it, for its method, conditions and ranges.
        base: URL of the service, as the client sees it; URLs of bulk data begin with it.
    """
    path: tuple[int, ...] = ()
    if isinstance(request.target, URL):
        found = parse_bulkdata_path(request.target.path, base.path)
        if found is None:
            return problem(404, "there is no such resource")
        selector, path = found
    else:
        selector = request.target
    if request.resource in (Resource.RENDERED, Resource.THUMBNAIL):
        return await _render(archive, request, http, base)
    holdings = await archive.holdings(replace(selector, frames=None, permissive=True))
    if not holdings:
        return problem(404, "there is no such study, series or instance")
    try:
        return await _give(holdings, selector, path, request, http, base)
    except Part10Error as error:
        return problem(500, f"the instance cannot be read: {error.message}")
    except OSError as error:
        return unreadable(error)
    except OverloadedError:
        return overloaded()


async def _give(
    holdings: Sequence[Holding],
    selector: Selector,
    path: tuple[int, ...],
    request: RetrieveRequest,
    http: Request,
    base: URL,
) -> OutgoingResponse:
    is_one = bool(selector.instance)
    if selector.frames is not None:
        return await retrieve_frames(holdings[0], selector.frames, request, http, base)
    if path:
        return await retrieve_value(holdings[0], path, request, http, base)
    resource = request.resource
    if resource is Resource.METADATA:
        return await retrieve_metadata(holdings, request, http, base)
    if resource is Resource.INSTANCES and not _wants_bulk_data(holdings, request, is_one=is_one):
        return await retrieve_instances(holdings, request, http, base, is_one=is_one)
    only_pixels = resource is Resource.PIXELDATA
    return await retrieve_bulkdata(
        holdings, request, http, base, only_pixels=only_pixels, is_one=is_one
    )


def _wants_bulk_data(
    holdings: Sequence[Holding], request: RetrieveRequest, *, is_one: bool
) -> bool:
    """Whether instances are asked for as bulk data rather than as files (PS3.18 §10.4.4)."""
    syntaxes = sorted({holding.transfer_syntax for holding in holdings})
    files = [offer for one in syntaxes for offer in offer_instances(one, is_one=is_one)]
    values = [
        *offers_of(NATIVE, is_one=is_one),
        *offers_of(OCTETS, is_one=is_one, asked=in_syntax(OCTETS, "*")),
    ]
    for syntax in filter(is_encapsulated, syntaxes):
        given = in_syntax(MediaType.parse(bulk_data_media_type(syntax)), syntax)
        values += offers_of(given, is_one=is_one)
    return choose(request, files + values, files[0]) in values


async def _render(
    archive: Archive, request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    try:
        from ..pictures import render
    except ImportError:
        return problem(501, "this server does not render: aiodicomweb[render] is not installed")
    return await render(archive, request, http, base)
