"""Traces: a real OTLP receiver gets a span for each call, below the caller's own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import serve, wait_until, write_app

CELLS = """\
from opentelemetry import trace

def predict(x: float) -> float:
    return 1 / x

async def inside(x: float) -> float:
    with trace.get_tracer("own").start_as_current_span("step"):
        return x

def threaded(x: float) -> float:
    open("/dev/null").close()
    with trace.get_tracer("own").start_as_current_span("step"):
        return x
"""
PID = "import os\n\ndef who() -> int:\n    return os.getpid()\n"
NAMES = ("predict", "inside", "threaded")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector():
    requests: list[tuple[str, ExportTraceServiceRequest]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip  # noqa: PLC0415

                body = gzip.decompress(body)
            found = ExportTraceServiceRequest()
            found.ParseFromString(body)
            requests.append((self.path, found))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.requests = requests  # type: ignore[attr-defined]
    yield server
    server.shutdown()
    server.server_close()


def spans_of(collector):
    return {
        (span.name, span.trace_id.hex()): (span, resource.resource)
        for _, request in collector.requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def values(attributes):
    return {a.key: a.value.string_value or a.value.int_value for a in attributes}


@pytest.fixture
def traced(tmp_path, collector):
    folder = write_app(
        tmp_path / "app", ("calls", "production", CELLS), endpoints={name: [] for name in NAMES}
    )
    url = f"http://127.0.0.1:{collector.server_port}"
    with serve(folder, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="100") as running:
        yield running


@pytest.mark.parametrize("calls", [1, 40])
def test_a_call_is_a_span_of_its_callers_trace(traced, collector, calls) -> None:
    for _ in range(calls):  # the last ones run on the loop
        traced.client.post("/predict", json={"x": 2}, headers={"traceparent": PARENT})
    trace = PARENT.split("-")[1]
    span, resource = wait_until(lambda: spans_of(collector).get(("POST /predict", trace)))
    assert span.parent_span_id.hex() == PARENT.split("-")[2]
    said = values(span.attributes)
    assert (said["http.route"], said["http.response.status_code"]) == ("/predict", 200)
    assert values(resource.attributes)["service.name"] == "loan"


@pytest.mark.parametrize("name", ["inside", "threaded"])
def test_spans_of_the_notebook_belong_to_the_call(traced, collector, name) -> None:
    traced.client.post(f"/{name}", json={"x": 2}, headers={"traceparent": PARENT})
    trace = PARENT.split("-")[1]
    wait_until(lambda: {(f"POST /{name}", trace), ("step", trace)} <= spans_of(collector).keys())
    spans = spans_of(collector)
    assert spans["step", trace][0].parent_span_id == spans[f"POST /{name}", trace][0].span_id


def test_an_error_names_its_place_and_no_value(traced, collector) -> None:
    traced.client.post("/predict", json={"x": 0}, headers={"traceparent": PARENT})
    trace = PARENT.split("-")[1]
    span, _ = wait_until(lambda: spans_of(collector).get(("POST /predict", trace)))
    said = values(span.attributes)
    assert (said["nbdeploy.cell"], said["nbdeploy.line"]) == ("calls", 4)
    assert said["error.type"] == "ZeroDivisionError"
    assert list(span.events) == []


def test_what_waits_is_exported_at_the_end(tmp_path, collector) -> None:
    folder = write_app(tmp_path / "app", ("calls", "production", CELLS), endpoints={"predict": []})
    url = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    env: Any = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with serve(folder, **env) as running:
        running.client.post("/predict", json={"x": 2})
    assert [name for name, _ in spans_of(collector)] == ["POST /predict"]


def test_a_collector_that_is_away_fails_no_call(tmp_path) -> None:
    folder = write_app(tmp_path / "app", ("calls", "production", CELLS), endpoints={"predict": []})
    with serve(folder, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as running:
        for _ in range(5):
            assert running.client.post("/predict", json={"x": 2}).json() == 0.5


def test_workers_that_share_a_notebook_trace_their_own_calls(tmp_path, collector) -> None:
    folder = write_app(
        tmp_path / "app", ("cells", "production", PID), endpoints={"who": []},
        service=ServiceSettings(workers=2),
    )  # fmt: skip
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    with serve(folder, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as running:
        url = f"{running.client.base_url}/who"
        found: list[int] = []
        while len(set(found)) < 2:
            found.append(httpx.post(url, json={}).json())
        assert running.log == []
    # All that waited went out at the stop, whichever worker had it
    assert len(spans_of(collector)) == len(found)
