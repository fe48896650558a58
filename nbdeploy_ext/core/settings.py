"""Settings of packages that are felt where nobody names the package: in operators and methods."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from .origins import FIGURE, only

if TYPE_CHECKING:
    import ast

    from .arguments import Arguments
    from .scopes import Scope

FELT = "@modes"
"""Stands for all settings that any operator or call may follow, as `numpy.seterr` makes them."""
DRAWING = "@matplotlib"
SHOWING = "@text"
"""How arrays and frames are printed."""
_OF_OTHERS = {"seaborn": DRAWING, "arviz": DRAWING, "tqdm": "@pandas", "time": "@datetime"}
_OWN = frozenset({"matplotlib", "pylab", "mpl_toolkits", "logging", "IPython"}) | (
    sys.stdlib_module_names - {"decimal", "locale", "sys"}
)
"""Packages whose settings only they and what is drawn follow."""
_SHOWN = ("numpy.set_print", "numpy.print", "numpy.set_string", "pandas.options.display")
_DRAWS = re.compile(r"plot|draw|show|hist|chart|figure|heatmap")
_CALCULATING = ("mode.", "compute.", "future.")


def felt_in(path: str) -> tuple[str, ...]:
    """Return the states beside its own that change with a package's setting of that full name."""
    top = path.partition(".")[0]
    if top in _OF_OTHERS:
        return (_OF_OTHERS[top],)
    if path.startswith(_SHOWN):
        return (SHOWING,)
    if top in {"pandas", "polars"}:
        return SHOWING, FELT
    return () if top in _OWN else (FELT,)


def felt_after(path: str, given: Arguments) -> tuple[str, ...]:
    """Return those that a call changes: the names of pandas' options say which."""
    option = given.literal
    shown = isinstance(option, str) and not option.startswith(_CALCULATING)
    return (SHOWING,) if shown and path.startswith("pandas.") else felt_in(path)


def follows_settings(scope: Scope) -> None:
    """Read that something calculates, as exactly and as strictly as it was told to."""
    scope.reads.setdefault(FELT, (1, 0))


def draws(function: ast.expr) -> bool:
    """Whether a function that nobody knows is called like one that draws."""
    name = getattr(function, "attr", "") or getattr(function, "id", "")
    return _DRAWS.search(name) is not None


def filters_warnings(scope: Scope, given: Arguments) -> None:
    """Note that warnings are errors from then on, or no longer are if they were."""
    if given.literal == "error" or (given.literal is None and given.node.args):
        scope.shallow.add(FELT)
        scope.hold(only(FELT), FIGURE)
    else:
        scope.drawn.add(FELT)
