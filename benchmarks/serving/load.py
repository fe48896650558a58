"""Load from wrk on loopback, and the processor time that the server's processes took for it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """One measurement: requests a second, seconds of CPU a request, latencies in seconds."""

    rate: float
    cpu: float
    p50: float
    p99: float
    wrong: int


@dataclass(frozen=True)
class Post:
    """What is posted where; `path` may carry a query."""

    path: str
    body: bytes
    content_type: str = "application/json"
    accept: str = "*/*"


def measure(process: int, port: int, post: Post | None, connections: int, seconds: float) -> Load:
    """Post (or get `/healthz`) as fast as answers come, from one thread of wrk."""
    before = cpu_seconds(process)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_script(post, Path(folder)), encoding="utf-8")
        path = post.path if post else "/healthz"
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "30s",
             "-s", str(script), f"http://127.0.0.1:{port}{path}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return _read(done.stdout, cpu_seconds(process) - before)


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process and of all below it."""
    root = psutil.Process(process)
    total = 0.0
    for one in (root, *root.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _script(post: Post | None, folder: Path) -> str:
    if post is None:
        return ""
    body = folder / "body"
    body.write_bytes(post.body)
    return (
        f'wrk.method = "POST"\nlocal f = io.open("{body}", "rb")\nwrk.body = f:read("*a")\n'
        f'wrk.headers["Content-Type"] = "{post.content_type}"\n'
        f'wrk.headers["Accept"] = "{post.accept}"\n'
    )


def _read(said: str, cpu: float) -> Load:
    count = int(_found(r"(\d+) requests in", said))
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        cpu=cpu / max(count, 1),
        p50=_seconds(_found(r"^\s+50%\s+(\S+)", said)),
        p99=_seconds(_found(r"^\s+99%\s+(\S+)", said)),
        wrong=int(wrong[1] if wrong else 0) + sum(map(int, lost.groups() if lost else ())),
    )


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said, re.MULTILINE)
    if match is None:
        raise ValueError(f"wrk said something else:\n{said}")
    return match[1]


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if match is None:
        raise ValueError(f"no time: {text}")
    return float(match[1]) * _UNITS[match[2]]
