"""Answers to a store: read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.errors import (
    ConfigurationError,
    JsonModelError,
    MultipartError,
    NativeXmlError,
    UnexpectedMediaType,
)
from aiodicomweb.http import (
    URL,
    Headers,
    MediaType,
    Response,
)
from aiodicomweb.services import (
    FailedInstance,
    Representation,
    StoredInstance,
    StoreResponse,
)

from ..support.dicom_files import sample

BASE = URL.parse("http://pacs.example/dicom-web")
JSON = Headers({"Content-Type": "application/dicom+json"})
CT = "1.2.840.10008.5.1.4.1.1.2"


def ui(uid: str) -> dict[str, Any]:
    """A UID as JSON."""
    return {"vr": "UI", "Value": [uid]}


def us(number: Any) -> dict[str, Any]:
    """A reason as JSON."""
    return {"vr": "US", "Value": [number]}


def sq(*items: Any) -> dict[str, Any]:
    """A sequence as JSON."""
    return {"vr": "SQ", "Value": list(items)}


# STW-V1
MIXED = {
    "00081190": {"vr": "UR", "Value": ["https://pacs.example/dicom-web/studies/1.2.3"]},
    "00081198": sq(
        {"00081150": ui(CT), "00081155": ui("1.2.3.4.6"), "00081197": us(49442)},
    ),
    "00081199": sq(
        {
            "00081150": ui(CT),
            "00081155": ui("1.2.3.4.5"),
            "00081190": {"vr": "UR", "Value": ["https://pacs.example/instances/1.2.3.4.5"]},
            "00081196": us(45056),
        }
    ),
}


# --- read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 400, 409])
@pytest.mark.parametrize("wrap", [lambda module: module, lambda module: [module]])
def test_the_module_is_read(status: int, wrap: Any) -> None:
    """STW-V1 under any status (STW-37), also in an array (STW-56)."""
    response = StoreResponse.from_http(Response(status, JSON, json.dumps(wrap(MIXED)).encode()))

    assert status == response.status
    assert "https://pacs.example/dicom-web/studies/1.2.3" == response.retrieve_url
    assert (
        StoredInstance(CT, "1.2.3.4.5", "https://pacs.example/instances/1.2.3.4.5", 45056),
    ) == response.stored
    assert (FailedInstance(CT, "1.2.3.4.6", 49442),) == response.failed
    assert () == response.other_failures
    assert response.has_items
    assert response.dataset is not None
    assert CT == response.dataset.ReferencedSOPSequence[0].ReferencedSOPClassUID


def test_lower_case_tags_are_read() -> None:
    """Case 38: hexadecimal digits may be in lower case."""
    module = {"0008119a": sq({"00081197": us(272)})}

    assert (272,) == StoreResponse.from_http(
        Response(409, JSON, json.dumps(module).encode())
    ).other_failures


def test_nothing_stored() -> None:
    """STW-V2: the study's URL is empty."""
    module = {
        "00081190": {"vr": "UR"},
        "00081198": sq({"00081150": ui(CT), "00081155": ui("1.2"), "00081197": us(290)}),
    }
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert response.retrieve_url is None
    assert () == response.stored
    assert ["0122 referenced SOP class not supported"] == [f.reason for f in response.failed]


def test_failures_without_an_instance() -> None:
    """STW-V3, and an item without reason, which says nothing."""
    module = {"00081190": {"vr": "UR"}, "0008119A": sq({"00081197": us(272)}, {})}
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert (272, None) == response.other_failures
    assert response.has_items
    assert 1 == response.missing(3)


def test_items_may_lack_anything() -> None:
    """Unparsable instances have no UIDs, some servers give no reason (STW-58)."""
    module = {"00081198": sq({}, {"00081155": ui("1.2"), "00081197": {"vr": "US"}})}
    response = StoreResponse.from_http(Response(202, JSON, json.dumps(module).encode()))

    assert (FailedInstance("", ""), FailedInstance("", "1.2")) == response.failed
    assert "no reason given" == response.failed[0].reason


def test_items_may_name_instances_by_their_own_attributes() -> None:
    """Example B.21 of the standard, with file meta information in it (ERR-16)."""
    item = {"00020010": ui("1.2.840.10008.1.2"), "00080016": ui(CT), "00080018": ui("1.2")}
    response = StoreResponse.from_http(
        Response(200, JSON, json.dumps({"00081199": sq(item)}).encode())
    )

    assert (StoredInstance(CT, "1.2"),) == response.stored


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (272, us("272")),
        (272, us(272.0)),
        (272, {"vr": "US", "Value": [272, 5]}),
        (272, {"vr": "IS", "Value": ["272"]}),
        (None, {"vr": "LO", "Value": ["Doe"]}),
    ],
)
def test_reasons_are_numbers(expected: int | None, value: Any) -> None:
    """The tag counts, not the VR (ERR-30); one code for an item (STW-70)."""
    module = {"00081198": sq({"00081155": ui("1.2"), "00081197": value})}
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert (FailedInstance("", "1.2", expected),) == response.failed


