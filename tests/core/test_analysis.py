"""What `check` says of a notebook."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.checks import check_service
from nbdeploy_ext.core.header import render_header
from nbdeploy_ext.core.pipeline import analyse
from tests.notebooks import LOAN, write_notebook

if TYPE_CHECKING:
    from pathlib import Path


def codes(path: Path) -> list[str]:
    return [diagnostic.code for diagnostic in analyse(path).diagnostics]


def test_a_good_notebook_has_its_endpoint_slices_and_no_diagnostics(tmp_path: Path) -> None:
    document = analyse(write_notebook(tmp_path, *LOAN)).as_json()
    assert document["diagnostics"] == []
    assert [e["path"] for e in document["endpoints"]] == ["/decide"]
    assert document["slices"]["decide"] == ["types", "helpers"]
    parameters = document["endpoints"][0]["parameters"]
    assert parameters["required"] == ["applicant"]
    assert parameters["properties"]["limit"] == {"type": "number", "default": 0.5}
    assert document["endpoints"][0]["result"] == {"type": "boolean"}


def test_a_name_of_an_unmarked_cell_comes_with_the_mark_that_mends_it(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path,
        ("rates", None, "rate = 2"),
        ("model", None, "factor = rate * 2"),
        ("f", "production", "def f(x: int) -> int:\n    return x * factor"),
    )
    (found,) = analyse(path).diagnostics
    assert (found.code, found.cell, found.line) == ("NBD202", "f", 2)
    assert found.fix is not None
    assert found.fix.marks == {"model": "production", "rates": "production"}


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([("f", "production", "def f(x: int) -> int:\n    return x + nowhere")], "NBD201"),
        ([("a", "production", "y = late\ndef f() -> int:\n    return y"),
          ("b", "production", "late = 1")], "NBD203"),
        ([("f", "production", "def f(:")], "NBD101"),
        ([("f", "production", "!rm -rf x\ndef f() -> int:\n    return 1")], "NBD102"),
        ([("f", None, "x = 1")], "NBD301"),
        ([("f", "production", "x = 1")], "NBD302"),
        ([("f", "production", "def metrics() -> int:\n    return 1")], "NBD304"),
        ([("f", "production", "import not_there_at_all\ndef f() -> int:\n    return 1")], "NBD401"),
        ([("f", "production", "import os\ndef f() -> str:\n    return os.environ['NBX']")],
         "NBD405"),
    ],
)  # fmt: skip
def test_each_fault_stops_the_deploy_with_its_code(
    tmp_path: Path, cells: list[tuple[str, str | None, str]], code: str
) -> None:
    assert code in codes(write_notebook(tmp_path, *cells))
    assert not analyse(write_notebook(tmp_path, *cells)).deployable


def test_syntax_that_a_newer_kernel_may_know_is_told_as_such(tmp_path: Path) -> None:
    spec = analyse(write_notebook(tmp_path, ("f", "production", "def f(:")))
    (found,) = check_service(
        replace(spec, kernel=replace(spec.kernel, version="3.99.1"))
    ).diagnostics
    assert found.code == "NBD101"
    assert f"is not valid Python {sys.version_info[0]}.{sys.version_info[1]}," in found.message
    assert found.fix is not None
    assert "run nbdeploy on 3.99" in found.fix.title


def test_functions_comprehensions_and_loops_bind_their_own_names(tmp_path: Path) -> None:
    source = (
        "import math\nfor i in range(3):\n    total = i\n"
        "def f(n: int, *, k: int = 2) -> list[int]:\n"
        "    g = lambda z: z + k\n    return [g(j) for j in range(n) if (m := j) >= 0]\n"
        "with open('/dev/null') as handle:\n    text = handle.read()\n"
    )
    assert codes(write_notebook(tmp_path, ("f", "production", source))) == []


def test_neutral_magics_and_pip_lines_ship(tmp_path: Path) -> None:
    source = (
        "%matplotlib inline\n%pip install six==1.17.0\n%time x = 1\ndef f() -> int:\n    return x"
    )
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert [d.code for d in spec.diagnostics] == []
    assert spec.extra_pins == ("six==1.17.0",)
    assert spec.as_json()["requirements"] == [
        {"distribution": "six", "version": "1.17.0", "imports": [], "cells": ["f"]}
    ]
    assert spec.shipped[0].plain.text.splitlines()[2] == "x = 1"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Crédit Modèle", "credit-modele"),
        ("my_model.v2", "my-model-v2"),
        ("a" * 62 + " b", "a" * 62),
        ("モデル", "notebook"),
    ],
)
def test_a_deployment_is_called_as_its_file_as_far_as_a_name_can(
    tmp_path: Path, stem: str, name: str
) -> None:
    path = write_notebook(tmp_path, *LOAN).rename(tmp_path / f"{stem}.ipynb")
    assert analyse(path).name == name


def test_the_header_is_python_whatever_notebook_and_cells_are_called(
    tmp_path: Path,
) -> None:
    path = write_notebook(tmp_path, *LOAN).rename(tmp_path / 'the """new""" \\N.ipynb')
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"id": "decide"', r'"id": "a \"\"\" id"'), encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(render_header(analyse(path)))) or ""
    assert docstring.startswith('Header of the """new""" \\N.ipynb')
    assert docstring.endswith('POST /decide  (a """ id)')


