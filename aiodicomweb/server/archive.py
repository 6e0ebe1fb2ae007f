"""What an origin server needs of an archive: one small protocol, to be implemented by anyone.

:class:`~aiodicomweb.server.DirectoryArchive` keeps files in a folder,
:class:`~aiodicomweb.server.MemoryArchive` keeps octets. An archive of your own has these methods;
all of them are coroutines, and what blocks in them belongs into a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydicom import Dataset

    from ..dicom import JsonObject
    from ..http import Deferred, FileSpan
    from ..services import FailedInstance, Selector, StoredInstance
    from ..services.qido import SearchRequest

__all__ = ["Archive", "Deposit", "Holding", "Matches", "Written"]


@dataclass(frozen=True, slots=True)
class Holding:
    """An instance that an archive has.

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        transfer_syntax: UID of the transfer syntax that it is stored in.
        content: The whole file (PS3.10 §7), or bare data set: octets, a piece of a file that is
            not changed in place, or a promise of octets.
        version: Another text whenever the content is another one; ETags are made of it.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    transfer_syntax: str
    content: FileSpan | bytes | Deferred = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class Written:
    """A data set that is DICOM JSON already, attribute by attribute.

    Attributes:
        attributes: The JSON text of each attribute, by its name: eight upper-case hexadecimal
            digits (PS3.18 §F.2.2).
    """

    attributes: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found.

    Attributes:
        datasets: One for each match, with the attributes to be returned (PS3.18 §10.6.3.3),
            without ``RetrieveURL``, in an order that stays the same while nothing is changed. Each
            is one of pydicom, a DICOM JSON object or, fastest for thousands, :class:`Written`.
        remaining: How many more there are behind these, since there was a limit; ``None`` if
            there may be some, and nobody has counted them.
        warnings: Texts of ``Warning`` fields, such as that a parameter is not supported.
    """

    datasets: Sequence[Dataset | JsonObject | Written] = field(repr=False)
    remaining: int | None = 0
    warnings: tuple[str, ...] = ()


class Deposit(Protocol):
    """An instance that is arriving. It is part of the archive from :meth:`commit` on."""

    async def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Take the next octets of the file; they are not kept by reference.

        Raises:
            OSError: They cannot be kept, such as for want of room.
        """
        ...

    async def commit(self, study: str | None = None) -> StoredInstance | FailedInstance:
        """The file is whole: store it. What was reported stored survives a crash of the machine.

        Args:
            study: The Study Instance UID that it must have; ``None`` for any.

        Returns:
            What became of it. Of a stored instance, ``retrieve_url`` is its path below the base
            URL (:meth:`~aiodicomweb.services.Selector.path`), which the server completes. Of one
            that failed, the reason is one of PS3.18 Annex I, and UIDs that nobody can tell are
            empty.
        """
        ...

    def discard(self) -> None:
        """Forget what was written. Without effect after :meth:`commit`; never fails."""
        ...


class Archive(Protocol):
    """Instances, and how they are found."""

    async def open(self) -> None:
        """Make ready; called once before anything else."""
        ...

    async def aclose(self) -> None:
        """Release everything; called once, behind all else."""
        ...

    async def search(self, request: SearchRequest, limit: int) -> Matches:
        """Find studies, series or instances (PS3.18 §10.6), as the request's selector says.

        Args:
            request: What is asked for. Its own ``limit`` and ``offset`` are to be observed.
            limit: The most matches that the server wants to answer with.

        Raises:
            RemoteProtocolError: The search cannot be done; ``status_hint`` is the status to
                answer with, such as 413 for one that is too broad.
        """
        ...

    async def holdings(self, selector: Selector) -> Sequence[Holding]:
        """The instances of a study, of a series, or the one instance; none if there are none.

        They come in the order of series and instance numbers, as far as these are known.
        """
        ...

    async def deposit(self) -> Deposit:
        """Begin to store an instance.

        Raises:
            PermissionError: The archive is read-only.
            OSError: There is no room.
        """
        ...

    async def delete(self, selector: Selector) -> int:
        """Delete the instances of a study, a series, or one instance; how many there were.

        Raises:
            PermissionError: The archive is read-only.
        """
        ...
