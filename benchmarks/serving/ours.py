"""A service of a notebook, as `nbdeploy run` starts it, for as long as a block runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO


@contextmanager
def served(notebook: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Yield the process, with its workers below it, and the port that it answers on."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbdeploy_ext", "run", str(notebook), "--port", str(port)],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            _wait(process, port, log)
            yield psutil.Process(process.pid), port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    log.seek(0)
    said = log.read()[-2000:].decode(errors="replace")
    raise SystemExit(f"the service does not start:\n{said}")
