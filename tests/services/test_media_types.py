from __future__ import annotations

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.http import MediaType, parse_accept
from aiodicomweb.services import Resource, accept_for
from aiodicomweb.services.media_types import check_families, complete_ranges, related

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
        ("application/dicom+json; q=0.5", Resource.METADATA, "application/json; q=0.5"),  # JSN-01
        ('multipart/related; type="application/dicom+xml"', Resource.METADATA,
         'multipart/related; type="application/xml"'),
        ("application/json", Resource.BULKDATA, "application/json"),
    ],
)  # fmt: skip
def test_what_is_unsaid_is_completed(expected: str, resource: Resource, accept: str) -> None:
    """No transfer syntax is the default one, an older name is today's (MED-65, MED-113)."""
    assert [expected] == [str(r) for r in complete_ranges(resource, parse_accept(accept))]


@pytest.mark.parametrize(
    "accept",
    [
        "application/dicom, text/html",
        'multipart/related; type="application/dicom", image/png; q=0.1',
        'application/octet-stream, multipart/related; type="image/gif"',
        "image/x-jls, image/jph",  # MED-113
        "application/dicom+json, */*, application/pdf",
    ],
)
def test_dicom_and_rendered_are_not_mixed(accept: str) -> None:
    """One Accept is for one family (MED-04)."""
    with pytest.raises(ConfigurationError):
        check_families(parse_accept(accept))


@pytest.mark.parametrize(
    "accept",
    [
        "text/html, application/xml; q=0.9, image/png, */*; q=0.8",
        "application/dicom, image/jpeg, */*",
        "image/jpeg, image/jp2, image/jxl, video/mp4, text/html",  # MED-03
        "image/jpeg, image/jls, application/dicom+json, application/json",
        "application/dicom, text/html; q=0",
        "application/dicom, text/*",
        "application/dicom, nonsense",  # MED-47
        "",
    ],
)
def test_what_is_in_both_families_is_no_mixture(accept: str) -> None:
    """Names of both, wildcards and what is not acceptable say nothing of a family."""
    check_families(parse_accept(accept))
