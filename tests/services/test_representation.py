from __future__ import annotations

from aiodicomweb.services import Representation


def test_a_representation_is_its_media_type() -> None:
    """The three DICOM media types for data sets (MED-01)."""
    assert ["application/dicom", "application/dicom+json", "application/dicom+xml"] == list(
        Representation
    )
