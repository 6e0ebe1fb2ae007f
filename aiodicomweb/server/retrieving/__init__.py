"""Retrieve: what the archive holds, in the forms that are asked for (PS3.18 §10.4)."""

from __future__ import annotations

from .dispatch import retrieve

__all__ = ["retrieve"]
