"""Metadata: data sets without their large values, in JSON and XML (PS3.18 §10.4.3.3.2)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from pydicom import DataElement, Dataset
from pydicom.filewriter import correct_ambiguous_vr_element

from ...dicom.excerpt import read_excerpt
from ...dicom.json_model import dataset_to_json, format_objects
from ...dicom.json_shortcut import read_json
from ...dicom.native_xml import dataset_to_xml
from ...errors import ContentError
from ...http import Headers, MediaType, OutgoingResponse, Produced, Response
from ...services.media_types import related
from .answers import Part, answer_to_conditions, entity_tag, multipart, not_acceptable
from .bulk_values import bulk_data_uri, bulk_paths, is_bulk
from .content import Stored, open_content
from .offers import Offer, asked_for, choose
from .transcode import converting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...http import URL, Request
    from ...services.wado import RetrieveRequest
    from ..archive import Holding

__all__ = ["describe_instance", "retrieve_metadata"]

_JSON: Final = MediaType("application", "dicom+json")
_GENERAL_JSON: Final = MediaType("application", "json")
_XML: Final = MediaType("application", "dicom+xml")
_AS_ASKED: Final = {"transfer-syntax": "1.2.840.10008.1.2.1", "charset": "utf-8"}
"""How values in line are, whether or not it is asked for (PS3.18 §8.7.3.5 note, §8.7.8)."""

_TIMES_AS_OBJECTS: Final = 64
"""How many times its octets a data set takes as objects, at most."""

_PLACEHOLDER: Final = b"\0\0"
"""Stands for a large value: an element without value has no bulk data."""


async def retrieve_metadata(
    holdings: Sequence[Holding], request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    """Give metadata: each instance's is made when its turn comes.

    Args:
        holdings: The instances.
        request: What was asked.
        http: The message that asked it, for its conditions.
        base: URL of the service; the URLs of bulk data begin with it.
    """
    offers = [
        Offer(_JSON.with_parameters(_AS_ASKED), _JSON),
        Offer(_GENERAL_JSON.with_parameters(_AS_ASKED), _GENERAL_JSON),
        Offer(related(_XML.essence).with_parameters(_AS_ASKED), _XML),
    ]
    offer = choose(request, offers, offers[0])
    if offer is None:
        return not_acceptable(
            f"{asked_for(request)}; metadata are {_JSON}, {_GENERAL_JSON}, or {related(str(_XML))}"
        )
    versions = (f"{holding.instance} {holding.version}" for holding in holdings)
    tag = entity_tag("metadata", offer.given.essence, str(base), *versions)
    fields = Headers({"Vary": "Accept", "ETag": tag})
    answered = answer_to_conditions(http, tag, fields)
    if answered is not None:
        return answered
    if offer.given is _XML:
        parts = [Part(_XML, (Produced(partial(_to_xml, one, base)),)) for one in holdings]
        return multipart(parts, _XML.essence, headers=fields)
    separators = [b"[", *[b","] * (len(holdings) - 1)]
    objects = tuple(
        Produced(partial(_to_json, one, base, separator))
        for one, separator in zip(holdings, separators, strict=True)
    )
    fields = fields.add("Content-Type", str(offer.given))
    return OutgoingResponse(Response(200, fields, reason="OK"), (*objects, b"]"))


def _to_json(holding: Holding, base: URL, separator: bytes) -> bytes:
    with suppress(OSError), open_content(holding.content) as file:
        found = read_json(file, is_bulk, partial(bulk_data_uri, base, holding))
        if found is not None:
            return separator + found

    def write(dataset: Dataset, uris: dict[int, str]) -> bytes:
        obj = dataset_to_json(dataset, lambda element: uris.get(id(element)))
        return separator + format_objects([obj])[1:-1]

    return _written(holding, base, write)


def _to_xml(holding: Holding, base: URL) -> bytes:
    def write(dataset: Dataset, uris: dict[int, str]) -> bytes:
        return dataset_to_xml(dataset, lambda element: uris.get(id(element)))

    return _written(holding, base, write)


def _written(
    holding: Holding, base: URL, write: Callable[[Dataset, dict[int, str]], bytes]
) -> bytes:
    """An instance as text, as much of it as can be: one broken file must not hide a study."""
    try:
        stored = Stored.read(holding)
    except (ContentError, OSError):
        return write(_identity(holding), {})
    told = sum(one.end - one.start for one in stored.layout.elements if not is_bulk(one))
    with converting(_TIMES_AS_OBJECTS * told):
        try:
            dataset, uris = describe_instance(stored, base)
        except (ContentError, OSError):
            return write(_identity(holding), {})
        try:
            return write(dataset, uris)
        except ContentError:
            return write(_readable(dataset, lambda part: write(part, uris)), uris)


def _identity(holding: Holding) -> Dataset:
    """What is known of an instance whose file cannot be read."""
    dataset = Dataset()
    dataset.SOPClassUID = holding.sop_class
    dataset.SOPInstanceUID = holding.instance
    dataset.StudyInstanceUID = holding.study
    dataset.SeriesInstanceUID = holding.series
    return dataset


def _readable(dataset: Dataset, write: Callable[[Dataset], object]) -> Dataset:
    """The elements whose values are some of their VRs."""
    kept = Dataset()
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            write(Dataset({tag: element}))
        except Exception:  # noqa: BLE001, S112
            # pydicom converts on access; what it raises for a broken value is not defined.
            continue
        kept[tag] = element
    return kept


# --- data sets without large values --------------------------------------------------------------


def describe_instance(stored: Stored, base: URL) -> tuple[Dataset, dict[int, str]]:
    """Read a data set without its large values. Blocks.

    Args:
        stored: The instance.
        base: URL of the service.

    Returns:
        The data set, and the URIs of those of its elements whose values are elsewhere, by their
        ``id``.

    Raises:
        Part10Error: It cannot be read.
        OSError: Its file cannot be read.
    """
    with stored.open() as file:
        dataset = read_excerpt(file, stored.layout, is_bulk)
    uris: dict[int, str] = {}
    for path, element in bulk_paths(stored.layout.elements):
        within = _dataset_at(dataset, path)
        placed = DataElement(element.tag, element.vr, _PLACEHOLDER, already_converted=True)
        placed.is_undefined_length = element.is_undefined
        within[element.tag] = placed = _with_one_vr(placed, within)
        uris[id(placed)] = bulk_data_uri(base, stored.holding, path)
    return dataset, uris


def _dataset_at(dataset: Dataset, path: Sequence[int]) -> Dataset:
    """The data set that an element is in."""
    for tag, number in zip(path[:-1:2], path[1::2], strict=True):
        dataset = dataset[tag].value[number - 1]
    return dataset


def _with_one_vr(element: DataElement, dataset: Dataset) -> DataElement:
    """Say which of two VRs it is, as pydicom does when it reads the value."""
    try:
        corrected = correct_ambiguous_vr_element(element, dataset, is_little_endian=True)
    except AttributeError:  # what would tell is missing
        return element
    return corrected if isinstance(corrected, DataElement) else element
