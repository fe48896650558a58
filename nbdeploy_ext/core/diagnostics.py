"""Problems in a notebook, as values with a place and a fix, and the table of their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]

CODES: dict[str, tuple[Severity, str]] = {
    "NBD101": ("error", "cell is not valid Python"),
    "NBD102": ("error", "magic that can't run in production"),
    "NBD103": ("error", "kernel language is not Python"),
    "NBD104": ("error", "cell has more than one role"),
    "NBD105": ("warning", "mark on a cell that holds no code"),
    "NBD106": ("error", "kernel that is not installed here"),
    "NBD107": ("error", "name that only notebooks have"),
    "NBD108": ("warning", "code that runs only as a program"),
    "NBD109": ("error", "relative import"),
    "NBD110": ("error", "cell that never ends, or ends the service"),
    "NBD111": ("error", "code that waits for somebody's answer"),
    "NBD201": ("error", "name that nothing defines"),
    "NBD202": ("error", "name that only unmarked cells define"),
    "NBD203": ("error", "name used before it is defined"),
    "NBD204": ("warning", "code whose effect on names can't be known before it runs"),
    "NBD205": ("warning", "cells that ran in another order than they stand in"),
    "NBD206": ("warning", "marked cell that has not been run since the others were"),
    "NBD207": ("warning", "cell that was changed since it ran"),
    "NBD208": ("warning", "name of production that an unmarked cell sets or changes then"),
    "NBD301": ("error", "no production cell"),
    "NBD302": ("error", "no endpoint"),
    "NBD303": ("error", "endpoint that no production cell defines"),
    "NBD304": ("error", "endpoint name that collides with a reserved route"),
    "NBD305": ("warning", "endpoint without type hints"),
    "NBD306": ("error", "parameter of the engineer's file that no parameters cell defines"),
    "NBD307": ("warning", "parameter whose default is no literal"),
    "NBD308": ("warning", "object that is made anew at every call, as the cells change it"),
    "NBD309": ("warning", "object that all calls share and that a library may change"),
    "NBD310": ("warning", "endpoint that two production cells define"),
    "NBD311": ("warning", "test that another one of its name hides"),
    "NBD312": ("warning", "test argument that is no fixture"),
    "NBD313": ("warning", "monitor that tells nothing"),
    "NBD314": ("warning", "function of a test cell that looks like a test and never runs"),
    "NBD401": ("error", "import that the kernel's environment lacks"),
    "NBD402": ("error", "package that no index has and that no wheel can be made of"),
    "NBD403": ("warning", "file that a cell opens and that is not there"),
    "NBD404": ("warning", "file that a cell opens outside of the notebook's folder"),
    "NBD405": ("error", "environment variable that nothing supplies"),
    "NBD406": ("error", "text in a shipped cell that looks like a secret"),
    "NBD407": ("warning", "text in an output that looks like a secret"),
    "NBD408": ("warning", "package that the engineer's requirements file has otherwise"),
    "NBD409": ("error", "module outside of the notebook's folder"),
    "NBD410": ("error", "local module that is not valid Python"),
    "NBD411": ("warning", "file that is written where the image can't be"),
    "NBD412": ("warning", "program that the image may not have"),
    "NBD413": ("warning", "address of this machine"),
    "NBD414": ("error", "kernel whose Python is too old"),
    "NBD415": ("warning", "build of a package that no index tells apart"),
    "NBD416": ("warning", "package that needs Debian packages"),
    "NBD501": ("warning", "saved value that is older than its cells"),
    "NBD502": ("error", "value that the kernel made from another text of its cell"),
    "NBD503": ("error", "value that can't be saved"),
    "NBD504": ("error", "value that the kernel does not have"),
    "NBD505": ("error", "value that is neither saved nor in a running kernel"),
    "NBD506": ("error", "value that no unmarked cell defines"),
    "NBD507": ("error", "pickled file that only a notebook can load"),
    "NBD602": ("error", "batchable endpoint that is none"),
    "NBD603": ("warning", "pattern of image.include that matches nothing"),
    "NBD604": ("error", "pattern of image.include outside of the notebook's folder"),
    "NBD605": ("warning", "secret without a value"),
}
"""Every code with its severity and what it stands for; the reference page has cause and fix."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a diagnostic: `kind` says how a machine can do it.

    `mark`: put `marks` (cell id to role) on the notebook. `value`: add `values` (names) to the
    notebook's `metadata.nbdeploy.values`. `move`: put the cells `moves`, in this order, before the
    cell `before`. `none`: people have to, as `title` says.
    """

    title: str
    kind: Literal["mark", "value", "move", "none"] = "none"
    marks: dict[str, str] | None = None
    values: tuple[str, ...] | None = None
    moves: tuple[str, ...] | None = None
    before: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        return {
            "title": self.title, "kind": self.kind, "marks": self.marks, "values": self.values,
            "moves": self.moves, "before": self.before,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: `line` counts from 1 within the cell, `column` from 1 within the line.

    `cell` is None for a problem of the whole notebook, with line and column None too.
    """

    code: str
    message: str
    cell: str | None = None
    line: int | None = None
    column: int | None = None
    fix: Fix | None = None
    other_fix: Fix | None = None
    """A second way, where there is one."""

    @property
    def severity(self) -> Severity:
        """Return `error`, which stops a deploy, or `warning`, which does not."""
        return CODES[self.code][0]

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "cell": self.cell,
            "line": self.line,
            "column": self.column,
            "fix": self.fix and self.fix.as_json(),
            "other_fix": self.other_fix and self.other_fix.as_json(),
        }
