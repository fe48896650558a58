"""Compare ways to serve the same work, all on this machine, in turns within one run.

For each work every stack is started, asked once for a right answer, warmed up, and then loaded
in turns; the table shows medians, spreads, and each figure against hand-written FastAPI's.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.serving.load import Load, measure
from benchmarks.serving.ours import free_port
from benchmarks.serving.stacks import STACKS, Stack, require_wrk

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = "FastAPI"
SETTLE = 2.0
"""Seconds for calls that nobody waits for any more to end."""


@dataclass(frozen=True)
class Work:
    """What is asked for; `job` is the endpoint, `alone` that of stacks without batching."""

    title: str
    job: str
    connections: int = 16
    alone: str = ""


WORKS = {
    "predict": Work("W1 trivial function", "predict"),
    "classify": Work("W2 forest of 100 trees, one row", "classify"),
    "scale": Work("W3 1,000 numbers in and out", "scale"),
    "enrich": Work("W4 frame of 1,000 x 20 in and out", "enrich"),
    "batched": Work("W2 batched (FastAPI: without batching)", "classify_joined", 64, "classify"),
    "batchable": Work("W2 batchable, with nothing to join", "classify_joined", 1, "classify"),
}


def main() -> None:
    """Measure what is asked for and print a table for each work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--stacks", default=",".join(s.name for s in STACKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    require_wrk()
    wanted = options.stacks.lower().split(",")
    stacks = [stack for stack in STACKS if stack.name.lower() in wanted]
    for stack in stacks:
        stack.install()
    cpus = os.cpu_count()
    print(f"Python {platform.python_version()}, {cpus} CPUs, load {os.getloadavg()[0]:.1f}")
    print("; ".join(f"{stack.name}: {stack.version()}" for stack in stacks))
    for work in options.works.split(","):
        one_work(work, stacks, options.rounds, options.seconds)


def one_work(work: str, stacks: Sequence[Stack], rounds: int, seconds: float) -> None:
    """Start all that serve a work, load them in turns, and print their table."""
    wanted = WORKS[work]
    jobs = {s: wanted.job for s in stacks if wanted.job in s.works}
    jobs |= {s: wanted.alone for s in stacks if wanted.alone in s.beside}
    found: dict[Stack, list[Load]] = {stack: [] for stack in jobs}
    with tempfile.TemporaryDirectory() as folder:
        running = {s: Running(s, job, Path(folder) / f"{s.name}.log") for s, job in jobs.items()}
        try:
            for one in running.values():
                one.wait()
                one.load(wanted.connections, 1)
                one.pause()
            for _ in range(rounds):
                for stack, one in running.items():
                    one.go_on()
                    found[stack].append(one.load(wanted.connections, seconds))
                    one.pause()
        finally:
            for one in running.values():
                one.stop()
    show(f"{wanted.title}, {wanted.connections} connections; "
         f"medians of {rounds} rounds of {seconds:g} s", found)  # fmt: skip


class Running:
    """A started stack."""

    def __init__(self, stack: Stack, work: str, log: Path) -> None:
        """Start it on a free port."""
        self._stack = stack
        self._work = work
        self._log = log
        self.port = free_port()
        self.process = stack.start(work, self.port, log)

    def wait(self, seconds: float = 120) -> None:
        """Wait for a right answer."""
        until = time.monotonic() + seconds
        said = ""
        while time.monotonic() < until and self.process.poll() is None:
            try:
                answer = self._stack.answer(self._work, self.port)
            except httpx.HTTPError as fault:
                said = str(fault)
            else:
                if answer.status_code == 200:
                    return
                said = answer.text[:500]
            time.sleep(0.2)
        log = self._log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{self._stack.name} does not answer {self._work}: {said}\n{log}")

    def load(self, connections: int, seconds: float) -> Load:
        """Load it for some seconds."""
        post = self._stack.post(self._work)
        return measure(self.process.pid, self.port, post, connections, seconds)

    def pause(self) -> None:
        """Leave the machine to the others: LitServe takes a fifth of a CPU with nothing to do.

        Calls that wrk left behind end first: one that stood still would be one that took so long,
        and its service would refuse what comes next.
        """
        time.sleep(SETTLE)
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and all that it started."""
        with suppress(ProcessLookupError):
            self.go_on()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, number)
                self.process.wait(10)


def show(title: str, found: dict[Stack, list[Load]]) -> None:
    """Print one table."""
    print(f"\n{title}")
    print(f"{'':16}{'req/s':>9}{'spread':>15}{'x':>7}{'CPU µs':>9}{'x less':>8}{'p50 ms':>9}"
          f"{'p99 ms':>9}{'wrong':>7}")  # fmt: skip
    base = next((loads for stack, loads in found.items() if stack.name == BASE), None)
    for stack, loads in found.items():
        rates = [load.rate for load in loads]
        rate, cpu = statistics.median(rates), statistics.median(load.cpu for load in loads)
        faster = rate / statistics.median(b.rate for b in base) if base else 0
        less = statistics.median(b.cpu for b in base) / cpu if base and cpu else 0
        p50, p99 = (statistics.median(getattr(x, name) for x in loads) for name in ("p50", "p99"))
        spread = f"{min(rates):.0f}-{max(rates):.0f}"
        print(f"{stack.name:16}{rate:9.0f}{spread:>15}{faster:7.2f}{cpu * 1e6:9.1f}{less:8.2f}"
              f"{p50 * 1e3:9.2f}{p99 * 1e3:9.2f}{sum(x.wrong for x in loads):7}")  # fmt: skip


if __name__ == "__main__":
    main()
