"""The gate: runs the test cells against the loaded notebook, with pytest's messages."""

from __future__ import annotations

import ast
import functools
import json
import logging
import os
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from _pytest.assertion.rewrite import rewrite_asserts
from _pytest.outcomes import OutcomeException

from .app import make_app
from .cells import is_used
from .gate_plugin import CellPlugin, Outcome, failed, told_place
from .loader import LOOP, CellFailed, compile_cell, parse, read_app, run_code
from .logs import keep_prints, known_secrets, log_as_json, mask
from .modules import failed_imports
from .server import Server, failed_event, listen, new_event_loop
from .service import Service
from .start import default_names

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from .manifest import ManifestCell

_log = logging.getLogger("nbdeploy.gate")


def run_gate(folder: Path) -> int:
    """Print an event a test and one at the end; returns 0, 1 (a test failed) or 2 (no start)."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the cells print is no event
    log_as_json(())
    secrets: tuple[str, ...] = ()

    # The loop that serves is the one on which production cells awaited
    loop = new_event_loop()
    LOOP.set(loop)

    def say(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    try:
        app = read_app(folder)
        secrets = known_secrets(app.manifest)
        log_as_json(secrets)
        # For people, who read it as the deploy's log
        shown = functools.partial(print, file=sys.__stderr__, flush=True)
        keep_prints(secrets, lambda _, text: shown(mask(text, secrets)))
        service = Service(app)
        if is_used(service.namespace, [app.sources[c.id] for c in app.manifest.cells_of("test")]):
            service.namespace = default_names(app, service.namespace)
        LOOP.set(None)  # a test that awaits may call `client`, which waits for the service's loop
        application = make_app(service)
    except Exception as error:  # noqa: BLE001  the deployer gets one event, whatever it was
        say(failed_event(error, secrets))
        return 2
    service.ready = True
    counts = {"passed": 0, "failed": 0}
    with _client(loop, service, application) as client:
        for outcome in Gate(service, client).outcomes():
            if outcome["outcome"] in counts:
                counts[outcome["outcome"]] += 1
            say({"event": "test", **outcome, "message": mask(outcome["message"], secrets)})
    say({"event": "done", **counts})
    return 1 if counts["failed"] else 0


class Gate:
    """Runs one test cell after the other in a copy of the production namespace."""

    def __init__(self, service: Service, client: httpx.Client) -> None:
        """Give the cells `client`, bound to the running service."""
        self._app = service.app
        self._client = client
        self._namespace = {**service.namespace, "client": client}
        # The same tests on every target: no plugins or options of the environment's own
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        os.environ.pop("PYTEST_ADDOPTS", None)
        os.environ.pop("PYTEST_PLUGINS", None)

    def outcomes(self) -> Iterator[Outcome]:
        """Prove the imports, then run every test cell, in notebook order."""
        yield from self._imports()
        for cell in self._app.manifest.cells_of("test"):
            yield from self._cell(cell)

    def _imports(self) -> Iterator[Outcome]:
        for name, error in failed_imports(self._app):
            sources = self._app.sources.items()
            cell = next((cell for cell, source in sources if name in source), "")
            yield failed(f"import {name}", cell, None, error)

    def _cell(self, cell: ManifestCell) -> list[Outcome]:
        try:
            tree = parse(self._app, cell)
            tests = [name for node in tree.body if (name := _test_name(node))]
            rewrite_asserts(tree, self._app.sources[cell.id].encode())
            run_code(compile_cell(self._app, cell, tree, self._namespace), self._namespace)
        except CellFailed as fault:
            return [failed(cell.id, cell.id, fault.line, fault.error)]
        except pytest.skip.Exception as skipped:
            return [Outcome(name=cell.id, cell=cell.id, line=None, outcome="skipped",
                            message=str(skipped))]  # fmt: skip
        except (Exception, OutcomeException, SystemExit) as error:  # noqa: BLE001  a test's own
            _log.error("%s failed", cell.id, exc_info=error)
            return [failed(cell.id, cell.id, *told_place(self._app, cell, error))]
        if tests:
            return self._with_pytest(cell, tests)
        return [Outcome(name=cell.id, cell=cell.id, line=None, outcome="passed", message="")]

    def _with_pytest(self, cell: ManifestCell, tests: list[str]) -> list[Outcome]:
        module = types.ModuleType(f"cell_{cell.index}")
        # Fixtures of earlier cells are seen, their tests are not run again
        vars(module).update(
            {k: v for k, v in self._namespace.items() if not k.startswith(("test_", "Test"))}
        )
        vars(module).update({name: self._namespace[name] for name in tests})
        plugin = CellPlugin(self._app, cell, module, self._client)
        # Neither a cache nor captured output: the gate's disk may be read-only
        options = ["-s", "-p", "no:cacheprovider", "-p", "no:terminal", "-o",
                   "python_functions=test_*", f"--rootdir={self._app.folder}", "-c", os.devnull,
                   "--noconftest", "--import-mode=importlib",
                   str(self._app.folder / self._app.manifest.notebook)]  # fmt: skip
        status = pytest.main(options, plugins=[plugin])
        outcomes = list(plugin.outcomes.values())
        if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            broken = RuntimeError(f"pytest could not run the cell (exit status {int(status)})")
            outcomes.append(failed(cell.id, cell.id, None, broken))
        return outcomes


def _test_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ClassDef):
        return node.name if node.name.startswith("Test") else None
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name if node.name.startswith("test_") else None
    return None


class _client:  # noqa: N801  (reads as a function where it is used)
    """A client bound to the service, which runs for real on a loopback port."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, service: Service, application: ASGIApp
    ) -> None:
        self._loop = loop
        self._listener = listen("127.0.0.1", 0)
        self._server = Server(service, application)
        self._thread = threading.Thread(target=self._serve, name="nbdeploy-gate", daemon=True)
        token = {"authorization": f"Bearer {service.token}"} if service.token else {}
        port = self._listener.getsockname()[1]
        # The environment's proxies are not for loopback
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60, headers=token
        )

    def _serve(self) -> None:
        self._loop.run_until_complete(self._server.serve(self._listener))

    def __enter__(self) -> httpx.Client:
        self._thread.start()
        return self._http

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._server.stop()
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()
