"""Every bound that the library keeps over what a peer sends, in one value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .._util import is_whole_number
from ..errors import ConfigurationError

__all__ = ["Limits"]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds over what a peer may make us hold or do; a frozen value.

    What exceeds a bound raises :class:`~aiodicomweb.errors.LimitExceeded`, which names the field.
    Streams have no bound on their length: only what is held at one time has.

    Attributes:
        connections: Connections kept to one origin, busy and idle together.
        head: Octets of a status line with its header fields. Gateways send cookies and tokens of
            8 to 16 KiB; four times that is still nothing.
        fields: Header fields of one message, or of one part. Behind gateways they are 30 to 60;
            each costs a hundred octets of memory beyond its own.
        informational: 1xx responses before the final one. A peer needs two (100 and 103).
        chunk_line: Octets of a chunk's size line with its extensions, and of the trailers; also of
            the extensions of all chunks, beyond as many octets as the chunks have.
        part_head: Octets of the header block of one part. Real ones have 100 to 400.
        parts: Parts of one message. A study of whole-body CT has about 10,000.
        part: Octets of one part that is read whole into memory: frames, bulk data, data sets.
            A part that is streamed has no bound. 4 GiB is the longest defined-length element.
        body: Octets of a body that is read whole: search results and metadata that are awaited,
            store answers. A metadata object has 5 to 50 KiB, so that 512 MiB hold a study of
            10,000 instances. Iterating has no bound: it holds one object.
        json_object: Octets of one object of DICOM JSON, which is one data set; of a request to
            store also those of one document of XML. Search results have 1 to 5 KiB, metadata 5 to
            50, those of an enhanced multi-frame instance with 20,000 frames about 40 MiB.
        json_depth: Sequences within sequences of a data set in JSON. Structured reports nest
            about ten deep; each level costs five frames of Python's stack, whose limit is 1000.
        error_body: Octets of an error's body that are kept.
        preamble: Octets before the first delimiter of a multipart body, and after the close
            delimiter, that are read and discarded.
        redirects: Redirects of one request that are followed. A gateway and an archive that moved
            make two; who needs more than ten goes nowhere.
        pages: Pages of one search. A server that makes up new results for ever ends here; real
            ones have 20 to 1,000 results to a page.
        expansion: Octets that one octet of a gzip or deflate coded body may become, once the
            first 16 MiB are through. Images of one colour reach about 1,000, text 20 to 50.
    """

    connections: int = 20
    head: int = 64 * KIB
    fields: int = 256
    informational: int = 16
    chunk_line: int = 16 * KIB
    part_head: int = 16 * KIB
    parts: int = 1_000_000
    part: int = 4 * GIB
    body: int = 512 * MIB
    json_object: int = 64 * MIB
    json_depth: int = 64
    error_body: int = 64 * KIB
    preamble: int = 64 * KIB
    redirects: int = 10
    pages: int = 10_000
    expansion: int = 200

    def __post_init__(self) -> None:
        """Refuse bounds that would refuse everything."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not is_whole_number(value):
                raise ConfigurationError(f"Limits.{field.name} must be a whole number: {value!r}")
            if value < 1:
                raise ConfigurationError(f"Limits.{field.name} must be at least 1")
