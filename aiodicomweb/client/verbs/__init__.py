"""The verbs of the client, one group for each service."""

from __future__ import annotations

from .delete import DeleteVerbs
from .render import RenderVerbs
from .retrieve import RetrieveVerbs
from .search import SearchVerbs
from .store import StoreVerbs

__all__ = ["DeleteVerbs", "RenderVerbs", "RetrieveVerbs", "SearchVerbs", "StoreVerbs"]
