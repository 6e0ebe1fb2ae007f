"""The verbs that retrieve images to look at, WADO-RS (PS3.18 §10.4.1.1.3 and .4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...services import Resource
from ..calls import FramesCall, ImageCall, ImagesCall
from .selecting import select_instance, select_series, select_study
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...services import RenderingOptions
    from ...services.wado import MediaTypes

__all__ = ["RenderVerbs"]


class RenderVerbs(Verbs):
    """Retrieving rendered images and thumbnails, in media types that browsers show."""

    def retrieve_study_rendered(
        self,
        study_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImagesCall:
        """Retrieve the images of a study, rendered.

        Args:
            study_instance_uid: Study Instance UID.
            media_types: Such as ``["image/png"]``, by preference; ``image/jpeg`` unless given.
                Videos, reports and documents need another, such as ``video/mp4``,
                ``text/html`` or ``application/pdf``.
            additional_params: Further query parameters.
            rendering: Size, window, quality, annotation and ICC profile.
            headers: Further header fields.

        Returns:
            A call; awaited ``list[BulkData]``, one for each image, with its media type and
            location; iterated, :class:`~aiodicomweb.BulkDataPart` objects that can be streamed.
            ``response.partial`` says that images are missing.

        Raises:
            ConfigurationError: A UID, media type or way of rendering can't be.
            NotAcceptable: The server can't render it so.
            ContentError: The answer is something else, such as a page to log in.
        """
        selector = select_study(study_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.RENDERED,
            rendering=rendering,
        )
        return ImagesCall(self._session, request)

    def retrieve_series_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImagesCall:
        """Retrieve the images of a series, rendered: see :meth:`retrieve_study_rendered`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: How to render.
            headers: Further header fields.
        """
        selector = select_series(study_instance_uid, series_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.RENDERED,
            rendering=rendering,
        )
        return ImagesCall(self._session, request)

    def retrieve_instance_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImageCall:
        """Retrieve an instance as an image, rendered: see :meth:`retrieve_study_rendered`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: How to render.
            headers: Further header fields.

        Returns:
            A call; awaited, one :class:`~aiodicomweb.BulkData`, whose octets ``bytes()`` gives.
            A server may give each frame as an image of its own: iterate then.

        Raises:
            ContentError: No image came or, awaited, more than one.
        """
        selector = select_instance(study_instance_uid, series_instance_uid, sop_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.RENDERED,
            rendering=rendering,
        )
        return ImageCall(self._session, request)

    def retrieve_instance_frames_rendered(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> FramesCall:
        """Retrieve frames of an instance as images, rendered: see :meth:`retrieve_study_rendered`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            frame_numbers: From 1, in the order wanted.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: How to render.
            headers: Further header fields.

        Returns:
            A call; awaited ``list[Frame]``, iterated :class:`~aiodicomweb.Frame`. A GIF or a video
            stands for all frames at once.

        Raises:
            FrameMismatch: Other frames arrived than were asked for. Of frames that were iterated
                over before, ``by_place`` has those whose numbers are in doubt.
        """
        selector = select_instance(
            study_instance_uid, series_instance_uid, sop_instance_uid, tuple(frame_numbers)
        )
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.RENDERED,
            rendering=rendering,
        )
        return FramesCall(self._session, request, selector.frames or ())

    def retrieve_study_thumbnail(
        self,
        study_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImageCall:
        """Retrieve the thumbnail of a study.

        Args:
            study_instance_uid: Study Instance UID.
            media_types: Such as ``["image/png"]``, by preference; ``image/jpeg`` unless given.
            additional_params: Further query parameters.
            rendering: The size, as a viewport without a region, and nothing else.
            headers: Further header fields.

        Returns:
            A call; awaited, one :class:`~aiodicomweb.BulkData`, whose octets ``bytes()`` gives;
            iterated, :class:`~aiodicomweb.BulkDataPart`.

        Raises:
            ConfigurationError: A UID, media type or way of rendering can't be.
            ContentError: The answer is something else, or is none or several images.
        """
        selector = select_study(study_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.THUMBNAIL,
            rendering=rendering,
        )
        return ImageCall(self._session, request)

    def retrieve_series_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImageCall:
        """Retrieve the thumbnail of a series: see :meth:`retrieve_study_thumbnail`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: The size.
            headers: Further header fields.
        """
        selector = select_series(study_instance_uid, series_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.THUMBNAIL,
            rendering=rendering,
        )
        return ImageCall(self._session, request)

    def retrieve_instance_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImageCall:
        """Retrieve the thumbnail of an instance: see :meth:`retrieve_study_thumbnail`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: The size.
            headers: Further header fields.
        """
        selector = select_instance(study_instance_uid, series_instance_uid, sop_instance_uid)
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.THUMBNAIL,
            rendering=rendering,
        )
        return ImageCall(self._session, request)

    def retrieve_instance_frames_thumbnail(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        sop_instance_uid: str,
        frame_numbers: Sequence[int],
        media_types: MediaTypes | None = None,
        additional_params: Mapping[str, Any] | None = None,
        *,
        rendering: RenderingOptions | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ImageCall:
        """Retrieve the thumbnail of frames of an instance: see :meth:`retrieve_study_thumbnail`.

        Args:
            study_instance_uid: Study Instance UID.
            series_instance_uid: Series Instance UID.
            sop_instance_uid: SOP Instance UID.
            frame_numbers: From 1, in the order wanted.
            media_types: Media types to ask for.
            additional_params: Further query parameters.
            rendering: The size.
            headers: Further header fields.
        """
        selector = select_instance(
            study_instance_uid, series_instance_uid, sop_instance_uid, tuple(frame_numbers)
        )
        request = self._retrieval(
            selector,
            media_types,
            additional_params,
            headers,
            resource=Resource.THUMBNAIL,
            rendering=rendering,
        )
        return ImageCall(self._session, request)
