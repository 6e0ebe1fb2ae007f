"""Requests to store, in JSON and XML with bulk data: written and read."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import DataElement, Dataset, config, dcmread

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax, split_frames
from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.errors import Part10Error, RemoteProtocolError
from aiodicomweb.http import (
    URL,
    Headers,
    Request,
    body_octets,
)
from aiodicomweb.services import (
    Representation,
    StoreRequest,
)
from aiodicomweb.wire import read_parts

from ..support.comparison import differences
from ..support.dicom_files import sample

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = URL.parse("http://pacs.example/dicom-web")
JSON = Headers({"Content-Type": "application/dicom+json"})
CT = "1.2.840.10008.5.1.4.1.1.2"


METADATA = [Representation.JSON, Representation.XML]
JPEG = "1.2.840.10008.1.2.4.50"
LITTLE = "1.2.840.10008.1.2.1"


def instance(uid: str = "1.2.3", **values: Any) -> Dataset:
    """A data set with its UIDs."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = uid
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def compressed(*frames: bytes, syntax: str = JPEG, uid: str = "1.2.3") -> Dataset:
    """A data set with encapsulated pixel data."""
    dataset = instance(uid, NumberOfFrames=len(frames))
    dataset.add_new(0x7FE00010, "OB", join_frames(frames))
    set_transfer_syntax(dataset, syntax)
    return dataset


def parts_of(request: Request) -> list[tuple[Headers, bytes]]:
    """The parts of a request's body."""
    media_type = request.media_type
    assert media_type is not None
    return read_parts(body_octets(request.body), media_type.boundary)


def arrive(
    parts: Iterable[tuple[dict[str, str], bytes]], type_: str = "application/dicom+json"
) -> Request:
    """A request that was made by hand."""
    content = "".join(
        "--b\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        + f"\r\n{octets.decode('latin-1')}\r\n"
        for fields, octets in parts
    )
    headers = Headers({"Content-Type": f'multipart/related; type="{type_}"; boundary=b'})
    url = URL.parse("http://pacs.example/dicom-web/studies")
    return Request("POST", url, headers, f"{content}--b--".encode("latin-1"))


@pytest.mark.parametrize("representation", METADATA)
def test_large_values_travel_in_parts(representation: Representation) -> None:
    """Metadata first, then what they refer to; small ones stay in line (STW-03, STW-04, MUL-40)."""
    data_set = instance(WaveformSequence=[Dataset()], PixelData=b"p" * 2000)
    data_set["PixelData"].VR = "OW"
    data_set.WaveformSequence[0].add_new(0x54001010, "OB", b"w" * 1025)
    data_set.add_new(0x00280018, "OB", b"x" * 1024)
    request = StoreRequest(BASE, [data_set], representation=representation).to_http()
    metadata, waveform, pixels = parts_of(request)

    assert (
        f'multipart/related; type="{representation}"'
        == str(request.media_type)[: len(representation) + 26]
    )
    assert {"Content-Type": representation} == dict(metadata[0].items())
    for (headers, octets), expected in ((waveform, b"w" * 1025), (pixels, b"p" * 2000)):
        assert expected == octets
        assert f"application/octet-stream; transfer-syntax={LITTLE}" == headers["Content-Type"]
        assert headers["Content-Location"].encode() in metadata[1]
    (found,) = StoreRequest.from_http(request).datasets
    assert [] == differences(data_set, found)
    assert LITTLE == found.file_meta.TransferSyntaxUID


@pytest.mark.parametrize("representation", METADATA)
def test_compressed_frames_travel_bare(representation: Representation) -> None:
    """One part for each frame, with its media type and without items (STW-13, MED-110)."""
    frames = [b"\xff\xd8one ", b"\xff\xd8two "]
    request = StoreRequest(BASE, [compressed(*frames)], representation=representation).to_http()
    _, *parts = parts_of(request)

    assert frames == [octets for _, octets in parts]
    assert {f"image/jpeg; transfer-syntax={JPEG}"} == {h["Content-Type"] for h, _ in parts}
    assert 1 == len({h["Content-Location"] for h, _ in parts})
    (found,) = StoreRequest.from_http(request).datasets
    assert [] == differences(compressed(*frames), found)
    assert JPEG == found.file_meta.TransferSyntaxUID
    assert found["PixelData"].is_undefined_length


def test_a_video_is_one_part() -> None:
    """However many frames it has (STW-13)."""
    video = compressed(b"mpeg", syntax="1.2.840.10008.1.2.4.102")
    video.NumberOfFrames = 25
    _, (headers, octets) = parts_of(
        StoreRequest(BASE, [video], representation=Representation.JSON).to_http()
    )

    assert b"mpeg" == octets
    assert "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102" == headers["Content-Type"]


def test_an_icon_has_one_frame() -> None:
    """An icon of compressed pixel data is counted by itself."""
    data_set = compressed(b"1111", b"2222")
    icon = Dataset()
    icon.add_new(0x7FE00010, "OB", join_frames([b"icon"]))
    data_set.IconImageSequence = [icon]
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()

    assert [b"icon", b"1111", b"2222"] == [octets for _, octets in parts_of(request)[1:]]
    assert [] == differences(data_set, StoreRequest.from_http(request).datasets[0])


