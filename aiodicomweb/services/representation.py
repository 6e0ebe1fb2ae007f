"""Representations of data sets on the web (PS3.18 §8.7.3)."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Representation"]


class Representation(StrEnum):
    """How data sets are written; the value is the media type."""

    DICOM = "application/dicom"
    JSON = "application/dicom+json"
    XML = "application/dicom+xml"
