"""Data sets in bodies: JSON, XML and files, alone and in multipart (PS3.18 §8.6.1.2, §8.7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..dicom.json_model import (
    dataset_to_json,
    datasets_from_json,
    format_objects,
    iterate_objects,
)
from ..dicom.native_xml import dataset_from_xml, dataset_to_xml
from ..dicom.part10 import decode, encode, is_part10, peek
from ..errors import UnexpectedMediaType
from ..http import Headers, MediaType, body_octets
from ..wire.multipart import read_parts
from ..wire.render import OutgoingPart, make_boundary, render_multipart
from .bulk_data import BulkData
from .media_types import related
from .representation import Representation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import Dataset

    from ..dicom.json_model import BulkDataChooser, BulkDataResolver
    from ..http import Request, Response

__all__ = [
    "Part",
    "file_part",
    "read_dataset_part",
    "read_datasets",
    "read_message_parts",
    "representation_of",
    "write_datasets",
    "write_multipart",
    "xml_part",
]

_OCTETS: Final = MediaType("application", "octet-stream")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_HEAD: Final = 1024
"""Octets in which the root element of a document in XML is looked for."""
_REPRESENTATIONS: Final = {
    "application/dicom": Representation.DICOM,
    "application/dicom+json": Representation.JSON,
    "application/json": Representation.JSON,
    "application/dicom+xml": Representation.XML,
    "application/xml": Representation.XML,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart body, or a body that is not multipart.

    Attributes:
        media_type: Its own, else that of the root (RFC 2387 §3.1), else what it looks like.
        headers: Its header fields; those of the message for a body that is not multipart.
        octets: Its data.
    """

    media_type: MediaType
    headers: Headers
    octets: bytes

    @property
    def representation(self) -> Representation | None:
        """How it is a data set; ``None`` if it is none."""
        return representation_of(self.media_type)

    @property
    def location(self) -> str | None:
        """``Content-Location``, if any."""
        return self.headers.get("Content-Location")

    def bulk_data(self) -> BulkData:
        """What it is where it is no data set.

        Raises:
            ContentError: A range is not what it says.
        """
        return BulkData.from_part(self.octets, self.media_type, self.headers)


def representation_of(media_type: MediaType) -> Representation | None:
    """How a media type is a data set, by its own or a general name; ``None`` if it is none."""
    return _REPRESENTATIONS.get(media_type.essence)


def read_message_parts(message: Request | Response) -> list[Part]:
    """The parts of a body; it is one part itself where it is not multipart, none if empty.

    Raises:
        MultipartError: The body is malformed, or cut short.
        LimitExceeded: There are too many parts, or a head is too long.
    """
    body = message.body if isinstance(message.body, bytes) else body_octets(message.body)
    media_type = message.media_type
    if not body:
        return []
    if _is_labelled_loosely(media_type) and _is_native_xml(body):
        return [Part(MediaType.parse(Representation.XML), message.headers, body)]
    if media_type is None or not media_type.is_multipart:
        return [Part(media_type or _look(body), message.headers, body)]
    return [
        Part(_part_media_type(headers, media_type) or _look(octets), headers, octets)
        for headers, octets in read_parts(body, media_type.boundary)
    ]


def _part_media_type(headers: Headers, message: MediaType) -> MediaType | None:
    """A part's media type: its own, with what only the message says of it, else the root's.

    dcm4chee writes the transfer syntax outside; the part's own goes before it.
    """
    own = headers.media_type or message.root
    syntax = message.transfer_syntax
    if own is None or syntax is None or own.transfer_syntax is not None:
        return own
    if message.root is None or own.essence != message.root.essence:
        return own
    return own.with_parameters({"transfer-syntax": syntax})


def _is_labelled_loosely(media_type: MediaType | None) -> bool:
    """Whether a body may yet be XML: an example of the standard calls it multipart (§B.23)."""
    return media_type is None or media_type.is_multipart or media_type.essence == "text/xml"


def _is_native_xml(octets: bytes) -> bool:
    head = octets[:_HEAD].lstrip(_BLANK)
    return head.startswith(b"<") and b"NativeDicomModel" in head


def _look(octets: bytes) -> MediaType:
    """The media type of what comes without one, as Orthanc's refusals do."""
    if is_part10(octets):
        return MediaType.parse(Representation.DICOM)
    start = octets.lstrip(_BLANK)[:1]
    return MediaType.parse(Representation.JSON) if start in (b"[", b"{") else _OCTETS


def read_datasets(
    response: Response, bulk_data: BulkDataResolver | None = None
) -> tuple[list[Dataset], Representation]:
    """The data sets of a response, and how they are written.

    Raises:
        UnexpectedMediaType: The body holds something else, such as a log-in page.
        ContentError: A data set is malformed.
        MultipartError: The body is malformed, or cut short.
    """
    datasets: list[Dataset] = []
    representation = Representation.JSON
    for part in read_message_parts(response) if response.body.strip(_BLANK) else ():
        if part.representation is None:
            raise UnexpectedMediaType(
                "a part is no data set", media_type=str(part.media_type), body=part.octets[:1024]
            )
        representation = part.representation
        datasets += read_dataset_part(part, bulk_data)
    return datasets, representation


def read_dataset_part(part: Part, bulk_data: BulkDataResolver | None = None) -> list[Dataset]:
    """The data sets of one part: of JSON any number, else one.

    Raises:
        ContentError: They are malformed.
    """
    match part.representation:
        case Representation.JSON:
            return datasets_from_json(iterate_objects(part.octets), bulk_data)
        case Representation.XML:
            return [dataset_from_xml(part.octets, bulk_data)]
        case _:
            return [decode(part.octets)]


def write_datasets(
    datasets: Sequence[Dataset],
    representation: Representation,
    bulk_data: BulkDataChooser | None = None,
    *,
    single_part: bool = False,
) -> tuple[MediaType, bytes]:
    """A body of data sets, with its media type: an array of JSON, else a part for each.

    With ``single_part`` the first data set stands alone.

    Raises:
        ContentError: A data set cannot be written so.
    """
    if representation is Representation.JSON:
        body = format_objects([dataset_to_json(dataset, bulk_data) for dataset in datasets])
        return MediaType.parse(representation), body
    if representation is Representation.XML:
        parts = [xml_part(dataset, bulk_data) for dataset in datasets]
    else:
        parts = [file_part(encode(dataset)) for dataset in datasets]
    if single_part:
        return MediaType.parse(parts[0].headers["Content-Type"]), body_octets(parts[0].body)
    return write_multipart(parts, representation)


def xml_part(dataset: Dataset, bulk_data: BulkDataChooser | None = None) -> OutgoingPart:
    """The part of a Native DICOM Model document."""
    head = Headers({"Content-Type": Representation.XML})
    return OutgoingPart(head, (dataset_to_xml(dataset, bulk_data),))


def file_part(octets: bytes) -> OutgoingPart:
    """The part of a DICOM file, which says the transfer syntax."""
    media_type = MediaType.parse(Representation.DICOM)
    syntax = peek(octets).transfer_syntax_uid
    if syntax is not None:
        media_type = media_type.with_parameters({"transfer-syntax": syntax})
    return OutgoingPart(Headers({"Content-Type": str(media_type)}), (octets,))


def write_multipart(parts: Iterable[OutgoingPart], root: str) -> tuple[MediaType, bytes]:
    """A multipart body in one piece, with its media type."""
    boundary = make_boundary()
    body = body_octets(render_multipart(parts, boundary))
    return related(root).with_parameters({"boundary": boundary}), body
