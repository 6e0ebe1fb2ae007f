"""Octets of HTTP/1.1 and multipart, without I/O: layer 2.

The rooms: ``heads`` (h11 writes and judges them), ``framing`` (where a body ends), ``coding``
(gzip and deflate), ``arena`` (the memory that all of it happens in), ``body``, ``parts`` and
``multipart`` (reading bodies), ``render`` (writing them), ``exchange`` and ``server_exchange``
(one request and its response, seen from either side), ``messages`` (whole ones, that are there
already), and ``limits``.
"""

from __future__ import annotations

from .arena import BLOCK, Allocator, Arena, land
from .body import BodyReader
from .exchange import ClientExchange
from .limits import Limits
from .multipart import MultipartReader, read_parts
from .parts import (
    END,
    NEED_DATA,
    End,
    NeedData,
    PartHead,
    PartReader,
    Signal,
    SinglePart,
    WholePart,
)
from .render import OutgoingPart, make_boundary, render_multipart
from .server_exchange import ServerExchange

__all__ = [
    "BLOCK",
    "END",
    "NEED_DATA",
    "Allocator",
    "Arena",
    "BodyReader",
    "ClientExchange",
    "End",
    "Limits",
    "MultipartReader",
    "NeedData",
    "OutgoingPart",
    "PartHead",
    "PartReader",
    "ServerExchange",
    "Signal",
    "SinglePart",
    "WholePart",
    "land",
    "make_boundary",
    "read_parts",
    "render_multipart",
]
