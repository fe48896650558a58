"""Memory of one worker and of four with the same large value: PSS of all processes together.

A page that processes share counts once (`/proc/PID/smaps_rollup`, so Linux only). Each service
answers calls on many connections before it is looked at.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from nbdeploy_ext.runtime.exposition import shared_fairly
from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import serve, write_app

ARRAYS = """\
import numpy as np
model = [np.random.default_rng(n).random(2**20 // 8) for n in range({megabytes})]

def predict(x: int) -> float:
    return float(model[x % len(model)].sum())
"""
# About 240 bytes an entry: an int, a tuple, a float, a string, and their place in the dict
OBJECTS = """\
model = {{n: (n / 7, f"entry {{n}}") for n in range({megabytes} * 2**20 // 240)}}

def predict(x: int) -> float:
    return model[x * 7919 % len(model)][0]
"""
WALKED = OBJECTS + "\ndef walk() -> float:\n    return sum(value for value, _ in model.values())\n"
KINDS = {"NumPy arrays": ARRAYS, "Python objects": OBJECTS, "Python objects, all walked": WALKED}
_CONNECTIONS = 32


def main() -> None:
    """Print a row for each kind of value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, PSS in MiB after {options.calls} calls")
    print(f"| value | 1 worker | {options.workers} workers and their parent | ratio |")
    print("|---|---|---|---|")
    for kind, cells in KINDS.items():
        source = cells.format(megabytes=options.megabytes)
        one, many = (pss(source, count, options.calls) for count in (1, options.workers))
        print(f"| {kind} | {one:.0f} | {many:.0f} | {many / one:.2f} |", flush=True)


def pss(cells: str, workers: int, calls: int) -> float:
    """Return the MiB of all processes of a service that has answered."""
    names = ("predict", "walk") if "def walk" in cells else ("predict",)
    with tempfile.TemporaryDirectory() as folder:
        app = write_app(
            Path(folder) / "app", ("model", "production", cells),
            endpoints={name: [] for name in names},
            service=ServiceSettings(workers=workers),
        )  # fmt: skip
        with serve(app) as running:
            load(str(running.client.base_url), names, calls)
            root = psutil.Process(running.process.pid)
            pids = [root.pid, *(child.pid for child in root.children(recursive=True))]
            return sum(map(shared_fairly, pids)) / 2**20


def load(url: str, names: tuple[str, ...], calls: int) -> None:
    """Call on new connections, so that every worker gets its share."""

    def ask(n: int) -> None:
        with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
            for x in range(calls // _CONNECTIONS):
                client.post("/predict", json={"x": n * calls + x}).raise_for_status()
            if "walk" in names:
                client.post("/walk", json={}).raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(_CONNECTIONS)))


if __name__ == "__main__":
    main()
