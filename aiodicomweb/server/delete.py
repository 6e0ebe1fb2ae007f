"""Deleting studies, series and instances.

PS3.18 has no such transaction. dcm4chee, Google and Microsoft have it in this form, and so have the
clients that work with them: ``DELETE`` on the resource, answered with 204.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http import OutgoingResponse, Response
from .problems import problem

if TYPE_CHECKING:
    from ..services import Selector
    from .archive import Archive

__all__ = ["delete"]


async def delete(archive: Archive, selector: Selector) -> OutgoingResponse:
    """Delete a study, a series or an instance: 204, or 404 where there was nothing.

    An archive that is read-only makes it a 403.
    """
    try:
        count = await archive.delete(selector)
    except PermissionError:
        return problem(403, "the archive is read-only")
    if not count:
        return problem(404, "there is nothing to delete")
    return OutgoingResponse(Response(204, reason="No Content"))
