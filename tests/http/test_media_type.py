"""Media types in the forms that the standards have, and in those that servers send."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import ProtocolError
from aiodicomweb.http import MediaType

TOKENS = st.text(string.ascii_lowercase + string.digits + "!#$&'*+-.^_`|~", min_size=1, max_size=8)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"])
) | st.sampled_from(["'a'", "'", "", " a ", "a;b=c", '"', "\\", "\t"])
MEDIA_TYPES = st.builds(
    MediaType, TOKENS, TOKENS, st.lists(st.tuples(TOKENS, VALUES), max_size=4).map(tuple)
)


@given(MEDIA_TYPES)
def test_round_trip(media_type: MediaType) -> None:
    """What is written reads back the same (MED-06)."""
    assert media_type == MediaType.parse(str(media_type))


@given(
    st.text()
    | st.text("mx/;=\"' ,\\\t\n\r\0é王", max_size=30)
    | st.text("a;='\"\\ /", max_size=30).map("multipart/related;{}".format)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Junk is a ProtocolError and nothing else; what is read can be written and read again."""
    try:
        media_type = MediaType.parse(text)
    except ProtocolError:
        return

    assert media_type == MediaType.parse(str(media_type))
    assert media_type.boundary != ""
    assert media_type.transfer_syntax != ""
    assert media_type.root is None or media_type.is_multipart


# Two UUIDs cut to 70 characters.
ORTHANC_BOUNDARY = "7b2f5a40-2c1e-4d53-9f0e-0c3e5a2b9d11-1f4b0c5e-8a3d-4e0f-9c6b-2d7e8f9a0"[:70]

