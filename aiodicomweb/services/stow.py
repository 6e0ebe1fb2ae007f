"""Store, STOW-RS (PS3.18 §10.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..dicom.json_model import dataset_to_json, format_objects
from ..dicom.native_xml import dataset_to_xml
from ..errors import (
    ConfigurationError,
    ContentError,
    ProtocolError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from ..http import (
    URL,
    Headers,
    MediaType,
    Request,
    Response,
    Segment,
    build_query,
)
from ..wire.render import OutgoingPart, make_boundary, render_multipart
from .bulk_data import BulkDataReader, BulkDataWriter
from .content import read_datasets, read_message_parts, representation_of
from .instances import as_dataset, common_transfer_syntax, prepare_instances
from .media_types import related
from .representation import Representation
from .routes import Service, services_of
from .selector import Selector
from .store_module import FailedInstance, StoredInstance, StoreModule
from .transaction import (
    GivenParameters,
    Parameters,
    fix_parameters,
    fix_warnings,
    further_headers,
    refusing,
    route_request,
    warning_headers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from ..http import Body
    from .content import Part

__all__ = ["FailedInstance", "StoreRequest", "StoreResponse", "StoredInstance"]

_ANY_STUDY: Final = Selector(study="")
_NO_BODY: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True, init=False)
class StoreRequest:
    """Instances to be stored (PS3.18 §10.5.1).

    In the representation DICOM an instance is a whole file: octets, or a promise of them; a data
    set is made a file of at once. In JSON and XML it is a data set; the octets of a file are made
    one of. Their pixel data, if compressed, and other large values travel in parts of their own.

    Args:
        base_url: URL of the service.
        datasets: At least one: data sets, or files.
        selector: ``Selector(study="")``, or the study that all of them must belong to.
        representation: How the instances are written.
        transfer_syntax: UID of the transfer syntax that all of them are in; the media type of the
            parts says so. A data set that doesn't tell its own is encoded so. Nothing is
            transcoded. Files are taken at the caller's word where they would have to be read
            first. ``None`` leaves it to the instances.
        boundary: Delimits the parts; must not occur in the instances. It is no part of what the
            request means, and not compared.
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.
        single_part: Send one file alone, not in multipart; not all servers take that.

    Attributes:
        instances: What is stored: files in the representation DICOM, else data sets.

    Raises:
        ConfigurationError: There is no instance, the selector is neither the collection nor a
            study, an instance is in another transfer syntax, or they cannot be sent so.
        Part10Error: A data set cannot be made a file of, or the reverse.
    """

    base_url: URL
    instances: tuple[Segment | Dataset, ...] = field(repr=False)
    selector: Selector
    representation: Representation
    transfer_syntax: str | None
    boundary: str = field(compare=False)
    parameters: Parameters = field(repr=False)
    headers: Headers
    single_part: bool

    def __init__(
        self,
        base_url: URL,
        datasets: Sequence[Segment | Dataset],
        selector: Selector = _ANY_STUDY,
        representation: Representation = Representation.DICOM,
        transfer_syntax: str | None = None,
        *,
        boundary: str | None = None,
        parameters: GivenParameters = None,
        headers: Headers | None = None,
        single_part: bool = False,
    ) -> None:
        if not datasets:
            raise ConfigurationError("there is no instance to store")
        if single_part and (len(datasets) > 1 or representation is not Representation.DICOM):
            raise ConfigurationError("one DICOM file can be sent as a single part, and no more")
        if Service.STORE not in services_of(selector):
            raise ConfigurationError("instances are stored in a study, or among the studies")
        instances = tuple(prepare_instances(datasets, representation, transfer_syntax))
        object.__setattr__(self, "base_url", base_url.child())
        object.__setattr__(self, "instances", instances)
        object.__setattr__(self, "selector", selector)
        object.__setattr__(self, "representation", representation)
        object.__setattr__(self, "transfer_syntax", transfer_syntax)
        object.__setattr__(self, "boundary", boundary or make_boundary())
        object.__setattr__(self, "parameters", fix_parameters(parameters))
        object.__setattr__(self, "single_part", single_part)
        headers = further_headers(headers or Headers(), self._own_headers())
        object.__setattr__(self, "headers", headers)

    @property
    def study(self) -> str | None:
        """Study Instance UID that all instances must have; ``None`` for any."""
        return self.selector.study or None

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The instances as data sets.

        Raises:
            Part10Error: A file is not DICOM.
            LocalProtocolError: An instance is in a file that would have to be read first.
        """
        return tuple(map(as_dataset, self.instances))

    def _own_headers(self) -> Headers:
        if self.single_part:
            content_type = self._part_media_type
        else:
            content_type = related(self.representation).with_parameters({"boundary": self.boundary})
        return Headers({"Accept": Representation.JSON, "Content-Type": str(content_type)})

    @property
    def _part_media_type(self) -> MediaType:
        """That of a part that is an instance, or several."""
        media_type = MediaType.parse(self.representation)
        if self.transfer_syntax is None:
            return media_type
        return media_type.with_parameters({"transfer-syntax": self.transfer_syntax})

    def to_http(self) -> Request:
        """The HTTP request; a body of files is made of them, and none of them is copied.

        Raises:
            LocalProtocolError: The boundary or a parameter cannot be sent.
            ContentError: A data set cannot be written so.
        """
        query = build_query(self.parameters)
        url = self.base_url.child(*self.selector.parts()).with_query(query)
        return Request("POST", url, self._own_headers().merged(self.headers), self._body())

    def _body(self) -> Body:
        files = [item for item in self.instances if isinstance(item, Segment)]
        if self.single_part:
            return tuple(files)
        if files:
            head = Headers({"Content-Type": str(self._part_media_type)})
            parts = [OutgoingPart(head, (file,)) for file in files]
        else:
            parts = self._metadata_parts()
        return render_multipart(parts, self.boundary)

    def _metadata_parts(self) -> list[OutgoingPart]:
        """Metadata first, then the bulk data that they refer to (PS3.18 §8.6.1.2)."""
        writer = BulkDataWriter(self.boundary)
        documents: list[bytes] = []
        objects: list[dict[str, Any]] = []
        for dataset in self.datasets:
            writer.begin(dataset)
            if self.representation is Representation.XML:
                documents.append(dataset_to_xml(dataset, writer.choose))
            else:
                objects.append(dataset_to_json(dataset, writer.choose))
        if objects:
            documents.append(format_objects(objects))
        head = Headers({"Content-Type": str(self._part_media_type)})
        parts = [OutgoingPart(head, (document,)) for document in documents]
        return parts + [item.part() for item in writer.bulk_data]

    @classmethod
    def from_http(
        cls, request: Request, *, base_url: URL | None = None, permissive: bool = False
    ) -> StoreRequest:
        """Read a request, as a server does, whole.

        Files stay octets, so that one which is broken fails alone. Bulk data come back into their
        data sets, whose ``file_meta`` tells the transfer syntax of compressed pixel data. A
        ``transfer_syntax`` is what all parts say and no instance contradicts: the head of a file
        goes before the media type of its part (PS3.18 §8.7.9).

        Args:
            request: The request.
            base_url: URL of the service, where it is known; see :meth:`Route.parse`.
            permissive: Take a study that is no UID: see :class:`Selector`.

        Raises:
            RemoteProtocolError: It is no request to store. ``status_hint`` is the status to answer
                with: 400, 404, 405 or 415.
            MultipartError: The body is malformed, or cut short.
            ContentError: Metadata are malformed.
        """
        base, route = route_request(request, Service.STORE, base_url, permissive=permissive)
        media_type = request.media_type
        parts = read_message_parts(request)
        representation = _request_representation(media_type, parts)
        if representation is Representation.DICOM:
            metadata = parts
            instances: Sequence[Segment | Dataset] = [part.octets for part in parts]
        else:
            metadata, bulk_data = _separate(parts, representation)
            instances = _read_metadata(metadata, bulk_data)
        is_multipart = media_type is not None and media_type.is_multipart
        with refusing():
            return cls(
                base,
                instances,
                route.selector,
                representation,
                common_transfer_syntax((part.media_type for part in metadata), instances),
                boundary=media_type.boundary if media_type else None,
                parameters=request.url.parse_query(),
                headers=request.headers,
                single_part=representation is Representation.DICOM and not is_multipart,
            )


