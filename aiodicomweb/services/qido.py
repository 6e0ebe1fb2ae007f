"""Search, QIDO-RS (PS3.18 §10.6): requests outward, results inward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..dicom.json_model import JsonObject, datasets_from_json
from ..dicom.keys import SearchFilters, matching_keys
from ..dicom.tags import AttributeName, AttributePath, parse_attribute_path
from ..errors import ConfigurationError
from ..http import URL, Headers, MediaType, Request, build_query
from .representation import Representation
from .transaction import extra_parameters, json_objects, status_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from ..http import Response
    from .selector import Selector

__all__ = [
    "AttributeName",
    "Query",
    "SearchFilters",
    "SearchRequest",
    "SearchResponse",
    "parse_results",
]

_ALL: Final = "all"
_ACCEPT: Final = {
    Representation.JSON: str(MediaType("application", "dicom+json")),
    Representation.XML: str(
        MediaType("multipart", "related", (("type", "application/dicom+xml"),))
    ),
}


@dataclass(frozen=True, slots=True, repr=False)
class Query:
    """What to match, and what to return besides (PS3.18 §8.3.4).

    Attributes:
        filters: Attributes and the values to match; several values are a list of which one
            has to match (UIDs, PS3.4 §C.2.2.2.2).
        fields: Attributes to be returned in addition to the usual ones.
        all_fields: Whether to ask for all that the level has; then there are no ``fields``.
    """

    filters: tuple[tuple[AttributePath, tuple[str, ...]], ...] = ()
    fields: tuple[AttributePath, ...] = ()
    all_fields: bool = False

    def __post_init__(self) -> None:
        """Check what PS3.18 §8.3.4.1 and §8.3.4.3 ask of a query.

        Raises:
            ConfigurationError: An attribute is matched twice, or is a sequence; ``all`` is not
                alone; or a private attribute comes without its private creator.
        """
        matched = [path for path, _ in self.filters]
        for path in matched:
            if path.vr == "SQ":
                raise ConfigurationError(f"{path} is a sequence, which has no value to search for")
            if matched.count(path) > 1:
                raise ConfigurationError(f"{path} is searched for twice")
        if self.all_fields and self.fields:
            raise ConfigurationError("the field 'all' stands alone")
        for path in (*matched, *self.fields):
            creator = path.private_creator
            if creator is not None and creator not in matched:
                raise ConfigurationError(
                    f"{path} is private and needs its private creator, {creator}",
                    hint="add the private creator to the search filters",
                )

    @classmethod
    def build(
        cls,
        search_filters: SearchFilters | None = None,
        fields: Sequence[AttributeName] | None = None,
    ) -> Query:
        """Make a query of what callers have.

        Args:
            search_filters: A mapping or a data set: see
                :func:`~aiodicomweb.dicom.matching_keys`. An attribute without value is asked for.
            fields: Attributes to be returned besides the usual ones, or ``["all"]``.

        Raises:
            ConfigurationError: An attribute is not known, or a value cannot be searched for.
        """
        filters: list[tuple[AttributePath, tuple[str, ...]]] = []
        # A dict keeps the order and drops repetitions.
        asked: dict[AttributePath, None] = {}
        for path, values in matching_keys({} if search_filters is None else search_filters):
            if values:
                filters.append((path, values))
            else:
                asked[path] = None
        wanted = list(fields or ())
        asked.update((parse_attribute_path(name), None) for name in wanted if name != _ALL)
        return cls(tuple(filters), tuple(asked), _ALL in wanted)

    def parameters(self, *, numerical_tags: bool = False) -> list[tuple[str, str | list[str]]]:
        """Names and values as :func:`aiodicomweb.http.build_query` takes them.

        Args:
            numerical_tags: Name attributes by tags; some servers know no keywords.
        """
        result: list[tuple[str, str | list[str]]] = [
            (path.format(numerical=numerical_tags), list(values)) for path, values in self.filters
        ]
        included = [path.format(numerical=numerical_tags) for path in self.fields]
        if included or self.all_fields:
            result.append(("includefield", included or _ALL))
        return result

    def __repr__(self) -> str:
        """Names of attributes, no values."""
        names = [str(path) for path, _ in self.filters]
        fields = _ALL if self.all_fields else list(map(str, self.fields))
        return f"Query(filters={names}, fields={fields})"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search (PS3.18 §10.6.1).

    Attributes:
        base_url: URL of the service.
        selector: A collection, such as ``Selector(study="")``.
        query: What to search for, or what :meth:`Query.build` makes it from.
        representation: JSON or XML.
        fuzzymatching: Whether names may match by sound or spelling; ``None`` leaves it open.
        limit: The most results wanted.
        offset: Results to skip.
        numerical_tags: Name attributes by tags in place of keywords.
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.

    Raises:
        ConfigurationError: The selector is no collection, or a setting cannot be.
    """

    base_url: URL
    selector: Selector
    query: Query | SearchFilters | None = field(default=None, repr=False)
    representation: Representation = Representation.JSON
    fuzzymatching: bool | None = None
    limit: int | None = None
    offset: int | None = None
    numerical_tags: bool = False
    parameters: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Headers = field(default_factory=Headers)

    def __post_init__(self) -> None:
        """Check the settings."""
        if not self.selector.is_collection:
            raise ConfigurationError("a search needs a collection of studies, series or instances")
        if self.representation not in _ACCEPT:
            raise ConfigurationError("search results are JSON or XML")
        for name in ("limit", "offset"):
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number < 0):
                raise ConfigurationError(f"{name} is a number from 0")

    def to_http(self) -> Request:
        """The HTTP request.

        Raises:
            ConfigurationError: The query cannot be.
            LocalProtocolError: A value holds a character that no URL can carry.
        """
        query = self.query if isinstance(self.query, Query) else Query.build(self.query)
        settings = {
            "fuzzymatching": self.fuzzymatching,
            "limit": self.limit,
            "offset": self.offset,
        }
        parameters = [
            *query.parameters(numerical_tags=self.numerical_tags),
            *extra_parameters({name: v for name, v in settings.items() if v is not None}),
            *extra_parameters(self.parameters),
        ]
        url = self.base_url.child(*self.selector.parts()).with_query(build_query(parameters))
        accept = Headers({"Accept": _ACCEPT[self.representation]})
        return Request("GET", url, accept.merged(self.headers))


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Results of a search (PS3.18 §10.6.3).

    Attributes:
        datasets: One for each match.
        representation: How they came.
        warnings: Texts of the ``Warning`` fields, such as that more results can be requested.
    """

    datasets: tuple[Dataset, ...] = field(default=(), repr=False)
    representation: Representation = Representation.JSON
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_http(cls, response: Response) -> SearchResponse:
        """Read a response, whole.

        Raises:
            StatusError: The status is not success.
            UnexpectedMediaType: The body is not DICOM JSON.
            JsonModelError: The body is malformed.
        """
        datasets = datasets_from_json(parse_results(response))
        return cls(tuple(datasets), Representation.JSON, response.warnings)


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
