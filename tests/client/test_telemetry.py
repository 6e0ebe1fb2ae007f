"""Spans of OpenTelemetry, as its semantic conventions have them."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aiodicomweb import Client, ConfigurationError, ConnectFailed, NotFound, Retry
from aiodicomweb.client.telemetry import OpenTelemetry
from aiodicomweb.http import URL
from aiodicomweb.testing import End, Reply, ScriptedPeer, response

from ..support.messages import dicom_file, json_response, parts_response
from ..support.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiodicomweb.testing.peers import Answer

EMPTY = json_response([])
BUSY = response(b"busy", status=503)


@asynccontextmanager
async def traced(
    *replies: Answer, **settings: Any
) -> AsyncIterator[tuple[Client, ScriptedPeer, TracerProvider, InMemorySpanExporter]]:
    """A client that makes spans, its peer, and where the spans go."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    hook = OpenTelemetry(provider, **settings)
    async with serving(*replies, hooks=hook, retry=Retry(first=0)) as (client, peer):
        yield client, peer, provider, exporter
    assert "<OpenTelemetry 0 under way>" == repr(hook)


def facts(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of a span."""
    return dict(span.attributes or {})


async def test_a_request_is_a_span() -> None:
    """A client's, named by method and route, with the attributes of the conventions."""
    async with traced(EMPTY) as (client, peer, _, exporter):
        await client.search_for_series("1.2.3", search_filters={"PatientName": "Doe^Jane"})
        origin = URL.parse(peer.url).origin

    (span,) = exporter.get_finished_spans()
    attributes = facts(span)
    sent = attributes.pop("http.request.size")
    assert 50 < sent < 1000
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.response.size": len(EMPTY),
        "server.address": origin.host,
        "server.port": origin.port,
        "url.scheme": "http",
        "url.template": "/studies/{study}/series",
    } == attributes
    assert ("GET /studies/{study}/series", SpanKind.CLIENT) == (span.name, span.kind)
    assert StatusCode.UNSET is span.status.status_code
    assert [] == [secret for secret in ("1.2.3", "Doe", "Jane") if secret in span.to_json()]


async def test_statuses_are_errors() -> None:
    """From 400 on; the status is the kind of the error."""
    async with traced(response(status=404)) as (client, _, _, exporter):
        with pytest.raises(NotFound):
            await client.retrieve_study("1.2")

    (span,) = exporter.get_finished_spans()
    assert StatusCode.ERROR is span.status.status_code
    assert (404, "404") == (facts(span)["http.response.status_code"], facts(span)["error.type"])


async def test_failures_are_errors() -> None:
    """The class tells the kind, whether there was a head or not; the text is left out."""
    cut = Reply(parts_response([dicom_file("1.2.3", 100_000)])[:-90_000], End.CLOSE)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with ScriptedPeer([cut]) as peer:
        hook = OpenTelemetry(provider)
        async with Client(peer.url, hooks=hook, retry=Retry(attempts=1)) as client:
            call = client.retrieve_study("1.2")
            part = await anext(call)
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever it is
                await part.read()
            await call.aclose()
    async with Client(peer.url, hooks=hook, retry=Retry(attempts=1)) as client:
        with pytest.raises(ConnectFailed):
            await client.search_for_studies()

    broken, unmade = exporter.get_finished_spans()
    assert [type(caught.value).__name__, "ConnectFailed"] == [
        facts(span)["error.type"] for span in (broken, unmade)
    ]
    assert "http.response.status_code" not in facts(unmade)
    assert {StatusCode.ERROR} == {span.status.status_code for span in (broken, unmade)}
    assert {None} == {span.status.description for span in (broken, unmade)}


async def test_each_attempt_is_a_span() -> None:
    """The later ones say how many there were before."""
    async with traced(BUSY, BUSY, EMPTY) as (client, _, _, exporter):
        await client.search_for_studies()

    spans = exporter.get_finished_spans()
    assert [503, 503, 200] == [facts(span)["http.response.status_code"] for span in spans]
    assert [None, 1, 2] == [facts(span).get("http.request.resend_count") for span in spans]


async def test_what_is_no_route_has_none() -> None:
    """The span is named by the method alone."""
    async with traced(response(b"x", {"Content-Type": "application/octet-stream"})) as (
        client,
        _,
        _,
        exporter,
    ):
        await client.retrieve_bulkdata("bulk/1.2.3")

    (span,) = exporter.get_finished_spans()
    assert "GET" == span.name
    assert "url.template" not in facts(span)


async def test_the_context_goes_along() -> None:
    """``traceparent`` names the span, which lies under the current one; baggage stays here."""
    async with traced(EMPTY) as (client, peer, provider, exporter):
        token = context.attach(baggage.set_baggage("patient", "Doe"))
        with provider.get_tracer("test").start_as_current_span("above") as above:
            await client.search_for_studies()
        context.detach(token)

    span = exporter.get_finished_spans()[0]
    ours, parent = span.get_span_context(), span.parent
    assert ours is not None
    assert parent is not None
    assert above.get_span_context().span_id == parent.span_id
    headers = peer.requests[0].headers
    flags = f"{ours.trace_flags:02x}"
    assert f"00-{ours.trace_id:032x}-{ours.span_id:016x}-{flags}" == headers["traceparent"]
    assert "baggage" not in headers


async def test_another_propagator() -> None:
    """The program's own may carry more."""
    async with traced(EMPTY, propagator=get_global_textmap()) as (client, peer, _, _):
        token = context.attach(baggage.set_baggage("site", "north"))
        await client.search_for_studies()
        context.detach(token)

    assert "site=north" == peer.requests[0].headers["baggage"]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(ConfigurationError, match="opentelemetry-api") as caught:
        OpenTelemetry()

    assert "pip install aiodicomweb[otel]" == caught.value.hint
