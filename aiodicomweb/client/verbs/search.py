"""The verbs that search, QIDO-RS (PS3.18 §10.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...dicom.uids import check_uid
from ...services import Query, SearchRequest, Selector
from ..calls import SearchCall
from ..settings import header_fields
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from ...services.qido import AttributeName, SearchFilters

__all__ = ["SearchVerbs"]


class SearchVerbs(Verbs):
    """Searching for studies, series and instances."""

    def search_for_studies(
        self,
        fuzzymatching: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        fields: Sequence[AttributeName] | None = None,
        search_filters: SearchFilters | None = None,
        get_remaining: bool = False,
        additional_params: Mapping[str, Any] | None = None,
        *,
        emptyvaluematching: bool | None = None,
        multiplevaluematching: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SearchCall[Dataset]:
        """Search for studies.

        Args:
            fuzzymatching: Let names match by sound or spelling, as the server understands it.
            limit: The most results wanted; with ``get_remaining`` the size of a page.
            offset: Results to skip.
            fields: Attributes wanted besides the usual ones: keywords, tags, dotted paths, or
                ``["all"]``.
            search_filters: Attributes and what they must match, as a mapping (values: text with
                wildcards, ranges, numbers, dates, lists of UIDs; ``None`` asks for the field) or
                as a data set of matching keys (an empty element asks for the field).
            get_remaining: Ask for page after page until the server has no more.
            additional_params: Further query parameters, as the server documents them.
            emptyvaluematching: Let the value ``""`` (two quotation marks) match what has none.
            multiplevaluematching: Let a list of values match what has all of them, such as
                ``{"ModalitiesInStudy": ["CT", "PT"]}``.
            headers: Further header fields.

        Returns:
            A call; awaited ``list[Dataset]``, iterated ``Dataset``. ``as_json()`` gives DICOM
            JSON objects instead. While a long answer is iterated it holds a connection, and what
            is asked for within the loop needs another one.

        Raises:
            ConfigurationError: A filter, field or number can't be.
        """
        return self._search(
            Selector(study=""),
            Query.build(search_filters, fields, multiplevaluematching=bool(multiplevaluematching)),
            get_remaining,
            fuzzymatching=fuzzymatching,
            limit=limit,
            offset=offset,
            parameters=additional_params,
            headers=header_fields(headers),
            emptyvaluematching=emptyvaluematching,
            multiplevaluematching=multiplevaluematching,
        )

    def search_for_series(
        self,
        study_instance_uid: str | None = None,
        fuzzymatching: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        fields: Sequence[AttributeName] | None = None,
        search_filters: SearchFilters | None = None,
        get_remaining: bool = False,
        additional_params: Mapping[str, Any] | None = None,
        *,
        emptyvaluematching: bool | None = None,
        multiplevaluematching: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SearchCall[Dataset]:
        """Search for series: of a study, or of all.

        Args:
            study_instance_uid: The study; ``None`` for all.
            fuzzymatching: This and what follows as for :meth:`search_for_studies`.
            limit: The most results wanted.
            offset: Results to skip.
            fields: Attributes wanted besides the usual ones.
            search_filters: Attributes and what they must match.
            get_remaining: Ask for all pages.
            additional_params: Further query parameters.
            emptyvaluematching: Let ``""`` match what has no value.
            multiplevaluematching: Let lists match what has all of their values.
            headers: Further header fields.

        Returns:
            As for :meth:`search_for_studies`.

        Raises:
            ConfigurationError: A UID, filter, field or number can't be.
        """
        return self._search(
            Selector(study=_level(study_instance_uid, "study_instance_uid"), series=""),
            Query.build(search_filters, fields, multiplevaluematching=bool(multiplevaluematching)),
            get_remaining,
            fuzzymatching=fuzzymatching,
            limit=limit,
            offset=offset,
            parameters=additional_params,
            headers=header_fields(headers),
            emptyvaluematching=emptyvaluematching,
            multiplevaluematching=multiplevaluematching,
        )

    def search_for_instances(
        self,
        study_instance_uid: str | None = None,
        series_instance_uid: str | None = None,
        fuzzymatching: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        fields: Sequence[AttributeName] | None = None,
        search_filters: SearchFilters | None = None,
        get_remaining: bool = False,
        additional_params: Mapping[str, Any] | None = None,
        *,
        emptyvaluematching: bool | None = None,
        multiplevaluematching: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> SearchCall[Dataset]:
        """Search for instances: of a series, of a study, or of all.

        Args:
            study_instance_uid: The study; ``None`` for all.
            series_instance_uid: The series, which needs the study; ``None`` for all.
            fuzzymatching: This and what follows as for :meth:`search_for_studies`.
            limit: The most results wanted.
            offset: Results to skip.
            fields: Attributes wanted besides the usual ones.
            search_filters: Attributes and what they must match.
            get_remaining: Ask for all pages.
            additional_params: Further query parameters.
            emptyvaluematching: Let ``""`` match what has no value.
            multiplevaluematching: Let lists match what has all of their values.
            headers: Further header fields.

        Returns:
            As for :meth:`search_for_studies`.

        Raises:
            ConfigurationError: A UID, filter, field or number can't be.
        """
        return self._search(
            Selector(
                study=_level(study_instance_uid, "study_instance_uid"),
                series=_level(series_instance_uid, "series_instance_uid"),
                instance="",
            ),
            Query.build(search_filters, fields, multiplevaluematching=bool(multiplevaluematching)),
            get_remaining,
            fuzzymatching=fuzzymatching,
            limit=limit,
            offset=offset,
            parameters=additional_params,
            headers=header_fields(headers),
            emptyvaluematching=emptyvaluematching,
            multiplevaluematching=multiplevaluematching,
        )

    def _search(
        self, selector: Selector, query: Query, all_pages: bool, **settings: Any
    ) -> SearchCall[Dataset]:
        request = SearchRequest(self._qido, selector, query, **settings)
        return SearchCall(self._session, request, self._to_dataset, all_pages=all_pages)


def _level(uid: str | None, name: str) -> str | None:
    return None if uid is None else check_uid(uid, name)
