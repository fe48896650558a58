"""`check` says the same whatever Python's hash seed is: nothing depends on the order of a set."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "hash_seeds.py"
LIBRARY = Path(sysconfig.get_path("stdlib"))


def test_functions_that_call_each_other_are_read_the_same_under_every_hash_seed() -> None:
    files = [str(LIBRARY / name) for name in ("datetime.py", "ast.py", "shlex.py")]
    command = [sys.executable, str(SCRIPT), *files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout == "3 files under 3 hash seeds, 0 differ\n", ran.stderr
