"""DICOMweb transactions as values: requests to HTTP, responses from HTTP, without I/O."""

from __future__ import annotations

from .qido import Query, SearchRequest, SearchResponse
from .representation import Representation
from .selector import Selector
from .stow import FailedInstance, StoredInstance, StoreRequest, StoreResponse
from .wado import Resource, RetrieveRequest, accept_for, resolve_bulkdata

__all__ = [
    "FailedInstance",
    "Query",
    "Representation",
    "Resource",
    "RetrieveRequest",
    "SearchRequest",
    "SearchResponse",
    "Selector",
    "StoreRequest",
    "StoreResponse",
    "StoredInstance",
    "accept_for",
    "resolve_bulkdata",
]
