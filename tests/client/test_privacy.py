"""Nothing that is shown holds data of patients or credentials: no text, no repr, no log."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiodicomweb import BasicAuth, BearerAuth, Client, DicomWebError, Limits, Retry, Timeout
from aiodicomweb.testing import End, Reply, response

from ..support.messages import (
    DICOM,
    FRAMES,
    JSON,
    chunked,
    dicom_file,
    json_response,
    module,
    multipart,
    parts_response,
    parts_type,
)
from ..support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRETS = ("Doe", "Jane", "s3cret", "czNjcmV0", "c2VjcmV0", "T0ken", "P4yload")
"""Names, a password and its coded forms, a token, and what payload holds here."""

FILE = dicom_file("1.2.3", 100_000, name="Doe^Jane")
QUERY = {"PatientName": "Doe^Jane"}


async def search(client: Client) -> object:
    """Search by name."""
    return await client.search_for_studies(
        search_filters=QUERY, additional_params={"key": "T0ken"}, headers={"X-Key": "T0ken"}
    )


async def retrieve(client: Client) -> object:
    """Retrieve into memory."""
    return await client.retrieve_study("1.2", additional_params={"name": "Doe"})


async def images(client: Client) -> object:
    """Retrieve rendered images."""
    return await client.retrieve_study_rendered("1.2", additional_params={"name": "Doe"})


async def delete(client: Client) -> None:
    """Delete."""
    await client.delete_study("1.2", {"name": "Doe"}, headers={"X-Key": "T0ken"})


async def frames(client: Client) -> object:
    """Retrieve frames."""
    return await client.retrieve_instance_frames("1", "2", "3", [1, 2, 3])


async def bulk(client: Client) -> object:
    """Retrieve bulk data by a URI that holds a name."""
    return await client.retrieve_bulkdata("bulk?name=Doe&key=T0ken", byte_range=(0, 1))


async def store(client: Client) -> object:
    """Store a file with a name in it."""
    return await client.store_instances(FILE, additional_params={"name": "Doe"})


PAYLOAD = b"P4yload Doe^Jane " * 100
HALF = parts_response([FILE])[:-90_000]
CASES: dict[str, tuple[Callable[[Client], Any], Any]] = {
    "refused": (search, response(PAYLOAD, status=400)),
    "unauthorized": (search, response(PAYLOAD, {"WWW-Authenticate": "Basic T0ken"}, 401)),
    "failed": (retrieve, json_response({"00100010": {"vr": "PN", "Value": ["Doe"]}}, 500)),
    "page": (search, response(PAYLOAD, {"Content-Type": "text/html"})),
    "page for parts": (retrieve, response(PAYLOAD, {"Content-Type": "text/html"})),
    "no JSON": (search, response(b'[{"Doe^Jane": ]', JSON)),
    "odd JSON": (search, response(b'["Doe^Jane"]', JSON)),
    "bad tag": (search, response(b'[{"Doe^Jane": {"vr": "PN"}}]', JSON)),
    "bad octets": (search, response(b'[{"00280010": {"vr": "OB", "InlineBinary": "Doe^"}}]', JSON)),
    "no file": (retrieve, parts_response([PAYLOAD])),
    "no multipart": (retrieve, response(PAYLOAD, parts_type())),
    "bad part head": (retrieve, response(b"--end\r\nDoe Jane\r\n\r\nx", parts_type())),
    "cut": (retrieve, Reply(HALF, End.CLOSE)),
    "reset": (retrieve, Reply(HALF, End.RESET)),
    "bad chunk": (
        retrieve,
        chunked(multipart([FILE]), parts_type()).replace(b"\r\n\r\n", b"\r\n\r\nP4yload", 1),
    ),
    "bad head": (search, b"HTTP/1.1 200 OK\r\nX-Patient Doe\r\n\r\n"),
    "bad status line": (search, b"Doe^Jane P4yload\r\n\r\n"),
    "too long": (search, response(PAYLOAD, JSON)),
    "page in place of images": (images, response(PAYLOAD, {"Content-Type": "text/html"})),
    "deletion refused": (delete, response(PAYLOAD, JSON, 404)),
    "page in place of a deletion": (delete, response(PAYLOAD, {"Content-Type": "text/html"})),
    "fewer frames": (frames, parts_response([PAYLOAD], FRAMES)),
    "wrong range": (bulk, response(PAYLOAD, {"Content-Type": FRAMES})),
    "store refused": (store, response(PAYLOAD, status=413)),
    "store failed": (store, response(PAYLOAD, JSON)),
    "store lost": (store, Reply(b"", End.RESET)),
    "no answer": (search, Reply(b"", End.CLOSE)),
    "moved to no URL": (search, response(b"", {"Location": "http://Doe:T0ken@[Jane/"}, 302)),
    "moved to nobody": (
        search,
        response(b"", {"Location": "http://Doe:T0ken@127.0.0.1:1/?name=Doe"}, 302),
    ),
    "moved to another protocol": (bulk, response(PAYLOAD, {"Location": "x://Doe:1/T0ken"}, 307)),
    "moved to nothing": (
        search,
        response(b"", {"Location": "?PatientName=Doe%5EJane&key=T0ken&includefield=all"}, 307),
    ),
    "store moved": (store, response(PAYLOAD, {"Location": "/?name=Doe&key=T0ken"}, 301)),
    "late": (search, [anyio.Event()]),
}


def shown(error: BaseException) -> str:
    """All that a program shows of an error, with what led to it."""
    chain = traceback.TracebackException.from_exception(error)
    lines = []
    while chain is not None:
        lines += [*chain.format_exception_only()]
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return f"{error} {error!r} {''.join(lines)}"


@pytest.mark.parametrize(("work", "reply"), CASES.values(), ids=CASES)
async def test_errors_show_nothing(
    work: Callable[[Client], Any], reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No error's text, nor that of what caused it, nor anything logged, holds a secret."""
    caplog.set_level(logging.DEBUG)
    settings = {
        "auth": BasicAuth("Doe", "s3cret"),
        "headers": {"X-Token": "T0ken"},
        "limits": Limits(body=1000),
        "timeout": Timeout(head=0.1),
    }
    async with serving(reply, **settings) as (client, _):
        with pytest.raises(DicomWebError) as caught:
            await work(client)

        text = shown(caught.value) + repr(client) + caplog.text
        assert [] == [secret for secret in SECRETS if secret in text]


async def test_what_goes_well_shows_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither do calls, parts, results and reports, nor what is logged on the way."""
    caplog.set_level(logging.DEBUG)
    replies = [
        json_response([{"00100010": {"vr": "PN", "Value": ["Doe"]}}]),
        response(status=503),
        parts_response([FILE]),
        parts_response([PAYLOAD], FRAMES, [{"Content-Location": "/Doe"}]),
        json_response(module(["1.2.3"])),
    ]
    settings = {"auth": BearerAuth("T0ken"), "retry": Retry(first=0), "headers": {"X": "s3cret"}}
    texts = []
    async with serving(*replies, **settings) as (client, _):
        call: Any = client.search_for_studies(search_filters=QUERY)
        await call
        texts += [repr(call), repr(call.response)]
        async with client.retrieve_study("1.2", additional_params={"x": "Doe"}) as call:
            async for part in call:
                await part.save(tmp_path)
                texts += [repr(part), repr(call), repr(part.headers)]
        (frame,) = await client.retrieve_instance_frames("1", "2", "3", [1])
        report = await client.store_instances(FILE)
        texts += [repr(frame), repr(report), repr(client), caplog.text, DICOM]

    text = " ".join(texts)
    assert [] == [secret for secret in SECRETS if secret in text]
