"""Time each stage of a deploy: unchanged, and after a change of one production cell.

Deploys a copy of the example through the command line and prints a table of medians.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "breast-cancer"
NAME = "benchmark-breast-cancer"
STAGES = ("check", "bundle", "build", "verify", "start", "total")


def main() -> None:
    """Deploy, once to fill the caches and then as often as asked, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="docker")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(shutil.copytree(EXAMPLE, Path(folder) / "example")) / "breast_cancer.ipynb"
        try:
            first = deploy(notebook, options.target)
            unchanged = [deploy(notebook, options.target) for _ in range(options.runs)]
            changed = []
            for number in range(options.runs):
                change(notebook, number)
                changed.append(deploy(notebook, options.target))
        finally:
            nbdeploy("stop", NAME)
    print(f"target {options.target}, seconds, medians of {options.runs} runs but for the first")
    print(f"{'':16}" + "".join(f"{stage:>9}" for stage in STAGES))
    for label, rows in [("first", [first]), ("unchanged", unchanged), ("changed cell", changed)]:
        medians = (statistics.median(row[stage] for row in rows) for stage in STAGES)
        print(f"{label:16}" + "".join(f"{seconds:9.2f}" for seconds in medians))


def deploy(notebook: Path, target: str) -> dict[str, float]:
    """Deploy and return the seconds of each stage, 0 for one that was not needed."""
    answer = nbdeploy("deploy", str(notebook), "--target", target, "--name", NAME, "--json")
    if answer.returncode != 0:
        sys.exit(answer.stderr[-2000:] + answer.stdout[-2000:])
    seconds: dict[str, float] = json.loads(answer.stdout)["seconds"]
    return {stage: seconds.get(stage, 0.0) for stage in STAGES}


def change(notebook: Path, number: int) -> None:
    """Add a comment to a production cell, so that the notebook's layer is another one."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(cell for cell in content["cells"] if cell["id"] == "helpers")
    cell["source"] = [f"# change {number}\n", *cell["source"]]
    notebook.write_text(json.dumps(content), encoding="utf-8")


def nbdeploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of this interpreter's environment."""
    command = [sys.executable, "-m", "nbdeploy_ext", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
