"""What all verbs need: the session, and where the services are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...http import URL
    from ..session import Session

__all__ = ["Verbs"]


class Verbs:
    """The base of the groups of verbs.

    Args:
        session: Sends the requests.
        qido: URL for searches.
        wado: URL for retrievals.
        stow: URL for stores.
        deletion: URL for deletions.
    """

    def __init__(self, session: Session, *, qido: URL, wado: URL, stow: URL, deletion: URL) -> None:
        self._session = session
        self._qido = qido
        self._wado = wado
        self._stow = stow
        self._deletion = deletion