def test_functions_in_branches_are_served_by_what_they_are(tmp_path: Path) -> None:
    source = """\
try:
    import lightgbm
    def predict(x: int) -> int: return x
    class Row: ...
except ImportError:
    def predict(x: str) -> str: return x
if True:
    def later(x: float) -> float: return x
if __name__ == "__main__":
    def main(x: int) -> int: return x
"""
    found = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert [(e.name, e.result["type"]) for e in found.endpoints] == [
        ("predict", "integer"),
        ("later", "number"),
    ]


@pytest.mark.parametrize(
    ("names", "path"),
    [
        ("from pathlib import Path\nDATA = Path('data')", "DATA / 'rates.csv'"),
        ("from pathlib import Path\nDATA = Path.cwd() / 'data'", "(DATA / 'rates.csv').resolve()"),
        ("from pathlib import Path\nDATA = Path('data')", "DATA.joinpath('rates.csv')"),
        ("import os\nDATA = os.path.join(os.getcwd(), 'data')", "os.path.join(DATA, 'rates.csv')"),
        ("DATA, year = 'data/', 0\nname: str = 'rates'", "'data' + f'/{name}.csv'"),
        ("DATA = 'data/'", "DATA + 'rates.csv'"),
        ("DATA = 'elsewhere/'\nDATA = 'data'", "f'{DATA}/rates.csv'"),
        ("import settings", "settings.DATA / 'rates.csv'"),
        ("from settings import DATA", "DATA / 'rates.csv'"),
        ("import settings", "settings.RATES"),
    ],
)
def test_a_file_whose_path_is_put_together_ships(tmp_path: Path, names: str, path: str) -> None:
    source = "from pathlib import Path\nHERE = Path(__file__).resolve().parent\n"
    (tmp_path / "settings.py").write_text(
        f"{source}DATA = HERE / 'data'\nRATES = DATA / 'rates.csv'\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rates.csv").write_text("1\n")
    notebook = write_notebook(
        tmp_path, ("names", "production", names),
        ("f", "production", f"def f() -> str:\n    return open({path}).read()"),
    )  # fmt: skip
    assert analyse(notebook).as_json()["files"] == ["data/rates.csv"]


@pytest.mark.parametrize(
    "source",
    [
        "x = 'a' / x",
        f"x = {'+'.join(['y'] * 900)}",
        "x = x + 'a' + x",
        "from pathlib import Path\nx = Path('..', '..', 'etc') / 'passwd'",
        "x = f'{x:>10}/a' + f'{x!r}'",
        "\n".join(f"a{i} = a{i - 1} + '/' + a{i - 1}" for i in range(1, 40)),
    ],
)
def test_what_is_no_path_beside_the_notebook_ships_nothing(tmp_path: Path, source: str) -> None:
    assert analyse(write_notebook(tmp_path, ("a", "production", source))).sources.files == ()


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("%pylab inline", "Write import numpy as np"),
        ("%env BARS=1", "Read it from os.environ"),
        ("x = %env BARS", "Read it from os.environ"),
        ("%run other.py", "Move the line to an unmarked cell"),
    ],
)
def test_a_magic_that_defines_what_the_service_lacks_is_refused_with_its_substitute(
    tmp_path: Path, line: str, fix: str
) -> None:
    path = write_notebook(tmp_path, ("a", "production", line), *LOAN)
    (told,) = [d for d in analyse(path).diagnostics if d.severity == "error"]
    assert (told.code, told.line) == ("NBD102", 1)
    assert told.fix is not None
    assert told.fix.title.startswith(fix)


