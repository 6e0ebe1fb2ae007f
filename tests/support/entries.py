"""What an index notes, made of a few values."""

from __future__ import annotations

from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from aiodicomweb.dicom import JsonObject, parse_attribute_path
from aiodicomweb.http import URL, FileSpan
from aiodicomweb.server.index.attributes import Description, Entry, Level, level_of
from aiodicomweb.services import Query, SearchRequest, Selector

__all__ = ["an_entry", "attributes_of", "search_request"]

EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


def attributes_of(**values: Any) -> JsonObject:
    """A DICOM JSON object of values by keyword: one, a list of several, or none for ``None``."""
    result: JsonObject = {}
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        vr = dictionary_VR(tag)[:2]
        members = [] if value is None else value if isinstance(value, list) else [value]
        if vr == "PN":
            members = [_name(member) if isinstance(member, str) else member for member in members]
        result[f"{tag:08X}"] = {"vr": vr, "Value": members} if members else {"vr": vr}
    return result


def _name(text: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {group: value for group, value in groups if value}


def an_entry(
    instance: str = "1.2.3.4",
    series: str = "1.2.3",
    study: str = "1.2",
    *,
    path: str | None = "",
    size: int = 1000,
    modified: int = 1,
    version: str = "v1",
    transfer_syntax: str = EXPLICIT,
    sop_class: str = CT,
    **values: Any,
) -> Entry:
    """An instance, with attributes of any level by keyword."""
    uids = attributes_of(
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=instance,
        SOPClassUID=sop_class,
    )
    levels: dict[Level, JsonObject] = {level: {} for level in Level}
    for name, attribute in (uids | attributes_of(**values)).items():
        level = level_of(parse_attribute_path(name))
        assert level is not None
        levels[level][name] = attribute
    content = None if path is None else FileSpan(path or f"{instance}.dcm", 0, size)
    return Entry(
        Description(study, series, instance, sop_class, levels),
        content,
        transfer_syntax,
        version,
        modified,
    )


def search_request(
    selector: Selector | None = None,
    filters: dict[str, Any] | None = None,
    fields: list[str] | None = None,
    **settings: Any,
) -> SearchRequest:
    """A search; for studies if nothing else is said."""
    query = Query.build(filters or {}, fields, multiplevaluematching=True)
    base = URL.parse("http://archive.example/dicom-web")
    return SearchRequest(base, selector or Selector(study=""), query, **settings)
