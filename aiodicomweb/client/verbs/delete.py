"""The verbs that delete, which is beyond the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...http import Request, build_query
from ...services.transaction import fix_parameters
from ..calls import DeleteCall
from ..settings import header_fields
from .selecting import select_instance, select_series, select_study
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...services import Selector

__all__ = ["DeleteVerbs"]


class DeleteVerbs(Verbs):
    """Deleting studies, series and instances, for good.

    PS3.18 has no such transaction; dcm4chee, Google, Microsoft and our own server, where it is
    allowed, have it in this form: ``DELETE`` on the resource. A deletion is repeated only if the
    server did not begin with it: the answer to a second one, 404, would deny what the first did.
    """

    def delete_study(
        self,
        study_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> DeleteCall:
        """Delete a study with all its series and instances.

        Args:
            study_instance_uid: Study Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; awaited, ``None``. A ``response.status`` of 202 says that the server is going
            to do it.

        Raises:
            ConfigurationError: A UID can't be.
            NotFound: There is no such study.
            StatusError: The server refuses; 405 if it has no deletion.
            UnexpectedMediaType: The answer is a web page, such as one to log in.
        """
        return self._delete(select_study(study_instance_uid), additional_params, headers)

    def delete_series(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> DeleteCall:
        """Delete a series with all its instances: see :meth:`delete_study`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.
        """
        selector = select_series(study_instance_uid, series_instance_uid)
        return self._delete(selector, additional_params, headers)

    def delete_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> DeleteCall:
        """Delete an instance: see :meth:`delete_study`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.
        """
        selector = select_instance(study_instance_uid, series_instance_uid, sop_instance_uid)
        return self._delete(selector, additional_params, headers)

    def _delete(
        self,
        selector: Selector,
        parameters: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> DeleteCall:
        url = self._deletion.child(*selector.parts())
        query = build_query(fix_parameters(parameters))
        if query is not None:
            url = url.with_query(query)
        return DeleteCall(self._session, Request("DELETE", url, header_fields(headers)))
