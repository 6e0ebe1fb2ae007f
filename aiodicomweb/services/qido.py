"""Search, QIDO-RS (PS3.18 §10.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError, RemoteProtocolError, UnexpectedMediaType
from ..http import (
    URL,
    Headers,
    MediaType,
    Request,
    Response,
    build_query,
    choose_media_type,
    parse_accept,
)
from .content import read_datasets, write_datasets
from .media_types import related
from .query import AttributeName, Query, SearchFilters
from .representation import Representation
from .routes import Service, services_of
from .transaction import (
    GivenParameters,
    Parameters,
    extra_parameters,
    fix_parameters,
    fix_warnings,
    further_headers,
    json_objects,
    refusing,
    route_request,
    status_error,
    warning_headers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydicom import Dataset

    from ..dicom.json_model import JsonObject
    from .selector import Selector

__all__ = [
    "AttributeName",
    "Query",
    "SearchFilters",
    "SearchRequest",
    "SearchResponse",
    "parse_results",
]

_MEDIA_TYPES: Final = {
    Representation.JSON: MediaType.parse(Representation.JSON),
    Representation.XML: related(Representation.XML),
}
_SWITCHES: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_NUMBERS: Final = ("limit", "offset")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, init=False)
class SearchRequest:
    """A search (PS3.18 §10.6.1).

    Args:
        base_url: URL of the service.
        selector: A collection, such as ``Selector(study="")``.
        query: What to search for, or what :meth:`Query.build` makes it from.
        representation: JSON or XML.
        fuzzymatching: Whether names may match by sound or spelling; ``None`` leaves it open, as
            for the others.
        limit: The most results wanted.
        offset: Results to skip.
        numerical_tags: Name attributes by tags in place of keywords. It is no part of what the
            request means, and not compared.
        parameters: Further parameters: see :func:`extra_parameters`. Attributes and settings among
            them become part of the query and of the settings.
        headers: Further header fields, which replace ours.
        emptyvaluematching: Whether ``""`` matches what has no value.
        multiplevaluematching: Whether all of several values have to match.

    Raises:
        ConfigurationError: The selector is no collection, the query cannot be, or a setting
            cannot be, or is said twice.
    """

    base_url: URL
    selector: Selector
    query: Query = field(repr=False)
    representation: Representation
    fuzzymatching: bool | None
    limit: int | None
    offset: int | None
    numerical_tags: bool = field(compare=False)
    parameters: Parameters = field(repr=False)
    headers: Headers
    emptyvaluematching: bool | None
    multiplevaluematching: bool | None

    def __init__(
        self,
        base_url: URL,
        selector: Selector,
        query: Query | SearchFilters | None = None,
        representation: Representation = Representation.JSON,
        fuzzymatching: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        numerical_tags: bool = False,
        parameters: GivenParameters = None,
        headers: Headers | None = None,
        emptyvaluematching: bool | None = None,
        multiplevaluematching: bool | None = None,
    ) -> None:
        if Service.SEARCH not in services_of(selector):
            raise ConfigurationError("a search needs a collection of studies, series or instances")
        if representation not in _MEDIA_TYPES:
            raise ConfigurationError("search results are JSON or XML")
        for name, number in (("limit", limit), ("offset", offset)):
            if number is not None and (type(number) is not int or number < 0):
                raise ConfigurationError(f"{name} is a number from 0")
        settings, added, parameters = _read_parameters(fix_parameters(parameters))
        settings = _once(
            settings,
            fuzzymatching=fuzzymatching,
            limit=limit,
            offset=offset,
            emptyvaluematching=emptyvaluematching,
            multiplevaluematching=multiplevaluematching,
        )
        if not isinstance(query, Query):
            several = bool(settings["multiplevaluematching"])
            query = Query.build(query, multiplevaluematching=several)
        values = {
            "base_url": base_url.child(),
            "selector": selector,
            "query": query | added,
            "representation": representation,
            "numerical_tags": numerical_tags,
            "parameters": parameters,
            "headers": further_headers(headers or Headers(), _accept(representation)),
            **settings,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def to_http(self) -> Request:
        """The HTTP request.

        Raises:
            LocalProtocolError: A value holds a character that no URL can carry.
        """
        settings = {name: getattr(self, name) for name in (*_SWITCHES, *_NUMBERS)}
        parameters = [
            *self.query.parameters(numerical_tags=self.numerical_tags),
            *extra_parameters({name: v for name, v in settings.items() if v is not None}),
            *self.parameters,
        ]
        url = self.base_url.child(*self.selector.parts()).with_query(build_query(parameters))
        return Request("GET", url, _accept(self.representation).merged(self.headers))

    @classmethod
    def from_http(
        cls, request: Request, *, base_url: URL | None = None, permissive: bool = False
    ) -> SearchRequest:
        """Read a request, as a server does.

        Parameters that are unknown are kept in ``parameters``, for who knows more; so are
        ``accept`` and ``charset``. An ``Accept`` that says more than the representation stays in
        ``headers``.

        Args:
            request: The request.
            base_url: URL of the service, where it is known; see :meth:`Route.parse`.
            permissive: Take UIDs in the path that are none: see :class:`Selector`.

        Raises:
            RemoteProtocolError: It is no search. ``status_hint`` is the status to answer with:
                404, 405, 406 or 400.
        """
        base, route = route_request(request, Service.SEARCH, base_url, permissive=permissive)
        parameters = request.url.parse_query()
        representation = _representation(request.headers, parameters)
        with refusing():
            return cls(
                base,
                route.selector,
                representation=representation,
                numerical_tags=_is_numerical(parameters),
                parameters=parameters,
                headers=request.headers,
            )


def _is_numerical(parameters: Sequence[tuple[str, list[str]]]) -> bool:
    """Whether all attributes are named by tags.

    Raises:
        ConfigurationError: See :class:`Query`.
    """
    _, query, _ = _read_parameters(parameters)
    asked = [path for path, _ in query.filters] + list(query.fields)
    given = {text.upper() for name, values in parameters for text in (name, *values)}
    return bool(asked) and given >= {path.format(numerical=True) for path in asked}


def _accept(representation: Representation) -> Headers:
    return Headers({"Accept": str(_MEDIA_TYPES[representation])})


def _representation(
    headers: Headers, parameters: Iterable[tuple[str, list[str]]]
) -> Representation:
    """What a search is to be answered in (PS3.18 §8.7.8)."""
    accept = headers.get("Accept")
    asked = [v for name, values in parameters if name == "accept" for v in values]
    accepted = None if accept is None else parse_accept(accept)
    chosen = choose_media_type(
        # The general name of JSON is what old clients ask for.
        [*_MEDIA_TYPES.values(), MediaType("application", "json")],
        accepted,
        parameter=parse_accept(asked),
        default=_MEDIA_TYPES[Representation.JSON],
    )
    if chosen is None:
        raise RemoteProtocolError("search results are JSON or XML", status_hint=406)
    return Representation.XML if chosen.is_multipart else Representation.JSON


def _once(told: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """All settings, each from the parameters or from an argument.

    Raises:
        ConfigurationError: One is said by both.
    """
    twice = [name for name in told if given[name] is not None]
    if twice:
        raise ConfigurationError(f"{twice[0]} is said twice")
    return {**given, **told}


def _read_parameters(
    parameters: Iterable[tuple[str, Sequence[str]]],
) -> tuple[dict[str, Any], Query, Parameters]:
    """Settings (PS3.18 §8.3.4.2 to §8.3.4.6), the query, and the parameters that are neither.

    Raises:
        ConfigurationError: A setting is repeated, or has another value than it can have; or see
            :class:`Query`.
    """
    settings: dict[str, Any] = {}
    others: list[tuple[str, Sequence[str]]] = []
    for name, values in parameters:
        if name not in (*_SWITCHES, *_NUMBERS):
            others.append((name, values))
            continue
        value = values[0].lower() if len(values) == 1 and name not in settings else ""
        if name in _SWITCHES and value in ("true", "false"):
            settings[name] = value == "true"
        elif name in _NUMBERS and _NUMBER.fullmatch(value):
            settings[name] = int(value)
        else:
            raise ConfigurationError(f"the parameter {name} has a value that it cannot have")
    return settings, *Query.parse(others)


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Results of a search (PS3.18 §10.6.3).

    Attributes:
        datasets: One for each match.
        representation: How they are written; JSON where there is none.
        warnings: Texts of the ``Warning`` fields, such as that more results can be requested;
            empty ones are none.

    Raises:
        ConfigurationError: The representation is neither JSON nor XML.
    """

    datasets: tuple[Dataset, ...] = field(default=(), repr=False)
    representation: Representation = Representation.JSON
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the representation; nothing has none."""
        if self.representation not in _MEDIA_TYPES:
            raise ConfigurationError("search results are JSON or XML")
        object.__setattr__(self, "datasets", tuple(self.datasets))
        object.__setattr__(self, "warnings", fix_warnings(self.warnings))
        if not self.datasets:
            object.__setattr__(self, "representation", Representation.JSON)

    def to_http(self) -> Response:
        """The HTTP response: 200, or 204 where nothing was found.

        Raises:
            JsonModelError: A data set cannot be written as JSON.
            NativeXmlError: A data set cannot be written as XML.
            LocalProtocolError: A warning holds a character that no field can carry.
        """
        headers = Headers(warning_headers(self.warnings))
        if not self.datasets:
            return Response(204, headers, reason="No Content")
        media_type, body = write_datasets(self.datasets, self.representation)
        return Response(200, headers.add("Content-Type", str(media_type)), body, "OK")

    @classmethod
    def from_http(cls, response: Response) -> SearchResponse:
        """Read a response, whole.

        Raises:
            StatusError: The status is not success.
            UnexpectedMediaType: The body is neither DICOM JSON nor XML.
            JsonModelError: The body is malformed JSON.
            NativeXmlError: The body is malformed XML.
            MultipartError: The body is malformed, or cut short.
        """
        if not response.is_success:
            raise status_error(response)
        if response.status == 204:
            return cls(warnings=response.warnings)
        datasets, representation = read_datasets(response)
        if representation is Representation.DICOM:
            raise UnexpectedMediaType("search results are JSON or XML", media_type=representation)
        return cls(tuple(datasets), representation, response.warnings)


def parse_results(response: Response) -> list[JsonObject]:
    """The matches of a search, as JSON; none for 204, for ``[]`` and for an empty body.

    Raises:
        StatusError: The status is not success.
        UnexpectedMediaType: The body is not DICOM JSON.
        JsonModelError: The body is not an array of objects, nor one object.
    """
    if not response.is_success:
        raise status_error(response)
    return [] if response.status == 204 else json_objects(response)
