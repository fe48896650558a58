"""How far a batch is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self


class BatchBar:
    """A `BatchWatch` for people."""

    def __init__(self) -> None:
        """Make the bar; it shows once the context is entered."""
        from rich.console import Console  # noqa: PLC0415  (a fifth of a second, for bars alone)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("Loading the notebook", total=None)

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave it standing, full when all went well."""
        if kind is None:
            self._bar.update(self._task, total=1.0, completed=1.0)
        self._bar.stop()

    def progress(self, event: Mapping[str, Any]) -> None:
        """Move the bar, or print a line."""
        rate = event["rows_per_second"]
        said = f"{event['rows']:,} rows, {event['failed']:,} failed, {rate:,.0f}/s"
        if self._console.is_terminal:
            self._bar.update(self._task, description=said, total=1.0, completed=event["share"])
        else:
            click.echo(f"{said}, {event['share']:.0%}", err=True)

    def log(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(f"  {line}", style="dim", markup=False, highlight=False)
