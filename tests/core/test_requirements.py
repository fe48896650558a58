"""From imports to the distributions that hold them."""

from __future__ import annotations

import pickle
import zlib
from typing import TYPE_CHECKING

import idna
import packaging.version
import pytest
import uv
import yaml

from nbdeploy_ext.core.pipeline import analyse
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("statement", "distributions"),
    [
        ("import pycrdt", {"pycrdt"}),
        ("from pycrdt import Doc", {"pycrdt"}),
        ("import pycrdt.store", {"pycrdt-store"}),
        ("from pycrdt.websocket import WebsocketServer", {"pycrdt-websocket"}),
        ("from pycrdt import store, Doc", {"pycrdt", "pycrdt-store"}),
        ("import yaml, json", {"PyYAML"}),
        ("import uv, os.path", {"uv"}),
    ],
)
def test_distributions_that_share_a_package_are_told_apart(
    statement: str, distributions: set[str], tmp_path: Path
) -> None:
    source = f"{statement}\ndef f() -> int:\n    return 1"
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert {requirement.distribution for requirement in spec.requirements} == distributions
    assert spec.unknown_imports == ()


def test_an_import_that_may_fail_is_no_problem_and_ships_where_it_is_installed(
    tmp_path: Path,
) -> None:
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import never_there\n"
        "try:\n    import nowhere_to_be_found as fast\nexcept ImportError:\n    import uv as fast\n"
        "try:\n    import yaml\nexcept Exception:\n    yaml = None\n"
        "def f() -> int:\n    return 1"
    )
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert spec.diagnostics == ()
    assert {r.distribution for r in spec.requirements} == {"uv", "PyYAML"}


def test_an_import_that_has_to_work_and_is_not_installed_stops_the_deploy(tmp_path: Path) -> None:
    source = "import nowhere_to_be_found\ndef f() -> int:\n    return 1"
    (missing,) = analyse(write_notebook(tmp_path, ("f", "production", source))).diagnostics
    assert (missing.code, missing.cell, missing.line) == ("NBD401", "f", 1)


def test_nothing_is_called_missing_in_a_kernel_that_is_not_there(tmp_path: Path) -> None:
    cell = ("f", "production", "import nowhere_to_be_found\ndef f() -> int:\n    return 1")
    spec = analyse(write_notebook(tmp_path, cell, kernel="no-such-kernel"))
    assert [d.code for d in spec.diagnostics] == ["NBD106"]


@pytest.mark.parametrize(
    ("source", "distributions"),
    [
        ("import pandas as pd\nt = pd.read_parquet('s3://b/t')", {"pandas", "pyarrow", "fsspec"}),
        ("import pandas as pd\nt = pd.read_excel('t.xlsx', engine='yaml')", {"pandas", "PyYAML"}),
        ("import importlib\nm = importlib.import_module('yaml')", {"PyYAML"}),
        ("from sqlalchemy import create_engine\ne = create_engine('x+yaml://db/x')", {"PyYAML"}),
        ("import pandas as pd\nt = pd.DataFrame().plot()", {"pandas", "matplotlib"}),
        ("import pandas as pd\nt = pd.read_csv('t.csv')", {"pandas"}),
    ],
)
def test_what_is_needed_without_being_imported_ships_where_it_is_installed(
    source: str, distributions: set[str], tmp_path: Path
) -> None:
    spec = analyse(
        write_notebook(tmp_path, ("f", "production", f"{source}\ndef f() -> int:\n    return 1"))
    )
    installed = {name for name in distributions if name in spec.kernel.versions}
    assert {requirement.distribution for requirement in spec.requirements} == installed


def test_what_a_pickled_file_needs_to_be_loaded_ships(tmp_path: Path) -> None:
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(packaging.version.Version("1.0")))
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(packaging.version.Version("1.0"), protocol=2))
    packed = zlib.compress(pickle.dumps(yaml.YAMLError))
    (tmp_path / "packed.joblib").write_bytes(packed)
    # As joblib writes arrays: raw bytes between the opcodes
    begun = pickle.dumps(uv.find_uv_bin)[:-1] + b"\xff\xfe\x01raw"
    (tmp_path / "array.joblib").write_bytes(begun + pickle.dumps(idna.IDNAError)[2:])
    for name, wanted in {
        "plain.pkl": {"packaging"},
        "old.pkl": {"packaging"},
        "packed.joblib": {"PyYAML"},
        "array.joblib": {"uv", "idna"},
    }.items():
        source = (
            f"import pickle\nm = load('{name}')\ndef load(p): ...\ndef f() -> int:\n    return 1"
        )
        spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
        assert {r.distribution for r in spec.requirements} == wanted, name


def test_modules_are_found_below_folders_without_init_and_on_the_path(tmp_path: Path) -> None:
    for path, text in {
        "lib/tools.py": "import yaml\nimport team.rates\n",
        "src/team/__init__.py": "",
        "src/team/rates.py": "import os\nR = os.environ['RATE']\n",
        "data/notes.txt": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    source = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path('src')))\n"
        "from lib import tools\ndef f() -> int:\n    return 1"
    )
    spec = analyse(write_notebook(tmp_path, ("f", "production", source)))
    assert set(spec.sources.modules) == {
        "lib/tools.py",
        "src/team/__init__.py",
        "src/team/rates.py",
    }
    assert {requirement.distribution for requirement in spec.requirements} == {"PyYAML"}
    (missing,) = spec.diagnostics
    assert (missing.code, missing.cell, missing.line) == ("NBD405", "f", 4)
    assert "src/team/rates.py, line 2" in missing.message
