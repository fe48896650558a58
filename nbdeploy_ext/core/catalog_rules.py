"""Full names of libraries' functions in, out what a call of each does and which state it sets."""

from __future__ import annotations

import re

from .catalog import FUNCTIONS, PACKAGES, Does

_SETTING = re.compile(
    r"(?:set|add|remove|enable|disable|use)(?:_|[A-Z])\w+|(?:un)?register(?:_\w+)?"
    r"|enable|disable|configure|install|activate|extension|defaults"
)
_TABLE_CHANGES = frozenset(
    "update clear append extend pop popitem remove setdefault add discard insert".split()
)
"""Methods that change a table or a list in a module."""
_TABLE = re.compile(r"(?!numpy\.)[^.]+\.(?:.+\.)?(?!math|numpy|layers|linalg)[^.]+\.[^.]+")
"""Full names of what a table in a module can do; in some modules those are functions."""
_COLORMAPS = frozenset(
    "autumn bone cool copper flag gray hot hsv inferno jet magma nipy_spectral pink plasma prism "
    "spring summer viridis winter".split()
)
"""Functions of pyplot that set the colours of all that is drawn from then on."""
_CHANCE = re.compile(
    r"random|^rand$|_layout$|_graph$|simulate|generate_|_sample$|bootstrap|kmeans|annealing"
    r"|differential_evolution|basinhopping"
)
"""Names of functions that draw random numbers in packages whose functions mostly don't."""
_FACTORY = re.compile(r"[A-Z]|make_(?:pipeline|union|column_transformer)$")
_STATE_OF = {"pylab": "@matplotlib", "mpl_toolkits": "@matplotlib"}


def state_of(path: str) -> str:
    """Return the token of a module's settings."""
    top = path.partition(".")[0]
    return _STATE_OF.get(top, "@" + top)


def state_at(path: str) -> str:
    """Return the token that changes where what has this full name is set anew."""
    is_world = path.startswith(("os.environ", "sys.path", "sys.modules", "sys.argv"))
    return "@world" if is_world else state_of(path)


def function_effect(path: str) -> Does | None:
    """Return what the function of that full name does, None where nobody knows."""
    found = FUNCTIONS.get(path)
    if found is not None:
        return found
    name = path.rpartition(".")[2]
    if (name in _COLORMAPS or name[:2] == "rc") and path.startswith("matplotlib"):
        return Does.CONFIGURE
    if name in _TABLE_CHANGES and _TABLE.fullmatch(path):
        return Does.CONFIGURE  # logging.root.handlers.clear()
    if name.startswith(("read_", "load_")) and path.startswith(
        ("pandas.", "polars.", "geopandas.")
    ):
        return Does.READ
    return _listed(path, name) or (Does.HOLD if name[:1].isupper() else None)


def is_setting(name: str) -> bool:
    """Whether a function of that name sets something, as a rule."""
    return _SETTING.fullmatch(name) is not None


def _listed(path: str, name: str) -> Does | None:
    """Return what its package says of a function, and its name."""
    prefix = path
    while prefix not in PACKAGES:
        prefix = prefix.rpartition(".")[0]
        if not prefix:
            return None
    does = PACKAGES[prefix]
    if prefix == "sklearn" and _FACTORY.match(name):
        return Does.HOLD
    if path.endswith(".at") or (name.endswith("_") and not name.endswith("__")):
        return Does.CHANGE  # numpy.add.at, torch.nn.init.zeros_
    if does is Does.FRESH and _CHANCE.search(name):
        return Does.RANDOM
    sets = does in {Does.FRESH, Does.HOLD} and (is_setting(name) or path.endswith("config.set"))
    return Does.SETTING if sets else does
