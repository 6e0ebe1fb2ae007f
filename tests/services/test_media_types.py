from __future__ import annotations

import pytest

from aiodicomweb.http import MediaType, parse_accept
from aiodicomweb.services import Resource, accept_for
from aiodicomweb.services.media_types import complete_ranges, related

LITTLE = "1.2.840.10008.1.2.1"
JLS = "1.2.840.10008.1.2.4.80"


def test_related() -> None:
    """The root's type is quoted when written (MED-40)."""
    assert 'multipart/related; type="image/jls"' == str(related("image/jls"))


def test_media_types_may_be_values() -> None:
    """A media type that is one is taken as it is."""
    assert "image/jls" == accept_for(Resource.FRAMES, [MediaType("image", "jls")])


@pytest.mark.parametrize(
    ("expected", "resource", "accept"),
    [
        (
            f'multipart/related; type="application/dicom"; transfer-syntax={LITTLE}; q=0.5',
            Resource.INSTANCES,
            "multipart/related; type=application/dicom; q=0.5",
        ),
        (
            f'multipart/related; transfer-syntax={JLS}; type="image/jls"',
            Resource.FRAMES,
            f'multipart/related; type="image/x-jls"; transfer-syntax={JLS}',
        ),
        (
            f'multipart/related; type="image/jls"; transfer-syntax={JLS}',
            Resource.FRAMES,
            'multipart/related; type="image/x-jls"',
        ),
        (f"image/jls; transfer-syntax={JLS}", Resource.PIXELDATA, "image/jls"),
        ("image/jls; transfer-syntax=*", Resource.PIXELDATA, "image/x-jls; transfer-syntax=*"),
        ("*/*", Resource.INSTANCES, "*/*"),
        ('multipart/related; type="image/*"', Resource.FRAMES, 'multipart/related; type="image/*"'),
        ("image/jpeg", Resource.RENDERED, "image/jpeg"),  # MED-52
        ("application/dicom+json", Resource.METADATA, "application/dicom+json"),
    ],
)
def test_what_is_unsaid_is_completed(expected: str, resource: Resource, accept: str) -> None:
    """No transfer syntax is the default one, an older name is today's (MED-65, MED-113)."""
    assert [expected] == [str(r) for r in complete_ranges(resource, parse_accept(accept))]
