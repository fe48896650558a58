"""What calls do to things that neither their arguments nor their answers lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import CONSUMING, COUNTING, HANDLERS, HIDDEN, LOGS, LOOKING_UP
from .facts import PRINTING
from .file_calls import file_token, literal_path, touch_files
from .implicit import looked_up
from .origins import LOGGED, NOTHING, base, merged
from .patches import CLASSES
from .settings import filters_warnings

if TYPE_CHECKING:
    from .arguments import Arguments
    from .origins import Origins
    from .scopes import Scope

BEHIND = LOGS | LOOKING_UP | HIDDEN.keys() | {"__getitem__", "read"}
"""Methods that do or see something apart from their object."""

_FILTERS = frozenset({"simplefilter", "filterwarnings", "resetwarnings"})
_STANDARD = frozenset(
    "argparse contextlib operator os pathlib struct sys tempfile time weakref".split()
)
_ASKING = ("argparse", "pathlib", "tempfile", "time.tzset")
"""What follows the environment: its arguments, whose home is where, the zone of time."""


def hidden_in_function(scope: Scope, path: str, given: Arguments) -> None:
    """Note what the function of that full name does behind its arguments, or what lasts of it."""
    top, name = path.partition(".")[0], path.rpartition(".")[2]
    if top in COUNTING:
        scope.touch("@" + top)
    if path in CONSUMING:
        scope.consumed.update(map(base, given.all))
    elif top == "logging":
        _logs(scope, path, given)
    elif name in _FILTERS and top == "warnings":
        filters_warnings(scope, given)
    elif name == "backward":
        scope.touch("@gradients")
    elif name.endswith("_accessor"):
        scope.shallow.add(CLASSES)
    elif top in _STANDARD:
        _hidden_in_standard(scope, path, given)


def _hidden_in_standard(scope: Scope, path: str, given: Arguments) -> None:
    if path == "struct.pack_into":
        scope.change(merged(given.positional[1:2]))
    elif path == "operator.getitem":
        looked_up(scope, given.first)
    elif path == "os.chdir":  # what was written until now has another path from now on
        scope.reads.setdefault("@file:?", (1, 0))
    elif path == "contextlib.chdir":
        scope.touch("@world", "@file:?")
    elif path.startswith(_ASKING):
        scope.reads.setdefault("@world", (1, 0))
    elif path.startswith("weakref."):  # whoever gives the object up calls what is given with it
        scope.hold(given.first, merged(given.positional[1:]))
    elif path.startswith("sys.std"):
        prints(scope)


def prints(scope: Scope) -> None:
    """Note that something goes to a stream of `sys`, which may be an object of the notebook."""
    if scope.mean_outside(PRINTING) is not None:
        scope.reads.setdefault("@streams", (1, 0))
        scope.shallow.add("@printed")


def _logs(scope: Scope, path: str, given: Arguments) -> None:
    if path.rpartition(".")[2] in LOGS:
        scope.shallow.add("@log")
    if not HANDLERS.fullmatch(path):
        return
    targets = given.first | given.keywords.get("stream", NOTHING)
    nodes = [*given.node.args, *(k.value for k in given.node.keywords)]
    targets |= frozenset(map(file_token, filter(None, map(literal_path, nodes))))
    scope.hold(targets, LOGGED)


def hidden_in_method(scope: Scope, name: str, receiver: Origins, given: Arguments) -> None:
    """Note what a method of that name does or sees apart from its object."""
    if name in LOGS:
        scope.shallow.add("@log")
        return
    if name == "read" and given.begins_with_text():  # a parser's
        touch_files(scope, given, writes=False)
    if name in HIDDEN:
        scope.reads.setdefault(HIDDEN[name], (1, 0))
    if name in LOOKING_UP or name == "__getitem__":
        looked_up(scope, receiver if name == "__getitem__" else given.all)
