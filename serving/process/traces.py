"""OpenTelemetry traces of requests, if the environment asks for them.

OpenTelemetry's own variables say where spans go: `OTEL_EXPORTER_OTLP_ENDPOINT` is enough. Each
request is one span, which belongs to the client's trace if the request names one (W3C Trace
Context). Like metrics and log, a span holds no data of a lead: only the route as the code names it,
the method, the status and the request's id. Without such variables OpenTelemetry is not loaded, and
requests do not pass through this module.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_EXPORTER = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


def tracer_provider(environment: Mapping[str, str]) -> "TracerProvider | None":
    """Provider of tracers that export where the environment says; None if it asks for no traces.

    Parameters
    ----------
    environment : mapping of name to text
        Environment variables. Only those that switch traces on or off are read from it;
        OpenTelemetry reads the others from the environment of the process.

    Raises
    ------
    ValueError
        The environment asks for an exporter or protocol that is not offered.
    ImportError
        OpenTelemetry is not installed.
    """
    if not _traces_requested(environment):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImportError(
            "The environment asks for traces, and OpenTelemetry is not installed: "
            f"pip install 'lead-temperature[otel]', or set {_EXPORTER}=none."
        ) from error
    resource = Resource({"service.name": "lead-temperature"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=Resource.create().merge(resource), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _traces_requested(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be sent; ValueError for an exporter or protocol that is not offered."""
    exporter = environment.get(_EXPORTER, "")
    if exporter not in ("", "otlp", "none"):
        raise ValueError(
            f"{_EXPORTER} must be 'otlp' or 'none', got '{exporter}': let a collector pass them on."
        )
    requested = exporter == "otlp" or any(environment.get(name) for name in _ENDPOINTS)
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not requested or disabled or exporter == "none":
        return False
    for name in _PROTOCOLS:
        if environment.get(name, _PROTOCOL) != _PROTOCOL:
            raise ValueError(
                f"{name} must be '{_PROTOCOL}', got '{environment[name]}'. Leave it out, and name "
                f"the collector's address for HTTP in {_ENDPOINTS[1]}: its port is 4318."
            )
    return True


class TracingApp:
    """ASGI middleware that makes one span of each request.

    Parameters
    ----------
    app : ASGI application
        The application inside.
    provider : opentelemetry.sdk.trace.TracerProvider
        Provider of the tracer, from `tracer_provider`.
    """

    def __init__(self, app: ASGIApp, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app, self._tracer = app, provider.get_tracer("lead-temperature")
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode

        parent = self._propagator.extract(Headers(scope=scope))
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = self._tracer.start_span(method, parent, SpanKind.SERVER)

        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(StatusCode.ERROR)
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            span.set_attribute("http.request.method", method)
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
            span.set_attribute("lead_temperature.request_id", scope["state"]["request_id"])
            span.end()
