"""What all transactions have in common: extra parameters, and answers in JSON (PS3.18 §8)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from ..dicom.json_model import JsonObject, dataset_from_json, parse_objects
from ..errors import ContentError, StatusError, UnexpectedMediaType
from ..http import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from ..http import Response

__all__ = ["extra_parameters", "json_objects", "status_error"]

_EXCERPT: Final = 1024
"""Octets of an unexpected body that its error keeps: enough for the title of a log-in page."""
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


def extra_parameters(parameters: Mapping[str, Any] | None) -> list[tuple[str, str | list[str]]]:
    """Parameters of a vendor, or of a newer standard, as ``build_query`` takes them.

    Args:
        parameters: Names to values. Booleans are written ``true`` and ``false``, members of
            lists and tuples are separated by commas (PS3.18 §8.3.1), all else is ``str``.
    """
    return [(name, _parameter(value)) for name, value in (parameters or {}).items()]


def _parameter(value: Any) -> str | list[str]:
    if isinstance(value, list | tuple):
        return [_scalar(member) for member in cast("Sequence[Any]", value)]
    return _scalar(value)


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_objects(response: Response) -> list[JsonObject]:
    """The data sets of an answer in DICOM JSON; none where the body is empty.

    Raises:
        UnexpectedMediaType: The body is something else, such as a log-in page.
        JsonModelError: It claims to be JSON, and is not.
    """
    start = response.body.lstrip(_BLANK)[:1]
    if not start:
        return []
    media_type = response.media_type
    # Orthanc leaves out the Content-Type when it refuses to store.
    is_json = start in (b"[", b"{") if media_type is None else media_type.is_json
    if is_json:
        return parse_objects(response.body)
    raise UnexpectedMediaType(
        "the answer is not DICOM JSON",
        media_type=str(media_type or ""),
        body=response.body[:_EXCERPT],
    )


def status_error(response: Response, url: str = "", now: float | None = None) -> StatusError:
    """The error that stands for an answer whose status is not success (PS3.18 §8.5).

    Args:
        response: The answer, with as much of its body as is to be kept.
        url: The request's URL, redacted.
        now: Unix time, against which ``Retry-After`` is read; ``None`` leaves it out.
    """
    retry_after = response.headers.get("Retry-After")
    return StatusError.for_status(response.status)(
        _phrase(response.status),
        status=response.status,
        headers=response.headers,
        body=response.body,
        dataset=_error_dataset(response),
        warnings=response.warnings,
        url=url,
        retry_after=(
            None if retry_after is None or now is None else parse_retry_after(retry_after, now)
        ),
    )


def _phrase(status: int) -> str:
    """The standard's words for a status; the server's own could name a patient."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _error_dataset(response: Response) -> Dataset | None:
    """The body as a data set; a failure's body may also be anything else (PS3.18 §8.6.3)."""
    try:
        objects = json_objects(response)
        return dataset_from_json(objects[0]) if objects else None
    except ContentError:
        return None
