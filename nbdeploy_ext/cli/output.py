"""What the command line prints: documents and tables on stdout, progress on stderr."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from rich.table import Table
    from typing_extensions import Self

    from ..core.deployment import Availability, Deployment
    from ..core.errors import NbdeployError
    from ..core.service import ServiceSpec
    from ..core.verification import Verification

_TITLES = {
    "check": "Checking the notebook",
    "bundle": "Making the bundle",
    "build": "Building the image",
    "verify": "Running the test cells",
    "start": "Starting the service",
}


class Terminal:
    """Progress on stderr: bars on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        """Make the bars; they show once the context is entered."""
        from rich.console import Console  # noqa: PLC0415  (a fifth of a second, for bars alone)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._console = Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: Any = None
        self._begun = time.perf_counter()

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the last step and leave the bars standing."""
        if kind is None:
            self._finish()
        self._bars.stop()

    def step(self, name: str) -> None:
        """Begin a stage, ending the one before."""
        self._finish()
        title = _TITLES.get(name, name)
        if self._console.is_terminal:
            self._task = self._bars.add_task(title, total=None)
        else:
            click.echo(f"{title} …", err=True)

    def log(self, line: str) -> None:
        """Print one line above the bars."""
        # Whole, as it came: a line of JSON that is broken at 80 columns is none
        self._console.print(f"  {line}", style="dim", markup=False, highlight=False, soft_wrap=True)

    def measure(self, done: int, total: int, unit: str) -> None:
        """Move the stage's bar."""
        del unit
        if self._task is not None and total:
            self._bars.update(self._task, completed=done, total=total)

    def check_cancelled(self) -> None:
        """Do nothing: Ctrl+C ends the command."""

    def _finish(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)
            self._task = None


def answer(document: Any, text: str, *, as_json: bool) -> None:
    """Print the JSON document, or the text for people."""
    click.echo(json.dumps(document, indent=2) if as_json else text)


def fault(error: NbdeployError, *, as_json: bool) -> None:
    """Say what went wrong and what to do about it."""
    if as_json:
        click.echo(json.dumps(error.as_json(), indent=2))
    click.echo(f"Error: {error.message}", err=True)
    for line in error.details.get("log", ()):
        click.echo(f"  {line}", err=True)
    problems = [d for d in error.details.get("diagnostics", ()) if d["severity"] == "error"]
    for line in _ways(problems[0]) if problems else [error.hint] if error.hint else []:
        click.echo(f"  → {line}", err=True)
    for line in _problems(problems[1:]):
        click.echo(line, err=True)


def left_out(target: Availability) -> None:
    """Say that a target was not asked, and why: what it holds is missing from the answer."""
    click.echo(f"The {target.name} target was left out: {target.reason}", err=True)
    if target.hint:
        click.echo(f"  → {target.hint}", err=True)


def show_analysis(spec: ServiceSpec) -> str:
    """Return the analysis for people: endpoints, then diagnostics with their places."""
    lines = [f"POST {e.path}  ({e.cell})  {e.summary}".rstrip() for e in spec.endpoints]
    lines += _problems([d.as_json() for d in spec.diagnostics])
    return "\n".join(lines) or "Nothing is marked."


def _problems(diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each diagnostic, and one for each way to mend it."""
    for d in diagnostics:
        place = f" {d['cell']}" + (f":{d['line']}" if d["line"] else "") if d["cell"] else ""
        yield f"{d['severity']} {d['code']}{place}  {d['message']}"
        yield from (f"  → {way}" for way in _ways(d))


def _ways(diagnostic: Mapping[str, Any]) -> list[str]:
    """Return what mends a diagnostic; where the panel has a button for it, how to do it here."""
    fixes = [fix for fix in (diagnostic["fix"], diagnostic["other_fix"]) if fix]
    ways = [f"{fix['title']}{_done_here(fix)}" for fix in fixes]
    return [*ways[:1], *(f"or: {way}" for way in ways[1:])]


def _done_here(fix: Mapping[str, Any]) -> str:
    if fix["kind"] == "mark":
        notebook = str(click.get_current_context().meta["nbdeploy.notebook"])
        (role,) = set(fix["marks"].values())
        return f": {shlex.join(['nbdeploy', 'mark', notebook, *fix['marks'], '--role', role])}"
    if fix["kind"] == "value":
        return f': "values": {json.dumps(fix["values"])} in the notebook\'s metadata.nbdeploy'
    return ""


def show_tests(verification: Verification) -> str:
    """Return one line a test, with the message of each that failed."""
    lines = [f"{t.outcome:<7} {t.name}  ({t.cell})  {t.message}" for t in verification.tests]
    return "\n".join(line.rstrip() for line in lines) or "There are no test cells."


def show_deployments(deployments: Sequence[Deployment]) -> str:
    """Return a table of deployments."""
    if not deployments:
        return "There are no deployments."
    table = _table("NAME", "TARGET", "STATE", "VERSION", "URL")
    for d in deployments:
        table.add_row(d.name, d.target, d.state, str(d.version or "-"), d.url or d.message)
    return _drawn(table)


def show_calls(calls: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of calls, the newest last; what callers sent is not shown."""
    if not calls:
        return "There are no calls yet."
    table = _table("TIME", "ENDPOINT", "STATUS", "MS", "FAILED IN")
    for call in calls:
        place = f"{call['cell']}, line {call['line']}: {call['error']}" if call["error"] else ""
        milliseconds = f"{call['latency_ms']:.1f}"
        table.add_row(call["time"], call["endpoint"], str(call["status"]), milliseconds, place)
    return _drawn(table)


def _table(*columns: str) -> Table:
    from rich.table import Table  # noqa: PLC0415  (see `Terminal`)

    return Table(*columns, box=None, pad_edge=False)


def _drawn(table: Table) -> str:
    from rich.console import Console  # noqa: PLC0415  (see `Terminal`)

    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()
