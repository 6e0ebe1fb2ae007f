"""Archives of ours: files in a folder, and octets in memory."""

from __future__ import annotations

from .directory_archive import DirectoryArchive
from .memory_archive import MemoryArchive
from .rescan import Rescan
from .scan import ScanProgress

__all__ = ["DirectoryArchive", "MemoryArchive", "Rescan", "ScanProgress"]
