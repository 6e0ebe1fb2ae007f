"""Tools to test programs that speak DICOMweb. Layer 6."""

from __future__ import annotations

from .datasets import make_study
from .peers import Chunk, End, PeerRequest, Reply, Script, ScriptedPeer, response

__all__ = [
    "Chunk",
    "End",
    "PeerRequest",
    "Reply",
    "Script",
    "ScriptedPeer",
    "make_study",
    "response",
]
