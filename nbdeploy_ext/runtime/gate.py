"""The gate: runs the test cells against the loaded notebook, with pytest's messages."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import threading
import traceback
import types
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from _pytest.assertion.rewrite import rewrite_asserts

from .app import make_app
from .loader import App, CellFailed, compile_cell, parse, read_app
from .server import listen, make_server
from .service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .manifest import ManifestCell


def run_gate(folder: Path) -> int:
    """Print an event a test and one at the end; returns 0, 1 (a test failed) or 2 (no start)."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the cells print is no event

    def say(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    try:
        service = Service(read_app(folder))
    except CellFailed as fault:
        traceback.print_exception(fault.error)
        message = f"{type(fault.error).__name__}: {fault.error}"
        say(event="failed", cell=fault.cell, line=fault.line, message=message)
        return 2
    service.ready = True
    with _client(service) as client:
        gate = _Gate(service, client)
        for outcome in gate.outcomes():
            say(event="test", **outcome)
    say(event="done", passed=gate.passed, failed=gate.failed)
    return 1 if gate.failed else 0


class _Gate:
    """Runs one test cell after the other in a copy of the production namespace."""

    def __init__(self, service: Service, client: httpx.Client) -> None:
        self._app = service.app
        self._client = client
        self._namespace = {**service.namespace, "client": client}
        self.passed = 0
        self.failed = 0

    def outcomes(self) -> Iterator[dict[str, Any]]:
        for cell in self._app.manifest.cells_of("test"):
            for outcome in self._cell(cell):
                self.passed += outcome["outcome"] == "passed"
                self.failed += outcome["outcome"] == "failed"
                yield outcome

    def _cell(self, cell: ManifestCell) -> list[dict[str, Any]]:
        try:
            tree = parse(self._app, cell)
            functions = [
                n.name
                for n in tree.body
                if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
                and n.name.startswith("test")
            ]
            rewrite_asserts(tree, self._app.sources[cell.id].encode())
            code = compile_cell(self._app, cell, tree)
            found = eval(code, self._namespace)  # noqa: S307  (the notebook's own test)
            if asyncio.iscoroutine(found):
                asyncio.run(found)
        except CellFailed as fault:
            return [_outcome(cell.id, cell.id, fault.error, fault.line)]
        except Exception as error:  # noqa: BLE001  a test may raise anything
            traceback.print_exception(error)
            line = self._app.place(error.__traceback__)[1]
            return [_outcome(cell.id, cell.id, error, line)]
        if not functions:
            return [{"name": cell.id, "cell": cell.id, "line": None, "outcome": "passed",
                     "message": ""}]  # fmt: skip
        return self._functions(cell, functions)

    def _functions(self, cell: ManifestCell, names: list[str]) -> list[dict[str, Any]]:
        module = types.ModuleType(f"cell_{cell.index}")
        others = {k: v for k, v in self._namespace.items() if not k.startswith("test")}
        vars(module).update({**others, **{name: self._namespace[name] for name in names}})
        plugin = _Plugin(self._app, cell, module, self._client)
        folder = str(self._app.folder)
        options = ["-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode=importlib",
                   f"--rootdir={folder}", "-c", os.devnull, "--noconftest",
                   str(self._app.folder / self._app.manifest.notebook)]  # fmt: skip
        status = pytest.main(options, plugins=[plugin])
        if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            broken = RuntimeError(f"pytest could not run the cell (exit status {int(status)})")
            return [*plugin.outcomes, _outcome(cell.id, cell.id, broken, None)]
        return plugin.outcomes


class _Plugin:
    """Lets pytest collect one module object in place of the notebook file."""

    def __init__(
        self, app: App, cell: ManifestCell, module: types.ModuleType, client: httpx.Client
    ) -> None:
        self._app = app
        self._cell = cell
        self._module = module
        self._client = client
        self.outcomes: list[dict[str, Any]] = []

    @pytest.fixture
    def client(self) -> httpx.Client:
        return self._client

    def pytest_collect_file(self, file_path: Path, parent: Any) -> Any:
        module = self._module

        class Cell(pytest.Module):
            def _getobj(self) -> types.ModuleType:
                return module

        return Cell.from_parent(parent, path=file_path)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        result: Any = yield
        report = result.get_result()
        failed = call.excinfo is not None and report.outcome == "failed"
        if failed:
            line = self._app.place(call.excinfo.tb)[1]
            self.outcomes.append(_outcome(item.name, self._cell.id, call.excinfo.value, line))
        elif report.when == "call" or report.outcome == "skipped":
            self.outcomes.append({"name": item.name, "cell": self._cell.id, "line": None,
                                  "outcome": report.outcome, "message": ""})  # fmt: skip


def _outcome(name: str, cell: str, error: BaseException, line: int | None) -> dict[str, Any]:
    text = str(error)
    kind = type(error).__name__
    message = text if isinstance(error, AssertionError) and text else f"{kind}: {text}"
    return {"name": name, "cell": cell, "line": line, "outcome": "failed", "message": message}


class _client:  # noqa: N801  (reads as a function where it is used)
    """A client bound to the service, which runs for real on a loopback port."""

    def __init__(self, service: Service) -> None:
        self._listener = listen("127.0.0.1", 0)
        self._server = make_server(make_app(service))
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        token = {"authorization": f"Bearer {service.token}"} if service.token else {}
        port = self._listener.getsockname()[1]
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60, headers=token
        )

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def __enter__(self) -> httpx.Client:
        self._thread.start()
        return self._http

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._server.should_exit = True
        self._thread.join(10)
