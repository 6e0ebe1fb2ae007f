"""Sockets: streams, connections, the pool and the transport over them. Layer 4."""

from __future__ import annotations

from .anyio_stream import AnyioStream
from .body_stream import BodyStream
from .deadline import Deadlines, ServerTimeout, Timeout
from .listener import HttpServer
from .memory import Lane, MemoryStream, memory_pair
from .served_exchange import Exchange, Handler
from .stream import ByteStream
from .tls_settings import Tls
from .transport import Incoming, Transport, Watcher

__all__ = [
    "AnyioStream",
    "BodyStream",
    "ByteStream",
    "Deadlines",
    "Exchange",
    "Handler",
    "HttpServer",
    "Incoming",
    "Lane",
    "MemoryStream",
    "ServerTimeout",
    "Timeout",
    "Tls",
    "Transport",
    "Watcher",
    "memory_pair",
]
