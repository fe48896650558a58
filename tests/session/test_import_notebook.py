"""Notebooks as modules of ordinary programs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

CELLS = (
    ("start", None, "raise RuntimeError('exploration must not run')"),
    ("limit", "parameters", "LIMIT = 0.5"),
    ("types", "production", "%matplotlib inline\nclass Applicant:\n    debt = 0.25\n"),
    ("decide", "production", "def decide(a):\n    share = 1 / a\n    return share < LIMIT\n"),
    ("check", "test", "raise RuntimeError('tests must not run')"),
)


def program(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=False
    )


def test_only_marked_cells_run_and_the_module_is_the_same_again(tmp_path: Path) -> None:
    write_notebook(tmp_path, *CELLS, name="fraud")
    done = program(
        tmp_path,
        "from nbdeploy_ext import import_notebook\n"
        "fraud = import_notebook('fraud.ipynb')\n"
        "assert import_notebook('fraud.ipynb') is fraud\n"
        "import pickle\n"
        "assert type(pickle.loads(pickle.dumps(fraud.Applicant()))) is fraud.Applicant\n"
        "print(fraud.decide(4), fraud.LIMIT)",
    )
    assert (done.stdout, done.stderr) == ("True 0.5\n", "")


def test_the_hook_lets_import_find_it(tmp_path: Path) -> None:
    write_notebook(tmp_path, *CELLS, name="fraud")
    write_notebook(tmp_path, ("x", None, "x = 1"), name="sketch")
    done = program(
        tmp_path,
        "import nbdeploy_ext\nnbdeploy_ext.install_import_hook()\n"
        "from fraud import decide\nprint(decide(4))\n"
        "try:\n    import sketch\nexcept ImportError as error:\n    print(error)",
    )
    assert (done.stdout, done.stderr) == ("True\nNo module named 'sketch'\n", "")


def test_tracebacks_sources_and_the_debugger_show_the_notebooks_cell(tmp_path: Path) -> None:
    write_notebook(tmp_path, *CELLS, name="fraud")
    start = "from nbdeploy_ext import import_notebook\nfraud = import_notebook('fraud.ipynb')\n"
    failed = program(
        tmp_path,
        f"{start}import traceback\ntry:\n    fraud.decide(0)\n"
        "except ZeroDivisionError:\n    traceback.print_exc()",
    )
    assert 'File "fraud.ipynb[3]", line 2, in decide\n    share = 1 / a' in failed.stderr
    shown = program(
        tmp_path, f"{start}import inspect\nprint(inspect.getsource(fraud.decide), end='')\n"
        "print(inspect.getsource(fraud.Applicant), end='')"
    )  # fmt: skip
    assert shown.stdout == f"{CELLS[3][2]}class Applicant:\n    debt = 0.25\n"
    debugged = subprocess.run(
        [sys.executable, "-c", f"{start}import pdb\npdb.run('fraud.decide(4)', globals())"],
        cwd=tmp_path, input="step\nstep\nlist\nquit\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "share = 1 / a" in debugged.stdout


def test_cells_are_a_function_of_the_parameters(tmp_path: Path) -> None:
    write_notebook(
        tmp_path,
        ("start", "production", "print('start')\nrate = 0.5"),
        ("params", "parameters", "amount = 3.0"),
        ("calc", "production", "print('call')\ndef tax():\n    return amount * rate"),
        ("show", "production", "total = amount + tax()\ntotal"),
        name="fraud",
    )
    done = program(
        tmp_path,
        "import nbdeploy_ext\nnbdeploy_ext.install_import_hook()\n"
        "import fraud, inspect\n"
        "print(inspect.signature(fraud.run))\n"
        "print(fraud.run(), fraud.run(amount=10))\n"
        "print(fraud.total, fraud.tax(), hasattr(fraud, 'nothing'))\n",
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "start", "(*, amount: float = 3.0)", "call", "call", "4.5 15.0", "call", "4.5 1.5 False",
    ]  # fmt: skip
