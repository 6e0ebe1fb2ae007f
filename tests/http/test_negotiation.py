"""Accept fields, and the server's choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError, ProtocolError
from aiodicomweb.http import (
    MediaRange,
    MediaType,
    choose_media_type,
    format_accept,
    parse_accept,
    quality_of,
)

DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
JSON = "application/dicom+json"
XML = 'multipart/related; type="application/dicom+xml"'

TOKENS = st.text("abcxyz019-+.", min_size=1, max_size=6)
RANGES = st.builds(
    MediaRange,
    st.builds(
        MediaType,
        TOKENS,
        TOKENS | st.just("*"),
        st.lists(
            st.tuples(
                TOKENS.filter(lambda name: name != "q"), st.text("abc /;,\"'\\=", max_size=5)
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.integers(0, 1000).map(lambda weight: weight / 1000),
)


def types(*texts: str) -> list[MediaType]:
    """Media types from their texts."""
    return [MediaType.parse(text) for text in texts]


def choose(
    offers: list[str], accept: str | None, *, parameter: str = "", default: str | None = None
) -> str | None:
    """The server's choice, in text."""
    chosen = choose_media_type(
        types(*offers),
        None if accept is None else parse_accept(accept),
        parameter=parse_accept(parameter),
        default=None if default is None else MediaType.parse(default),
    )
    return None if chosen is None else str(chosen)


def test_format_accept() -> None:
    """Alternatives stand in the given order, parameters outside the quotes (MED-41)."""
    media_types = [
        MediaType("multipart", "related", (("type", "image/jpeg"), ("transfer-syntax", "1.2"))),
        MediaType("*", "*"),
    ]

    assert 'multipart/related; type="image/jpeg"; transfer-syntax=1.2, */*' == format_accept(
        media_types
    )


def test_empty_accept() -> None:
    """An empty list is not produced (GEN-10, GEN-15)."""
    with pytest.raises(LocalProtocolError):
        format_accept([])


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        ([], ""),
        (["*/*"], "*/*"),
        (["image/*; q=0.5", "*/*; q=0"], "image/*;q=0.5 , */*; q=0"),
        # MED-45: a comma inside quotes does not separate
        (['a/b; x="1,2"', "c/d"], 'a/b; x="1,2",c/d'),
        # MED-46: the weight may have any case and stand anywhere
        (["a/b; level=1; q=0.7"], "a/b; Q=0.7; level=1"),
        (["a/b"], "a/b; q=1.000"),
        # MED-42: a boundary means nothing here
        ([DICOM], 'multipart/related; type="application/dicom"; boundary=**'),
        # MED-43, and forms of products
        (['multipart/related; type="image/*"'], 'multipart/related; type="image/*"'),
        ([f"{DICOM}; level=1"], "multipart/related;type=application/dicom;level=1"),
        # MED-47: odd members are ignored
        (["c/d"], "text, a/b; q=1.1, a/b; q=x, a/b; q=0.1234, , /, c/d, e/f; x=\"1"),
    ],
)  # fmt: skip
def test_parse_accept(expected: list[str], accept: str) -> None:
    """Weights, wildcards and parameters are read, and what is malformed is left out."""
    assert expected == [str(member) for member in parse_accept(accept)]


def test_a_member_alone_can_be_wrong() -> None:
    """One member is read or refused; a field leaves it out."""
    with pytest.raises(ProtocolError):
        MediaRange.parse("a/b; q=2")


def test_a_field_has_an_end() -> None:
    """A thousand members are no wish (HTP-99)."""
    assert 256 == len(parse_accept("a/b," * 1000))


@given(st.lists(RANGES, max_size=4))
def test_accept_round_trip(ranges: list[MediaRange]) -> None:
    """What is written is read back."""
    kept = [
        MediaRange(
            MediaType(
                r.media_type.type,
                r.media_type.subtype,
                tuple(pair for pair in r.media_type.parameters if pair[0] != "boundary"),
            ),
            r.quality,
        )
        for r in ranges
    ]

    assert tuple(kept) == parse_accept(", ".join(map(str, ranges)))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF)))
def test_any_accept_is_read(text: str) -> None:
    """Nothing raises, and weights are weights."""
    assert all(0 <= member.quality <= 1 for member in parse_accept(text))


@pytest.mark.parametrize(
    ("expected", "offer"),
    [
        (1.0, "text/html; level=1"),
        (0.7, "text/html; level=2"),
        (0.5, "text/plain"),
        (0.5, "text/rtf"),
        (0.4, "text/html"),
        (1.0, "image/png"),
        (0.4, "application/x-latex"),
        # The standard prints 0.4 for text/x-latex, but text/* covers it by the standard's own rule.
        (0.5, "text/x-latex"),
    ],
)
def test_the_worked_example(expected: float, offer: str) -> None:
    """MED-68: each type has the weight of the most specific range."""
    accept = (
        "text/*; q=0.5, text/html; q=0.4, text/html; level=1, text/html; level=2; q=0.7, "
        "image/png, */*; q=0.4"
    )

    assert expected == quality_of(MediaType.parse(offer), parse_accept(accept))


