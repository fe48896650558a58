"""From `docker start` to the first right answer, of an image whose notebook imports nothing.

The container joins another one's network, as deployments do. In turns with the image's own command
run the same with a folder for its state, as deployments have it, and one that notes when each part
was done; the breakdown is its.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOK = Path(__file__).parent / "bare" / "bare.ipynb"
NOTED = """\
import time
noted = {"begun": time.time()}
import nbdeploy_runtime.__main__ as program
noted["imported"] = time.time()
import json, sys
from nbdeploy_runtime import serving

def say(**event):
    noted["ready"] = time.time()
    print(json.dumps(noted), file=sys.__stdout__, flush=True)

serving.say = say
sys.argv = ["nbdeploy_runtime", "serve"]
program.main()
"""
BARE = """\
import subprocess, sys, time

def once():
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"])
    return time.perf_counter() - begun

print(sorted(once() for _ in range(9))[4])
"""
STATE = {"environment": {"NBDEPLOY_STATE": "/state"}, "tmpfs": {"/state": "mode=1777"}}
PARTS = ("the container", "the interpreter", "our imports", "loading, listening", "the answer")


def main() -> None:
    """Build, start again and again, print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--imports", type=int, default=0, help="list so many")
    options = parser.parse_args()
    engine = docker.from_env()
    image = build()
    busy = f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(f"Python {platform.python_version()}, engine {engine.version()['Version']}, {busy}; "
          f"medians of {options.runs} starts, in ms")  # fmt: skip
    with anchor(engine, image) as (network, port):
        interpreter = float(said(engine, image, BARE))
        totals, logged, rows = [], [], []
        for _ in range(options.runs):
            totals.append(start(engine, image, network, port, [])[0])
            logged.append(start(engine, image, network, port, [], **STATE)[0])
            rows.append(parts(interpreter, *start(engine, image, network, port, ["-c", NOTED])))
    for name, found in zip(PARTS, zip(*rows, strict=True), strict=True):
        show(name, found)
    show("all of these", [sum(row) for row in rows])
    show("as the image starts", totals)
    show("with a call log in a file", logged)
    for line in dearest(engine, image, options.imports):
        print(line)


def build() -> str:
    """Return the image of the notebook."""
    done = subprocess.run(
        [sys.executable, "-m", "nbdeploy_ext", "build", str(NOTEBOOK), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return str(json.loads(done.stdout)["image"])


@contextmanager
def anchor(engine: Any, image: str) -> Iterator[tuple[str, int]]:
    """Yield a network and the port of this machine that leads to its port 8000."""
    idle = ["-c", "import time; time.sleep(86400)"]
    container = engine.containers.run(
        image, idle, entrypoint=["python3"], detach=True, ports={"8000/tcp": ("127.0.0.1", None)}
    )
    try:
        container.reload()
        yield f"container:{container.id}", int(container.ports["8000/tcp"][0]["HostPort"])
    finally:
        container.remove(force=True)


def start(
    engine: Any, image: str, network: str, port: int, program: list[str], **more: Any
) -> tuple[float, float, dict[str, float]]:
    """Start once; returns the seconds to the answer, when it began, and what it noted."""
    own = {"entrypoint": ["python3"], "command": program} if program else {}
    container = engine.containers.create(image, network_mode=network, read_only=True, **own, **more)
    try:
        begun = time.time()
        container.start()
        while not is_answered(port):
            time.sleep(0.001)
            if time.time() - begun > 60:
                raise SystemExit(container.logs().decode(errors="replace"))
        seconds = time.time() - begun
        lines = container.logs(stdout=True, stderr=False).decode().splitlines()
        return seconds, begun, json.loads(lines[0]) if program else {}
    finally:
        container.remove(force=True)


def is_answered(port: int) -> bool:
    """Say whether a call gets the right answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/double", b'{"amount": 21}')
        return connection.getresponse().read() == b"42.0"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def parts(
    interpreter: float, seconds: float, begun: float, noted: dict[str, float]
) -> tuple[float, ...]:
    """Return the seconds of each of `PARTS`."""
    return (
        noted["begun"] - begun - interpreter,
        interpreter,
        noted["imported"] - noted["begun"],
        noted["ready"] - noted["imported"],
        begun + seconds - noted["ready"],
    )


def said(engine: Any, image: str, program: str, *flags: str) -> str:
    """Return what a program prints inside the image."""
    output = engine.containers.run(
        image, [*flags, "-c", program], entrypoint=["python3"], remove=True, stderr=bool(flags)
    )
    return str(output.decode())


def dearest(engine: Any, image: str, count: int) -> list[str]:
    """Return the imports that take longest by themselves."""
    if not count:
        return []
    text = said(engine, image, "import nbdeploy_runtime.__main__", "-X", "importtime")
    found = re.findall(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)", text)
    found.sort(key=lambda one: -int(one[0]))
    return [f"{name:34}{int(spent) / 1e3:8.1f}" for spent, name in found[:count]]


def show(name: str, seconds: Any) -> None:
    """Print a median and its spread."""
    low, high = min(seconds) * 1e3, max(seconds) * 1e3
    print(f"{name:34}{statistics.median(seconds) * 1e3:8.1f}   {low:.1f}-{high:.1f}")


if __name__ == "__main__":
    main()
