"""What is told of names and texts is true: what a scientist would call a false alarm is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.leaks import leaked_kinds, shipped_leaks
from nbdeploy_ext.core.pipeline import analyse
from tests.core.stories import C, F, Story

if TYPE_CHECKING:
    from pathlib import Path


def codes(tmp_path: Path, *cells: C) -> dict[str, str]:
    diagnostics = analyse(Story((*cells, F)).write(tmp_path)).diagnostics
    return {d.code: d.message for d in diagnostics if d.code in {"NBD201", "NBD202", "NBD203"}}


def test_a_name_that_a_wild_import_may_define_is_no_error(tmp_path: Path) -> None:
    star, reader = C("from math import *", name="a"), C("x = sqrt(2)")
    assert codes(tmp_path, star, reader) == {}
    assert codes(tmp_path, reader, star).keys() == {"NBD201"}
    told = codes(tmp_path, C("from math import *", None, "a"), reader)
    assert told["NBD202"].startswith("sqrt may be defined only in a cell that does not ship")


@pytest.mark.parametrize(
    "source", ["globals()['rate'] = 1", "globals().update(rate=1)", "globals()['r' + 'ate'] = 1"]
)
def test_a_name_that_is_put_into_the_globals_is_no_error(tmp_path: Path, source: str) -> None:
    assert codes(tmp_path, C(source, name="a"), C("x = rate")) == {}
    assert codes(tmp_path, C("globals()['rate']", name="a"), C("x = rate")).keys() == {"NBD201"}


def test_a_name_that_an_unmarked_cell_defined_before_is_defined_there(tmp_path: Path) -> None:
    first = C("rate = 1", None, "a")
    assert codes(tmp_path, first, C("x = rate"), C("rate = 2", name="b")).keys() == {"NBD202"}
    assert codes(tmp_path, first, C("rate += 1")).keys() == {"NBD202"}
    assert codes(tmp_path, C("x = rate"), first, C("rate = 2", name="b")).keys() == {"NBD203"}


def test_names_that_a_decorator_gives_to_the_notebook_are_defined(tmp_path: Path) -> None:
    source = "import awkward as ak\n@ak.mixin_class(ak.behavior)\nclass Point: pass\nPointArray"
    assert codes(tmp_path, C(source)) == {}


@pytest.mark.parametrize(
    "source",
    [
        "for i in range(3):\n    if i:\n        y = last\n    else:\n        y = 0\n    last = y",
        "for i in range(3):\n    if i and last > 1: break\n    last = i",
        "for i in range(3):\n    y = last if i else 0\n    last = y",
    ],
)
def test_a_name_that_a_loop_reads_after_the_first_round_is_defined(
    tmp_path: Path, source: str
) -> None:
    assert codes(tmp_path, C(source)) == {}
    assert codes(tmp_path, C("last = 5", None, "a"), C(source)).keys() == {"NBD202"}
    assert codes(tmp_path, C("for i in range(3):\n    y = last\n    last = i")).keys() == {"NBD203"}


@pytest.mark.parametrize(
    "shown",
    [
        "sk-52a3bd5b-38a3-4b3c-9f0e-1d0c8e8b8d8a",
        "sk-estimator-doc-link-container-of-parts-1",
    ],
)
def test_names_in_the_pages_that_models_show_are_no_keys(shown: str) -> None:
    assert leaked_kinds(f'<div id="{shown}">') == []
    assert leaked_kinds("sk-" + "Ab1" * 16) == ["an OpenAI or Anthropic key"]


@pytest.mark.parametrize("key", ["0f3a" * 8, "proj-" + "ab_c" * 8, "ant-" + "ab-1" * 8, "Ab-1" * 8])
def test_a_key_is_one_whatever_it_is_made_of(key: str) -> None:
    assert leaked_kinds(f"key: sk-{key}") == ["an OpenAI or Anthropic key"]


def test_a_key_for_trying_things_out_is_no_secret() -> None:
    assert shipped_leaks("api_key = 'DEMO_KEY'") == ()
    assert shipped_leaks("api_key = 'KEY_DEMO'")


def test_a_notebook_in_another_language_is_not_read_as_python(tmp_path: Path) -> None:
    cells = (C('Print["Hello"]'), C("let x = 1;", name="d"), C("%args --who=me", name="e"))
    story = Story(cells, metadata={"language_info": {"name": "rust"}})
    assert [d.code for d in analyse(story.write(tmp_path)).diagnostics] == ["NBD103"]
    password = C('let password = "hunter2-of-old";')
    story = Story((*cells, password), metadata={"language_info": {"name": "rust"}})
    told = [d.code for d in analyse(story.write(tmp_path)).diagnostics]
    assert told == ["NBD103", "NBD406"]


def test_a_file_that_a_shipped_cell_writes_first_is_not_missed(tmp_path: Path) -> None:
    writer, reader = "open('a.json', 'w').write('1')", C("x = open('a.json').read()")
    told = [
        {d.code for d in analyse(Story((*cells, F)).write(tmp_path)).diagnostics}
        for cells in ((C(writer, name="a"), reader), (C(writer, None, "a"), reader))
    ]
    assert "NBD403" not in told[0]
    assert "NBD411" in told[0]
    assert "NBD403" in told[1]


FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize(
    "cells",
    [
        (FUTURE + "from typing import TypedDict\nclass Node(TypedDict):\n    kids: list[Node]",),
        (FUTURE + "class Node:\n    def link(self, other: Node) -> Node: return other",),
        (FUTURE, "class Node:\n    kids: list[Node]"),
        ("class A:\n    key = lambda self: helper(self)", "def helper(a): return 1"),
        ("class A:\n    class B:\n        key = lambda self: helper(self)",
         "def helper(a): return 1"),
        ("def make():\n    class A:\n        key = lambda self: helper(self)\n    return A",
         "def helper(a): return 1"),
    ],
)  # fmt: skip
def test_what_a_class_reads_later_may_be_defined_later(
    tmp_path: Path, cells: tuple[str, ...]
) -> None:
    assert codes(tmp_path, *(C(cell, name=f"c{n}") for n, cell in enumerate(cells))) == {}


@pytest.mark.parametrize(
    "source",
    ["class Node:\n    kids: list[Node]", "class A:\n    key = helper\ndef helper(a): return 1",
     FUTURE + "class A:\n    kids: list[A] = [A]"],
)  # fmt: skip
def test_what_a_class_reads_at_once_must_be_there(tmp_path: Path, source: str) -> None:
    assert codes(tmp_path, C(source)).keys() == {"NBD203"}


@pytest.mark.parametrize(
    "source",
    [
        "from importlib.util import find_spec\nif find_spec('not_there'):\n    import not_there",
        "import sys\nif 'not_there' in sys.modules:\n    import not_there",
        "import sys\nif sys.version_info > (3, 9):\n    x = 1\nelse:\n    import not_there",
        "try:\n    import json\nexcept ImportError:\n    import not_there as json",
    ],
)
def test_what_was_not_imported_in_the_kernel_may_be_missing_there(
    tmp_path: Path, source: str
) -> None:
    assert analyse(Story((C(source), F)).write(tmp_path)).diagnostics == ()


def test_what_a_call_imports_has_to_be_there_under_a_condition_too(tmp_path: Path) -> None:
    source = "def g(x: bool) -> int:\n    if x:\n        import not_there\n    return 1"
    (told,) = analyse(Story((C(source),)).write(tmp_path)).diagnostics
    assert (told.code, told.line) == ("NBD401", 3)


def left_behind(tmp_path: Path, *between: C, reads: str = "x = rate[0]") -> list[str]:
    """Return what is told where these cells stand between one that defines and one that reads."""
    cells = (C("import numpy as np\nrate = np.ones(2)", name="a"), *between, C(reads), F)
    return [d.message for d in analyse(Story(cells).write(tmp_path)).diagnostics]


@pytest.mark.parametrize("source", ["rate = 3", "rate[0] = 3", "rate.sort()", "rate += 1"])
def test_what_only_the_notebook_does_to_a_name_of_production_is_told(
    tmp_path: Path, source: str
) -> None:
    (told,) = left_behind(tmp_path, C(source, None, "b"))
    assert told.startswith("rate is ")
    assert told.endswith(f"in a cell that does not ship: {source}")
    assert left_behind(tmp_path, C(source, name="b")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.mean(rate)",
        "print(rate)",
        "other = rate.copy()\nother[0] = 2",
        "q = 1",
    ],
)
def test_exploration_that_changes_nothing_of_production_is_not_told(
    tmp_path: Path, source: str
) -> None:
    assert left_behind(tmp_path, C(source, None, "b"), reads="x = rate[0] + np.ones(1)") == []


def test_exploration_that_production_overwrites_is_not_told(tmp_path: Path) -> None:
    again = C("rate = [4]", name="d")
    assert left_behind(tmp_path, C("rate = 3", None, "b"), again) == []
    function = "def g(x: int) -> float:\n    return x * rate[0]"
    cells = (C("rate = [1]", name="a"), C("rate = 3", None, "b"), C(function), again)
    assert analyse(Story(cells).write(tmp_path)).diagnostics == ()
    assert (
        left_behind(tmp_path, C("x = rate[0]", name="e"), C("rate = 3", None, "b"), reads="") == []
    )


def test_problems_of_text_come_in_the_order_of_the_notebook(tmp_path: Path) -> None:
    token = "ghp_" + "x8K2mQ9vT4bN7rY1wZ5cJ3hL6sD0fGaPeUiO"
    text = C(f"my token is {token}", None, "t", kind="markdown")
    story = Story((C(f"key = '{token}'", name="a"), text, F))
    assert [d.cell for d in analyse(story.write(tmp_path)).diagnostics] == ["a", "t"]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    profile\nexcept NameError:\n    def profile(f): return f",
        "try:\n    rate\nexcept NameError:\n    rate = 1\nx = rate",
        "try:\n    display(1)\nexcept (NameError, ValueError):\n    pass",
        "print(__builtins__)",
    ],
)
def test_a_name_whose_absence_is_caught_is_no_error(tmp_path: Path, source: str) -> None:
    story = Story((C(source), C("def f(x: int) -> int:\n    return x", name="f")))
    assert [d for d in analyse(story.write(tmp_path)).diagnostics if d.code != "NBD305"] == []


def test_a_name_that_is_read_again_behind_a_handler_is_missed(tmp_path: Path) -> None:
    source = "try:\n    rate\nexcept NameError:\n    pass\nx = rate"
    assert codes(tmp_path, C(source)).keys() == {"NBD201"}