@pytest.mark.parametrize(
    ("expected", "offer", "accept"),
    [
        (True, "image/jpeg", "image/jpeg"),
        (True, "image/jpeg", "IMAGE/*"),
        (False, "image/jpeg", "image/jp2"),
        (True, DICOM, "multipart/related"),
        (True, DICOM, "multipart/*"),
        (True, DICOM, "multipart/related; type=application/dicom"),
        (False, DICOM, OCTETS),
        (False, "multipart/related", DICOM),
        (True, 'multipart/related; type="image/jpeg"', 'multipart/related; type="image/*"'),
        (False, 'multipart/related; type="video/mp4"', 'multipart/related; type="image/*"'),
        (True, f"{DICOM}; transfer-syntax=1.2", f"{DICOM}; transfer-syntax=*"),
        (True, f"{DICOM}; transfer-syntax=1.2", f"{DICOM}; transfer-syntax=1.2"),
        (True, f"{DICOM}; transfer-syntax=1.2", DICOM),
        (False, f"{DICOM}; transfer-syntax=1.2", f"{DICOM}; transfer-syntax=1.3"),
        (False, DICOM, f"{DICOM}; transfer-syntax=1.3"),
        (True, "text/html; charset=UTF-8", "text/html; charset=utf-8"),
        # MED-120: what names no character set is in UTF-8
        (True, "text/html", "text/html; charset=utf-8"),
        (True, JSON, f"{JSON}; charset=UTF-8"),
        (True, JSON, f'{JSON}; charset="ISO_IR 192"'),
        (True, XML, f"{XML}; charset=utf-8"),
        (False, JSON, f"{JSON}; charset=iso-8859-1"),
        (False, "text/html; charset=iso-8859-1", "text/html; charset=utf-8"),
        # MED-51: octets in JSON and XML are little-endian
        (True, JSON, f"{JSON}; transfer-syntax=1.2.840.10008.1.2.1"),
        (True, XML, f"{XML}; transfer-syntax=1.2.840.10008.1.2.1"),
        (False, JSON, f"{JSON}; transfer-syntax=1.2.840.10008.1.2.2"),
        (False, "image/jpeg", "image/jpeg; transfer-syntax=1.2.840.10008.1.2.1"),
    ],
)
def test_what_a_range_covers(expected: bool, offer: str, accept: str) -> None:
    """Types by wildcards, roots of multiparts alike, parameters by value (MED-43, MED-50)."""
    (media_range,) = parse_accept(accept)

    assert expected is media_range.matches(MediaType.parse(offer))


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        (JSON, None),  # ERR-22: no field is anything
        (JSON, "*/*"),
        (JSON, JSON),
        (XML, XML),
        (XML, f"{XML}, {JSON}; q=0.9"),
        (JSON, f"{XML}, {JSON}"),  # a tie is the server's: its order
        (XML, "multipart/related; type=application/dicom+xml, text/html, */*; q=0.1"),
        (JSON, f"{XML}; q=0.1, */*"),  # MED-44: */* is the default
        (XML, f"{JSON}; q=0, */*, multipart/related"),
        (None, f"{JSON}; q=0, */*"),  # MED-44: */* is the default alone
        (None, "text/html"),
        (None, "nonsense"),
        (None, ""),
    ],
)
def test_the_choice_among_representations(expected: str | None, accept: str | None) -> None:
    """MED-60..64: by weight, then by the server's order; else 406."""
    assert expected == choose([JSON, XML], accept, default=JSON)


def test_without_default_anything_is_any() -> None:
    """MED-44: of a category that has no default type, ``*/*`` is any."""
    assert "video/mp4" == choose(["video/mp4", "video/mpeg"], "*/*")


@pytest.mark.parametrize(
    ("expected", "parameter", "accept"),
    [
        (XML, XML, "*/*"),  # it goes before the field
        (XML, f"{XML}; q=0.2", f"{JSON}, {XML}; q=0.1"),
        (JSON, XML, JSON),  # MED-48: what the field does not cover does not count
        (JSON, "*/*, multipart/*", f"{JSON}, {XML}; q=0.1"),  # MED-48: no wildcards
        (JSON, "text/html", "*/*"),  # MED-49
        (XML, XML, None),
        (XML, XML, "image/jpeg"),  # rather than a 406, as browsers' viewers hope
        (None, "*/*", "image/jpeg"),
        (None, "text/html", "image/jpeg"),
    ],
)
def test_the_query_parameter_goes_first(
    expected: str | None, parameter: str, accept: str | None
) -> None:
    """MED-48, MED-61: links say there what they want."""
    assert expected == choose([JSON, XML], accept, parameter=parameter, default=JSON)


def test_transfer_syntaxes_are_alternatives() -> None:
    """MED-50: several of them are several members, and ``*`` takes the server's own."""
    stored, explicit = f"{DICOM}; transfer-syntax=1.2.4.90", f"{DICOM}; transfer-syntax=1.2.1"
    offers = [stored, explicit]

    assert stored == choose(offers, f"{DICOM}; transfer-syntax=*")
    assert explicit == choose(offers, f"{DICOM}; transfer-syntax=1.2.1, {OCTETS}; q=0.5")
    assert explicit == choose(
        offers, f"{DICOM}; transfer-syntax=1.2.1, {DICOM}; transfer-syntax=1.2.4.90; q=0.5"
    )
    assert choose(offers, f"{DICOM}; transfer-syntax=1.2.5") is None
