"""Instances as the index has them, where their content is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["SELECT_FOUND", "Found", "found_of"]


@dataclass(frozen=True, slots=True)
class Found:
    """Where an instance is, as it was noted.

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        transfer_syntax: UID of the transfer syntax that it is stored in.
        path: Path of the file, as it was noted; ``None`` if it is not in a file.
        offset: Where in the file it starts.
        length: Its octets.
        version: See :class:`~aiodicomweb.server.index.attributes.Entry`.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    transfer_syntax: str
    path: str | None = field(repr=False)
    offset: int
    length: int
    version: str


SELECT_FOUND: Final = """
    SELECT t.uid, s.uid, i.uid, i.sop_class, i.transfer_syntax,
        i.path, i.offset, i.length, i.version
    FROM study t JOIN series s ON s.study = t.key JOIN instance i ON i.series = s.key
"""
"""A statement without its conditions, for :func:`found_of`."""


def found_of(row: tuple[Any, ...]) -> Found:
    """What a row of :data:`SELECT_FOUND` says."""
    study, series, instance, sop_class, transfer_syntax, path, *rest = row
    where = None if path is None else os.fsdecode(path)
    return Found(study, series, instance, sop_class, transfer_syntax, where, *rest)
