"""One data set, and the parts that its values are in (PS3.18 §8.6.1.2, §10.5.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.dicom import FailureReason
from aiodicomweb.http import MediaType
from aiodicomweb.server.storing.composing import Composition, compose
from aiodicomweb.server.storing.splicing import SplicedValue
from aiodicomweb.server.storing.spool import Spool, SpooledPart
from aiodicomweb.wire import Limits

from ...support.codestreams import (
    BASELINE,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROGRESSIVE,
    boxed,
    jpeg,
    jpeg_2000,
)
from ...support.native_xml import attribute, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiodicomweb.dicom import JsonObject

JSON = MediaType.parse("application/dicom+json")
XML = MediaType.parse("application/dicom+xml")
MOST = 1 << 32
PIXELS = {"7FE00010": {"vr": "OB", "BulkDataURI": "pixels"}}
ROOT = "1.2.840.10008.1.2."


@pytest.fixture
def spool() -> Iterator[Spool]:
    """One that is closed behind the test."""
    spool = Spool()
    yield spool
    spool.close()


def part(spool: Spool, octets: bytes, media_type: str = "application/octet-stream") -> SpooledPart:
    """A part that has arrived."""
    spool.add(octets)
    spool.write()
    offset = spool.length - len(octets)
    return SpooledPart(MediaType.parse(media_type), "x", spool, offset, len(octets))


def composed(obj: JsonObject, *parts: SpooledPart, **bulk: SpooledPart) -> Composition:
    """An object whose pixel data are in these parts."""
    return compose(
        obj, JSON, {"pixels": parts, **{name: [bulk[name]] for name in bulk}}, Limits(part=MOST)
    )


@pytest.mark.parametrize(
    ("suffix", "media_type", "octets"),
    [
        ("4.50", "image/jpeg", jpeg(BASELINE)),
        ("4.51", "image/jpeg", jpeg(EXTENDED, bits=12)),
        ("4.57", "image/jpeg", jpeg(LOSSLESS, 4)),
        ("4.70", "image/jpeg", jpeg(LOSSLESS, 1)),
        ("4.70", "image/dicom+jpeg", jpeg(LOSSLESS, 1)),
        ("4.80", "image/jls", jpeg(JPEG_LS)),
        ("4.81", "image/jls", jpeg(JPEG_LS, 3)),
        ("4.81", "image/x-jls", jpeg(JPEG_LS, 3)),
        ("4.90", "image/jp2", jpeg_2000()),
        ("4.91", "image/jp2", jpeg_2000(reversible=False)),
        ("4.92", "image/jpx", jpeg_2000(part_2=True)),
        ("4.93", "image/jpx", jpeg_2000(reversible=False)),
        ("4.201", "image/jphc", jpeg_2000(high_throughput=True)),
        ("4.203", "image/jphc", jpeg_2000(high_throughput=True, reversible=False)),
        (
            "4.202",
            "image/jphc",
            jpeg_2000(high_throughput=True, progression=2, tile_lengths=True),
        ),
        ("5", "image/dicom-rle", b"run lengths"),
        ("1", "application/octet-stream", jpeg(BASELINE)),
    ],
)
def test_the_stream_tells_its_transfer_syntax(
    spool: Spool, suffix: str, media_type: str, octets: bytes
) -> None:
    """Where the media type has no parameter, whose default is often another one (STW-20)."""
    found = composed(PIXELS, part(spool, octets, media_type))

    assert (None, ROOT + suffix) == (found.reason, found.syntax)


@pytest.mark.parametrize(
    ("suffix", "octets"),
    [
        ("4.51", jpeg(BASELINE)),
        ("4.57", jpeg(LOSSLESS, 1)),
        ("4.81", jpeg(JPEG_LS)),
        ("4.91", jpeg_2000()),
        ("4.203", jpeg_2000(high_throughput=True)),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_what_is_told_may_be_wider_than_the_stream(
    spool: Spool, suffix: str, octets: bytes, *, is_named: bool
) -> None:
    """Transfer syntaxes that allow loss need none; the sender's word counts."""
    names = {"4.51": "jpeg", "4.57": "jpeg", "4.81": "jls", "4.91": "jp2", "4.203": "jphc"}
    name = f"image/{names[suffix]}" if is_named else "application/octet-stream"
    found = composed(PIXELS, part(spool, octets, f"{name}; transfer-syntax={ROOT}{suffix}"))

    assert (None, ROOT + suffix) == (found.reason, found.syntax)


@pytest.mark.parametrize(
    ("media_type", "octets"),
    [
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", jpeg(EXTENDED)),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70", jpeg(BASELINE)),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70", jpeg(LOSSLESS, 2)),
        ("image/jls; transfer-syntax=1.2.840.10008.1.2.4.80", jpeg(JPEG_LS, 1)),
        ("image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90", jpeg_2000(reversible=False)),
        ("image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201", jpeg_2000()),
        ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50", b"no image"),
        ("image/jpeg", jpeg(PROGRESSIVE)),
        ("image/jpeg", jpeg(JPEG_LS)),
        ("image/jpeg", jpeg()[:-1]),
        ("image/jp2", jpeg_2000(high_throughput=True)),
        ("image/jls", b""),
    ],
)
def test_a_stream_that_is_something_else(spool: Spool, media_type: str, octets: bytes) -> None:
    """The instance fails, as nobody could decode it (STW-65)."""
    found = composed(PIXELS, part(spool, octets, media_type))

    assert FailureReason.CANNOT_UNDERSTAND is found.reason


