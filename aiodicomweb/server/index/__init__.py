"""What an archive holds, in SQLite, and how it is searched (PS3.4 §C.2.2.2, PS3.18 §10.6)."""

from __future__ import annotations

from .attributes import Entry, describe
from .index import Index

__all__ = ["Entry", "Index", "describe"]
