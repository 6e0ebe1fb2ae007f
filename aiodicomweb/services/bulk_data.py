"""Bulk data: values that travel in parts of their own, beside JSON or XML (PS3.18 §8.6.1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ..dicom.codestream import reader_of
from ..dicom.frames import (
    join_frames,
    set_transfer_syntax,
    split_frames,
    transfer_syntax_of,
)
from ..dicom.json_model import dataset_from_json, iterate_objects
from ..dicom.native_xml import dataset_from_xml
from ..dicom.uids import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    bulk_data_media_type,
    default_transfer_syntax,
    is_encapsulated,
)
from ..dicom.vrs import BINARY_VRS, little_endian, octets_of, sample_bits
from ..errors import (
    ConfigurationError,
    ContentError,
    Part10Error,
    ProtocolError,
    RemoteProtocolError,
)
from ..http import URL, ContentRange, Headers, MediaType
from ..wire.render import OutgoingPart
from .pixel_syntax import pixel_syntax, told_syntax, unsupported
from .representation import Representation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import DataElement, Dataset

    from ..dicom.json_model import JsonObject
    from .content import Part

__all__ = ["BulkData", "BulkDataReader", "BulkDataWriter", "resolve_bulkdata"]

_OCTETS: Final = MediaType("application", "octet-stream")
_PIXEL_DATA: Final = 0x7FE00010
_ENCAPSULATED_DOCUMENT: Final = 0x00420011
_ITEM: Final = b"\xfe\xff\x00\xe0"

_IN_LINE: Final = 1024
"""Octets up to which a value stays in line: a part's head has about 200, and costs a look-up."""


@dataclass(frozen=True, slots=True, init=False)
class BulkData:
    """A value, a frame or a rendered image (PS3.18 §10.4.3.3), on both sides.

    ``bytes(bulk_data)`` are its octets, copied unless they are ``bytes``.

    Args:
        data: Its octets. What the client retrieved is read-only and yours.
        media_type: What they are, with the parameters of the media type; may be its text.
        location: ``Content-Location``: the ``BulkDataURI``, or the URL of the frame.
        content_range: Which octets of the whole these are; ``None`` for all.

    Attributes:
        content_type: The media type, with its parameters.

    Raises:
        ConfigurationError: The octets are not as many as the range says, or the text is no media
            type.
    """

    data: bytes | memoryview = field(repr=False)
    content_type: MediaType
    location: str | None = field(repr=False)
    content_range: ContentRange | None

    def __init__(
        self,
        data: bytes | memoryview,
        media_type: MediaType | str = _OCTETS,
        location: str | None = None,
        content_range: ContentRange | None = None,
    ) -> None:
        if content_range is not None and content_range.length != len(data):
            raise ConfigurationError("a range of other octets than there are")
        if isinstance(media_type, str):
            media_type = _parse(media_type)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "content_type", media_type)
        object.__setattr__(self, "location", location)
        object.__setattr__(self, "content_range", content_range)

    @classmethod
    def from_part(
        cls, data: bytes | memoryview, media_type: MediaType, headers: Headers
    ) -> BulkData:
        """Bulk data as they arrive.

        Args:
            data: The octets.
            media_type: As the part or the message says.
            headers: Those of the part; of the message where it is not multipart.

        Raises:
            ContentError: A range is not what it says.
        """
        value = headers.get("Content-Range")
        content_range = None if value is None else ContentRange.parse(value)
        if value is not None and (content_range is None or content_range.length != len(data)):
            raise ContentError("a range of other octets than it says")
        return cls(data, media_type, headers.get("Content-Location"), content_range)

    @property
    def media_type(self) -> str:
        """The name of the media type, without its parameters, in lower case."""
        return self.content_type.essence

    @property
    def transfer_syntax(self) -> str | None:
        """UID of the transfer syntax, as told or as the media type implies; else ``None``."""
        told = self.content_type.transfer_syntax
        return told or default_transfer_syntax(self.media_type)

    @property
    def headers(self) -> Headers:
        """The header fields that say all but the octets.

        Raises:
            LocalProtocolError: The location or the media type cannot be sent.
        """
        headers = Headers({"Content-Type": str(self.content_type)})
        if self.location is not None:
            headers = headers.add("Content-Location", self.location)
        if self.content_range is not None:
            headers = headers.add("Content-Range", str(self.content_range))
        return headers

    def __bytes__(self) -> bytes:
        """The octets."""
        return bytes(self.data)

    def __len__(self) -> int:
        """Number of octets."""
        return len(self.data)

    def part(self) -> OutgoingPart:
        """The part of a multipart body."""
        return OutgoingPart(self.headers, (self.data,))


