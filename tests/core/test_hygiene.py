"""What a notebook's file gives away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.pipeline import analyse
from tests.notebooks import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.diagnostics import Diagnostic

F = "def f(x: int) -> int:\n    return x"


def found(folder: Path, *cells: tuple[str, str | None, str]) -> list[tuple[str, str | None, int]]:
    path = write_notebook(folder, *cells, ("f", "production", F))
    return [(d.code, d.cell, d.line or 0) for d in analyse(path).diagnostics]


def run_in(path: Path, *counts: int | None) -> list[Diagnostic]:
    content = json.loads(path.read_text())
    for cell, count in zip(content["cells"], counts, strict=True):
        cell["execution_count"] = count
    path.write_text(json.dumps(content))
    return list(analyse(path).diagnostics)


@pytest.mark.parametrize(
    "source",
    [
        "key = 'AKIA' + 'x'\nused = 'AKIAIOSFODNN7ABCDEFG'",
        "x = 1\npassword = 'hunter2-and-more'",
        "x = 1\nurl = 'postgresql://me:s3cr3t@db.example.org/x'",
        "x = 1\nlogin = {'user': 'me', 'password': 'Kj8sd!ks92x'}",
        "login = {}\nlogin['api_key'] = 'a8Fk3Lm9Qz7Xc2Vb5'",
        "import os\nos.environ['OPENAI_API_KEY'] = 'a8Fk3Lm9Qz7Xc2Vb5'",
        "import os\nx = os.getenv('API_TOKEN', 'a8Fk3Lm9Qz7Xc2Vb5')",
        "x = 1\ndb_password: str = 'Kj8sd!ks92x'",
        "x = 1\naws_secret_access_key = 'a8Fk3Lm9Qz7Xc2Vb5'",
        "x = 1\nheaders = {'Authorization': 'Bearer a8Fk3Lm9Qz7Xc2Vb5Nn1Rt4Yw6'}",
        "x = 1\njwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.Qm3xZt7Vw1Lr8Ks5Np2Yd6Hc'",
        "x = 1\nodbc = 'Server=tcp:db.example.org;Uid=me;Pwd=Kj8sd!ks92x;'",
        "x = 1\nkey = '''-----BEGIN RSA PRIVATE KEY-----\nMII'''",
    ],
)
def test_a_secret_in_a_shipped_cell_stops_the_deploy_and_is_not_repeated(
    source: str, tmp_path: Path
) -> None:
    path = write_notebook(tmp_path, ("s", "production", source), ("f", "production", F))
    (leak,) = analyse(path).diagnostics
    assert (leak.code, leak.cell, leak.line, leak.severity) == ("NBD406", "s", 2, "error")
    assert "hunter2" not in leak.message
    assert "s3cr3t" not in leak.message


@pytest.mark.parametrize(
    "source",
    [
        "import os\npassword = os.environ.get('PASSWORD')",
        "token = 'your-token-here'",
        "url = f'postgresql://{1}:{2}@db.example.org/x'",
        "password_field = 'password'",
        "SECRET_KEY = 'SECRET_KEY'",
        "url = 'postgresql://user:<password>@db.example.org/x'",
        "columns = {'token': 'token_v2', 'secret': 'hidden', 'api_key': 'service-eu-1'}",
        "columns = ['token', 'feature2', 'password', 'login1']",
        "d = {}\nd['token'] = 'bert-base-v2'\nd.get('token', 'unknown1')",
        "pwd = 1\nodbc = f'Server=x;Uid=me;Pwd={pwd};'",
        "headers = {'Authorization': 'Bearer YOUR_ACCESS_TOKEN_HERE_PLEASE'}",
        "import os\ntoken: str = os.environ.get('token')",
    ],
)
def test_what_only_speaks_of_secrets_is_none(source: str, tmp_path: Path) -> None:
    assert found(tmp_path, ("s", "production", source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    x = os.environ['BARS']\nexcept KeyError:\n    x = None",
        "x = os.environ['BARS'] if 'BARS' in os.environ else None",
        "if os.getenv('BARS'):\n    def _g():\n        return os.environ['BARS']",
        "x = 'BARS' in os.environ and os.environ['BARS']",
        "with contextlib.suppress(KeyError):\n    x = os.environ['BARS']",
        "os.environ['BARS'] = '1'\nx = os.environ['BARS']",
        "os.environ.setdefault('BARS', '1')\nx = os.environ['BARS']",
        "os.environ.update(BARS='1')\nx = os.environ['BARS']",
        "x = os.environ['HOME'] + os.environ['PATH']",
    ],
)
def test_a_variable_that_is_asked_for_or_set_before_needs_no_supply(
    source: str, tmp_path: Path
) -> None:
    assert found(tmp_path, ("s", "production", f"import os, contextlib\n{source}")) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = os.environ['BARS']; os.environ['BARS'] = '1'",
        "if 'OTHER' in os.environ: x = os.environ['BARS']",
        "try:\n    x = 1\nexcept KeyError:\n    x = os.environ['BARS']",
        "import os as _os; x = _os.environ['BARS']",
    ],
)
def test_a_variable_that_is_not_asked_for_has_to_be_supplied(source: str, tmp_path: Path) -> None:
    told = found(tmp_path, ("s", "production", f"import os\n{source}"))
    assert [code for code, *_ in told] == ["NBD405"]


def test_a_variable_that_a_shipped_cell_sets_is_there_for_those_after_it(tmp_path: Path) -> None:
    sets, reads = "import os\nos.environ['BARS'] = '1'", "import os\nx = os.environ['BARS']"
    after = found(tmp_path, ("a", "production", sets), ("b", "production", reads))
    assert after == []
    before = found(tmp_path, ("b", "production", reads), ("a", "production", sets))
    assert before == [("NBD405", "b", 2)]
    assert found(tmp_path, ("a", None, sets), ("b", "production", reads)) == [("NBD405", "b", 2)]


def test_a_secret_in_an_output_is_a_warning(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, ("shown", None, "print(key)"), ("f", "production", F))
    content = json.loads(path.read_text())
    text = ["ok\n", "AKIAIOSFODNN7ABCDEFG\n"]
    content["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    path.write_text(json.dumps(content))
    (leak,) = analyse(path).diagnostics
    assert (leak.code, leak.cell, leak.severity) == ("NBD407", "shown", "warning")


def test_cells_that_ran_in_another_order_are_told(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path, ("a", "production", "rate = 2"), ("f", "production", f"{F} + rate")
    )
    assert run_in(path, None, None) == []
    assert run_in(path, 1, 2) == []
    (cleared,) = run_in(path, None, 3)
    assert (cleared.code, cleared.cell) == ("NBD206", "a")
    use = ("use", "production", "twice = rate * 2")
    path = write_notebook(tmp_path, ("a", "production", "rate = 2"), use, ("f", "production", F))
    (late,) = run_in(path, 7, 3, 8)
    assert (late.code, late.cell) == ("NBD205", "use")
    assert "rate = 2" in late.message


def test_files_that_are_missing_or_outside_are_told(tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("x")
    source = "open('there.txt')\nopen('gone.txt')\nopen('../up.txt')\nopen('new.txt', 'w')"
    assert found(tmp_path, ("io", "production", source)) == [
        ("NBD403", "io", 2),
        ("NBD404", "io", 3),
        ("NBD411", "io", 4),
    ]


def test_what_can_not_be_followed_and_computed_defaults_are_warnings(tmp_path: Path) -> None:
    assert found(
        tmp_path,
        ("p", "parameters", "A = 1\nB: list = [1, 2]\nC = max(1, 2)"),
        ("e", "production", "exec('z = 1')"),
    ) == [("NBD307", "p", 3), ("NBD204", "e", 1)]
