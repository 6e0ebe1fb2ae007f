"""What readers do not keep as it was sent (PS3.18 §F.2, PS3.19 §A.1)."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from aiodicomweb.dicom import dataset_from_json
from aiodicomweb.dicom.fidelity import is_kept
from aiodicomweb.dicom.native_xml import dataset_from_xml

from ..support.native_xml import attribute, document

LARGEST_SINGLE = 3.4028234663852886e38
LARGEST_DOUBLE = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("vr", "source"),
    [
        ("LO", ["A", None, "é", 5]),
        ("LO", "é".encode()),
        ("PN", [{"Alphabetic": "A", "Ideographic": "王", "Phonetic": None}, {}, "A^B"]),
        ("DS", ["1e400", 1.5, 10**20]),
        ("US", [1, "2", None]),
        ("US", b"\xff\xfe"),
        ("OW", [65535]),
        ("UN", b"\xff"),
        ("FL", [LARGEST_SINGLE, -LARGEST_SINGLE, 0.1, 1e-300, None, "", " ", 7]),
        ("FD", [LARGEST_DOUBLE, f"{-LARGEST_DOUBLE}"]),
        *((vr, ["Infinity", "-inf", "NaN", math.nan]) for vr in ("FL", "FD", "OF", "OD")),
    ],
)
def test_what_is_kept(vr: str, source: Any) -> None:
    """Values of their VRs, in the forms that readers take (JSN-30..38)."""
    assert is_kept(vr, source)


@pytest.mark.parametrize(
    ("vr", "source"),
    [
        ("LO", ["A", "\ud800"]),  # JSN-52
        ("LT", b"\xff"),  # JSN-42
        ("DS", b"1\xff"),
        ("DS", [math.inf]),
        ("PN", [{"Alphabetic": "\ud800"}]),
        ("PN", [{"Alphabetic": math.inf}]),
        ("PN", [{"alphabetic": "Doe"}]),  # JSN-36
        ("UN", ["A"]),  # JSN-38
        ("FL", [1.0, 1e300]),
        ("FL", ["-1e39"]),
        ("OF", [1e39]),
        ("FL", [10**39]),
        ("FD", ["1e400"]),
        ("FD", [math.inf]),
        ("OD", ["-1e400"]),
    ],
)
def test_what_is_altered(vr: str, source: Any) -> None:
    """Text that is not Unicode, numbers that become infinite, names and octets of no form."""
    assert not is_kept(vr, source)


# --- what a reader of JSON tells ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "member"),
    [
        *(("US", value) for value in (-1, 70000, 99999999, "abcd", 1.5, True, {"Doe": 1})),
        ("SS", 40000),
        ("FD", "x"),
        ("FD", math.inf),
        ("FL", 1e300),
        ("DS", "abc"),
        ("DS", math.inf),
        ("IS", "x"),
        ("AT", "zz"),
        ("LO", True),
        ("LO", "\ud800"),
        ("PN", {"alphabetic": "Doe"}),
        ("OW", 65536),
        ("UN", "abc"),
    ],
)
@pytest.mark.parametrize("more", [[], [None]])
def test_misfits_of_json_are_named(vr: str, member: Any, more: list[Any]) -> None:
    """By their tags, also in items, and what is read is the same (JSN-39)."""
    odd = {"00091001": {"vr": vr, "Value": [member, *more]}}
    obj = {
        **odd,
        "00100020": {"vr": "LO", "Value": ["1"]},
        "00081140": {"vr": "SQ", "Value": [odd]},
    }
    misfits: list[str] = []
    dataset = dataset_from_json(obj, misfits=misfits)

    assert ["00091001"] * 2 == misfits
    assert dataset_from_json(obj) == dataset


@pytest.mark.parametrize(("vr", "octets"), [("US", b"abc"), ("FD", b"abcd"), ("LT", b"\xff")])
def test_misfits_of_json_in_octets_are_named(vr: str, octets: bytes) -> None:
    """In line and as bulk data (JSN-42)."""
    misfits: list[str] = []
    dataset_from_json(
        {
            "00091001": {"vr": vr, "InlineBinary": base64.b64encode(octets).decode()},
            "00091002": {"vr": vr, "BulkDataURI": "x"},
        },
        lambda *_: octets,
        misfits=misfits,
    )

    assert ["00091001", "00091002"] == misfits


def test_what_fits_in_json_is_not_named() -> None:
    """Values in the forms that products write; the first element is the character set."""
    values: dict[str, list[Any]] = {
        "AT": ["(0018,106a)"],
        "CS": ["A\\B"],
        "DS": ["1.50", 1.5],
        "FD": [1.7976931348623157e308, "Infinity"],
        "FL": [1.5, None, "NaN"],
        "IS": [4.0],
        "LO": ["é", 5],
        "OW": [1, 65535],
        "PN": ["Doe^John"],
        "SL": [-(2**31)],
        "SQ": [None],
        "US": ["512", 65535, 1.0],
        "UV": [str(2**64 - 1)],
    }
    obj: dict[str, Any] = {
        f"000910{number:02X}": {"vr": vr, "Value": members}
        for number, (vr, members) in enumerate(values.items())
    }
    obj["7FE00010"] = {"vr": "OB", "BulkDataURI": "x"}
    misfits: list[str] = []
    dataset = dataset_from_json(obj, lambda *_: None, misfits=misfits)

    assert [] == misfits
    assert ["CS", *values, "OB"] == [element.VR for element in dataset]


# --- what a reader of XML tells -------------------------------------------------------------------


def value(text: str, number: int = 1) -> str:
    """One value."""
    return f'<Value number="{number}">{text}</Value>'


@pytest.mark.parametrize(
    ("vr", "inner"),
    [
        *(("US", value(text)) for text in ("-1", "70000", "99999999", "abcd", "1.5")),
        ("SS", value("40000")),
        ("FD", value("x")),
        ("FD", value("1e400")),
        ("FL", value("1") + value("1e300", 2)),
        ("DS", value("abc")),
        ("IS", value("x")),
        ("AT", value("zz")),
        ("OW", value("65536")),
        ("UN", value("abc")),
        ("US", f"<InlineBinary>{base64.b64encode(b'abc').decode()}</InlineBinary>"),
        ("LT", f"<InlineBinary>{base64.b64encode(bytes([0xFF])).decode()}</InlineBinary>"),
        ("US", '<BulkData uri="x"/>'),
        ("LT", '<BulkData uri="x"/>'),
    ],
)
def test_misfits_of_xml_are_named(vr: str, inner: str) -> None:
    """By their tags, also in items, and what is read is the same."""
    odd = attribute("00091001", vr, inner)
    items = attribute("00081140", "SQ", f'<Item number="1">{odd}</Item>')
    octets = document(odd, attribute("00100020", "LO", value("1")), items)
    misfits: list[str] = []
    dataset = dataset_from_xml(octets, lambda *_: b"ab\xff", misfits=misfits)

    assert ["00091001"] * 2 == misfits
    assert dataset_from_xml(octets, lambda *_: b"ab\xff") == dataset


def test_what_fits_in_xml_is_not_named() -> None:
    """Values in the forms that products write; the first element is the character set."""
    texts = {
        "AT": "0018106a",
        "CS": "A\\B",
        "DS": "1.50",
        "FD": "1.7976931348623157e308",
        "FL": "-Infinity",
        "IS": "+01",
        "LO": "é",
        "OW": "65535",
        "SL": str(-(2**31)),
        "US": " 65535 ",
        "UV": str(2**64 - 1),
    }
    octets = document(
        *(
            attribute(f"000910{number:02X}", vr, value(text))
            for number, (vr, text) in enumerate(texts.items())
        ),
        attribute("7FE00010", "OB", '<BulkData uri="x"/>'),
    )
    misfits: list[str] = []
    dataset = dataset_from_xml(octets, lambda *_: None, misfits=misfits)

    assert [] == misfits
    assert ["CS", *texts, "OB"] == [element.VR for element in dataset]
