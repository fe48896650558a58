"""The service: a notebook's namespace and its endpoints, called with checks, limits and a log."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from .alerts import Alerts
from .calls import CallLog
from .codec import ArgumentsInvalid, BodyUnreadable, Codec, ResultInvalid, compile_codec
from .loader import App, CellFailed, setting_value
from .metrics import Metrics
from .monitors import Monitors
from .problems import problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .manifest import ManifestEndpoint

_log = logging.getLogger("nbdeploy.service")


@dataclass(frozen=True)
class Operation:
    """One endpoint, ready to be called."""

    endpoint: ManifestEndpoint
    function: Callable[..., Any]
    codec: Codec


class Service:
    """Everything that answers; `ready` says whether production cells ran and examples answered."""

    def __init__(self, app: App) -> None:
        """Import the header, which runs the production cells; raises `CellFailed`."""
        self.app = app
        self.version = _version()
        if str(app.folder) not in sys.path:
            sys.path.insert(0, str(app.folder))
        self.namespace = vars(importlib.import_module(app.module))
        self.operations = {
            e.name: Operation(e, self.namespace[e.name], compile_codec(self.namespace[e.name]))
            for e in app.manifest.endpoints
        }
        manifest = app.manifest
        self.calls = CallLog(manifest.calls.keep, self.version, inputs=manifest.calls.inputs)
        self.metrics = Metrics()
        self.token = None
        if manifest.service.auth is not None:
            self.token = str(setting_value({"secret": manifest.service.auth}))
        self._secrets = [str(setting_value({"secret": n})) for n in manifest.secret_names()]
        channels = [str(setting_value(channel)) for channel in manifest.alerts.channels]
        alerts = Alerts(channels, manifest.alerts.cooldown)
        self.monitors = Monitors(app, self.namespace, self.calls, self.metrics, alerts)
        # One thread: numpy and friends use all cores themselves, and health checks stay quick
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="nbdeploy-compute")
        self.ready = False

    async def try_examples(self) -> None:
        """Make the known example calls; a failing one raises `CellFailed`."""
        for operation in self.operations.values():
            for example in operation.endpoint.examples[:1]:
                try:
                    arguments = operation.codec.decode(json.dumps(example).encode())
                except ArgumentsInvalid:
                    continue  # a test of bad input, no example of a call
                try:
                    await self._result(operation, arguments)
                except Exception as error:
                    cell, line = self.app.place(error.__traceback__)
                    raise CellFailed(cell or operation.endpoint.cell, line, error) from error
        self.ready = True

    async def call(self, name: str, body: bytes) -> Response:
        """Answer one request to an endpoint; every error is a problem document."""
        operation = self.operations[name]
        begun = time.perf_counter()
        try:
            arguments = operation.codec.decode(body)
        except BodyUnreadable as fault:
            return self._book(name, begun, problem(400, f"The body is not JSON: {fault}"))
        except ArgumentsInvalid as fault:
            first = fault.problems[0]
            detail = f"Argument {first['location']}: {first['message']}"
            answer = problem(422, detail, errors=fault.problems)
            return self._book(name, begun, answer)
        with self.metrics.in_flight.track_inprogress():
            return await self._answer(operation, arguments, begun)

    async def _answer(
        self, operation: Operation, arguments: dict[str, Any], begun: float
    ) -> Response:
        name = operation.endpoint.name
        timeout = self.app.manifest.service.timeout
        try:
            value = await asyncio.wait_for(self._result(operation, arguments), timeout)
            if inspect.isgenerator(value) or inspect.isasyncgen(value):
                stream = StreamingResponse(
                    self._lines(operation, value), media_type="application/x-ndjson"
                )
                return self._book(name, begun, stream, arguments)
            encoded = operation.codec.encode(value)
        except asyncio.TimeoutError:
            return self._book(name, begun, problem(504, f"{name} took over {timeout:g} s."))
        except Exception as error:  # noqa: BLE001  the request boundary: the caller gets a problem
            return self._failed(operation, error, begun, arguments)
        answer = Response(encoded, media_type="application/json")
        return self._book(name, begun, answer, arguments, output=encoded)

    async def _result(self, operation: Operation, arguments: dict[str, Any]) -> Any:
        taken = dict(arguments)
        positional = [taken.pop(name) for name in operation.codec.positional if name in taken]
        if inspect.iscoroutinefunction(operation.function):
            return await operation.function(*positional, **taken)
        if inspect.isasyncgenfunction(operation.function):
            return operation.function(*positional, **taken)
        work = partial(operation.function, *positional, **taken)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _lines(self, operation: Operation, values: Any) -> AsyncIterator[bytes]:
        end = object()
        if inspect.isasyncgen(values):
            async for value in values:
                yield operation.codec.encode(value) + b"\n"
            return
        loop = asyncio.get_running_loop()
        while (value := await loop.run_in_executor(self._pool, next, values, end)) is not end:
            yield operation.codec.encode(value) + b"\n"

    def _failed(
        self, operation: Operation, error: Exception, begun: float, arguments: dict[str, Any]
    ) -> Response:
        cell, line = self.app.place(error.__traceback__)
        cell = cell or operation.endpoint.cell
        error_id = uuid.uuid4().hex
        kind = type(error).__name__
        self.metrics.errors.labels(cell).inc()
        _log.error("error %s", error_id, exc_info=error)
        said = str(error) if isinstance(error, ResultInvalid) else kind
        answer = problem(
            500,
            f"{said} in cell {cell}{f', line {line}' if line else ''}",
            error_id=error_id,
            error=kind,
            notebook=self.app.manifest.notebook,
            endpoint=operation.endpoint.name,
            cell=cell,
            line=line,
        )
        place = {"error": kind, "cell": cell, "line": line}
        return self._book(operation.endpoint.name, begun, answer, arguments, place=place)

    def _book(  # noqa: PLR0913  (one argument a column of the call log)
        self,
        name: str,
        begun: float,
        answer: Response,
        arguments: dict[str, Any] | None = None,
        *,
        output: bytes | None = None,
        place: dict[str, Any] | None = None,
    ) -> Response:
        seconds = time.perf_counter() - begun
        self.metrics.requests.labels(name, str(answer.status_code)).inc()
        self.metrics.seconds.labels(name).observe(seconds)
        self.calls.add(
            name,
            arguments,
            json.loads(output) if output is not None else None,
            seconds * 1000,
            status=answer.status_code,
            **(place or {}),
        )
        return answer

    def masked(self, text: str) -> str:
        """Return `text` with every known secret's value replaced by `***`."""
        for value in self._secrets:
            text = text.replace(value, "***") if value else text
        return text


def _version() -> int | None:
    said = os.environ.get("NBDEPLOY_VERSION", "")
    return int(said) if said.isdigit() else None