def test_compressed_without_a_number_of_frames() -> None:
    """A single-frame object has none (STW-14)."""
    data_set = compressed(b"1111")
    del data_set.NumberOfFrames
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()

    assert [b"1111"] == [octets for _, octets in parts_of(request)[1:]]


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ("application/pdf", "application/pdf"),
        ("application/dicom+json", "application/dicom+json"),
        ("application/octet-stream", None),
        ("application/octet-stream", "a PDF file"),
    ],
)
def test_a_document_says_what_it_is(expected: str, told: str | None) -> None:
    """Its media type is that of the attribute, and it is no metadata (STW-12)."""
    data_set = instance(**({"MIMETypeOfEncapsulatedDocument": told} if told else {}))
    data_set.add_new(0x00420011, "OB", b"%PDF" * 300)
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()
    _, (headers, octets) = parts_of(request)

    assert expected == headers["Content-Type"]
    assert b"%PDF" * 300 == octets
    assert [] == differences(data_set, StoreRequest.from_http(request).datasets[0])


def big_endian(**values: Any) -> Dataset:
    """A data set as it is read from a file whose words are big-endian."""
    dataset = instance(**values)
    dataset.add_new(0x00281201, "OW", b"\1\2" * 1000)
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4" * 500)
    set_transfer_syntax(dataset, "1.2.840.10008.1.2.2")
    dataset["PixelData"].is_undefined_length = False
    return dcmread(BytesIO(encode(dataset)))


@pytest.mark.parametrize("representation", METADATA)
@pytest.mark.parametrize(("bits", "pixel"), [(16, b"\2\1\4\3"), (32, b"\4\3\2\1")])
def test_octets_have_an_order(representation: Representation, bits: int, pixel: bytes) -> None:
    """Bulk data are little-endian, whatever the file was (MED-112)."""
    data_set = big_endian(BitsAllocated=bits)
    request = StoreRequest(BASE, [data_set], representation=representation).to_http()
    _, palette, pixels = parts_of(request)
    (found,) = StoreRequest.from_http(request).datasets

    assert [b"\2\1" * 1000, pixel * 500] == [palette[1], pixels[1]]
    assert {f"application/octet-stream; transfer-syntax={LITTLE}"} == {
        headers["Content-Type"] for headers, _ in (palette, pixels)
    }
    assert LITTLE == found.file_meta.TransferSyntaxUID


def test_a_value_may_be_in_a_buffer() -> None:
    """As pydicom keeps large ones."""
    data_set = instance(BitsAllocated=16)
    data_set.add_new(0x7FE00010, "OW", BytesIO(b"p" * 2000))
    request = StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()

    assert b"p" * 2000 == parts_of(request)[1][1]


@pytest.mark.parametrize("number", ["1A", ["1", "2"], -1])
def test_frames_that_cannot_be_counted_are_refused(number: Any) -> None:
    """A broken data set is an error of ours."""
    data_set = compressed(b"1111")
    data_set["NumberOfFrames"] = DataElement(
        0x00280008, "LO", number, validation_mode=config.IGNORE
    )
    with pytest.raises(Part10Error, match="number of frames"):
        StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()


def test_frames_that_cannot_be_told_apart_are_refused() -> None:
    """A broken data set is an error of ours."""
    data_set = compressed(b"1111")
    data_set["PixelData"].value = b"\xfe\xff\x00\xe0\xff"
    with pytest.raises(Part10Error):
        StoreRequest(BASE, [data_set], representation=Representation.JSON).to_http()


@pytest.mark.parametrize("representation", METADATA)
@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm"])
def test_files_become_metadata(name: str, representation: Representation) -> None:
    """The octets of a file are made a data set of, and come back with all of their elements."""
    original = sample(name).read()
    request = StoreRequest(BASE, [sample(name).octets], representation=representation).to_http()
    (found,) = StoreRequest.from_http(request).datasets

    assert sample(name).transfer_syntax == found.file_meta.TransferSyntaxUID
    if found["PixelData"].is_undefined_length:
        # The encapsulation is made anew.
        frames = int(original.get("NumberOfFrames", 1))
        assert split_frames(original.PixelData, frames) == split_frames(found.PixelData, frames)
        found.PixelData = original.PixelData
    if representation is Representation.XML:
        # What XML does not keep, such as the blocks of private attributes, is none of ours.
        original = dataset_from_xml(dataset_to_xml(original))
    assert [] == differences(original, found)


