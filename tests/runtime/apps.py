"""App folders as a bundle has them, and processes that run the runtime alone in them."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from nbdeploy_ext.runtime.manifest import Manifest, ManifestCell, ManifestEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

RUNTIME = Path(__file__).parents[2] / "nbdeploy_ext" / "runtime"
HEADER = """\
from nbdeploy_runtime.start import run_cells

run_cells(__name__, notebook={notebook!r}, cells={cells!r})
"""
# nbdeploy itself is out of reach, as it is in an image
START = """\
import runpy, sys
sys.modules["nbdeploy_ext"] = None
runpy.run_module("nbdeploy_runtime", run_name="__main__", alter_sys=True)
"""

AFTER_CELLS = """\
import sys
sys.path.pop(0)
from pathlib import Path
from nbdeploy_runtime.loader import read_app
from nbdeploy_runtime.modules import import_header
app = read_app(Path.cwd())
namespace = import_header(app)
globals().update({k: v for k, v in namespace.items() if not k.startswith("__")})
"""


def write_app(
    folder: Path,
    *cells: tuple[str, str, str],
    endpoints: dict[str, list[dict[str, Any]]] | None = None,
    lines: dict[str, dict[str, str]] | None = None,
    name: str = "loan",
    **settings: Any,
) -> Path:
    """Write a folder of `(cell id, role, source)` cells; `endpoints` are names with examples."""
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("__pyc*")
    shutil.copytree(RUNTIME, _runtime(folder) / "nbdeploy_runtime", ignore=ignored)
    notebook = {
        "cells": [
            {"cell_type": "code", "id": cell_id, "source": source.splitlines(keepends=True)}
            for cell_id, _, source in cells
        ]
    }
    raw = json.dumps(notebook).encode()
    (folder / f"{name}.ipynb").write_bytes(raw)
    run = [cell_id for cell_id, role, _ in cells if role in {"production", "parameters"}]
    header = HEADER.format(notebook=f"{name}.ipynb", cells=run)
    (folder / f"{name}.py").write_text(header, encoding="utf-8")
    manifest = Manifest(
        name=name,
        notebook=f"{name}.ipynb",
        notebook_sha256=hashlib.sha256(raw).hexdigest(),
        cells=tuple(
            ManifestCell(
                id=cell_id,
                index=index,
                role=role,
                sha256=hashlib.sha256(source.encode()).hexdigest(),
                lines=(lines or {}).get(cell_id, {}),
            )
            for index, (cell_id, role, source) in enumerate(cells)
            if role
        ),
        endpoints=tuple(
            ManifestEndpoint(name=e, path=f"/{e}", cell=run[-1], examples=tuple(examples))
            for e, examples in (endpoints or {}).items()
        ),
        **settings,
    )
    (folder / "manifest.json").write_bytes(manifest.as_bytes())
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", START, *arguments]


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return {**kept, "PYTHONPATH": str(_runtime(folder)), "PYTHONUNBUFFERED": "1", **more}


def _runtime(folder: Path) -> Path:
    # Apart from the notebook, as in an image
    return folder.with_name(f"{folder.name}-runtime")


def run_gate(folder: Path, **env: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run the gate; returns exit status, events and what it wrote to standard error."""
    done = subprocess.run(
        command("test"), cwd=folder, env=environment(folder, **env),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def run_in_app(folder: Path, code: str, typed: str = "", **env: str) -> tuple[str, str]:
    """Run `code` with the production cells' `app` and `namespace`; returns what it printed.

    `typed` is its standard input; the second text is its standard error.
    """
    done = subprocess.run(
        [sys.executable, "-c", AFTER_CELLS + code], cwd=folder, env=environment(folder, **env),
        input=typed, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout, done.stderr


@dataclass
class Running:
    """A served app: its process, its client, and what it logged."""

    process: subprocess.Popen[str]
    client: httpx.Client = field(default_factory=httpx.Client)
    events: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def stop(self) -> int:
        """End it as Docker does; returns the exit status."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()  # type: ignore[union-attr]
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def logged(self, text: str, seconds: float = 10) -> dict[str, Any]:
        """Wait for a log line that holds `text`."""
        found = wait_until(lambda: [line for line in list(self.log) if text in line], seconds)
        return json.loads(found[0])  # type: ignore[no-any-return]


def serve(folder: Path, port: int = 0, **env: str) -> Running:
    """Start serving and wait for `ready` or the end; the last event says which."""
    process = subprocess.Popen(
        command("serve", "--host", "127.0.0.1", "--port", str(port)), cwd=folder,
        env=environment(folder, **env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    running = Running(process)
    lines: queue.Queue[str] = queue.Queue()

    def read_events() -> None:
        for line in process.stdout:  # type: ignore[union-attr]
            lines.put(line)
        lines.put("")

    def read_log() -> None:
        running.log.extend(iter(process.stderr.readline, ""))  # type: ignore[union-attr]

    for work in (read_events, read_log):
        threading.Thread(target=work, daemon=True).start()
    while line := lines.get(timeout=60):
        if line.startswith("{"):
            running.events.append(json.loads(line))
            break
    if running.events and running.events[0]["event"] == "ready":
        running.client.close()
        url = f"http://127.0.0.1:{running.events[0]['port']}"
        # Of more than 20 connections it closes some that another thread has just been given
        limits = httpx.Limits(max_keepalive_connections=None)
        running.client = httpx.Client(base_url=url, trust_env=False, timeout=30, limits=limits)
    else:
        process.wait(20)
    return running


def wait_until(ask: Callable[[], Any], seconds: float = 20) -> Any:
    """Ask until the answer is true; returns it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not come true within {seconds:g} s")


def refuses(port: int) -> bool:
    """Say whether nobody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionError:
        return True
    except TimeoutError:  # nobody answers who comes at the moment in which a listener closes
        pass
    return False


def lines_until_cut(client: httpx.Client, path: str, body: dict[str, Any]) -> list[str]:
    """Return the lines of a streamed answer that ends without its end."""
    lines: list[str] = []
    try:
        with client.stream("POST", path, json=body) as answer:
            for line in answer.iter_lines():
                lines.append(line)  # noqa: PERF402  (what came before the cut counts)
    except httpx.RemoteProtocolError:
        return lines
    raise AssertionError(f"the answer was whole: {lines}")
