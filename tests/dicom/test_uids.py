from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import check_uid, default_transfer_syntax, is_uid
from aiodicomweb.errors import ConfigurationError

UIDS = st.lists(st.from_regex(r"[0-9]{1,6}", fullmatch=True), min_size=1, max_size=9).map(".".join)


@given(UIDS)
def test_digits_between_single_dots_are_a_uid(uid: str) -> None:
    """Components of digits are a UID, with leading zeros too (GEN-11)."""
    assert is_uid(uid)
    assert uid == check_uid(uid, "study")


@given(st.text(alphabet="0123456789.", max_size=70))
def test_only_digits_between_single_dots_are_a_uid(text: str) -> None:
    """Empty components and more than 64 characters are refused (GEN-11)."""
    expected = len(text) <= 64 and all(text.split("."))

    assert expected is is_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".1", "1..2", "1.2/3", "1.2\n", "１.2", "../1", "1.2 ", "0" * 65, None, 12],
)
def test_what_is_not_a_uid_is_refused_by_name(text: object) -> None:
    """The error names the parameter, and doesn't show what was given."""
    with pytest.raises(ConfigurationError) as caught:
        check_uid(text, "study")

    assert str(caught.value).startswith("study is not a UID")


def test_64_characters_are_a_uid() -> None:
    """The longest UID has 64 characters (PS3.5 §9.1)."""
    assert is_uid("1." + "2" * 62)


@pytest.mark.parametrize(
    ("expected", "media_type"),
    [
        ("1.2.840.10008.1.2.1", "application/octet-stream"),  # MED-80
        ("1.2.840.10008.1.2.1", "application/dicom"),  # MED-70
        ("1.2.840.10008.1.2.4.70", "image/jpeg"),  # MED-81
        ("1.2.840.10008.1.2.5", "image/dicom-rle"),  # MED-85
        ("1.2.840.10008.1.2.4.80", "image/jls"),  # MED-86
        ("1.2.840.10008.1.2.4.90", "image/jp2"),  # MED-88
        ("1.2.840.10008.1.2.4.92", "image/jpx"),  # MED-90
        ("1.2.840.10008.1.2.4.201", "image/jphc"),  # MED-92
        ("1.2.840.10008.1.2.4.110", "image/jxl"),  # MED-95
        ("1.2.840.10008.1.2.4.101", "video/mpeg"),  # MED-98
        ("1.2.840.10008.1.2.4.102", "video/mp4"),  # MED-100
        ("1.2.840.10008.1.2.4.107", "video/H265"),  # MED-103, MED-05
        ("1.2.840.10008.1.2.5", "image/x-dicom-rle"),  # MED-113
        ("1.2.840.10008.1.2.4.80", "image/x-jls"),
        ("1.2.840.10008.1.2.4.70", "image/dicom+jpeg"),
        ("1.2.840.10008.1.2.4.80", "image/dicom+jpeg-ls"),
        (None, "image/png"),
        (None, "application/pdf"),
    ],
)
def test_default_transfer_syntax_of_a_media_type(expected: str | None, media_type: str) -> None:
    """A media type without parameter means the default of its table (MED-80..104, MED-113)."""
    assert expected == default_transfer_syntax(media_type)