def _request_representation(media_type: MediaType | None, parts: Sequence[Part]) -> Representation:
    """How the instances of a request are written: the root of multipart tells, or the first part.

    Raises:
        RemoteProtocolError: In no way that is known (415).
    """
    told = media_type.root or media_type if media_type is not None else None
    if media_type is not None and media_type.is_multipart and media_type.root is None and parts:
        told = parts[0].media_type
    representation = None if told is None else representation_of(told)
    if representation is None:
        raise RemoteProtocolError("instances are DICOM, JSON or XML", status_hint=415)
    return representation


def _separate(
    parts: Sequence[Part], representation: Representation
) -> tuple[list[Part], list[Part]]:
    """Metadata, and the bulk data that they refer to.

    A document in JSON or XML may be a value, and has a location then. The first part may have one
    and is none: it is the root (PS3.18 §8.6.1.2).
    """
    metadata: list[Part] = []
    bulk_data: list[Part] = []
    for part in parts:
        is_metadata = part.representation is representation and (
            part.location is None or part is parts[0]
        )
        (metadata if is_metadata else bulk_data).append(part)
    return metadata, bulk_data


def _read_metadata(metadata: Sequence[Part], bulk_data: Sequence[Part]) -> list[Dataset]:
    reader = BulkDataReader(bulk_data)
    datasets: list[Dataset] = []
    for part in metadata:
        datasets += reader.read(part)
    reader.finish()
    return datasets


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """What a server says about instances sent to it (PS3.18 §10.5.3, Annex I).

    Attributes:
        status: Status code.
        retrieve_url: Where the study can be retrieved, if it is one.
        stored: Instances that are stored, some perhaps with a warning.
        failed: Instances that are not.
        other_failures: Reasons of failures that belong to no instance, ``None`` where the server
            gives none.
        warnings: Texts of the ``Warning`` fields; empty ones are none.
        dataset: The module itself, made of the others unless given, or they of it; ``None`` where
            there is none.
        representation: How the module is written; JSON where there is none.

    Raises:
        ConfigurationError: It is no JSON or XML, or a reason is no number of 16 bits.
    """

    status: int
    retrieve_url: str | None = None
    stored: tuple[StoredInstance, ...] = ()
    failed: tuple[FailedInstance, ...] = ()
    other_failures: tuple[int | None, ...] = ()
    warnings: tuple[str, ...] = ()
    dataset: Dataset | None = field(default=None, repr=False)
    representation: Representation = Representation.JSON

    def __post_init__(self) -> None:
        """Make the module of what there is to tell, or tell what a given module has."""
        if self.representation is Representation.DICOM:
            raise ConfigurationError("the answer to a store is JSON or XML")
        for name in ("stored", "failed", "other_failures"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "warnings", fix_warnings(self.warnings))
        if self.has_items or self.retrieve_url:
            if self.dataset is None:
                module = StoreModule(
                    self.retrieve_url, self.stored, self.failed, self.other_failures
                )
                object.__setattr__(self, "dataset", module.to_dataset())
        elif self.dataset is not None:
            module = StoreModule.from_datasets([self.dataset])
            for name in ("retrieve_url", "stored", "failed", "other_failures"):
                object.__setattr__(self, name, getattr(module, name))
        if self.dataset is None:
            object.__setattr__(self, "representation", Representation.JSON)

    @property
    def has_items(self) -> bool:
        """Whether the answer tells of any instance or failure."""
        return bool(self.stored or self.failed or self.other_failures)

    def missing(self, sent: int) -> int:
        """How many of so many instances the answer does not tell of."""
        told = len(self.stored) + len(self.failed) + len(self.other_failures)
        return max(0, sent - told)

    def to_http(self) -> Response:
        """The HTTP response, with the module if there is one.

        Raises:
            ConfigurationError: There is a module, and the status allows no body.
            ContentError: The module cannot be written.
            LocalProtocolError: A warning holds a character that no field can carry.
        """
        headers = Headers(warning_headers(self.warnings))
        if self.dataset is None:
            return Response(self.status, headers)
        if self.status in _NO_BODY:
            raise ConfigurationError(f"status {self.status} has no module")
        if self.representation is Representation.XML:
            body = dataset_to_xml(self.dataset)
        else:
            # One object, not an array (PS3.18 §F.2.1).
            body = json.dumps(dataset_to_json(self.dataset), allow_nan=False).encode()
        return Response(self.status, headers.add("Content-Type", self.representation), body)

    @classmethod
    def from_http(cls, response: Response) -> StoreResponse:
        """Read a response of any status, whole.

        A refusal (4xx, 5xx) often carries the module, and often anything else: there what is not
        the module is no error, and leaves ``dataset`` empty. So does plain text under success,
        such as "OK": the server has stored, and doesn't tell what.

        Raises:
            UnexpectedMediaType: The status is success, the body is something else than DICOM JSON,
                XML or plain text, such as a log-in page.
            JsonModelError: The status is success, the body is malformed JSON.
            NativeXmlError: The status is success, the body is malformed XML.
            MultipartError: The status is success, the body is malformed.
        """
        representation = Representation.JSON
        datasets: list[Dataset] = []
        try:
            datasets, representation = _read_module(response)
        except (ContentError, ProtocolError):
            if response.is_success and not _is_plain_text(response.media_type):
                raise
        module = StoreModule.from_datasets(datasets)
        return cls(
            response.status,
            module.retrieve_url,
            module.stored,
            module.failed,
            module.other_failures,
            response.warnings,
            datasets[0] if datasets else None,
            representation,
        )


def _read_module(response: Response) -> tuple[list[Dataset], Representation]:
    """One object, or an array of it; XML labelled multipart, or not (PS3.18 §B.23)."""
    datasets, representation = read_datasets(response)
    if representation is Representation.DICOM:
        raise UnexpectedMediaType("a file is no answer", media_type=representation)
    return datasets, representation


def _is_plain_text(media_type: MediaType | None) -> bool:
    return media_type is not None and media_type.essence == "text/plain"
