"""The client: verbs, what they return, credentials and settings. Layer 5."""

from __future__ import annotations

from ..net import Timeout
from ..services import BulkData
from ..wire import Limits
from .auth import Auth, BasicAuth, BearerAuth
from .calls import (
    BulkDataCall,
    Call,
    DeleteCall,
    FramesCall,
    ImageCall,
    ImagesCall,
    InstanceCall,
    InstanceMetadataCall,
    InstancesCall,
    MetadataCall,
    SearchCall,
    StoreCall,
)
from .client import Client
from .parts import BulkDataPart, Instance, Part
from .results import Frame, StoreReport
from .retry import Retry
from .sources import StoreItem

__all__ = [
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "BulkData",
    "BulkDataCall",
    "BulkDataPart",
    "Call",
    "Client",
    "DeleteCall",
    "Frame",
    "FramesCall",
    "ImageCall",
    "ImagesCall",
    "Instance",
    "InstanceCall",
    "InstanceMetadataCall",
    "InstancesCall",
    "Limits",
    "MetadataCall",
    "Part",
    "Retry",
    "SearchCall",
    "StoreCall",
    "StoreItem",
    "StoreReport",
    "Timeout",
]
