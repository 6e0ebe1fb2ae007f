"""Store: what arrives, part by part, into the archive (PS3.18 §10.5)."""

from __future__ import annotations

from .transaction import store

__all__ = ["store"]
