"""Search, QIDO-RS (PS3.18 §10.6): requests outward, results inward."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from pydicom import Dataset
from pydicom.valuerep import DA, DT, TM, PersonName

from ..dicom.json_model import JsonObject, datasets_from_json
from ..dicom.tags import AttributePath, parse_attribute_path
from ..errors import ConfigurationError
from ..http import URL, Headers, MediaType, Request, build_query
from .representation import Representation
from .transaction import extra_parameters, json_objects, status_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.tag import BaseTag

    from ..http import Response
    from .selector import Selector

__all__ = ["Query", "SearchRequest", "SearchResponse", "parse_results"]

AttributeName = str | int | tuple[int, int]
"""An attribute's keyword, tag or path, as :func:`parse_attribute_path` reads it."""
SearchFilters = Mapping[Any, Any] | Dataset
"""What to search for: see :meth:`Query.build`."""

_ALL: Final = "all"
_NO_KEYS: Final = frozenset({0x00080005, 0x00080052})
"""Specific Character Set and Query/Retrieve Level: identifiers of C-FIND carry them, but here
the query is UTF-8 and the resource tells the level."""
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
            search_filters: Attributes (keyword, tag or dotted path) to values: text, number,
                date, time, pydicom's ``PersonName``, or a list of UIDs. ``None`` or an empty
                value asks for the attribute to be returned. Or a data set, in which a value is
                a filter, an empty element asks for the attribute, and the item of a sequence
                holds such elements, as in C-FIND.
            fields: Attributes to be returned besides the usual ones, or ``["all"]``.

        Raises:
            ConfigurationError: An attribute is not known, or a value cannot be searched for.
        """
        if isinstance(search_filters, Dataset):
            keys = _keys_of_dataset(search_filters, ())
        else:
            keys = ((parse_attribute_path(name), v) for name, v in (search_filters or {}).items())
        filters: list[tuple[AttributePath, tuple[str, ...]]] = []
        # A dict keeps the order and drops repetitions.
        asked: dict[AttributePath, None] = {}
        for path, value in keys:
            values = _format_values(path, value)
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


def _keys_of_dataset(
    dataset: Dataset, above: tuple[BaseTag, ...]
) -> Iterator[tuple[AttributePath, Any]]:
    """Matching keys of a C-FIND identifier; sequences become paths (PS3.18 §8.3.4.1)."""
    for element in dataset:
        tags = (*above, element.tag)
        if element.tag in _NO_KEYS or element.tag.group == 0x0002 or not element.tag.element:
            continue
        if element.VR != "SQ":
            yield AttributePath(tags), element.value
        elif not element.value or not element.value[0]:
            yield AttributePath(tags), None
        elif len(element.value) > 1:
            raise ConfigurationError(f"{AttributePath(tags)} has several items to search for")
        else:
            yield from _keys_of_dataset(element.value[0], tags)


def _format_values(path: AttributePath, value: Any) -> tuple[str, ...]:
    """The texts to match; none for what is empty, since an empty value must not be sent."""
    members = value if _is_several(value) else (value,)
    return tuple(text for member in members if (text := _format_value(path, member)))


def _is_several(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes)


def _format_value(path: AttributePath, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            pass
        case str() | int() | float() | Decimal() | PersonName() | DA() | DT() | TM():
            return str(value)
        case dt.datetime() if path.vr == "DA":
            return _format_date(value)
        case dt.datetime() if path.vr != "TM":
            return _format_date_time(value)
        case dt.datetime() | dt.time():
            return _format_time(value)
        case dt.date():
            return _format_date(value)
        case _:
            pass
    raise ConfigurationError(f"{path} cannot be searched for by a {type(value).__name__}")


def _format_date(value: dt.date) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _format_time(value: dt.time | dt.datetime) -> str:
    fraction = f".{value.microsecond:06}" if value.microsecond else ""
    return f"{value.hour:02}{value.minute:02}{value.second:02}{fraction}"


def _format_date_time(value: dt.datetime) -> str:
    offset = value.utcoffset()
    if offset is not None and offset < dt.timedelta(0):
        # The minus of an offset would be read as that of a range.
        value = value.astimezone(dt.UTC)
    return _format_date(value) + _format_time(value) + value.strftime("%z")


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
