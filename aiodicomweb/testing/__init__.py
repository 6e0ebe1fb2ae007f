"""Tools to test programs that speak DICOMweb. Layer 6."""

from __future__ import annotations

from .peers import Chunk, End, PeerRequest, Reply, Script, ScriptedPeer, response

__all__ = ["Chunk", "End", "PeerRequest", "Reply", "Script", "ScriptedPeer", "response"]
