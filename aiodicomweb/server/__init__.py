"""An origin server for DICOMweb: archives, what it answers from them, and the sockets. Layer 5."""

from __future__ import annotations

from .access import Access, BasicAccess, BearerAccess
from .archive import Archive, Deposit, Holding, Matches, Written
from .archives import DirectoryArchive, MemoryArchive, Rescan, ScanProgress
from .asgi import AsgiApplication
from .cors import Cors
from .origin import Origin
from .serve import Server

__all__ = [
    "Access",
    "Archive",
    "AsgiApplication",
    "BasicAccess",
    "BearerAccess",
    "Cors",
    "Deposit",
    "DirectoryArchive",
    "Holding",
    "Matches",
    "MemoryArchive",
    "Origin",
    "Rescan",
    "ScanProgress",
    "Server",
    "Written",
]
