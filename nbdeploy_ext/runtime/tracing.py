"""A span for each call, exported by OpenTelemetry where its variables ask for that.

Spans hold what the metrics do, and the place of an error: never arguments or results.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .manifest import Manifest
    from .request import Request

_log = logging.getLogger("nbdeploy.tracing")
_ASKING = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def make_tracing(manifest: Manifest, version: int | None) -> Tracing | None:
    """Return what traces calls; None where no variable asks for it or its packages are missing."""
    asked = any(os.environ.get(name) for name in _ASKING)
    if not asked or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        return Tracing(manifest, version)
    except ImportError as fault:
        said = "Calls are not traced: %s; set OTEL_EXPORTER_OTLP_ENDPOINT under [env] of "
        _log.warning(said + "nbdeploy.toml, and the image gets the packages", fault)
        return None


class Tracing:
    """Makes and ends spans; exporting is done by a thread, and never holds up a call."""

    def __init__(self, manifest: Manifest, version: int | None) -> None:
        """Read OpenTelemetry's own variables; `ImportError` where its packages are missing."""
        from opentelemetry import context, propagate, trace  # noqa: PLC0415  (few images have it)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        named = {"service.version": str(version or manifest.notebook_sha256[:12])}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            named["service.name"] = manifest.name
        self._provider = TracerProvider(resource=Resource.create(named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        # Spans that the notebook's own libraries make belong to the same service
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("nbdeploy")
        self._context = context
        self._trace = trace
        self._extract = propagate.extract

    def begin(self, request: Request) -> Any:
        """Begin a call's span, below the caller's own; returns what `leave` takes."""
        path = request.operation.endpoint.path
        parent = self._extract({"traceparent": request.asked.traceparent})
        request.span = self._tracer.start_span(
            f"POST {path}", context=parent, kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": "POST", "http.route": path, "url.path": path},
        )  # fmt: skip
        return self._context.attach(self._trace.set_span_in_context(request.span))

    def leave(self, token: Any) -> None:
        """Let what runs next on this thread be no part of the call."""
        self._context.detach(token)

    def end(self, request: Request, status: int, place: dict[str, Any]) -> None:
        """End a call's span with its status, and an error's kind, cell and line."""
        span, request.span = request.span, None
        if span is None:
            return
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("nbdeploy.request_id", request.request_id)
        names = {"error": "error.type", "cell": "nbdeploy.cell", "line": "nbdeploy.line"}
        for name, value in place.items():
            if value is not None:
                span.set_attribute(names[name], value)
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Export what waits."""
        self._provider.force_flush(2000)
        self._provider.shutdown()
