"""What the verbs return: exchanges that can be awaited, iterated or entered."""

from __future__ import annotations

from .call import Call
from .retrieve import BulkDataCall, FramesCall, InstanceCall, InstancesCall
from .search import InstanceMetadataCall, MetadataCall, SearchCall
from .store import StoreCall

__all__ = [
    "BulkDataCall",
    "Call",
    "FramesCall",
    "InstanceCall",
    "InstanceMetadataCall",
    "InstancesCall",
    "MetadataCall",
    "SearchCall",
    "StoreCall",
]
