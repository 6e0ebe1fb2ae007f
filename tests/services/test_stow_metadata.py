"""Requests to store, in JSON and XML with bulk data: written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset

from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax, split_frames
from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.errors import (
    ConfigurationError,
    Part10Error,
    RemoteProtocolError,
)
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


def test_octets_have_an_order() -> None:
    """Bulk data are little-endian; what is not is refused, not sent wrong (MED-112)."""
    data_set = instance(PixelData=b"p" * 2000)
    set_transfer_syntax(data_set, "1.2.840.10008.1.2.2")
    with pytest.raises(ConfigurationError, match="little-endian"):
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