# Content-Type, then: root, boundary, transfer syntax.
MULTIPART_FORMS = {
    "RFC 2387 (MUL-20)": (
        'multipart/related; type="application/dicom"; boundary=abc',
        ("application/dicom", "abc", None),
    ),
    "upper case, unordered (MUL-59, MED-05)": (
        'Multipart/Related; BOUNDARY="aBc"; Type="Application/DICOM"; TRANSFER-SYNTAX=1.2',
        ("application/dicom", "aBc", "1.2"),
    ),
    "unquoted type, no space (MUL-59)": (
        "multipart/related;type=application/dicom;boundary=x",
        ("application/dicom", "x", None),
    ),
    "Orthanc frames: transfer syntax inside the quotes": (
        'multipart/related; type="image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"; boundary='
        + ORTHANC_BOUNDARY,
        (
            "image/jpeg",
            ORTHANC_BOUNDARY,
            "1.2.840.10008.1.2.4.50",
        ),
    ),
    "RESTEasy in dcm4chee": (
        'multipart/related;start="<uuid@resteasy-multipart>";type="image/jpeg"; boundary=uuid',
        ("image/jpeg", "uuid", None),
    ),
    "RESTEasy with the first part's transfer syntax (MUL-23)": (
        'multipart/related;start="<uuid@h>";transfer-syntax=1.2.3;type="image/jp2"; boundary=uuid',
        ("image/jp2", "uuid", "1.2.3"),
    ),
    "unquoted start (MUL-21)": (
        "multipart/related; start=<uuid@host>; boundary=b",
        (None, "b", None),
    ),
    "Microsoft: no type (MUL-22)": (
        "multipart/related; boundary=2f5a40c1-0e4d-5390-f0e0-c3e5a2b9d111",
        (None, "2f5a40c1-0e4d-5390-f0e0-c3e5a2b9d111", None),
    ),
    "Static-DICOMWeb: no parameter": ("multipart/related", (None, None, None)),
    "Static-DICOMWeb: leading dashes": (
        'multipart/related; type="application/dicom"; boundary="----DICOMwebBoundary"',
        ("application/dicom", "----DICOMwebBoundary", None),
    ),
    "DICOMcloud: spaces in a quoted boundary": (
        'multipart/related; type="application/dicom"; boundary="DICOM DATA BOUNDARY"',
        ("application/dicom", "DICOM DATA BOUNDARY", None),
    ),
    "spaces in an unquoted boundary": (
        "multipart/related; boundary=DICOM DATA BOUNDARY; type=application/dicom",
        ("application/dicom", "DICOM DATA BOUNDARY", None),
    ),
    "dicomweb-proxy: single quotes": (
        "multipart/related;type='application/octed-stream';boundary='5a b;c'",
        ("application/octed-stream", "5a b;c", None),
    ),
    "single quotes around type and transfer syntax": (
        "multipart/related; type='image/jls; transfer-syntax=1.2.840.10008.1.2.4.80' ; boundary=x",
        ("image/jls", "x", "1.2.840.10008.1.2.4.80"),
    ),
    "a token that begins with a single quote": (
        "multipart/related; boundary='abc",
        (None, "'abc", None),
    ),
    "boundary with =": (
        "multipart/related; boundary===abc=; type=a/b",
        ("a/b", "==abc=", None),
    ),
    "boundary with all that may stand in one (MUL-06)": (
        'multipart/related; boundary="\'()+_,-./:=? x"',
        (None, "'()+_,-./:=? x", None),
    ),
    "73 characters": (f"multipart/related; boundary={'b' * 73}", (None, "b" * 73, None)),
    "; inside quotes": (
        'multipart/related; boundary="a;b=c"; type="a/b"',
        ("a/b", "a;b=c", None),
    ),
    "escapes in a quoted string (HTP-11)": (
        r'multipart/related; boundary="a\"b\\c"',
        (None, r'a"b\c', None),
    ),
    "white space at the end of a boundary (MUL-07)": (
        'multipart/related; boundary="abc \t"',
        (None, "abc", None),
    ),
    "empty parameters and names without value (HTP-11)": (
        "multipart/related ; ; boundary=a;; type; ",
        (None, "a", None),
    ),
    "spaces around =": ("multipart/related; boundary = a ; type = a/b", ("a/b", "a", None)),
    "repeated: the first counts (MED-07)": (
        "multipart/related; boundary=a; boundary=b",
        (None, "a", None),
    ),
    "empty boundary": ('multipart/related; boundary=""; type=""', (None, None, None)),
    "root that cannot be read": (
        'multipart/related; type="dicom"; boundary=a',
        (None, "a", None),
    ),
    "a parameter whose name is no token is dropped": (
        "multipart/related; a b=1; boundary=a",
        (None, "a", None),
    ),
    "transfer-syntax=* (MED-50)": (
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        ("application/octet-stream", None, "*"),
    ),
    "own transfer syntax before that in the quotes": (
        'multipart/related; type="image/jpeg; transfer-syntax=1.2"; transfer-syntax="3.4"',
        ("image/jpeg", None, "3.4"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), MULTIPART_FORMS.values(), ids=MULTIPART_FORMS.keys())
def test_multipart_forms(text: str, expected: tuple[str | None, ...]) -> None:
    """Each form that a server was seen to send gives its root, boundary and transfer syntax."""
    media_type = MediaType.parse(text)
    root = media_type.root

    assert "multipart/related" == media_type.essence
    assert media_type.is_multipart
    assert expected == (
        root.essence if root else None,
        media_type.boundary,
        media_type.transfer_syntax,
    )


@pytest.mark.parametrize(
    ("text", "essence", "transfer_syntax", "is_json"),
    [
        ("application/dicom+json", "application/dicom+json", None, True),
        ("application/json; charset=utf-8", "application/json", None, True),
        ("APPLICATION/JSON", "application/json", None, True),
        ("application/dicom+xml", "application/dicom+xml", None, False),
        ("image/jls;transfer-syntax=1.2.840", "image/jls", "1.2.840", False),
        ('application/dicom; transfer-syntax="1.2.3"', "application/dicom", "1.2.3", False),
        ("application/dicom; transfer-syntax=", "application/dicom", None, False),
        ("video/H265", "video/h265", None, False),
        (" text/html ", "text/html", None, False),
        ("*/*", "*/*", None, False),
    ],
)
def test_single_part_forms(
    text: str, essence: str, transfer_syntax: str | None, is_json: bool
) -> None:
    """Types of single parts, with and without parameters (MED-05, MUL-30)."""
    media_type = MediaType.parse(text)

    assert essence == media_type.essence
    assert transfer_syntax == media_type.transfer_syntax
    assert is_json is media_type.is_json
    assert not media_type.is_multipart


def test_root_of_a_single_part_type() -> None:
    """Only multipart types have a root (MUL-20)."""
    assert MediaType.parse('application/dicom; type="a/b"').root is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "dicom",
        "/",
        "application/",
        "/dicom",
        "a/b/c",
        "a b/c",
        "application/json, application/json",
        "a/b\r\nX: y",
        "a/b; x=1\r\nX: y",
        'a/b; x="1\r\nX: y"',
        "a/b; x=王",
        'a/b; x="unterminated',
        'a/b; x="1"2',
        'a/b; x=1"2"',
        'a/b; "x"=1',
        "\ud800",
    ],
)
def test_junk(text: str) -> None:
    """What is no media type is a ProtocolError; at most its start is kept."""
    with pytest.raises(ProtocolError) as error:
        MediaType.parse(text)

    assert len(error.value.excerpt) <= 64


def test_str_quotes_where_needed() -> None:
    """A type is quoted; a transfer syntax and a simple boundary are not (MED-40, MED-41)."""
    media_type = MediaType(
        "multipart",
        "related",
        (("type", "application/dicom"), ("transfer-syntax", "*"), ("boundary", "a-b_c")),
    )

    assert (
        'multipart/related; type="application/dicom"; transfer-syntax=*; boundary=a-b_c'
    ) == str(media_type)


def test_parameter() -> None:
    """Names of parameters are case-insensitive (MED-05)."""
    media_type = MediaType.parse("text/html; CharSet=UTF-8")

    assert "UTF-8" == media_type.parameter("Charset")
    assert media_type.parameter("boundary") is None


def test_with_parameters() -> None:
    """Parameters are replaced by name and added at the end."""
    media_type = MediaType.parse("multipart/related; boundary=a; type=a/b")

    assert 'multipart/related; type="a/b"; boundary=c; q=1' == str(
        media_type.with_parameters({"Boundary": "c", "q": "1"})
    )
    assert "a" == media_type.boundary