@pytest.mark.parametrize(
    ("suffix", "media_type", "octets"),
    [
        ("4.90", "image/jp2", jpeg_2000()),
        ("4.201", "image/jph", jpeg_2000(high_throughput=True)),
    ],
)
def test_a_stream_is_taken_out_of_its_file(
    spool: Spool, suffix: str, media_type: str, octets: bytes
) -> None:
    """Data sets have no boxes (MED-111, STW-20)."""
    found = composed(PIXELS, part(spool, boxed(octets, behind=b"more"), media_type))

    assert (None, ROOT + suffix) == (found.reason, found.syntax)
    assert found.dataset is not None
    assert octets == b"".join(each.octets for each in found.dataset[0x7FE00010].value.parts)


def test_each_frame_is_looked_at(spool: Spool) -> None:
    """One that is not like the first is no frame of the same image (STW-65)."""
    head = f"image/jpeg; transfer-syntax={ROOT}4.50"
    good, odd = part(spool, jpeg(), head), part(spool, jpeg(EXTENDED), head)

    assert composed(PIXELS, good, good).reason is None
    assert FailureReason.CANNOT_UNDERSTAND is composed(PIXELS, good, odd).reason


def test_frames_of_several_transfer_syntaxes(spool: Spool) -> None:
    """A data set has one (STW-66)."""
    frames = [part(spool, jpeg(kind), "image/jpeg") for kind in (BASELINE, EXTENDED)]

    assert FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED is composed(PIXELS, *frames).reason


def test_the_stream_completes_the_image_pixel_macro(spool: Spool) -> None:
    """What the metadata say stays (STW-14, STW-22)."""
    obj = {**PIXELS, "00280010": {"vr": "US", "Value": [6]}, "00280011": {"vr": "US"}}
    found = composed(obj, part(spool, jpeg(samples=3, sampling=0x21), "image/jpeg"))

    dataset = found.dataset
    assert dataset is not None
    assert (6, 7, 3, "YBR_FULL_422", 0, 8, 8, 7, 0) == (
        dataset.Rows,
        dataset.Columns,
        dataset.SamplesPerPixel,
        dataset.PhotometricInterpretation,
        dataset.PlanarConfiguration,
        dataset.BitsAllocated,
        dataset.BitsStored,
        dataset.HighBit,
        dataset.PixelRepresentation,
    )


def test_nothing_is_made_up_of_native_pixel_data(spool: Spool) -> None:
    """Octets tell nothing."""
    found = composed(PIXELS, part(spool, jpeg()))

    assert found.dataset is not None
    assert {"PixelData"} == {element.keyword for element in found.dataset}


def an_icon(uri: str) -> dict[str, Any]:
    """An Icon Image Sequence (PS3.3 §C.7.6.1.1.6)."""
    item = {"7FE00010": {"vr": "OB", "BulkDataURI": uri}}
    return {"00880200": {"vr": "SQ", "Value": [item]}}


def test_an_icon_has_pixel_data_of_its_own(spool: Spool) -> None:
    """It is completed like an image, and may be native in a compressed one."""
    icon = part(spool, jpeg(), "image/jpeg")
    image = part(spool, jpeg(samples=3), "image/jpeg")
    found = composed({**an_icon("icon"), **PIXELS}, image, icon=icon)
    native = composed({**an_icon("icon"), **PIXELS}, image, icon=part(spool, b"ab"))

    assert found.dataset is not None
    assert (1, 3) == (
        found.dataset.IconImageSequence[0].SamplesPerPixel,
        found.dataset.SamplesPerPixel,
    )
    assert [(None, ROOT + "4.50")] * 2 == [(each.reason, each.syntax) for each in (found, native)]


def test_an_icon_of_another_transfer_syntax(spool: Spool) -> None:
    """One that is compressed otherwise than the image could not be told from it (STW-66)."""
    icon = part(spool, jpeg(JPEG_LS), "image/jls")
    found = composed({**an_icon("icon"), **PIXELS}, part(spool, b"ab"), icon=icon)

    assert FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED is found.reason


def test_octets_stay_where_they_are(spool: Spool) -> None:
    """Those of binary VRs; text and numbers are read."""
    obj = {
        "00091010": {"vr": "OB", "BulkDataURI": "octets"},
        "00281203": {"vr": "US", "BulkDataURI": "numbers"},
        "00081195": {"vr": "UT", "BulkDataURI": "text"},
    }
    found = composed(
        obj,
        octets=part(spool, b"abcd"),
        numbers=part(spool, b"\1\0\2\0"),
        text=part(spool, b"some"),
    )

    assert found.dataset is not None
    assert isinstance(found.dataset[0x00091010].value, SplicedValue)
    assert [[1, 2], "some"] == [found.dataset[tag].value for tag in (0x00281203, 0x00081195)]


