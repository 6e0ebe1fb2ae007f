"""Both archives are archives, as the type checkers see it."""

from __future__ import annotations

from aiodicomweb.server import Archive, DirectoryArchive, MemoryArchive

archives: list[Archive] = [DirectoryArchive("folder"), MemoryArchive()]
