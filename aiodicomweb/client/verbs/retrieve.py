"""The verbs that retrieve, WADO-RS (PS3.18 §10.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import ContentError
from ...services import Resource, Selector, resolve_bulkdata
from ..calls import (
    BulkDataCall,
    FramesCall,
    InstanceCall,
    InstanceMetadataCall,
    InstancesCall,
    MetadataCall,
)
from .selecting import select_instance, select_series, select_study
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from ...services.wado import MediaTypes
    from ...wire import Allocator
    from ..retrieval import Retrieval

__all__ = ["RetrieveVerbs"]

_IN_THE_CLEAR = (
    "anybody on the way could read along; a Client that is made for that origin may ask it"
)


class RetrieveVerbs(Verbs):
    """Retrieving instances, metadata, frames and bulk data."""

    def retrieve_study(
        self,
        study_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> InstancesCall:
        """Retrieve the instances of a study.

        Args:
            study_instance_uid: Study Instance UID.
            media_types: Media types to ask for, each alone or as a pair with a transfer syntax
                UID, such as ``[("application/dicom", "1.2.840.10008.1.2.1")]``. Unless given,
                instances come as they are stored.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; iterated, :class:`~aiodicomweb.Instance` objects that can be streamed to
            disk; awaited, ``list[Dataset]``, all in memory. ``response.partial`` says that the
            server left instances out.

        Raises:
            ConfigurationError: A UID or media type can't be.
            ContentError: The answer is no DICOM.
        """
        selector = select_study(study_instance_uid)
        request = self._retrieval(selector, media_types, additional_params, headers)
        return InstancesCall(self._session, request)

    def retrieve_series(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> InstancesCall:
        """Retrieve the instances of a series: see :meth:`retrieve_study`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            headers: Further header fields.
        """
        selector = select_series(study_instance_uid, series_instance_uid)
        request = self._retrieval(selector, media_types, additional_params, headers)
        return InstancesCall(self._session, request)

    def retrieve_instance(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> InstanceCall:
        """Retrieve an instance: see :meth:`retrieve_study`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; awaited, a ``Dataset``; iterated, one :class:`~aiodicomweb.Instance`.
        """
        selector = select_instance(study_instance_uid, series_instance_uid, sop_instance_uid)
        request = self._retrieval(selector, media_types, additional_params, headers)
        return InstanceCall(self._session, request)

    def retrieve_study_metadata(
        self,
        study_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> MetadataCall[Dataset]:
        """Retrieve the metadata of a study's instances: all but bulk data.

        Args:
            study_instance_uid: Study Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; awaited ``list[Dataset]``, iterated ``Dataset``. ``as_json()`` gives DICOM
            JSON objects, in which elements with bulk data have a ``BulkDataURI``; in a data set
            such an element is empty. While a long answer is iterated it holds a connection, and
            what is asked for within the loop needs another one.

        Raises:
            ConfigurationError: A UID can't be.
            JsonModelError: The answer is malformed.
        """
        selector = select_study(study_instance_uid)
        request = self._metadata(selector, additional_params, headers)
        return MetadataCall(self._session, request, self._to_dataset)

    def retrieve_series_metadata(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> MetadataCall[Dataset]:
        """Retrieve the metadata of a series' instances: see :meth:`retrieve_study_metadata`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.
        """
        selector = select_series(study_instance_uid, series_instance_uid)
        request = self._metadata(selector, additional_params, headers)
        return MetadataCall(self._session, request, self._to_dataset)

    def retrieve_instance_metadata(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> InstanceMetadataCall[Dataset]:
        """Retrieve the metadata of an instance: see :meth:`retrieve_study_metadata`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; awaited, one ``Dataset``; with ``as_json()``, one DICOM JSON object.
        """
        selector = select_instance(study_instance_uid, series_instance_uid, sop_instance_uid)
        request = self._metadata(selector, additional_params, headers)
        return InstanceMetadataCall(self._session, request, self._to_dataset)

    def retrieve_instance_frames(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        allocator: Allocator | None = None,
    ) -> FramesCall:
        """Retrieve frames of an instance.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            frame_numbers: From 1, in the order wanted.
            media_types: Such as ``["image/jpeg"]`` or
                ``[("image/jpeg", "1.2.840.10008.1.2.4.50")]``. Unless given, frames come as they
                are stored.
            additional_params: Further query parameters.
            headers: Further header fields.
            allocator: Is called with the number of octets of each frame once it has arrived, in
                the order in which they arrive, and gives the memory to copy it to: see
                :meth:`Part.read`. It is ``data.obj`` of the frame.

        Frames of one instance that many tasks await at a time, without further arguments, are asked
        for together where they would wait for a connection: up to 128 small ones in one request.
        Each task gets its own; ``response`` is that of all. A list that no URL would hold goes in
        several requests.

        Returns:
            A call; awaited ``list[Frame]``, iterated :class:`~aiodicomweb.Frame`.

        Raises:
            ConfigurationError: A UID, frame number or media type can't be.
            FrameMismatch: Other frames arrived than were asked for. Of frames that were iterated
                over before, ``by_place`` has those whose numbers are in doubt.
        """
        numbers = tuple(frame_numbers)
        selector = select_instance(
            study_instance_uid, series_instance_uid, sop_instance_uid, numbers
        )
        request = self._retrieval(
            selector, media_types, additional_params, headers, resource=Resource.FRAMES
        )
        kind = None
        if media_types is None and not additional_params and not headers:
            kind = (selector.study, selector.series, selector.instance)
        return FramesCall(self._session, request, numbers, allocator, kind)

    def retrieve_bulkdata(
        self,
        url: str,
        media_types: MediaTypes | None = None,
        byte_range: tuple[int, int | None] | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> BulkDataCall:
        """Retrieve bulk data that metadata refer to.

        Args:
            url: A ``BulkDataURI``. A relative one is resolved against the service's URL, taken
                for a directory. The standard's base is the URL that the metadata came from, which
                their call's ``url`` tells: ``urllib.parse.urljoin(call.url, uri)``. One of another
                origin is asked without credentials, and without header fields that may be secret.
            media_types: Media types to ask for.
            byte_range: First and last octet wanted, from 0, both included; ``None`` as last for
                all that follow.
            additional_params: Further query parameters.
            headers: Further header fields.

        Returns:
            A call; awaited ``list[BulkData]``; iterated, :class:`~aiodicomweb.BulkDataPart`
            objects that can be streamed.

        Raises:
            ConfigurationError: A media type or the range can't be.
            ContentError: The URL is none of ``http`` or ``https``, or leads from ``https`` to an
                ``http`` origin that the client was not made for; or the server gives other octets
                than the range.
        """
        target = resolve_bulkdata(replace(self._wado, path=f"{self._wado.path}/"), url)
        in_the_clear = (self._wado.scheme, target.scheme) == ("https", "http")
        if in_the_clear and not self._session.is_own(target.origin):
            raise ContentError("a BulkDataURI leads from https to http", hint=_IN_THE_CLEAR)
        request = self._retrieval(
            target,
            media_types,
            additional_params,
            headers,
            resource=Resource.BULKDATA,
            byte_range=byte_range,
        )
        return BulkDataCall(self._session, request)

    def _metadata(
        self,
        selector: Selector,
        parameters: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Retrieval:
        return self._retrieval(selector, None, parameters, headers, resource=Resource.METADATA)