def _parse(text: str) -> MediaType:
    try:
        return MediaType.parse(text)
    except ProtocolError:
        raise ConfigurationError("not a media type") from None


def resolve_bulkdata(base: URL, uri: str) -> URL:
    """The URL of a ``BulkDataURI`` (PS3.18 §F.2.6).

    Whether credentials go there is the client's decision: see :attr:`URL.origin`.

    Args:
        base: URL that the metadata came from, after redirects.
        uri: As in the metadata; a relative one is resolved against ``base`` (RFC 3986 §5).

    Raises:
        ContentError: It is not a URL, or not one of ``http`` or ``https``.
    """
    try:
        url = base.join(uri.strip())
    except ProtocolError:
        raise ContentError("a BulkDataURI is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ContentError("a BulkDataURI is not at an http or https server")
    return url.without_userinfo()


class BulkDataWriter:
    """Takes large values out of data sets that are to be stored as JSON or XML.

    :meth:`choose` is what :func:`~aiodicomweb.dicom.dataset_to_json` takes as ``bulk_data``.

    Args:
        name: Something that no other message has, such as its boundary: URIs are made of it.

    Attributes:
        bulk_data: The values, in the order in which they were met.
    """

    _dataset: Dataset
    _syntax: str
    _is_swapped: bool

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self.bulk_data: list[BulkData] = []

    def begin(self, dataset: Dataset) -> None:
        """The next elements are of this data set."""
        self._dataset = dataset
        self._syntax = transfer_syntax_of(dataset) or EXPLICIT_VR_LITTLE_ENDIAN
        # As for values in line: pydicom keeps words in the byte order of the file they are from.
        self._is_swapped = dataset.original_encoding[1] is False

    def choose(self, element: DataElement) -> str | None:
        """The URI of an element that goes into a part; ``None`` for one that stays.

        Raises:
            Part10Error: The frames of compressed pixel data cannot be counted or told apart.
        """
        if element.VR not in BINARY_VRS:
            return None
        value = octets_of(element.value)
        if element.tag == _PIXEL_DATA and self._is_compressed(value):
            syntax = {"transfer-syntax": self._syntax}
            media_type = MediaType.parse(bulk_data_media_type(self._syntax))
            frames = split_frames(value, self._number_of_frames(element, media_type))
            return self._add(frames, media_type.with_parameters(syntax))
        if len(value) <= _IN_LINE:
            return None
        if element.tag == _ENCAPSULATED_DOCUMENT:
            return self._add([value], self._document_media_type())
        syntax = {"transfer-syntax": EXPLICIT_VR_LITTLE_ENDIAN}
        if self._is_swapped:
            bits = sample_bits(self._dataset, element.tag)
            value = little_endian(element.VR, value, bits)
        return self._add([value], _OCTETS.with_parameters(syntax))

    def _is_compressed(self, value: bytes) -> bool:
        return is_encapsulated(self._syntax) and value.startswith(_ITEM)

    def _number_of_frames(self, element: DataElement, media_type: MediaType) -> int:
        """One for a video, which is a single stream, and for an icon."""
        dataset = self._dataset
        if media_type.type == "video" or dataset.get(_PIXEL_DATA) != element:
            return 1
        try:
            number = int(dataset.get("NumberOfFrames") or 1)
        except Exception:  # noqa: BLE001
            number = 0  # what pydicom's classes raise for a broken value is not defined
        if number < 1:
            raise Part10Error("the number of frames is not one")
        return number

    def _document_media_type(self) -> MediaType:
        try:
            return MediaType.parse(str(self._dataset.get("MIMETypeOfEncapsulatedDocument")))
        except ProtocolError:
            return _OCTETS

    def _add(self, pieces: Iterable[bytes], media_type: MediaType) -> str:
        self._count += 1
        uri = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self._name}/{self._count}')}"
        self.bulk_data += [BulkData(piece, media_type, uri) for piece in pieces]
        return uri


