"""Trust: which calls that nobody knows may be taken to look only, as they are of a library."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .catalog import BUILTIN_CALLS, METHODS, Does
from .catalog_rules import function_effect
from .full_names import root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOOKS = frozenset({Does.FRESH, Does.PART, Does.SHARE, Does.HOLD, Does.SAME, Does.ONCE})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPARING = frozenset(
    "isin between isna notna isnull notnull duplicated startswith endswith contains eq ne gt ge lt "
    "le".split()
)
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Trust:
    """Names that always stand for a library's object or a harmless lambda, and methods that don't.

    A service keeps a model or a connection for all calls, as everybody does who writes one by
    hand. What the notebook's own code does is read, never trusted.
    """

    values: frozenset[str]
    own_methods: frozenset[str]
    masks: frozenset[str] = frozenset()
    """`df[mask` for every name that always is a mask made from `df`."""
    libraries: bool = True

    def covers(self, asked: str) -> bool:
        """Answer for a value's name, `.method`, `df[mask`, `[`, or a library's function.

        A selection copies, so `[` is trusted; a library's function has no name here. Without
        `libraries` lambdas alone are trusted.
        """
        if asked == "[" or asked in self.values or asked in self.masks:
            return True
        if asked[:1] == ".":
            return self.libraries and asked[1:] not in self.own_methods
        return self.libraries and not asked


def read_trust(
    trees: Sequence[ast.Module], imports: frozenset[str], *, libraries: bool = True
) -> Trust:
    """Read all cells' assignments; `imports` are the names that imports bind."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    functions = frozenset(n.name for n in nodes if isinstance(n, _FUNCTIONS))
    stores = Counter(n.id for n in nodes if isinstance(n, ast.Name) and _is_stored(n))
    values = [pair for node in nodes for pair in _assigned(node)]
    masks = frozenset(_masks(values, stores))
    if not libraries:
        values = [pair for pair in values if isinstance(pair[1], ast.Lambda)]
    trusted: frozenset[str] = frozenset()
    for _ in range(_ROUNDS):
        made = Counter(
            name for name, value in values if _is_harmless(value, imports, trusted, functions)
        )
        found = frozenset(n for n in made if made[n] == stores[n] and n not in functions)
        if found == trusted:
            break
        trusted = found
    methods = (m.name for n in nodes if isinstance(n, ast.ClassDef)
               for m in n.body if isinstance(m, _FUNCTIONS))  # fmt: skip
    return Trust(trusted, frozenset(methods), masks, libraries)


def _masks(values: Sequence[tuple[str, ast.expr]], stores: Counter[str]) -> Iterator[str]:
    made = Counter(name for name, value in values if is_mask(value))
    for mask, value in values:
        if made[mask] == stores[mask]:
            for node in ast.walk(value):
                if isinstance(node, ast.Name):
                    yield f"{node.id}[{mask}"


def is_mask(node: ast.expr) -> bool:
    """Whether an expression compares, and so gives truth values for each row of what it names."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert) and is_mask(node.operand)
    if isinstance(node, ast.BinOp):
        return is_mask(node.left) and is_mask(node.right)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in _COMPARING
    return isinstance(node, ast.Compare)


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
        yield node.target.id, node.value


def _is_harmless(
    value: ast.expr, imports: frozenset[str], trusted: frozenset[str], functions: frozenset[str]
) -> bool:
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Lambda):
        return _only_looks(value, imports)
    if not isinstance(value, ast.Call):
        return False
    given = [*value.args, *(keyword.value for keyword in value.keywords)]
    inner = [node for argument in given for node in ast.walk(argument)]
    if any(isinstance(n, ast.Lambda) or _is_name(n, functions) for n in inner):
        return False
    return _is_name(_root(value), imports | trusted)


def _only_looks(node: ast.Lambda, imports: frozenset[str]) -> bool:
    """Whether nothing in a lambda can change anything, nor call what might."""
    for inner in ast.walk(node.body):
        if isinstance(inner, (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Lambda)):
            return False
        if isinstance(inner, ast.Call) and not _call_looks(inner.func, imports):
            return False
    return not any(isinstance(d, (ast.List, ast.Dict, ast.Set)) for d in node.args.defaults)


def _call_looks(function: ast.expr, imports: frozenset[str]) -> bool:
    if isinstance(function, ast.Name):
        return BUILTIN_CALLS.get(function.id) in _LOOKS
    if not isinstance(function, ast.Attribute):
        return False
    if _is_name(_root(function), imports):
        return function_effect(ast.unparse(function)) not in {Does.OPAQUE, Does.CHANGE, Does.STORE}
    return METHODS.get(function.attr) in _LOOKS


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _is_name(node: ast.AST, names: frozenset[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def selection(node: ast.Subscript) -> str:
    """Return what to ask where an index may select rows or columns: arrays and frames copy then.

    It is a list, or a mask that was made from the object, as it stands or by a name.
    """
    index = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else None
    index = index or node.slice
    if isinstance(index, ast.Constant):
        return ""
    if isinstance(index, ast.List):
        return "["
    root = root_of(node)
    if not isinstance(root, ast.Name):
        return ""
    if isinstance(index, ast.Name):
        return f"{root.id}[{index.id}"
    names = {n.id for n in ast.walk(index) if isinstance(n, ast.Name)}
    return "[" if root.id in names and is_mask(index) else ""