def test_text_and_numbers_are_bounded(spool: Spool) -> None:
    """They become objects, which take much more than their octets."""
    obj = {
        f"0009{element:04X}": {"vr": "UT", "BulkDataURI": "text"}
        for element in range(0x1010, 0x1021)
    }
    large = part(spool, bytes(1 << 20))

    assert composed(dict(list(obj.items())[:16]), text=large).reason is None
    assert FailureReason.PROCESSING_FAILURE is composed(obj, text=large).reason


@pytest.mark.parametrize("vr", ["US", "UT"])
def test_pixel_data_are_octets(spool: Spool, vr: str) -> None:
    """Whatever VR they are said to have."""
    obj = {"7FE00010": {"vr": vr, "BulkDataURI": "pixels"}}

    assert composed(obj, part(spool, b"ab")).reason is not None


MISFITS: list[tuple[str, Any]] = [
    *(("US", value) for value in (-1, 70000, 99999999, "abcd", 1.5)),
    ("SS", 40000),
    ("UL", 2**32),
    ("SL", 2**31),
    ("FD", "x"),
    ("FD", "1e400"),
    ("FL", 1e300),
    ("DS", "abc"),
    ("IS", "x"),
    ("AT", "zz"),
    ("OW", 65536),
    ("UN", "abc"),
]
"""Members of values that are none of their VRs."""


def in_json(vr: str, value: Any) -> JsonObject:
    """An object with a value."""
    return {"00091001": {"vr": vr, "Value": [value]}}


def in_xml(vr: str, value: Any, more: str = "") -> str:
    """The same as an attribute."""
    return attribute("00091001", vr, f'<Value number="1">{value}</Value>{more}')


@pytest.mark.parametrize(("vr", "value"), [*MISFITS, ("US", True), ("LO", "\ud800")])
@pytest.mark.parametrize("is_nested", [False, True])
def test_what_is_no_value_of_its_vr_in_json(vr: str, value: Any, *, is_nested: bool) -> None:
    """The instance fails: it would be kept as something else (STW-65)."""
    obj = in_json(vr, value)
    obj = {"00081140": {"vr": "SQ", "Value": [obj]}} if is_nested else obj
    found = composed({"00080018": {"vr": "UI", "Value": ["1.2"]}, **obj})

    assert (FailureReason.CANNOT_UNDERSTAND, "1.2") == (found.reason, found.sop_instance_uid)
    assert ["00091001"] == found.misfits


@pytest.mark.parametrize(("vr", "value"), MISFITS)
@pytest.mark.parametrize("is_nested", [False, True])
def test_what_is_no_value_of_its_vr_in_xml(vr: str, value: Any, *, is_nested: bool) -> None:
    """As in JSON, and the instance is known (STW-65)."""
    odd = in_xml(vr, value)
    odd = attribute("00081140", "SQ", f'<Item number="1">{odd}</Item>') if is_nested else odd
    uid = attribute("00080018", "UI", '<Value number="1">1.2</Value>')
    found = compose(document(uid, odd), XML, {}, Limits(part=MOST))

    assert (FailureReason.CANNOT_UNDERSTAND, "1.2") == (found.reason, found.sop_instance_uid)
    assert ["00091001"] == found.misfits


def test_bulk_data_that_are_no_value_of_their_vr(spool: Spool) -> None:
    """Half a number, and text that is not UTF-8 (JSN-42)."""
    for vr, octets in (("US", b"abc"), ("UT", b"\xff")):
        obj = {"00091001": {"vr": vr, "BulkDataURI": "x"}}
        found = composed(obj, x=part(spool, octets))

        assert FailureReason.CANNOT_UNDERSTAND is found.reason
        assert {"x"} == found.uris


@pytest.mark.parametrize(
    ("expected", "vr", "value"),
    [
        (65535, "US", 65535),
        (512, "US", "512"),
        (1, "US", 1.0),
        (-32768, "SS", -32768),
        (2**32 - 1, "UL", 2**32 - 1),
        (1e308, "FD", 1e308),
        (math.inf, "FD", "Infinity"),
        (-math.inf, "FL", "-Infinity"),
        (0.5, "FL", 0.5),
        ("1.50", "DS", "1.50"),
        ("2020-01-01", "DA", "2020-01-01"),
        ("\u00e9", "LO", "\u00e9"),
        (0x00100010, "AT", "00100010"),
        (b"\1\0", "OW", 1),
    ],
)
def test_what_is_a_value_of_its_vr(expected: Any, vr: str, value: Any) -> None:
    """It is kept, in JSON and in XML, and so is text, whether or not it obeys its VR's grammar."""
    found = composed(in_json(vr, value))
    also = compose(document(in_xml(vr, value)), XML, {}, Limits(part=MOST))

    for each in (found, also):
        assert (None, []) == (each.reason, each.misfits)
        assert each.dataset is not None
        element = each.dataset[0x00091001]
        assert (vr, expected) == (
            element.VR,
            str(element.value) if vr == "DS" else element.value,
        )
