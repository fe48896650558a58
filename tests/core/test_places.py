"""Where a diagnostic stands: in the cell as it is written, in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.pipeline import analyse
from tests.core.stories import C, F, Story

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "'é𝒳日'; "


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("NBD101", "x = ^(1"),
        ("NBD101", "    x = ^(1"),
        ("NBD110", "^exit()"),
        ("NBD111", "x = ^input()"),
        ("NBD201", "x = ^nothing"),
        ("NBD204", "^exec('1')"),
        ("NBD311", "\ndef test_a(): pass\n^def test_a(): pass"),
        ("NBD312", "\ndef test_é(client, ^row): pass"),
        ("NBD307", "^a = str(1)"),
        ("NBD401", "^import absent_module"),
        ("NBD403", "^open('gone.csv')"),
        ("NBD404", "^open('/gone.csv')"),
        ("NBD405", "import os; x = ^os.environ['BARS']"),
        ("NBD406", "^password = 'correct-horse'"),
        ("NBD413", "x = ^'http://localhost:1'"),
    ],
)
@pytest.mark.parametrize("indent", ["", "  "], ids=["", "indented"])
def test_columns_count_the_characters_before_the_place(
    code: str, source: str, indent: str, tmp_path: Path
) -> None:
    roles = {"NBD307": "parameters", "NBD311": "test", "NBD312": "test"}
    text = "\n".join(indent + line for line in f"{BEFORE}{source}".split("\n"))
    before = text.partition("^")[0].split("\n")
    story = Story((C(text.replace("^", ""), roles.get(code, "production")), F))
    (told,) = [d for d in analyse(story.write(tmp_path)).diagnostics if d.code == code]
    assert (told.line, told.column) == (len(before), len(before[-1]) + 1)


@pytest.mark.parametrize(
    "source",
    [
        "%time 'é', ^nothing",
        "  %time 'é', ^nothing",
        "%%timeit -n 3 'é', ^nothing\npass",
        "%%time\n'é', ^nothing",
        "if True:\n    %timeit -n 3 'é', ^nothing",
        "_ = '''é\né''' + ^nothing\n%time 1",
    ],
)
def test_columns_count_what_a_magic_takes_of_its_line(source: str, tmp_path: Path) -> None:
    before = source.partition("^")[0].split("\n")
    story = Story((C(source.replace("^", "")), F))
    (told,) = [d for d in analyse(story.write(tmp_path)).diagnostics if d.code == "NBD201"]
    assert (told.line, told.column) == (len(before), len(before[-1]) + 1)
