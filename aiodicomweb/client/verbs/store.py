"""The verb that stores, STOW-RS (PS3.18 §10.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...dicom.uids import check_uid
from ...services import Selector, StoreRequest
from ..calls import StoreCall
from ..settings import header_fields
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...http import Segment
    from ..sources import StoreItem

__all__ = ["StoreVerbs"]


class StoreVerbs(Verbs):
    """Storing instances."""

    def store_instances(
        self,
        datasets: StoreItem | Iterable[StoreItem],
        study_instance_uid: str | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> StoreCall:
        """Store instances, in one request.

        It is repeated only where the server surely took nothing, unless ``Retry(stores=True)``
        lets the client go further.

        Args:
            datasets: One or more of: the path of a file; the path of a directory, whose DICOM
                files are stored, and those of the directories below it; the octets of a DICOM
                file; a data set. Files are streamed from the disk. Octets and data sets must not
                change before the call is done.
            study_instance_uid: The study that all instances must belong to; ``None`` for any.
            additional_params: Further query parameters.
            headers: Further header fields. ``{"Expect": "100-continue"}`` lets the server refuse
                before anything is uploaded, at the price of a round trip.

        Returns:
            A call; awaited, a :class:`~aiodicomweb.StoreReport`: look at ``complete`` or call
            ``raise_for_failures()``. Iterated, what the server says of each instance.

        Raises:
            ConfigurationError: There is nothing to store, or something that can't be.
            Part10Error: A file or octets are no DICOM file; nothing was sent.
            OSError: A file can't be read.
        """
        if study_instance_uid is not None:
            check_uid(study_instance_uid, "study_instance_uid")
        selector = Selector(study=study_instance_uid or "")
        fields = header_fields(headers)

        def make_request(segments: Sequence[Segment]) -> StoreRequest:
            return StoreRequest(
                self._stow,
                segments,
                selector,
                parameters=additional_params,
                headers=fields,
            )

        return StoreCall(self._session, datasets, make_request, self._stow.origin)
