"""Store, STOW-RS (PS3.18 §10.5): requests outward, the Store Instances Response Module inward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..dicom.json_model import datasets_from_json
from ..dicom.status import describe_reason
from ..errors import ConfigurationError, ContentError
from ..http import URL, Headers, MediaType, Request, build_query
from ..wire.render import OutgoingPart, make_boundary, render_multipart
from .representation import Representation
from .selector import Selector
from .transaction import extra_parameters, json_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydicom import DataElement, Dataset

    from ..http import Response, Segment

__all__ = ["FailedInstance", "StoreRequest", "StoreResponse", "StoredInstance"]

_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_RETRIEVE_URL: Final = 0x00081190
_WARNING_REASON: Final = 0x00081196
_FAILURE_REASON: Final = 0x00081197
_FAILED_SOP_SEQUENCE: Final = 0x00081198
_REFERENCED_SOP_SEQUENCE: Final = 0x00081199
_OTHER_FAILURES_SEQUENCE: Final = 0x0008119A

_PART_HEADERS: Final = Headers({"Content-Type": Representation.DICOM})


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """Instances to be stored (PS3.18 §10.5.1).

    Attributes:
        base_url: URL of the service.
        instances: Each a whole DICOM file: octets, or a promise of them. At least one.
        study: Study Instance UID that all of them must have; ``None`` for any.
        boundary: Delimits the parts; must not occur in the instances.
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.

    Raises:
        ConfigurationError: There is no instance, or ``study`` is not a UID.
    """

    base_url: URL
    instances: Sequence[Segment] = field(repr=False)
    study: str | None = None
    boundary: str = field(default_factory=make_boundary)
    parameters: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Headers = field(default_factory=Headers)

    def __post_init__(self) -> None:
        """Check that there is something to store."""
        if not self.instances:
            raise ConfigurationError("there is no instance to store")
        Selector(study=self.study or "")

    def to_http(self) -> Request:
        """The HTTP request; its body is made of the instances, none of which is copied.

        Raises:
            LocalProtocolError: The boundary or a parameter cannot be sent.
        """
        parts = [OutgoingPart(_PART_HEADERS, (instance,)) for instance in self.instances]
        content_type = MediaType(
            "multipart",
            "related",
            (("type", Representation.DICOM), ("boundary", self.boundary)),
        )
        headers = Headers({"Accept": Representation.JSON, "Content-Type": str(content_type)})
        query = build_query(extra_parameters(self.parameters))
        url = self.base_url.child(*Selector(study=self.study or "").parts()).with_query(query)
        body = render_multipart(parts, self.boundary)
        return Request("POST", url, headers.merged(self.headers), body)


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance that the server has stored (PS3.18 Table I.1-1).

    Attributes:
        sop_class_uid: Empty where the server does not tell, as all of these.
        sop_instance_uid: SOP Instance UID.
        retrieve_url: Where it can be retrieved; may name a host that only the server knows.
        warning_reason: A :class:`~aiodicomweb.dicom.WarningReason`, or another number.
    """

    sop_class_uid: str
    sop_instance_uid: str
    retrieve_url: str | None = None
    warning_reason: int | None = None


@dataclass(frozen=True, slots=True)
class FailedInstance:
    """An instance that the server has not stored (PS3.18 Table I.1-1).

    Attributes:
        sop_class_uid: Empty where the server does not tell, as the next.
        sop_instance_uid: SOP Instance UID.
        failure_reason: A :class:`~aiodicomweb.dicom.FailureReason`, or another number.
    """

    sop_class_uid: str
    sop_instance_uid: str
    failure_reason: int | None = None

    @property
    def reason(self) -> str:
        """The failure reason in words."""
        if self.failure_reason is None:
            return "no reason given"
        return describe_reason(self.failure_reason)


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """What a server says about instances sent to it (PS3.18 §10.5.3, Annex I).

    Attributes:
        status: Status code.
        retrieve_url: Where the study can be retrieved, if it is one.
        stored: Instances that are stored, some perhaps with a warning.
        failed: Instances that are not.
        other_failures: Reasons of failures that belong to no instance.
        warnings: Texts of the ``Warning`` fields.
        dataset: The module itself; ``None`` where the answer holds none.
    """

    status: int
    retrieve_url: str | None = None
    stored: tuple[StoredInstance, ...] = ()
    failed: tuple[FailedInstance, ...] = ()
    other_failures: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    dataset: Dataset | None = field(default=None, repr=False)

    @property
    def has_items(self) -> bool:
        """Whether the answer tells of any instance or failure."""
        return bool(self.stored or self.failed or self.other_failures)

    @classmethod
    def from_http(cls, response: Response) -> StoreResponse:
        """Read a response of any status, whole.

        A refusal (4xx, 5xx) often carries the module, and often anything else: there what is not
        the module is no error, and leaves ``dataset`` empty.

        Raises:
            UnexpectedMediaType: The status is success, the body is not DICOM JSON.
            JsonModelError: The status is success, the body is malformed.
        """
        try:
            # One object, or an array of it.
            datasets = datasets_from_json(json_objects(response))
        except ContentError:
            if response.is_success:
                raise
            datasets = []
        return cls(
            status=response.status,
            retrieve_url=next((url for module in datasets if (url := _url(module))), None),
            stored=tuple(map(_stored, _items(datasets, _REFERENCED_SOP_SEQUENCE))),
            failed=tuple(map(_failed, _items(datasets, _FAILED_SOP_SEQUENCE))),
            other_failures=tuple(
                reason
                for item in _items(datasets, _OTHER_FAILURES_SEQUENCE)
                if (reason := _reason(item, _FAILURE_REASON)) is not None
            ),
            warnings=response.warnings,
            dataset=datasets[0] if datasets else None,
        )


def _stored(item: Dataset) -> StoredInstance:
    return StoredInstance(*_uids(item), _url(item), _reason(item, _WARNING_REASON))


def _failed(item: Dataset) -> FailedInstance:
    return FailedInstance(*_uids(item), _reason(item, _FAILURE_REASON))


def _items(datasets: Sequence[Dataset], tag: int) -> Iterator[Dataset]:
    for dataset in datasets:
        element = _element(dataset, tag)
        if element is not None and element.VR == "SQ":
            yield from element.value


def _uids(item: Dataset) -> tuple[str, str]:
    """Class and instance; example B.21 of the standard has the attributes of an instance."""
    return (
        _text(item, _REFERENCED_SOP_CLASS_UID) or _text(item, _SOP_CLASS_UID),
        _text(item, _REFERENCED_SOP_INSTANCE_UID) or _text(item, _SOP_INSTANCE_UID),
    )


def _url(item: Dataset) -> str | None:
    # Even an example of the standard breaks the lines of a URL.
    return "".join(_text(item, _RETRIEVE_URL).split()) or None


def _text(item: Dataset, tag: int) -> str:
    element = _element(item, tag)
    return "" if element is None else str(element.value)


def _reason(item: Dataset, tag: int) -> int | None:
    element = _element(item, tag)
    if element is None:
        return None
    value = element.value[0] if element.VM > 1 else element.value
    return value if isinstance(value, int) else None


def _element(item: Dataset, tag: int) -> DataElement | None:
    """An element that is there and not empty."""
    return item[tag] if tag in item and not item[tag].is_empty else None
