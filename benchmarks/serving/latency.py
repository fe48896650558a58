"""What our own layers add to a call at one connection, and how soon `/healthz` answers under load.

The same client asks a bare uvloop server that answers the same bytes without reading them: what
it takes is the client's, the kernel's and the loop's, and is taken away from a call's time. Both
servers are kept on the same processors. The scheduler, left alone, puts one of them beside the
client and the other one elsewhere for minutes, and to wake up another processor takes longer than
all that is measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
import timeit
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.serving.load import measure
from benchmarks.serving.ours import free_port, served
from benchmarks.serving.stacks import AMOUNT, plain, require_wrk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    Percentiles: TypeAlias = tuple[float, float]

NOTEBOOK = Path(__file__).parent / "notebook" / "work.ipynb"
ECHO = """\
import asyncio, sys, uvloop

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

ANSWER = bytes.fromhex(sys.argv[2])
uvloop.run(main())
"""


class Client:
    """One connection that asks the same again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        """Connect, and learn how long the answer is."""
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._socket.sendall(request)
        head, _, body = self._socket.recv(65536).partition(b"\r\n\r\n")
        self.answer = head + b"\r\n\r\n" + body
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"answered {head!r} {body!r}")

    def times(self, count: int, pause: float = 0) -> list[float]:
        """Return the seconds of so many answers, one after the other."""
        ask, take, clock, size = self._socket.sendall, self._socket.recv, time.perf_counter, 65536
        found = []
        for _ in range(count):
            begun = clock()
            ask(self._request)
            missing = len(self.answer) - len(take(size))
            while missing > 0:
                missing -= len(take(size))
            found.append(clock() - begun)
            if pause:
                time.sleep(pause)
        return found

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def main() -> None:
    """Measure in turns and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--calls", type=int, default=1000, help="calls of each run")
    parser.add_argument("--seconds", type=float, default=10, help="load beside /healthz")
    options = parser.parse_args()
    require_wrk()
    busy = f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(f"Python {platform.python_version()}, {busy}; medians of {options.runs} runs")
    with served(NOTEBOOK) as (process, port):
        one_connection(process, port, options.runs, options.calls)
        healthz(process.pid, port, options.seconds)


def one_connection(process: psutil.Process, port: int, runs: int, calls: int) -> None:
    """Print a call's time, the bare server's, and what is left, for each place of the servers."""
    function = own_seconds()
    with closing(Client(port, request("POST", "/predict", json.dumps(AMOUNT).encode()))) as ours:
        ours.times(calls)
        with echo(ours.answer) as (echoing, bare_port), closing(Client(bare_port, b"x")) as bare:
            servers = [process, *process.children(recursive=True), echoing]
            for where, processor in places().items():
                with kept_on(servers, processor):
                    rows = [(percentiles(ours.times(calls)), percentiles(bare.times(calls)))
                            for _ in range(runs)]  # fmt: skip
                show(f"one connection, {where}, µs", rows, function)


def show(title: str, rows: list[tuple[Percentiles, Percentiles]], function: float) -> None:
    """Print medians of runs: a call, the bare server, the function, and what is left of a call."""
    layers = [[c - b - function for c, b in zip(*row, strict=True)] for row in rows]
    calls, bases = zip(*rows, strict=True)
    print(f"\n{title:42}{'p50':>9}{'p99':>9}")
    for name, found in (
        ("predict", calls), ("bare uvloop server", bases),
        ("the function alone", [(function,)]), ("our own layers", layers),
    ):  # fmt: skip
        medians = [statistics.median(part) for part in zip(*found, strict=True)]
        print(f"{name:42}" + "".join(f"{seconds * 1e6:9.1f}" for seconds in medians))


def places() -> dict[str, int | None]:
    """Return which processor the servers are kept on, of those that there are, by its name."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        return {"anywhere": None}
    return {"another processor": usable[1], "the client's processor": usable[0]}


@contextmanager
def kept_on(servers: list[psutil.Process], processor: int | None) -> Iterator[None]:
    """Keep all threads of the servers on one processor, and this one on the first."""
    if processor is None:
        yield
        return
    usable = os.sched_getaffinity(0)
    threads = [thread.id for server in servers for thread in server.threads()]
    try:
        os.sched_setaffinity(0, {min(usable)})
        for thread in threads:
            os.sched_setaffinity(thread, {processor})
        yield
    finally:
        for thread in (0, *threads):
            os.sched_setaffinity(thread, usable)


def healthz(process: int, port: int, seconds: float) -> None:
    """Print how soon `/healthz` answers while a model is busy with 16 connections."""
    load = threading.Thread(target=measure, args=(process, port, plain("classify"), 16, seconds))
    load.start()
    time.sleep(1)
    with closing(Client(port, request("GET", "/healthz"))) as client:
        found: list[float] = []
        while load.is_alive():
            found += client.times(20, 0.005)
    p50, p99 = percentiles(found)
    print(f"\n{'/healthz beside classify, ms':42}{p50 * 1e3:9.2f}{p99 * 1e3:9.2f}   n={len(found)}")


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request as clients send it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return p50 and p99."""
    cut = statistics.quantiles(seconds, n=100)
    return cut[49], cut[98]


def own_seconds() -> float:
    """Return the time of the notebook's function alone."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    source = next(c["source"] for c in notebook["cells"] if c["id"] == "trivial")
    namespace: dict[str, object] = {}
    exec("".join(source), namespace)  # noqa: S102  (our own notebook)
    call = timeit.Timer("predict(**given)", globals={**namespace, "given": AMOUNT})
    return min(call.repeat(5, 20_000)) / 20_000


@contextmanager
def echo(answer: bytes) -> Iterator[tuple[psutil.Process, int]]:
    """Yield a bare server that answers all it gets with the same bytes, and its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", ECHO, str(port), answer.hex()])
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until and not is_open(port):
            time.sleep(0.05)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        process.wait(10)


def is_open(port: int) -> bool:
    """Say whether somebody listens."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
