"""Time `GET /status` of a real Jupyter server while it deploys to Docker, and while it is idle.

Each round changes the example's lock (another requirement), so that the image is really built.
Prints medians and the slowest answer, in milliseconds, for each step of the deploys.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

EXAMPLE = Path(__file__).parents[1] / "examples" / "breast-cancer"
NAME = "benchmark-responsiveness"


def main() -> None:
    """Serve the example's folder, deploy it as often as asked, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--target", default="docker")
    options = parser.parse_args()
    seen: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(EXAMPLE, Path(folder) / "example"))
        # Empty caches: every round installs, compiles and loads its packages
        with Server(root, Path(folder) / "cache") as server:
            for _ in range(50):
                seen["idle"].append(server.time_status())
            for number in range(options.runs):
                shutil.rmtree(Path(folder) / "cache", ignore_errors=True)
                server.deploy(number, options.target, seen)
            server.api.delete(f"deployments/{NAME}")
    print(f"{'step':10}{'answers':>9}{'median ms':>11}{'p95 ms':>9}{'slowest ms':>12}")
    for step, times in seen.items():
        ordered = sorted(times)
        print(
            f"{step:10}{len(times):>9}{statistics.median(times):>11.1f}"
            f"{ordered[int(len(ordered) * 0.95)]:>9.1f}{ordered[-1]:>12.1f}"
        )


class Server:
    """A Jupyter server of our own, on a free port."""

    def __init__(self, root: Path, cache: Path) -> None:
        """Start it and wait until it answers."""
        token = secrets.token_hex(16)
        runtime = Path(tempfile.mkdtemp())
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root",
                f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}",
                "--ServerApp.port=0", "--log-level=ERROR",
            ],
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "XDG_CACHE_HOME": str(cache)},
        )  # fmt: skip
        found: list[Path] = []
        while not found:
            time.sleep(0.1)
            found = list(runtime.glob("jpserver-*.json"))
        url = json.loads(found[0].read_text())["url"]
        self.api = httpx.Client(
            base_url=f"{url}nbdeploy/api/", headers={"Authorization": f"token {token}"},
            trust_env=False, timeout=60,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)

    def time_status(self) -> float:
        """Return how long one answer took, in milliseconds."""
        begun = time.perf_counter()
        self.api.get("status").raise_for_status()
        return (time.perf_counter() - begun) * 1000

    def deploy(self, number: int, target: str, seen: dict[str, list[float]]) -> None:
        """Deploy, asking for the status all the while; books the times by the job's step."""
        body = {"path": "breast_cancer.ipynb", "name": f"{NAME}", "target": target}
        job = self.api.post("deployments", json=body).raise_for_status().json()
        while job["state"] in {"queued", "running"}:
            running = next((s["name"] for s in job["steps"] if s["state"] == "running"), None)
            for _ in range(5):
                milliseconds = self.time_status()
                if running:
                    seen[running].append(milliseconds)
                time.sleep(0.02)
            job = self.api.get(f"jobs/{job['id']}").json()
        if job["error"]:
            raise SystemExit(f"round {number}: {job['error']}")


if __name__ == "__main__":
    main()
