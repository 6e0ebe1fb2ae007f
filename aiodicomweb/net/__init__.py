"""Sockets: streams, connections, the pool and the transport over them. Layer 4."""

from __future__ import annotations

from .deadline import Deadlines, Timeout
from .stream import ByteStream
from .transport import Incoming, Transport

__all__ = ["ByteStream", "Deadlines", "Incoming", "Timeout", "Transport"]
