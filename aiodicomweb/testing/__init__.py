"""Tools to test programs that speak DICOMweb. Layer 6."""

from __future__ import annotations

from .datasets import make_study
from .fault_proxy import FaultProxy
from .faults import Direction, Fault, FaultKind, Plan, RandomFaults, Turn
from .peers import Chunk, End, PeerRequest, Reply, Script, ScriptedPeer, response

__all__ = [
    "Chunk",
    "Direction",
    "End",
    "Fault",
    "FaultKind",
    "FaultProxy",
    "PeerRequest",
    "Plan",
    "RandomFaults",
    "Reply",
    "Script",
    "ScriptedPeer",
    "Turn",
    "make_study",
    "response",
]
