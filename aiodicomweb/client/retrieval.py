"""A retrieval as the calls get it from the verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..http import URL
    from ..services import RetrieveRequest

__all__ = ["Retrieval"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval, and what the client knows besides.

    Attributes:
        request: The retrieval.
        usual: Whether the caller left it to us which media types to ask for.
        qido: URL for searches.
    """

    request: RetrieveRequest
    usual: bool
    qido: URL
