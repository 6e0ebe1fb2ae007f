"""Client spans of OpenTelemetry, by its semantic conventions for HTTP.

Needs the extra ``otel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from .events import HeadReceived, RequestFinished, RequestStarted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import Span, TracerProvider

    from .events import Event

__all__ = ["OpenTelemetry"]


class OpenTelemetry:
    """A hook that makes a span of each request that goes out, repeated ones too.

    A span lies under the one that is current where the verb is awaited, and tells of method,
    server, route, status, sizes and the class of an error. It has no URL, as that has UIDs.

    The request carries the span's context in its ``traceparent`` field, to the client's own
    origins alone, so that a server's spans lie under it.

    Args:
        tracer_provider: Where spans go; ``None`` is the global one.
        propagator: Writes the context into header fields; ``None`` is that of W3C Trace Context.
            The global one, ``opentelemetry.propagate.get_global_textmap()``, usually writes
            baggage too: whatever the program has put there.

    Raises:
        ConfigurationError: opentelemetry-api is not installed.
    """

    __slots__ = ("_propagator", "_spans", "_trace", "_tracer")

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        *,
        propagator: TextMapPropagator | None = None,
    ) -> None:
        self._trace, trace_context = _library()
        self._propagator: Any = propagator or trace_context()
        self._tracer = self._trace.get_tracer("aiodicomweb", tracer_provider=tracer_provider)
        self._spans: dict[int, Span] = {}

    def __call__(self, event: Event, /) -> None:
        """Begin, complete or end the span of a request."""
        match event:
            case RequestStarted():
                self._spans[event.request] = self._begin(event)
            case HeadReceived():
                self._receive(event, self._spans[event.request])
            case RequestFinished():
                self._end(event, self._spans.pop(event.request))
            case _:
                pass

    def header_fields(self, started: RequestStarted, /) -> Mapping[str, str]:
        """``traceparent``, and ``tracestate`` if there is one (W3C Trace Context §3)."""
        fields: dict[str, str] = {}
        context = self._trace.set_span_in_context(self._spans[started.request])
        self._propagator.inject(fields, context=context)
        return fields

    def __repr__(self) -> str:
        """Spans that are not over, counted."""
        return f"<OpenTelemetry {len(self._spans)} under way>"

    def _begin(self, event: RequestStarted) -> Span:
        attributes: dict[str, str | int] = {
            "http.request.method": event.method,
            "server.address": event.origin.host,
            "server.port": event.origin.port,
            "url.scheme": event.origin.scheme,
        }
        if event.route is not None:
            attributes["url.template"] = event.route
        if event.resends:
            attributes["http.request.resend_count"] = event.resends
        span: Span = self._tracer.start_span(
            f"{event.method} {event.route or ''}".rstrip(),
            kind=self._trace.SpanKind.CLIENT,
            attributes=attributes,
        )
        return span

    def _receive(self, event: HeadReceived, span: Span) -> None:
        span.set_attribute("http.response.status_code", event.status)
        if event.status >= 400:
            self._fail(span, str(event.status))

    def _end(self, event: RequestFinished, span: Span) -> None:
        span.set_attribute("http.request.size", event.sent)
        span.set_attribute("http.response.size", event.received)
        if event.error is not None:
            self._fail(span, event.error)
        span.end()

    def _fail(self, span: Span, kind: str) -> None:
        span.set_attribute("error.type", kind)
        span.set_status(self._trace.StatusCode.ERROR)


def _library() -> tuple[Any, type[TextMapPropagator]]:
    """The module of traces, and the usual propagator."""
    try:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError as error:
        raise ConfigurationError(
            "OpenTelemetry needs the package opentelemetry-api",
            hint="pip install aiodicomweb[otel]",
        ) from error
    return trace, TraceContextTextMapPropagator
