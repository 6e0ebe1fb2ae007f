"""Warning and Retry-After."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import (
    Headers,
    WarningValue,
    format_retry_after,
    parse_retry_after,
    parse_warnings,
)

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7
FIELD_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
)


WARNINGS = {
    # GEN-19, QID-05: commas, full stops and quotes are the text's
    "299 http://h:8080/dicom-web: Only literal, not fuzzy, matching has been performed.": (
        "299",
        "http://h:8080/dicom-web",
        "Only literal, not fuzzy, matching has been performed.",
    ),
    # QID-51
    "299 <https://h/rs>: There are 7 additional results that can be requested": (
        "299",
        "https://h/rs",
        "There are 7 additional results that can be requested",
    ),
    # SRV-02
    '299 host:8080 "There are 7 additional results that can be requested"': (
        "299",
        "host:8080",
        "There are 7 additional results that can be requested",
    ),
    # SRV-03
    '299 <dcm4chee arc> "a \\"b\\", c"': ("299", "dcm4chee arc", 'a "b", c'),
    # STW-38, 2024 and 2017
    "A700 /rs: Out of memory": ("A700", "/rs", "Out of memory"),
    '"A700: Out of memory"': ("A700", "", "Out of memory"),
    "A700: Out of memory": ("A700", "", "Out of memory"),
    # RFC 7234 §5.5, with a date
    '110 - "stale" "Sun, 06 Nov 1994 08:49:37 GMT"': ("110", "-", "stale"),
    '299 "no agent"': ("299", "", "no agent"),
    '299 http://h/: "quoted"': ("299", "http://h/", "quoted"),
    '299 - "unterminated, 299 ': ("299", "-", "unterminated, 299"),
    # quotes that belong to the text
    '299 http://h/rs: study "1.2" is gone': ("299", "http://h/rs", 'study "1.2" is gone'),
    '299 study "1.2" is gone': ("299", "", 'study "1.2" is gone'),
    '299 "a: b"': ("299", "", "a: b"),
    "299 text only": ("299", "", "text only"),
    "299 - text": ("299", "-", "text"),
    "299 s: 110 results, 214 skipped": ("299", "s", "110 results, 214 skipped"),
    "299 s: of 300, 299 are skipped": ("299", "s", "of 300, 299 are skipped"),
    # no code at all
    "Out of memory": ("", "", "Out of memory"),
    'the "study" is: big': ("", "", 'the "study" is: big'),
    "results were cut, 100 more exist": ("", "", "results were cut, 100 more exist"),
}


@pytest.mark.parametrize(("value", "expected"), WARNINGS.items(), ids=WARNINGS.keys())
def test_one_warning(value: str, expected: tuple[str, str, str]) -> None:
    """Each form of a warning gives code, agent and text (ERR-19)."""
    assert (WarningValue(*expected),) == parse_warnings(Headers({"Warning": value}))


def test_several_warnings() -> None:
    """Lines separate, and so does a comma before a code, outside quotes (HTP-10)."""
    headers = Headers(
        [
            ("Warning", '299 h "a, 299 b", A700 /rs: c, d'),
            ("warning", "B000 /rs: e, 299 http://h/rs: f"),
        ]
    )

    assert ["a, 299 b", "c, d", "e", "f"] == [one.text for one in parse_warnings(headers)]


@pytest.mark.parametrize("value", ["", '""', '299 - ""'])
def test_warnings_without_text(value: str) -> None:
    """A warning that says nothing is none."""
    assert () == parse_warnings(Headers({"Warning": value}))


def test_no_warnings() -> None:
    """Without the field there are none."""
    assert () == parse_warnings(Headers())


@given(st.lists(FIELD_TEXT, max_size=3))
def test_any_warning_is_read(values: list[str]) -> None:
    """No value raises, and none is shown with white space around."""
    for warning in parse_warnings(Headers([("Warning", value) for value in values])):
        assert warning.text


@pytest.mark.parametrize("piece", ['"', '\\"', " ", ", ", "299 ", ",299 ", '299 "', ":", "a: "])
def test_warnings_take_linear_time(piece: str) -> None:
    """A field as long as any head may be is read at once, whatever it repeats."""
    parse_warnings(Headers({"Warning": "299 a" + piece * 20_000 + "b"}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 86400.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        # Two digits: 44 is 2044, fifty years ahead; 45 is 1945
        ("Sunday, 06-Nov-45 08:49:37 GMT", 0.0),
        ("Sunday, 06-Nov-44 08:49:37 GMT", 1577923200.0),
        ("Saturday, 06-Nov-93 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after(value: str, expected: float) -> None:
    """Seconds, or a date in any of its three forms, count from now and never back (HTP-68)."""
    assert expected == parse_retry_after(value, NOW)


@pytest.mark.parametrize("digits", [10, 20, 400])
def test_a_retry_after_of_ages(digits: int) -> None:
    """However long it is, it is a time, and no reason to come back at once (HTP-68)."""
    assert 1e9 == parse_retry_after("9" * digits, NOW)


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-1", "1.5", "+5", "٣", "9e9", "Sun, 31 Feb 1994 08:49:37 GMT",
     "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37"],
)  # fmt: skip
def test_malformed_retry_after(value: str) -> None:
    """What cannot be read is ignored (HTP-68)."""
    assert parse_retry_after(value, NOW) is None


@given(st.text() | st.text("0123456789:, -GMTNovSun", max_size=32))
def test_any_retry_after(value: str) -> None:
    """No value raises, and none asks for a wait into the past."""
    seconds = parse_retry_after(value, NOW)

    assert seconds is None or seconds >= 0


@given(st.sampled_from(["299", "110", "A700"]), st.sampled_from(["-", "h:80", "/rs"]), FIELD_TEXT)
def test_warning_round_trip(code: str, agent: str, text: str) -> None:
    """Whatever the text, it is read back, alone and in a list (GEN-19, HTP-90)."""
    text = text.strip() or "x"
    warning = WarningValue(code, agent, text)
    headers = Headers([("Warning", str(warning)), ("Warning", f"{warning}, {warning}")])

    assert (text,) * 3 == tuple(found.text for found in parse_warnings(headers))
    assert code == parse_warnings(headers)[0].code


@pytest.mark.parametrize(
    ("expected", "warning"),
    [
        (
            "299 https://h/rs: There are 7 additional results that can be requested",
            WarningValue(
                "299", "https://h/rs", "There are 7 additional results that can be requested"
            ),
        ),
        ("A700 /rs: Out of memory", WarningValue("A700", "/rs", "Out of memory")),  # STW-38
        ("299 -: no more", WarningValue("", "", "no more")),
        ('299 - "\\"quoted\\" 1, 299 2"', WarningValue("299", "-", '"quoted" 1, 299 2')),
    ],
)
def test_warning_is_written_as_the_standard_has_it(expected: str, warning: WarningValue) -> None:
    """No quotes, unless the text could not be read back (QID-51)."""
    assert expected == str(warning)


@pytest.mark.parametrize(("expected", "seconds"), [("120", 120), ("3", 2.1), ("0", -5)])
def test_retry_after_is_whole_seconds(expected: str, seconds: float) -> None:
    """Rounded up, never negative, and read back (HTP-68)."""
    assert expected == format_retry_after(seconds)
    assert float(expected) == parse_retry_after(expected, NOW)


@pytest.mark.parametrize("seconds", [float("inf"), float("nan")])
def test_a_wait_without_end_is_refused(seconds: float) -> None:
    """No number of seconds says it."""
    with pytest.raises(LocalProtocolError):
        format_retry_after(seconds)
