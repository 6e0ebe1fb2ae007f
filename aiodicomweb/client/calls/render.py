"""Calls that give images to look at (PS3.18 §10.4.3.3.3 and .4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ...errors import ContentError
from ...services import BulkData
from ..parts import BulkDataPart
from .retrieve import PartsCall

if TYPE_CHECKING:
    from ...wire import PartHead
    from ..part_stream import PartStream

__all__ = ["ImageCall", "ImagesCall"]

Whole = TypeVar("Whole")


class _RenderedCall(PartsCall[BulkDataPart, Whole]):
    """A call that gives each image before its octets have arrived."""

    __slots__ = ()

    async def _make(self, head: PartHead, stream: PartStream) -> BulkDataPart:
        return BulkDataPart(head, stream)


class ImagesCall(_RenderedCall[list[BulkData]]):
    """Rendered images of a study or series; awaited, a list.

    Iterated, it gives each :class:`~aiodicomweb.BulkDataPart` before its octets have arrived.
    """

    __slots__ = ()

    async def _whole(self) -> list[BulkData]:
        return [await part.bulk_data() async for part in self]


class ImageCall(_RenderedCall[BulkData]):
    """One rendered image, or a thumbnail; awaited, its octets with their media type.

    Iterated, it gives what comes, which may be several images: one for each frame.
    """

    __slots__ = ()

    async def _whole(self) -> BulkData:
        image: BulkData | None = None
        async for part in self:
            if image is not None:
                raise ContentError(
                    "asked for one image, got more", hint="iterate over the call for all of them"
                )
            image = await part.bulk_data()
        if image is None:
            raise ContentError("asked for one image, got none")
        return image
