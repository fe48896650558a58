"""The check of the server's verbs sees what a reviewer would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_auth.py"
HANDLER = """
class StatusHandler(NbdeployHandler):
    {decorators}
    async def get(self): ...

    def not_a_verb(self): ...
"""


@pytest.fixture
def check(tmp_path):
    def run(decorators):
        file = tmp_path / "status.py"
        file.write_text(HANDLER.format(decorators=decorators))
        command = [sys.executable, str(SCRIPT), str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_a_verb_with_both_decorators_passes(check):
    result = check("@web.authenticated\n    @authorized")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("decorators", "missing"),
    [("@web.authenticated", "@authorized"), ("@authorized", "@authenticated")],
)
def test_a_verb_without_one_of_them_is_named_with_its_line(check, decorators, missing):
    result = check(decorators)
    assert result.returncode == 1
    assert result.stdout.endswith(f"status.py:4: StatusHandler.get is not {missing}\n")


def test_every_verb_of_the_server_is_authorised():
    result = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
