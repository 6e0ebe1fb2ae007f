"""What the verbs give: frames and reports, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..dicom import FailureReason
from ..errors import StoreFailed

if TYPE_CHECKING:
    from ..services import FailedInstance, StoredInstance, StoreResponse

__all__ = ["Frame", "StoreReport"]

_KNOWN_ALREADY = frozenset(
    {
        FailureReason.DUPLICATE_SOP_INSTANCE,
        FailureReason.ALREADY_EXISTS,
        FailureReason.BEING_CREATED,
    }
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of an instance (PS3.18 §10.4.1.1.6).

    Attributes:
        data: The frame's octets, read-only and yours: a native frame, or a compressed stream
            without item tags. ``bytes(frame)`` copies them. They stay as long as there is a view
            of them, such as this one; memory of which there is none, be it ``data.obj`` itself
            or its address, is written to again: an iteration keeps up to two buffers of at most
            8 MiB for the frames to come.
        number: Its 1-based number: the one that the part says, else that of its place among
            those asked for, which holds once the call came to its end without ``FrameMismatch``.
        media_type: Such as ``image/jpeg`` or ``application/octet-stream``, in lower case.
        transfer_syntax: UID of the transfer syntax that the octets are in; where the server
            does not tell, the default of the media type, or ``None``.
        location: ``Content-Location`` of the part, if any.
    """

    data: memoryview = field(repr=False)
    number: int
    media_type: str
    transfer_syntax: str | None
    location: str | None = field(default=None, repr=False)

    def __bytes__(self) -> bytes:
        """A copy of the octets."""
        return bytes(self.data)

    def __len__(self) -> int:
        """Number of octets."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What became of the instances of a store (PS3.18 §10.5.3).

    Attributes:
        response: What the server said, whole.
        unreported: SOP Instance UIDs that were sent and that the server doesn't mention.
        skipped: Files of a directory that were not sent, as they are not DICOM instances.
        sent: Number of instances that were sent.
        repeated: SOP Instance UIDs that the server may have got twice, as the store was repeated:
            see :class:`~aiodicomweb.Retry`.
    """

    response: StoreResponse
    unreported: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    sent: int = 0
    repeated: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[StoredInstance, ...]:
        """Instances that are stored, some perhaps with a ``warning_reason``."""
        return self.response.stored

    @property
    def failed(self) -> tuple[FailedInstance, ...]:
        """Instances that the server says it did not store."""
        return self.response.failed

    @property
    def perhaps_stored(self) -> tuple[FailedInstance, ...]:
        """Failed instances that the server refused as known, where it may have got them twice.

        It may have stored them at the first attempt, or long before and with another content:
        nobody but the server can tell.
        """
        return tuple(
            item
            for item in self.failed
            if item.failure_reason in _KNOWN_ALREADY and item.sop_instance_uid in self.repeated
        )

    @property
    def other_failures(self) -> tuple[int | None, ...]:
        """Reasons of failures that belong to no instance, ``None`` where none is given."""
        return self.response.other_failures

    @property
    def warnings(self) -> tuple[str, ...]:
        """Texts of the response's ``Warning`` fields."""
        return self.response.warnings

    @property
    def complete(self) -> bool:
        """Whether the server says of every instance that it is stored."""
        lost = self.failed or self.other_failures or self.unreported
        return not lost and len(self.stored) >= self.sent

    def raise_for_failures(self) -> None:
        """Make an error of what is not stored.

        Raises:
            StoreFailed: Something was not stored, or the server does not say so.
        """
        if self.complete:
            return
        counts = {
            "stored": len(self.stored),
            "failed": len(self.failed),
            "perhaps stored by an earlier attempt": len(self.perhaps_stored),
            "other failures": len(self.other_failures),
            "unreported": len(self.unreported),
            "sent": self.sent,
        }
        text = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise StoreFailed(f"not everything was stored: {text}", report=self)
