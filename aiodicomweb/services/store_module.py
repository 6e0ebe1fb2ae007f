"""What a server says of instances that were sent to it (PS3.18 Annex I)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..dicom.json_model import dataset_from_json
from ..dicom.status import describe_reason
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import DataElement, Dataset

    from ..dicom.json_model import JsonObject

__all__ = ["FailedInstance", "StoreModule", "StoredInstance"]

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

_LARGEST_REASON: Final = 0xFFFF


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

    @property
    def warning(self) -> str | None:
        """The warning reason in words; ``None`` if there is none."""
        return None if self.warning_reason is None else describe_reason(self.warning_reason)


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
class StoreModule:
    """The Store Instances Response Module (PS3.18 Table I.1-1), without what is optional in it.

    Attributes:
        retrieve_url: Where the study can be retrieved, if it is one.
        stored: Instances that are stored, some perhaps with a warning.
        failed: Instances that are not.
        other_failures: Reasons of failures that belong to no instance, ``None`` where the server
            gives none.
    """

    retrieve_url: str | None = None
    stored: tuple[StoredInstance, ...] = ()
    failed: tuple[FailedInstance, ...] = ()
    other_failures: tuple[int | None, ...] = ()

    @classmethod
    def from_datasets(cls, datasets: Sequence[Dataset]) -> StoreModule:
        """Read it; several data sets, which should be one, count together."""
        return cls(
            retrieve_url=next((url for module in datasets if (url := _url(module))), None),
            stored=tuple(map(_stored, _items(datasets, _REFERENCED_SOP_SEQUENCE))),
            failed=tuple(map(_failed, _items(datasets, _FAILED_SOP_SEQUENCE))),
            other_failures=tuple(
                _reason(item, _FAILURE_REASON)
                for item in _items(datasets, _OTHER_FAILURES_SEQUENCE)
            ),
        )

    def to_dataset(self) -> Dataset:
        """Write it. An empty sequence is left out, an unknown URL is empty (type 2).

        Raises:
            ConfigurationError: A reason is no number of 16 bits.
        """
        sequences = {
            _FAILED_SOP_SEQUENCE: [
                {**_instance(item), **_code(_FAILURE_REASON, item.failure_reason)}
                for item in self.failed
            ],
            _REFERENCED_SOP_SEQUENCE: [
                {
                    **_instance(item),
                    **_one(_RETRIEVE_URL, "UR", item.retrieve_url, empty=True),
                    **_code(_WARNING_REASON, item.warning_reason),
                }
                for item in self.stored
            ],
            _OTHER_FAILURES_SEQUENCE: [
                _code(_FAILURE_REASON, reason) for reason in self.other_failures
            ],
        }
        module = _one(_RETRIEVE_URL, "UR", self.retrieve_url, empty=True)
        for tag, items in sequences.items():
            if items:
                module[f"{tag:08X}"] = {"vr": "SQ", "Value": items}
        return dataset_from_json(module)


def _instance(item: StoredInstance | FailedInstance) -> JsonObject:
    return {
        **_one(_REFERENCED_SOP_CLASS_UID, "UI", item.sop_class_uid or None),
        **_one(_REFERENCED_SOP_INSTANCE_UID, "UI", item.sop_instance_uid or None),
    }


def _code(tag: int, reason: int | None) -> JsonObject:
    if reason is not None and not 0 <= reason <= _LARGEST_REASON:
        raise ConfigurationError("a reason is a number of 16 bits")
    return _one(tag, "US", reason)


def _one(tag: int, vr: str, value: str | int | None, *, empty: bool = False) -> JsonObject:
    """One element; where there is no value none, or an empty one."""
    if value is None:
        return {f"{tag:08X}": {"vr": vr}} if empty else {}
    return {f"{tag:08X}": {"vr": vr, "Value": [value]}}


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
    return value if isinstance(value, int) and 0 <= value <= _LARGEST_REASON else None


def _element(item: Dataset, tag: int) -> DataElement | None:
    """An element that is there and not empty."""
    return item[tag] if tag in item and not item[tag].is_empty else None