class BulkDataReader:
    """Puts the parts of a request to store back into its data sets.

    Args:
        parts: The parts that are no data sets.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts: dict[str, list[Part]] = {}
        for part in parts:
            self._parts.setdefault(part.location or "", []).append(part)
        self._used: set[str] = set()
        self._syntax = EXPLICIT_VR_LITTLE_ENDIAN

    def read(self, part: Part) -> list[Dataset]:
        """The data sets of a part, with their bulk data and transfer syntaxes.

        Raises:
            RemoteProtocolError: See :meth:`assemble`.
            ContentError: A data set is malformed.
        """
        if part.representation is Representation.XML:
            return [self.assemble(part.octets, part.media_type)]
        return [self.assemble(obj, part.media_type) for obj in iterate_objects(part.octets)]

    def assemble(self, source: JsonObject | bytes, media_type: MediaType) -> Dataset:
        """One data set with its bulk data and transfer syntax.

        Args:
            source: An object of JSON, or a document of XML.
            media_type: That of the part it stood in.

        Raises:
            RemoteProtocolError: Bulk data are missing (400); or a transfer syntax is none of the
                web, or pixel data are not in one that a data set can have (415).
            ContentError: The data set is malformed.
        """
        self._syntax = told_syntax(media_type) or EXPLICIT_VR_LITTLE_ENDIAN
        if isinstance(source, bytes):
            dataset = dataset_from_xml(source, self._resolve)
        else:
            dataset = dataset_from_json(source, self._resolve)
        set_transfer_syntax(dataset, self._syntax)
        return dataset

    def finish(self) -> None:
        """All data sets were read.

        Raises:
            RemoteProtocolError: There are parts that nothing refers to (PS3.18 §8.6.1.2).
        """
        if self._parts.keys() - self._used:
            raise RemoteProtocolError("there are bulk data that no data set refers to")

    def _resolve(self, tag: str, _vr: str, uri: str) -> bytes:
        """The value of an element: what readers of data sets take as ``bulk_data``.

        Frames are several parts of one location, or one for each below ``{uri}/frames/``: the
        standard does not say which. They are encapsulated again, one fragment each.
        """
        parts = self._at(uri) or self._frames_below(uri)
        if not parts:
            raise RemoteProtocolError(f"the bulk data of {tag} are missing")
        if int(tag, 16) != _PIXEL_DATA:
            return b"".join(part.octets for part in parts)
        return self._pixel_data(parts)

    def _pixel_data(self, parts: Sequence[Part]) -> bytes:
        syntaxes = {pixel_syntax(part.media_type, reader_of(part.octets))[0] for part in parts}
        # Those of an icon come first, and don't count.
        self._syntax = syntaxes.pop()
        if syntaxes:
            raise unsupported("the frames are in several transfer syntaxes")
        octets = [part.octets for part in parts]
        return join_frames(octets) if is_encapsulated(self._syntax) else b"".join(octets)

    def _at(self, location: str) -> list[Part]:
        self._used.add(location)
        return self._parts.get(location, [])

    def _frames_below(self, uri: str) -> list[Part]:
        frames: list[Part] = []
        while found := self._at(f"{uri}/frames/{len(frames) + 1}"):
            frames += found[:1]
        return frames