def test_a_name_that_its_own_cell_defines_too_late_is_mended_in_the_cell(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("a", "production", "x = rate\nrate = 1"), *LOAN)
    (told,) = analyse(path).diagnostics
    assert told.code == "NBD203"
    assert told.fix is not None
    assert told.fix.title == "Move the line that defines it up, within the cell"


def test_a_function_that_only_a_script_calls_is_served(tmp_path: Path) -> None:
    source = "def f() -> int:\n    return 1\nif __name__ == '__main__':\n    print(f())"
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert [endpoint.name for endpoint in spec.endpoints] == ["f"]
    other = source + "\nelse:\n    x = f()"
    assert codes(write_notebook(tmp_path, ("f", "production", other))) == ["NBD302", "NBD108"]


def test_a_function_that_production_tries_out_is_named_where_nothing_is_served(
    tmp_path: Path,
) -> None:
    path = write_notebook(
        tmp_path,
        ("f", "production", "x = 1\ndef f() -> int:\n    return helper()"),
        ("helper", "production", "def helper() -> int:\n    return 1"),
        ("tried", "production", "print(f())"),
    )
    (told,) = analyse(path).diagnostics
    assert (told.code, told.cell, told.line) == ("NBD302", "f", 2)
    assert "calls each of them: f too" in told.message
    assert told.fix is not None
    assert 'endpoints = ["f"]' in told.fix.title


@pytest.mark.parametrize(
    ("source", "is_called"),
    [
        ("def g(score: int) -> int:\n    return score", False),
        ("def g() -> int:\n    score = 1\n    return score", False),
        ("def g() -> int:\n    for score in [1]: pass\n    return score", False),
        ("def g() -> int:\n    import math as score\n    return score.floor(1)", False),
        ("def g() -> list[int]:\n    return [score for score in [1]]", False),
        ("g_ = lambda score: score", False),
        ("def g(x: int) -> int:\n    return score(x)", True),
        ("def g(score=score) -> int:\n    return score", True),
        ("def g() -> int:\n    global score\n    old = score\n    score = 1\n    return old", True),
        ("def g() -> int:\n    def h(score): return score\n    return h(score)", True),
        ("def g() -> list[int]:\n    return [score for score in score(1)]", True),
        ("x = [score(i) for i in [1]]", True),
        ("class G:\n    def run(self): return score(1)", True),
        ("@score\ndef _g(score): return score", True),
    ],
)
def test_a_variable_that_is_called_like_a_function_is_no_call_of_it(
    tmp_path: Path, source: str, *, is_called: bool
) -> None:
    function = "def score(x: int) -> int:\n    return x"
    cells = (("score", "production", function), ("g", "production", source))
    served = [e.name for e in analyse(write_notebook(tmp_path, *cells)).endpoints]
    assert ("score" in served) is not is_called


@pytest.mark.parametrize(
    "source",
    [
        "import glob\nx = glob.glob('data/*.csv')",
        "from glob import iglob\nDATA = 'data'\nx = list(iglob(f'{DATA}/*.csv'))",
        "from pathlib import Path\nDATA = Path('data')\nx = sorted(DATA.glob('*.csv'))",
    ],
)
def test_files_that_cells_look_for_ship(tmp_path: Path, source: str) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", ".hidden.csv", "c.txt"):
        (tmp_path / "data" / name).write_text("1\n")
    path = write_notebook(tmp_path, ("a", "production", source))
    assert analyse(path).as_json()["files"] == ["data/a.csv", "data/b.csv"]


@pytest.mark.parametrize("pattern", ["*", "data/*", "../*.csv", "**/*.csv", "[", "/*.csv", ""])
def test_what_may_find_anything_ships_nothing(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1\n")
    path = write_notebook(tmp_path, ("a", "production", f"import glob\nglob.glob({pattern!r})"))
    assert analyse(path).as_json()["files"] == []