def test_white_space_in_urls_is_dropped() -> None:
    """Even the standard's example has it; UT is the VR of old answers (STW-40, STW-58)."""
    url = {"vr": "UT", "Value": ["https://pacs.example/\n   studies/1.2 "]}
    module = {"00081190": url, "00081199": sq({"00081155": ui("1.2"), "00081190": url})}
    response = StoreResponse.from_http(Response(200, JSON, json.dumps(module).encode()))

    assert "https://pacs.example/studies/1.2" == response.retrieve_url
    assert "https://pacs.example/studies/1.2" == response.stored[0].retrieve_url


def test_sequences_may_be_empty() -> None:
    """Orthanc before 1.19 gives empty sequences, and no Content-Type when it refuses."""
    body = b'{"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"00081198":{"vr":"SQ"},"00081199":{"vr":"SQ"}}'  # noqa: E501
    response = StoreResponse.from_http(Response(400, Headers(), body))

    assert not response.has_items
    assert response.dataset is not None


def test_a_sequence_by_another_vr_is_none() -> None:
    """What is no sequence has no items."""
    module = {"00081199": {"vr": "LO", "Value": ["x"]}}

    assert not StoreResponse.from_http(Response(200, JSON, json.dumps(module).encode())).has_items


@pytest.mark.parametrize("status", [200, 202, 204, 400, 503])
def test_no_body_is_no_items(status: int) -> None:
    """Case 36: an answer may have no body (STW-36)."""
    response = StoreResponse.from_http(Response(status))

    assert StoreResponse(status) == response
    assert not response.has_items


@pytest.mark.parametrize(
    ("error", "content_type", "body"),
    [
        (UnexpectedMediaType, "text/html", b"<html>log in</html>"),
        (NativeXmlError, "application/dicom+xml", b"<html/>"),
        (
            MultipartError,
            'multipart/related; type="application/dicom+xml"; boundary=b',
            b"--b\r\n\r\nx",
        ),
        (UnexpectedMediaType, "application/octet-stream", b"stored, perhaps"),
        (UnexpectedMediaType, "application/dicom", sample("CT_small.dcm").octets),
        (JsonModelError, "application/json", b'{"HttpError":"x"}'),
        (JsonModelError, "application/dicom+json", b"{"),
    ],
)
def test_other_bodies_do_not_hide_a_refusal(
    error: type[Exception], content_type: str, body: bytes
) -> None:
    """Case 36: under 4xx they are no module; under 2xx they are an error (STW-37)."""
    headers = Headers({"Content-Type": content_type})

    assert StoreResponse(409) == StoreResponse.from_http(Response(409, headers, body))
    with pytest.raises(error):
        StoreResponse.from_http(Response(200, headers, body))


@pytest.mark.parametrize("status", [200, 202, 409])
def test_plain_text_says_nothing(status: int) -> None:
    """Case 36: the server has answered, of no instance."""
    headers = Headers({"Content-Type": "text/plain; charset=utf-8"})
    response = StoreResponse.from_http(Response(status, headers, b"stored, perhaps"))

    assert StoreResponse(status) == response
    assert 3 == response.missing(3)


@pytest.mark.parametrize("status", [200, 409])
@pytest.mark.parametrize(
    "content_type",
    ['multipart/related; type="application/dicom+xml"; boundary=x', "text/xml", None],
)
def test_xml_is_known_by_its_look(status: int, content_type: str | None) -> None:
    """Example B.23 calls it multipart, which it is not (STW-57, ERR-14)."""
    answer = StoreResponse(status, other_failures=(1,), representation=Representation.XML)
    headers = Headers({"Content-Type": content_type} if content_type else {})

    assert answer == StoreResponse.from_http(Response(status, headers, answer.to_http().body))


def test_a_module_tells_what_it_has() -> None:
    """A module that a server has made itself."""
    answer = StoreResponse(409, "http://h/1", failed=(FailedInstance(CT, "1.2", 272),))

    assert answer == StoreResponse(409, dataset=answer.dataset)


def test_an_answer_is_a_value() -> None:
    """Lists are taken, and empty warnings say nothing."""
    stored: Any = [StoredInstance(CT, "1.2")]
    warnings: Any = ["", "a"]
    answer = StoreResponse(200, None, stored, warnings=warnings)

    assert StoreResponse(200, None, tuple(stored), warnings=("a",)) == answer
    assert answer == StoreResponse.from_http(answer.to_http())


