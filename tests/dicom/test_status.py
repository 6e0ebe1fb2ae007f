from __future__ import annotations

import pytest

from aiodicomweb.dicom import FailureReason, WarningReason, describe_reason


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("B000 coercion of data elements", 45056),  # STW-60
        ("B006 elements discarded", 45062),  # STW-61
        ("B007 data set does not match SOP class", 45063),  # STW-62
        ("A700 refused: out of resources", 0xA700),  # STW-63
        ("A7FF refused: out of resources", 0xA7FF),
        ("A900 error: data set does not match SOP class", 0xA900),  # STW-64
        ("C000 error: cannot understand", 0xC000),  # STW-65
        ("CFFF error: cannot understand", 0xCFFF),
        ("C122 referenced transfer syntax not supported", 49442),  # STW-66
        ("0110 processing failure", 272),  # STW-67
        ("0122 referenced SOP class not supported", 290),  # STW-68
        ("0124 not authorized", 292),  # STW-69
        ("A901 Study Instance UID is not that of the request", 43265),
        ("A922 bulk data missing", 43298),
        ("B00E instance already exists", 45070),
        ("0001 stored although validation found faults", 1),
        ("1234 unknown reason", 0x1234),  # STW-70
        ("D000 unknown reason", 0xD000),
    ],
)
def test_a_reason_is_described(expected: str, code: int) -> None:
    """Codes of the tables, of products, and unknown ones have a text."""
    assert expected == describe_reason(code)


@pytest.mark.parametrize("reason", [*FailureReason, *WarningReason])
def test_every_name_is_described(reason: int) -> None:
    """No name of ours is an unknown reason."""
    assert "unknown" not in describe_reason(reason)
