"""What all transactions have in common: parameters, fields, and answers in JSON (PS3.18 §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from ..dicom.json_model import JsonObject, dataset_from_json, parse_objects
from ..errors import (
    ConfigurationError,
    ContentError,
    LimitExceeded,
    RemoteProtocolError,
    StatusError,
    UnexpectedMediaType,
)
from ..http import URL, Headers, WarningValue, parse_retry_after
from .routes import METHODS, Route

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pydicom import Dataset

    from ..http import Request, Response
    from .routes import Service

__all__ = [
    "GivenParameters",
    "Parameters",
    "extra_parameters",
    "fix_parameters",
    "fix_warnings",
    "further_headers",
    "json_body",
    "json_objects",
    "refusing",
    "route_request",
    "status_error",
    "warning_headers",
]

GivenParameters = Mapping[str, Any] | Iterable[tuple[str, Any]] | None
"""Query parameters as callers have them: see :func:`extra_parameters`."""

Parameters = tuple[tuple[str, tuple[str, ...]], ...]
"""Query parameters in order, each with its values, not encoded; none for a bare name."""

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


def fix_parameters(
    parameters: GivenParameters,
) -> Parameters:
    """Parameters as a value that does not change: see :func:`extra_parameters`.

    Args:
        parameters: A mapping, or pairs, of which names may be repeated.

    Raises:
        ConfigurationError: A name is empty, or there is a NUL, which no value has (PS3.18 §8.3.1).
    """
    if parameters is None:
        return ()
    if isinstance(parameters, Mapping):
        parameters = tuple(cast("Mapping[str, Any]", parameters).items())
    fixed = tuple((name, _values(value)) for name, value in parameters)
    if not all(name for name, _ in fixed):
        raise ConfigurationError("a query parameter has no name")
    if any("\0" in text for name, values in fixed for text in (name, *values)):
        raise ConfigurationError("a query parameter holds NUL")
    return fixed


def _values(value: Any) -> tuple[str, ...]:
    written = _parameter(value)
    return (written,) if isinstance(written, str) else tuple(written)


def further_headers(headers: Headers, ours: Headers) -> Headers:
    """The fields that say more than, or other than, those that we write by ourselves.

    A field stays with all its lines, or goes: those that stay take the place of ours.
    """
    if not headers:
        return headers
    same = [name for name in ours if headers.get_all(name) == ours.get_all(name)]
    return headers.without(*same)


def fix_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """Texts of warnings, without those that say nothing: no field carries them."""
    return tuple(text for text in warnings if text)


def warning_headers(warnings: Iterable[str], service: str = "-") -> list[tuple[str, str]]:
    """``Warning`` fields for these texts (PS3.18 §8.3.4.2).

    Args:
        warnings: Texts.
        service: Who warns, by the URL of the service; ``-`` where it is not known.
    """
    return [("Warning", str(WarningValue("299", service, text))) for text in warnings]


def route_request(
    request: Request, service: Service, base_url: URL | None, *, permissive: bool
) -> tuple[URL, Route]:
    """What a request names, and the URL of the service that it was sent to.

    Args:
        request: As received.
        service: The service that it is to be a request of.
        base_url: URL of the service, where it is known.
        permissive: See :class:`Selector`.

    Raises:
        RemoteProtocolError: There is no such resource (404), or it has no such service (405).
    """
    base = None if base_url is None else base_url.path
    route = Route.parse(request.url.path, base=base, permissive=permissive)
    if request.method not in METHODS[service] or service not in route.services:
        raise RemoteProtocolError(f"that is no {service}", status_hint=405)
    url = request.url.without_userinfo()
    return base_url or URL(url.scheme, url.authority, route.base), route


@contextmanager
def refusing() -> Generator[None]:
    """Within, what would be a mistake of ours is one of the peer, to be answered with 400."""
    try:
        yield
    except ConfigurationError as error:
        raise RemoteProtocolError(error.message, hint=error.hint) from None


def json_objects(response: Response) -> list[JsonObject]:
    """The data sets of an answer in DICOM JSON, as JSON; none where the body is empty.

    Raises:
        UnexpectedMediaType: See :func:`json_body`.
        JsonModelError: It claims to be JSON, and is not.
    """
    return parse_objects(json_body(response))


def json_body(response: Response) -> bytes:
    """The body of an answer that is DICOM JSON, or empty.

    Raises:
        UnexpectedMediaType: The body is something else, such as a log-in page.
    """
    start = response.body.lstrip(_BLANK)[:1]
    if not start:
        return b""
    media_type = response.media_type
    # Orthanc leaves out the Content-Type when it refuses to store.
    is_json = start in (b"[", b"{") if media_type is None else media_type.is_json
    if is_json:
        return response.body
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
    except (ContentError, LimitExceeded):
        return None
