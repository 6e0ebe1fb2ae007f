"""The client: verbs, what they return, credentials and settings. Layer 5."""

from __future__ import annotations

from ..net import Timeout, Tls
from ..services import BulkData
from ..wire import Limits
from .auth import (
    AccessToken,
    Auth,
    AwsSigV4Auth,
    BasicAuth,
    BearerAuth,
    GoogleAuth,
    OAuth2ClientCredentials,
)
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
from .events import (
    Event,
    HeadReceived,
    Hook,
    PartReceived,
    Progress,
    Propagator,
    RequestFinished,
    RequestRedirected,
    RequestRetried,
    RequestStarted,
    Transaction,
)
from .parts import BulkDataPart, Instance, Part
from .results import Frame, StoreReport
from .retry import Retry
from .sources import StoreItem

__all__ = [
    "AccessToken",
    "Auth",
    "AwsSigV4Auth",
    "BasicAuth",
    "BearerAuth",
    "BulkData",
    "BulkDataCall",
    "BulkDataPart",
    "Call",
    "Client",
    "DeleteCall",
    "Event",
    "Frame",
    "FramesCall",
    "GoogleAuth",
    "HeadReceived",
    "Hook",
    "ImageCall",
    "ImagesCall",
    "Instance",
    "InstanceCall",
    "InstanceMetadataCall",
    "InstancesCall",
    "Limits",
    "MetadataCall",
    "OAuth2ClientCredentials",
    "Part",
    "PartReceived",
    "Progress",
    "Propagator",
    "RequestFinished",
    "RequestRedirected",
    "RequestRetried",
    "RequestStarted",
    "Retry",
    "SearchCall",
    "StoreCall",
    "StoreItem",
    "StoreReport",
    "Timeout",
    "Tls",
    "Transaction",
]
