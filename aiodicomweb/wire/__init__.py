"""Octets of HTTP/1.1 and multipart, without I/O: layer 2.

The rooms: ``heads`` (h11 writes and judges them), ``framing`` (where a body ends), ``coding``
(gzip and deflate), ``arena`` (the memory that all of it happens in), ``parts`` and ``multipart``
(reading bodies), ``render`` (writing them), ``exchange`` (one request and its response),
``messages`` (whole ones, that are there already), and ``limits``.
"""

from __future__ import annotations

from .arena import BLOCK, Arena
from .exchange import BodyReader, ClientExchange
from .limits import Limits
from .multipart import MultipartReader, read_parts
from .parts import END, NEED_DATA, End, NeedData, PartHead, PartReader, Signal, SinglePart
from .render import OutgoingPart, make_boundary, render_multipart

__all__ = [
    "BLOCK",
    "END",
    "NEED_DATA",
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
    "Signal",
    "SinglePart",
    "make_boundary",
    "read_parts",
    "render_multipart",
]
