"""What a search looks for, to and from the query of a URL (PS3.18 §8.3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..dicom.keys import SearchFilters, matching_keys
from ..dicom.tags import AttributeName, AttributePath, parse_attribute_path
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .transaction import Parameters

__all__ = ["AttributeName", "Query", "SearchFilters"]

_ALL: Final = "all"
_INCLUDE: Final = "includefield"
_SEPARATORS: Final = re.compile(r"[,\\]")


@dataclass(frozen=True, slots=True, repr=False)
class Query:
    """What to match, and what to return besides (PS3.18 §8.3.4).

    Attributes:
        filters: Attributes and the values to match; several values are a list of which one
            has to match (UIDs, PS3.4 §C.2.2.2.2), or all of them with ``multiplevaluematching``.
        fields: Attributes to be returned in addition to the usual ones.
        all_fields: Whether to ask for all that the level has; then there are no ``fields``.

    Raises:
        ConfigurationError: An attribute is matched twice, is a sequence, has an empty value or
            one with NUL; ``all`` is not alone; or a private attribute comes without its private
            creator.
    """

    filters: tuple[tuple[AttributePath, tuple[str, ...]], ...] = ()
    fields: tuple[AttributePath, ...] = ()
    all_fields: bool = False

    def __post_init__(self) -> None:
        """Check what PS3.18 §8.3.4.1 and §8.3.4.3 ask of a query."""
        filters = tuple((path, _separate(path, values)) for path, values in self.filters)
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "fields", tuple(self.fields))
        matched: set[AttributePath] = set()
        for path, values in self.filters:
            if path.vr == "SQ":
                raise ConfigurationError(f"{path} is a sequence, which has no value to search for")
            if not values or not all(values):
                raise ConfigurationError(f"{path} is searched for by an empty value")
            if any("\0" in value for value in values):
                raise ConfigurationError(f"{path} is searched for by a value with NUL")
            if path in matched:
                raise ConfigurationError(f"{path} is searched for twice")
            matched.add(path)
        if self.all_fields and self.fields:
            raise ConfigurationError("the field 'all' stands alone")
        for path in (*(path for path, _ in self.filters), *self.fields):
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
        *,
        multiplevaluematching: bool = False,
    ) -> Query:
        """Make a query of what callers have.

        Args:
            search_filters: A mapping or a data set: see
                :func:`~aiodicomweb.dicom.matching_keys`. An attribute without value is asked for.
            fields: Attributes to be returned besides the usual ones, or ``["all"]``.
            multiplevaluematching: Take several values of what is no UID (PS3.18 §8.3.4.5); only
                of UIDs all servers do (PS3.18 §10.6.1.2.1).

        Raises:
            ConfigurationError: An attribute is not known, or a value cannot be searched for.
        """
        filters: list[tuple[AttributePath, tuple[str, ...]]] = []
        # A dict keeps the order and drops repetitions.
        asked: dict[AttributePath, None] = {}
        for path, values in matching_keys({} if search_filters is None else search_filters):
            if len(values) > 1 and path.vr != "UI" and not multiplevaluematching:
                raise ConfigurationError(
                    f"{path} is searched for by several values",
                    hint="search for each, or by a range or wildcard",
                )
            if values:
                filters.append((path, values))
            else:
                asked[path] = None
        wanted = list(fields or ())
        asked.update((parse_attribute_path(name), None) for name in wanted if name != _ALL)
        return cls(tuple(filters), tuple(asked), _ALL in wanted)

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, Sequence[str]]]) -> tuple[Query, Parameters]:
        """Read the parameters of a URL, as :meth:`aiodicomweb.http.URL.parse_query` gives them.

        An attribute by keyword, tag or path is matched, or asked for where it comes without
        value (PS3.4 §C.2.2.2.3). A list of UIDs may be separated by commas and backslashes, and
        may be several parameters. An encoded comma separates fields and code strings too, which
        have none: browsers' ``URLSearchParams`` writes no other. Beside ``all`` no field counts.

        Returns:
            The query, and the parameters that are none of it: unknown names, and unknown fields
            as ``includefield``. A server ignores them (PS3.18 §8.3).

        Raises:
            ConfigurationError: See :class:`Query`.
        """
        filters: dict[AttributePath, list[str]] = {}
        asked: dict[AttributePath, None] = {}
        unknown: list[tuple[str, tuple[str, ...]]] = []
        all_fields = False
        for name, values in parameters:
            if name == _INCLUDE:
                names = _split(values)
                all_fields = all_fields or _ALL in names
                fields = [(_known(field), field) for field in names if field != _ALL]
                asked.update((path, None) for path, _ in fields if path)
                strange = tuple(field for path, field in fields if not path)
                unknown += [(name, strange)] if strange else []
            elif (path := _known(name)) is None:
                unknown.append((name, tuple(values)))
            elif not any(values):
                asked[path] = None
            elif path in filters and path.vr != "UI":
                raise ConfigurationError(f"{path} is searched for twice")
            else:
                filters.setdefault(path, []).extend(_members(path, values))
        matched = tuple((path, tuple(values)) for path, values in filters.items())
        return cls(matched, () if all_fields else tuple(asked), all_fields), tuple(unknown)

    def __or__(self, other: Query) -> Query:
        """What both look for, and what either asks for.

        Raises:
            ConfigurationError: An attribute is matched by both.
        """
        all_fields = self.all_fields or other.all_fields
        fields = () if all_fields else tuple(dict.fromkeys((*self.fields, *other.fields)))
        return Query((*self.filters, *other.filters), fields, all_fields)

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
            result.append((_INCLUDE, included or _ALL))
        return result

    def __repr__(self) -> str:
        """Names of attributes, no values."""
        names = [str(path) for path, _ in self.filters]
        fields = _ALL if self.all_fields else list(map(str, self.fields))
        return f"Query(filters={names}, fields={fields})"


def _separate(path: AttributePath, values: Sequence[str]) -> tuple[str, ...]:
    """The members of a list of UIDs, however it is separated (PS3.18 §10.6.1.2.1)."""
    if path.vr != "UI":
        return tuple(values)
    return tuple(uid for value in values for uid in _SEPARATORS.split(value) if uid)


def _members(path: AttributePath, values: Sequence[str]) -> list[str]:
    return [*filter(None, _split(values))] if path.vr == "CS" else list(values)


def _split(values: Sequence[str]) -> list[str]:
    return [member for value in values for member in value.split(",")]


def _known(name: str) -> AttributePath | None:
    try:
        return parse_attribute_path(name)
    except ConfigurationError:
        return None
