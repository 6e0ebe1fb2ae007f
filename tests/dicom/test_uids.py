from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import check_uid, default_transfer_syntax, is_uid
from aiodicomweb.dicom.uids import bulk_data_media_type, canonical_media_type, is_encapsulated
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


@pytest.mark.parametrize(
    ("expected", "suffixes"),
    [
        ("application/octet-stream", "'' .1 .2 .1.99 .1.98 .4.94 .8.1"),  # MED-80, MED-105..108
        ("image/jpeg", ".4.70 .4.50 .4.51 .4.57"),  # MED-81..84
        ("image/dicom-rle", ".5"),
        ("image/jls", ".4.80 .4.81"),
        ("image/jp2", ".4.90 .4.91"),
        ("image/jpx", ".4.92 .4.93"),
        ("image/jphc", ".4.201 .4.202 .4.203"),
        ("image/jxl", ".4.110 .4.111 .4.112"),
        ("video/mpeg", ".4.100 .4.100.1 .4.101 .4.101.1"),
        ("video/mp4", ".4.102 .4.102.1 .4.103 .4.104.1 .4.105 .4.106 .4.106.1"),
        ("video/h265", ".4.107 .4.108"),
    ],
)
def test_media_type_of_a_transfer_syntax(expected: str, suffixes: str) -> None:
    """Every row of the table, backwards (MED-80..104)."""
    for suffix in suffixes.split():
        assert expected == bulk_data_media_type(f"1.2.840.10008.1.2{suffix.strip(chr(39))}")


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("image/jls", "image/x-jls"),
        ("image/dicom-rle", "image/x-dicom-rle"),
        ("image/jp2", "IMAGE/dicom+jp2"),
        ("video/mpeg", "video/mpeg2"),
        ("image/png", "image/PNG"),
    ],
)
def test_canonical_names(expected: str, name: str) -> None:
    """Older names mean today's (MED-113)."""
    assert expected == canonical_media_type(name)


@pytest.mark.parametrize(
    ("expected", "suffix"),
    [(False, ""), (False, ".1"), (False, ".2"), (False, ".1.99"), (False, ".4.94"),
     (True, ".1.98"), (True, ".5"), (True, ".4.50"), (True, ".8.1")],
)  # fmt: skip
def test_which_pixel_data_are_encapsulated(expected: bool, suffix: str) -> None:
    """All but the native ones and those that are somewhere else (MED-108)."""
    assert expected is is_encapsulated(f"1.2.840.10008.1.2{suffix}")
