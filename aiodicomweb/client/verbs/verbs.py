"""What all verbs need: the session, and where the services are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ...dicom.json_model import dataset_from_json
from ...services import Resource, RetrieveRequest
from ..retrieval import Retrieval
from ..settings import header_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom import Dataset

    from ...dicom.json_model import JsonObject
    from ...http import URL
    from ...services import RenderingOptions, Selector
    from ...services.wado import MediaTypes
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

    @property
    def _to_dataset(self) -> Callable[[JsonObject], Dataset]:
        """Makes data sets of DICOM JSON, within the bounds."""
        return partial(dataset_from_json, max_depth=self._session.limits.json_depth)

    def _retrieval(
        self,
        selector: Selector | URL,
        media_types: MediaTypes | None,
        parameters: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        *,
        resource: Resource = Resource.INSTANCES,
        byte_range: tuple[int, int | None] | None = None,
        rendering: RenderingOptions | None = None,
    ) -> Retrieval:
        fields = header_fields(headers)
        request = RetrieveRequest(
            self._wado,
            selector,
            resource,
            media_types,
            byte_range,
            parameters,
            fields,
            rendering,
        )
        named = media_types is not None or "Accept" in fields or "accept" in (parameters or {})
        return Retrieval(request, not named, self._qido)