@pytest.mark.parametrize(
    "location", [["urn:x:1", "urn:x:1"], ["urn:x:1/frames/1", "urn:x:1/frames/2"]]
)
def test_frames_are_named_in_two_ways(location: list[str]) -> None:
    """The standard does not say which (MUL-45)."""
    metadata = b'[{"7FE00010":{"vr":"OB","BulkDataURI":"urn:x:1"}}]'
    request = arrive(
        [
            ({"Content-Type": "application/dicom+json"}, metadata),
            ({"Content-Type": "image/x-jls", "Content-Location": location[0]}, b"frame1"),
            ({"Content-Type": "image/x-jls", "Content-Location": location[1]}, b"frame2"),
        ]
    )
    (found,) = StoreRequest.from_http(request).datasets

    assert join_frames([b"frame1", b"frame2"]) == found.PixelData
    assert "1.2.840.10008.1.2.4.80" == found.file_meta.TransferSyntaxUID


def test_one_part_serves_many() -> None:
    """Several instances may refer to one part (MUL-43)."""
    metadata = (
        b'[{"00420011":{"vr":"OB","BulkDataURI":"a"}},{"00420011":{"vr":"OB","BulkDataURI":"a"}}]'
    )
    request = arrive(
        [
            ({"Content-Type": "application/dicom+json"}, metadata),
            ({"Content-Type": "application/pdf", "Content-Location": "a"}, b"%PDF"),
        ]
    )

    assert [b"%PDF"] * 2 == [
        data_set.EncapsulatedDocument for data_set in StoreRequest.from_http(request).datasets
    ]


@pytest.mark.parametrize(
    ("message", "metadata", "location"),
    [
        ("missing", b'[{"7FE00010":{"vr":"OB","BulkDataURI":"b"}}]', "a"),
        ("no data set refers", b"[{}]", "a"),
        ("no instance", b"[]", None),
    ],
)
def test_metadata_and_bulk_data_must_fit(
    message: str, metadata: bytes, location: str | None
) -> None:
    """Each reference has a part, each part a reference (MUL-43): else the message is invalid."""
    bulk = (
        [({"Content-Type": "image/jpeg", "Content-Location": location}, b"x")] if location else []
    )
    request = arrive([({"Content-Type": "application/dicom+json"}, metadata), *bulk])
    with pytest.raises(RemoteProtocolError, match=message) as caught:
        StoreRequest.from_http(request)

    assert 400 == caught.value.status_hint


PIXELS = b'[{"7FE00010":{"vr":"OB","BulkDataURI":"a"}}]'


def with_pixels(*media_types: str, metadata: str = "application/dicom+json") -> Request:
    """A request whose pixel data are of these media types."""
    frames = [({"Content-Type": name, "Content-Location": "a"}, b"x") for name in media_types]
    return arrive([({"Content-Type": metadata}, PIXELS), *frames])


@pytest.mark.parametrize(
    ("metadata", "media_types"),
    [
        *(
            (f"application/dicom+json; transfer-syntax={syntax}", ["image/jpeg"])
            for syntax in ("foo", '"*"', "1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
        ),
        *(
            ("application/dicom+json", [media_type])
            for media_type in (
                "image/jpeg; transfer-syntax=foo",
                "image/jpeg; transfer-syntax=*",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2",
                "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2",
                "image/jpeg; transfer-syntax=1.2.840.10008.1.2.1",
                "image/png; transfer-syntax=1.2.840.10008.1.2.1",
                "image/png",
                "text/plain",
            )
        ),
        ("application/dicom+json", ["image/jpeg", "image/jls"]),
    ],
)
def test_pixel_data_are_in_a_transfer_syntax(metadata: str, media_types: list[str]) -> None:
    """One of the web, that of the media type; else they cannot be stored (GEN-18, STW-34)."""
    with pytest.raises(RemoteProtocolError) as caught:
        StoreRequest.from_http(with_pixels(*media_types, metadata=metadata))

    assert 415 == caught.value.status_hint


@pytest.mark.parametrize(
    ("expected", "media_type"),
    [
        (LITTLE, "application/octet-stream"),
        (JPEG, f"application/octet-stream; transfer-syntax={JPEG}"),
        ("1.2.840.10008.1.2.4.70", "image/jpeg"),
        ("1.2.840.10008.1.2.5", "image/x-dicom-rle; transfer-syntax=1.2.840.10008.1.2.5"),
        ("1.2.840.10008.1.2.4.102", "VIDEO/MP4"),
    ],
)
def test_the_media_type_may_tell_the_transfer_syntax(expected: str, media_type: str) -> None:
    """Octets may be in any, the others have a default (MED-110, STW-20)."""
    (found,) = StoreRequest.from_http(with_pixels(media_type)).datasets

    assert expected == found.file_meta.TransferSyntaxUID


def test_the_first_part_is_metadata() -> None:
    """Whatever location it has (MUL-40, MUL-41)."""
    head = {"Content-Type": "application/dicom+json", "Content-Location": "m"}

    assert [Dataset()] == list(StoreRequest.from_http(arrive([(head, b"[{}]")])).datasets)


@pytest.mark.parametrize("type_", ["application/json", "application/xml"])
def test_general_names_are_taken(type_: str) -> None:
    """As root of the message and for the part (JSN-01)."""
    body = b"[{}]" if type_ == "application/json" else dataset_to_xml(Dataset())
    request = arrive([({"Content-Type": type_}, body)], type_)

    assert (Dataset(),) == StoreRequest.from_http(request).datasets
