"""DICOMweb transactions as values: to HTTP and from HTTP, on both sides, without I/O."""

from __future__ import annotations

from .bulk_data import BulkData
from .qido import Query, SearchRequest, SearchResponse
from .rendering import IccProfile, RenderingOptions, Viewport, VoiFunction, Window
from .representation import Representation
from .routes import Resource, Route, Service, services_of
from .selector import Selector
from .stow import FailedInstance, StoredInstance, StoreRequest, StoreResponse
from .wado import RetrieveRequest, RetrieveResponse, accept_for, resolve_bulkdata

__all__ = [
    "BulkData",
    "FailedInstance",
    "IccProfile",
    "Query",
    "RenderingOptions",
    "Representation",
    "Resource",
    "RetrieveRequest",
    "RetrieveResponse",
    "Route",
    "SearchRequest",
    "SearchResponse",
    "Selector",
    "Service",
    "StoreRequest",
    "StoreResponse",
    "StoredInstance",
    "Viewport",
    "VoiFunction",
    "Window",
    "accept_for",
    "resolve_bulkdata",
    "services_of",
]
