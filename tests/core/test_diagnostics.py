"""Every code: a notebook that has it, one that nearly does, and its line of the reference."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nbdeploy_ext.core.capture import LiveKernel, RunCells
from nbdeploy_ext.core.diagnostics import CODES, Diagnostic
from nbdeploy_ext.core.errors import DeployRefused
from nbdeploy_ext.core.kernel_session import start_kernel
from nbdeploy_ext.core.notebook import Role, read_notebook, write_marks
from nbdeploy_ext.core.pipeline import analyse, capture
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.values import ValueStore
from tests.core.stories import CASES, C, Case, F, Story, one, with_values
from tests.kernels import install, make_environment, write_kernel, write_project

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "diagnostics.md"


def found(story: Story, folder: Path) -> list[Diagnostic]:
    folder.mkdir(parents=True, exist_ok=True)
    return list(analyse(story.write(folder)).diagnostics)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_a_code_is_told_with_its_place_and_its_fix(case: Case, tmp_path: Path) -> None:
    told = [d for d in found(case.has, tmp_path / "nb") if d.code == case.code]
    assert len(told) == 1
    (diagnostic,) = told
    assert diagnostic.severity == CODES[case.code][0]
    assert (diagnostic.cell, diagnostic.line, diagnostic.column) == (
        case.cell, case.line, case.column,
    )  # fmt: skip
    assert case.says in diagnostic.message
    if case.mends:
        assert diagnostic.fix is not None
        assert case.mends in diagnostic.fix.title
        assert diagnostic.fix.marks == (dict(case.marks) if case.marks else None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_what_only_looks_like_it_is_not_told(case: Case, tmp_path: Path) -> None:
    assert case.code not in {d.code for d in found(case.near, tmp_path / "nb")}


@pytest.mark.parametrize("case", [c for c in CASES if c.marks], ids=lambda case: case.code)
def test_a_fix_that_a_machine_can_do_mends_it(case: Case, tmp_path: Path) -> None:
    path = case.has.write(tmp_path)
    (told,) = [d for d in analyse(path).diagnostics if d.code == case.code]
    assert told.fix is not None
    write_marks(path, {cell: Role(role) for cell, role in (told.fix.marks or {}).items()})
    assert case.code not in {d.code for d in analyse(path).diagnostics}


@pytest.mark.parametrize(
    ("sources", "moves"),
    [
        (["x = rate", "rate = 2", "y = 3"], ["c1"]),
        (["x = rate", "base = 1", "y = 3", "rate = base * 2"], ["c1", "c3"]),
        (["x = rate", "rate = x"], None),
        (["x = rate\nrate = 2"], None),
    ],
)
def test_a_cell_that_comes_too_late_is_moved_with_what_it_needs(
    sources: list[str], moves: list[str] | None, tmp_path: Path
) -> None:
    cells = [C(source, name=f"c{n}") for n, source in enumerate(sources)]
    told = [d for d in found(Story((*cells, F)), tmp_path) if d.code == "NBD203"]
    fix = told[0].fix
    assert fix is not None
    if moves is None:
        assert (fix.kind, fix.moves) == ("none", None)
        return
    assert (fix.kind, list(fix.moves or ()), fix.before) == ("move", moves, "c0")
    moved = [cell for cell in cells if cell.name in moves]
    rest = [cell for cell in cells if cell.name not in moves]
    assert found(Story((*moved, *rest, F)), tmp_path) == []


def test_every_code_has_a_pair_and_a_line_with_cause_and_fix() -> None:
    told = {case.code for case in CASES} | set(LIVE)
    assert told == set(CODES)
    assert not {case.code for case in CASES} & set(LIVE)
    rows = re.findall(
        r"^\| `(NBD\d+)` \| (\w+) \| (.+?) \| (.+?) \|$", REFERENCE.read_text(), re.MULTILINE
    )
    assert {code: severity for code, severity, _, _ in rows} == {
        c: s for c, (s, _) in CODES.items()
    }
    assert all(len(cause) > 20 and len(fix) > 10 for _, _, cause, fix in rows)


# --------------------------------------------------- codes that a kernel of some kind is needed for


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


def edited(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    """An editor says which cells were changed since they ran."""
    path = Story((C("rate = 2"), C("x = 1", None, "u"), F)).write(folder)
    told, not_told = (list(analyse(path, edited=cells).diagnostics) for cells in (["c"], ["u"]))
    return told, not_told, "changed since it ran"


def kernel(folder: Path, name: str, *projects: tuple[str, str], editable: bool = False) -> Path:
    """Make a kernel with these projects (name, version), each with one module of its name."""
    python = make_environment(folder / name)
    for project, version in projects:
        place = write_project(folder / f"{name}-{project}", project, {f"{project}.py": ""})
        about = (place / "pyproject.toml").read_text().replace('"1.0"', f'"{version}"')
        (place / "pyproject.toml").write_text(about)
        install(python, *(["-e"] if editable else []), str(place))
    if not editable:  # as if an index had them
        for link in (folder / name).rglob("direct_url.json"):
            link.unlink()
    write_kernel(folder / "jupyter", name, python)
    return python


def on(name: str, story: Story) -> Story:
    return Story(story.cells, story.toml, story.files, {"kernelspec": {"name": name}})


def gone(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    """A package is installed from a folder, and the folder is deleted."""
    kernel(folder, "local", ("team_tool", "1.0"), editable=True)
    story = on("local", one("import team_tool"))
    before = found(story, folder / "nb")
    for link in (folder / "local").rglob("*.pth"):  # what the kernel imports is gone with it
        if "team_tool" in link.name:
            link.write_text("")
    for finder in (folder / "local").rglob("__editable__*"):
        finder.unlink()
    shutil.rmtree(folder / "local-team_tool")
    return found(story, folder / "nb"), before, "team_tool"


def old(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    """An interpreter answers that it is older than it is."""
    python = kernel(folder, "now")
    wrapper = folder / "python3.9"
    version = r"s/\"version\": \"[0-9.]*\"/\"version\": \"3.9.1\"/"
    wrapper.write_text(f'#!/bin/sh\n"{python}" "$@" | sed "{version}"\n')
    wrapper.chmod(0o755)
    write_kernel(folder / "jupyter", "old", wrapper)
    return found(on("old", Story()), folder / "nb"), found(on("now", Story()), folder / "nb"), "3.9"


def build_label(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    kernel(folder, "gpu", ("tensors", "2.1+cu118"))
    kernel(folder, "cpu", ("tensors", "2.1"))
    story = one("import tensors")
    told, near = (found(on(name, story), folder / "nb") for name in ("gpu", "cpu"))
    return told, near, "tensors 2.1+cu118"


def debian(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    kernel(folder, "boost", ("lightgbm", "4.0"))
    told = found(on("boost", one("import lightgbm")), folder / "nb")
    supplied = one("import lightgbm", toml='[image]\napt = ["libgomp1"]')
    return told, found(on("boost", supplied), folder / "nb"), "libgomp1"


def stale(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    path = with_values("model").write(folder)
    capture(analyse(path), RunCells(ValueStore()), Silent())
    near = list(analyse(path).diagnostics)
    with_values("model", make=C("model = 4", None)).write(folder)
    return list(analyse(path).diagnostics), near, "model"


def refused(folder: Path, story: Story, *, runs: str | None, later: str | None = None) -> list[Any]:
    """Deploy from a kernel that ran `runs`; returns what stops it, or nothing."""
    path = story.write(folder)
    store = ValueStore()
    try:
        if runs is None:
            capture(analyse(path), LiveKernel(store, None), Silent())
            return []
        with start_kernel(read_notebook(path)) as session:
            client, loop = session._client, session._loop
            loop.run_until_complete(client.execute(runs, reply=True, timeout=30))
            if later is not None:
                path.write_text(path.read_text().replace(json.dumps(runs), json.dumps(later)))
            capture(analyse(path), LiveKernel(store, Path(client.connection_file)), Silent())
    except DeployRefused as fault:
        return [
            Diagnostic(d["code"], d["message"], d["cell"]) for d in fault.details["diagnostics"]
        ]
    return []


def other_text(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    story = with_values("model")
    told = refused(folder, story, runs="model = 3", later="model = 5")
    return told, refused(folder, story, runs="model = 3"), "model"


def unsaveable(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    make = "import threading\nmodel = threading.Lock()"
    story = with_values("model", make=C(make, None))
    return refused(folder, story, runs=make), refused(folder, with_values("model"),
                                                      runs="model = 3"), "lock"  # fmt: skip


def absent(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    story = with_values("model")
    return (
        refused(folder, story, runs="other = 3"),
        refused(folder, story, runs="model = 3"),
        "model",
    )


def no_kernel(folder: Path) -> tuple[list[Diagnostic], list[Diagnostic], str]:
    story = with_values("model")
    told = refused(folder, story, runs=None)
    refused(folder, story, runs="model = 3")  # saves it
    return told, refused(folder, story, runs=None), "model"


LIVE: dict[str, Callable[[Path], tuple[list[Diagnostic], list[Diagnostic], str]]] = {
    "NBD207": edited,
    "NBD402": gone,
    "NBD414": old,
    "NBD415": build_label,
    "NBD416": debian,
    "NBD501": stale,
    "NBD502": other_text,
    "NBD503": unsaveable,
    "NBD504": absent,
    "NBD505": no_kernel,
}


@pytest.mark.parametrize("code", LIVE)
def test_a_code_of_a_kernel_is_told_and_what_only_looks_like_it_is_not(
    code: str, tmp_path: Path
) -> None:
    told, near, says = LIVE[code](tmp_path)
    (diagnostic,) = [d for d in told if d.code == code]
    assert says in diagnostic.message
    assert code not in {d.code for d in near}