@pytest.mark.parametrize("reason", [-1, 70_000])
def test_reasons_have_16_bits(reason: int) -> None:
    """Another cannot be written; of a server's nothing is known (STW-44)."""
    module = {"00081198": sq({"00081155": ui("1.2"), "00081197": {"vr": "IS", "Value": [reason]}})}
    response = StoreResponse.from_http(Response(409, JSON, json.dumps(module).encode()))

    assert (FailedInstance("", "1.2"),) == response.failed
    with pytest.raises(ConfigurationError):
        StoreResponse(409, failed=(FailedInstance(CT, "1.2", reason),))


def test_warnings_are_texts() -> None:
    """The header tells of what happened to all (STW-38)."""
    headers = JSON.add("Warning", '299 pacs "Out of memory"')

    assert ("Out of memory",) == StoreResponse.from_http(Response(202, headers, b"{}")).warnings


# --- both ways ------------------------------------------------------------------------------------


@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
@pytest.mark.parametrize("status", [200, 202, 400, 409])
def test_an_answer_is_written_and_read(status: int, representation: Representation) -> None:
    """All that the module has, in JSON and in XML (STW-30..33, STW-40..55)."""
    answer = StoreResponse(
        status,
        "https://pacs.example/studies/1.2.3",
        (
            StoredInstance(CT, "1.2.3.4.5", "https://pacs.example/5", 0xB000),
            StoredInstance(CT, "1.7"),
        ),
        (FailedInstance(CT, "1.2.3.4.6", 0xC122), FailedInstance("", "", 12345)),
        (0x0110,),
        ("Out of memory",),
        representation=representation,
    )
    response = answer.to_http()

    assert answer == StoreResponse.from_http(response)
    assert representation == response.headers["Content-Type"]
    assert answer == StoreResponse.from_http(Response.from_bytes(bytes(response)))
    assert "C122 referenced transfer syntax not supported" == answer.failed[0].reason
    assert "3039 unknown reason" == answer.failed[1].reason
    assert "B000 coercion of data elements" == answer.stored[0].warning
    assert answer.stored[1].warning is None


def test_the_module_is_one_object() -> None:
    """Not an array; what is unknown is empty or absent (STW-56, STW-V3)."""
    body = StoreResponse(409, other_failures=(272,)).to_http().body

    assert {
        "00081190": {"vr": "UR"},
        "0008119A": sq({"00081197": us(272)}),
    } == json.loads(body)


@pytest.mark.parametrize("status", [200, 204, 400, 503])
def test_an_answer_without_module(status: int) -> None:
    """Nothing to tell is no body (STW-36)."""
    answer = StoreResponse(status, warnings=("a", "b"), representation=Representation.XML)

    assert b"" == answer.to_http().body
    assert answer == StoreResponse.from_http(answer.to_http())


def test_a_module_that_cannot_be_sent_is_refused() -> None:
    """204 has no body, and DICOM files are no answer."""
    with pytest.raises(ConfigurationError):
        StoreResponse(204, other_failures=(1,)).to_http()
    with pytest.raises(ConfigurationError):
        StoreResponse(200, representation=Representation.DICOM)


def test_what_is_optional_is_kept() -> None:
    """A module of the server's own is written as it is (STW-49)."""
    item = Dataset()
    item.SOPClassUID = CT
    item.SOPInstanceUID = "1.2"
    module = Dataset()
    module.RetrieveURL = "http://h/"
    module.add_new(0x00081199, "SQ", [item])
    answer = StoreResponse.from_http(StoreResponse(200, dataset=module).to_http())

    assert "http://h/" == answer.retrieve_url
    assert (StoredInstance(CT, "1.2"),) == answer.stored  # ERR-16
    assert answer == StoreResponse.from_http(answer.to_http())


@pytest.mark.parametrize(
    "media_type", ["application/dicom+xml", 'multipart/related; type="application/dicom+xml"']
)
def test_xml_is_labelled_in_two_ways(media_type: str) -> None:
    """As it is, and as multipart with one part (STW-57, ERR-14)."""
    body = StoreResponse(202, other_failures=(1,), representation=Representation.XML).to_http().body
    if MediaType.parse(media_type).is_multipart:
        body = b"--x\r\nContent-Type: application/dicom+xml\r\n\r\n" + body + b"\r\n--x--"
    response = Response(202, Headers({"Content-Type": media_type}), body)

    assert (1,) == StoreResponse.from_http(response).other_failures


def test_missing_items_are_counted() -> None:
    """Case 37: fewer items than instances sent."""
    answer = StoreResponse(
        200, None, (StoredInstance(CT, "1"),), (FailedInstance(CT, "2", 1),), (3,)
    )

    assert 2 == answer.missing(5)
    assert 0 == answer.missing(3)
    assert 0 == answer.missing(1)
