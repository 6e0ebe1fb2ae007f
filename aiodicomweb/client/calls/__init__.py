"""What the verbs return: exchanges that can be awaited, iterated or entered."""

from __future__ import annotations

from .call import Call
from .delete import DeleteCall
from .frames import FramesCall
from .render import ImageCall, ImagesCall
from .retrieve import BulkDataCall, InstanceCall, InstancesCall
from .search import InstanceMetadataCall, MetadataCall, SearchCall
from .store import StoreCall

__all__ = [
    "BulkDataCall",
    "Call",
    "DeleteCall",
    "FramesCall",
    "ImageCall",
    "ImagesCall",
    "InstanceCall",
    "InstanceMetadataCall",
    "InstancesCall",
    "MetadataCall",
    "SearchCall",
    "StoreCall",
]
