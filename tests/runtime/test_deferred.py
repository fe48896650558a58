"""A package that runs late is the same package."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = """\
import sys
from nbdeploy_ext.runtime.deferred import defer
defer("pack", NAME="part")
import pack.part
assert pack.part.NAME == "part" and "json.tool" not in sys.modules
"""
WANTS = {
    "an attribute": "import pack\nprint(pack.VALUE, pack.part.NAME)",
    "a name": "from pack import VALUE\nprint(VALUE, pack.part.NAME)",
    "all names": "from pack import *\nprint(VALUE, pack.part.NAME)",
    "threads": """\
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _: pack.VALUE, range(64)))
        print(*found, pack.part.NAME)""",
    "what is missing": """\
        try:
            pack.nothing
        except AttributeError as error:
            print(str(error).count("nothing"), pack.part.NAME)""",
    "a name of a part": "from pack import NAME\nprint(NAME.count('a'), NAME, end='')\n"
    "assert 'json.tool' not in sys.modules",
    "it again": "defer('pack')\nimport pack\nprint(pack.VALUE, pack.part.NAME)",
}


@pytest.mark.parametrize("wants", WANTS.values(), ids=WANTS)
def test_a_deferred_package_runs_once_when_a_name_is_wanted(tmp_path: Path, wants: str) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    beginning = "import json.tool, time\ntime.sleep(0.05)\ntimes = globals().get('times', 0) + 1\n"
    (package / "__init__.py").write_text(f"{beginning}VALUE = times\n", encoding="utf-8")
    (package / "part.py").write_text("NAME = 'part'\n", encoding="utf-8")
    program = BEGIN + textwrap.dedent(wants)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["1", "part"], "")


def test_a_package_that_is_not_there_stays_so() -> None:
    program = (
        "from nbdeploy_ext.runtime.deferred import defer\n"
        "defer('no_such_package')\n"
        "import no_such_package\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError" in done.stderr
