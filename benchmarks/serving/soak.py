"""Mixed load on two workers for many minutes, while one of them is killed every minute.

Every answer is compared with what it must be. A call may fail only on a connection whose worker
was killed; it is sent again on a new one. Exits with 1 on a wrong or lost answer, on calls that
the service did not count, and where memory grew.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.serving.mixed_calls import Caller, draw
from benchmarks.serving.ours import served

if TYPE_CHECKING:
    import psutil

NOTEBOOK = Path(__file__).parent / "mixed" / "mixed.ipynb"
GROWTH = 1.10
"""Memory that is this much more at the end than at the beginning is not flat."""
_SAMPLE = 5.0
_LATELY = 5.0


@dataclass
class Found:
    """What all callers found, and what was done meanwhile."""

    answers: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    killed: dict[int, float] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def main() -> int:
    """Soak, print one table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=200, help="calls a second, all together")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--kill-every", type=float, default=60, help="seconds")
    options = parser.parse_args()
    found = Found()
    begun = time.monotonic()
    with served(NOTEBOOK) as (process, port):
        until = begun + options.minutes * 60
        pause = options.connections / options.rate
        callers = [
            threading.Thread(target=call_on, args=(port, number, until, pause, found))
            for number in range(options.connections)
        ]
        for caller in callers:
            caller.start()
        watch(process, until, options.kill_every, found)
        for caller in callers:
            caller.join()
        counted = Caller(port).metric("nbdeploy_requests_total")
        restarts = Caller(port).metric("nbdeploy_worker_restarts_total")
    return report(found, counted, int(restarts), time.monotonic() - begun)


def call_on(port: int, seed: int, until: float, pause: float, found: Found) -> None:
    """Call one endpoint after the other on one connection, and check what comes back."""
    numbers = random.Random(seed)  # noqa: S311  (a load, no secret)
    caller = Caller(port)
    while time.monotonic() < until:
        call = draw(numbers)
        while True:
            try:
                fault = call.fault(caller.ask(call))
            except OSError as error:
                worker, caller = caller.worker, Caller(port)
                if not book_cut(found, worker, f"{call.endpoint}: {error!r}"):
                    break
                continue  # the same call again
            with found.lock:
                found.answers[call.endpoint] += 1
                if fault:
                    found.faults.append(f"{call.endpoint}: {fault}")
            break
        time.sleep(pause * numbers.uniform(0.5, 1.5))


def book_cut(found: Found, worker: int, said: str) -> bool:
    """Say whether a connection may end so: its worker was killed, or killed before it answered."""
    until = time.monotonic() + 1  # the killer notes it just after
    while time.monotonic() < until:
        with found.lock:
            lately = max(found.killed.values(), default=0.0) + _LATELY > time.monotonic()
            if worker in found.killed or (not worker and lately):
                found.cut["with its worker" if worker else "before its first answer"] += 1
                return True
        time.sleep(0.01)
    found.faults.append(f"lost on worker {worker}, which lives: {said}")
    return False


def watch(process: psutil.Process, until: float, every: float, found: Found) -> None:
    """Sample the memory, and kill a worker now and then."""
    next_kill = time.monotonic() + every
    numbers = random.Random(0)  # noqa: S311  (which one, no secret)
    while (now := time.monotonic()) < until - _SAMPLE:
        found.memory.append(sum(private(p) for p in tree(process)) / 2**20)
        if now >= next_kill:
            next_kill += every
            victim = numbers.choice(workers_of(process))
            with found.lock:
                found.killed[victim.pid] = now
                victim.kill()
        time.sleep(_SAMPLE)


def tree(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all below it."""
    return [process, *process.children(recursive=True)]


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that take calls: those that have none below them."""
    return [p for p in process.children(recursive=True) if not p.children()]


def private(process: psutil.Process) -> int:
    """Return the bytes that a process has written for itself, 0 where it has just ended.

    What leaks is written. Pages of libraries that nobody else uses are a process's own, too, until
    somebody does: a test run beside this one moved them by a tenth.
    """
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) * 1024


def report(found: Found, counted: float, restarts: int, seconds: float) -> int:
    """Print the table; returns 1 where something is not as it must be."""
    answered = sum(found.answers.values())
    third = max(1, len(found.memory) // 3)
    first, last = (
        statistics.median(part) for part in (found.memory[:third], found.memory[-third:])
    )
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {seconds / 60:.1f} minutes")
    rows: list[tuple[str, object]] = [
        *((f"answers of {name}", count) for name, count in sorted(found.answers.items())),
        ("answers", f"{answered} ({answered / seconds:.0f} a second)"),
        ("wrong or lost answers", len(found.faults)),
        ("workers killed", len(found.killed)),
        ("workers replaced", restarts),
        *((f"connections cut {how}", count) for how, count in sorted(found.cut.items())),
        ("calls that the service counted", f"{counted:.0f}"),
        ("own memory, first third", f"{first:.1f} MiB"),
        ("own memory, last third", f"{last:.1f} MiB ({last / first - 1:+.1%})"),
    ]
    print(*(f"{name:34} {value}" for name, value in rows), sep="\n")
    print(*found.faults[:20], sep="\n")
    is_flat = last <= first * GROWTH
    is_counted = counted >= answered and restarts == len(found.killed)
    return 0 if is_flat and is_counted and not found.faults else 1


if __name__ == "__main__":
    sys.exit(main())
