"""What works in a notebook's kernel and not in a service: found in one cell's code, by itself."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .places import Places

_ASKS = frozenset("input breakpoint getpass.getpass pdb.set_trace".split())
_ENDS = frozenset("exit quit sys.exit os._exit os.abort".split())
_SERVES = frozenset({"uvicorn.run", "serve_forever", "run_forever", "mainloop"})
_WRITERS = frozenset(
    "to_csv to_parquet to_json to_excel to_pickle to_feather to_hdf to_html savefig savetxt savez "
    "imwrite write_image write_html makedirs mkdir FileHandler".split()
)
_SAVERS = frozenset({"joblib.dump", "torch.save"})
_PATH_WRITERS = frozenset("write_text write_bytes mkdir touch".split())
_WRITABLE = ("/tmp/", "/dev/", "/var/tmp/")  # noqa: S108  (of the container)
_RUNNERS = frozenset(
    "subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output "
    "os.system os.popen sp.run".split()
)
_PROGRAMS = frozenset(
    "python python3 sh bash ls cat echo cp mv rm mkdir rmdir touch true false env date uname id "
    "hostname whoami grep sed awk find sort uniq head tail wc tar gzip gunzip cut tr tee xargs "
    "sleep test chmod dirname basename pwd df du md5sum sha256sum".split()
)
_LOCAL_URL = re.compile(r"://(?:[^/@\s]*@)?(localhost|127\.0\.0\.1)(?=[:/?#\s]|$)")
_LOCAL = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Habit:
    """One such place: the diagnostic's code, what was found, line and column from 1."""

    code: str
    what: str
    line: int
    column: int


def read_habits(
    tree: ast.Module,
    calls: Sequence[tuple[str, ast.Call]],
    constants: Sequence[ast.Constant],
    places: Places,
) -> tuple[Habit, ...]:
    """Return what a cell does that a service can't, in the order of its lines.

    `calls` come with the name that is called, as `called_name` gives it.
    """
    found = [*_statements(tree, places)]
    for name, call in calls:
        found += [Habit(code, what, *places.of(call))
                  for code, what in _of_call(call, name)]  # fmt: skip
    for constant in constants:
        text = constant.value
        if isinstance(text, str) and ("localhost" in text or "127.0.0.1" in text):
            local = _LOCAL_URL.search(text)
            if local:
                found.append(Habit("NBD413", local[1], *places.of(constant)))
    return tuple(sorted(found, key=lambda habit: (habit.line, habit.column)))


def called_name(node: ast.expr) -> str:
    """Return what is called as it is written, `os.path.join` say; the last part at least."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    above = called_name(node.value)
    return f"{above}.{node.attr}" if above else node.attr


def _statements(tree: ast.Module, places: Places) -> Iterator[Habit]:
    for node in tree.body:
        place = places.of(node)
        if isinstance(node, ast.If) and asks_for_main(node.test):
            yield Habit("NBD108", "__main__", *place)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield Habit("NBD109", "." * node.level + (node.module or ""), *place)
        elif isinstance(node, ast.While) and _never_ends(node):
            yield Habit("NBD110", "this loop never ends", *place)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = called_name(node.value.func)
            if name in _ENDS:
                yield Habit("NBD110", f"{name}() ends it", *place)
            elif name in _SERVES or name.rpartition(".")[2] in _SERVES:
                yield Habit("NBD110", f"{name}() never returns", *place)


def asks_for_main(test: ast.expr) -> bool:
    """Say whether a condition is that of `if __name__ == "__main__"`."""
    if not isinstance(test, ast.Compare):
        return False
    sides = [test.left, *test.comparators]
    return any(getattr(side, "id", "") == "__name__" for side in sides) and any(
        getattr(side, "value", "") == "__main__" for side in sides
    )


def _never_ends(node: ast.While) -> bool:
    always = isinstance(node.test, ast.Constant) and bool(node.test.value)
    leaves = (ast.Break, ast.Return, ast.Raise)
    return always and not any(isinstance(inner, leaves) for inner in ast.walk(node))


def _of_call(call: ast.Call, name: str) -> Iterator[tuple[str, str]]:
    last = name.rpartition(".")[2]
    if name in _ASKS:
        yield "NBD111", name
    elif name in _RUNNERS:
        program = _program(call)
        if program and program not in _PROGRAMS:
            yield "NBD412", program
    else:
        written = _written(call, name, last)
        if written and "://" not in written and not written.startswith(_WRITABLE):
            yield "NBD411", written
    for keyword in call.keywords:
        if keyword.arg in {"host", "hostname"} and _text(keyword.value) in _LOCAL:
            yield "NBD413", _text(keyword.value)


def _written(call: ast.Call, name: str, last: str) -> str:
    """Return the literal path that a call writes to, or nothing."""
    first = _text(call.args[0]) if call.args else ""
    if name == "open" or (last == "open" and not name.startswith(("os.", "gzip.", "Image."))):
        modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
        return first if any(set(_text(mode)) & set("wax+") for mode in modes) else ""
    if last in _WRITERS and first:
        return first
    if name in _SAVERS and len(call.args) > 1:
        return _text(call.args[1])
    if name == "np.save":
        return first
    above = getattr(call.func, "value", None)
    if last in _PATH_WRITERS and isinstance(above, ast.Call) and above.args:
        return _text(above.args[0]) if called_name(above.func).endswith("Path") else ""
    return ""


def _program(call: ast.Call) -> str:
    node = call.args[0] if call.args else None
    if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
        return _text(node.elts[0]).rpartition("/")[2]
    text = _text(node) if node is not None else ""
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    return next((w.rpartition("/")[2] for w in words if "=" not in w), "")


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
