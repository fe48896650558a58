"""`nbdeploy batch`: an endpoint over a table, in a deployment's image or from a notebook."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.batch import BatchRequest, absolute, is_url
from ..core.errors import NotebookNotFound, UsageError
from ..core.pipeline import bundle_notebook
from ..core.secrets import read_secrets
from ..targets.registry import TARGETS, find_target, open_target
from .batch_bar import BatchBar
from .output import Terminal, answer
from .value_source import value_source, values_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.batch import BatchResult

_OWN = ("/dev/std", "/dev/fd/", "/proc/")
"""Of this process alone: the one that reads the table has others by these names."""


@click.argument("what", metavar="NOTEBOOK_OR_DEPLOYMENT")
@click.option("--input", "source", required=True, help="The table: a path or a URL.")
@click.option("--output", "destination", required=True, help="Where the results go.")
@click.option("--endpoint", help="Needed where there are several.")
@click.option("--target", type=click.Choice(list(TARGETS)), help="Where the deployment is.")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "parquet", "jsonl"]),
    help="Of files whose names don't say it.",
)  # fmt: skip
@click.option("--errors", help="Where failing rows are named; OUTPUT.errors.jsonl by default.")
@click.option("--rows-per-chunk", type=click.IntRange(1), help="Rows of one call of a frame.")
@click.option("--workers", type=click.IntRange(1), help="Processes; service.workers by default.")
@click.option("--resume", is_flag=True, help="Go on where a run stopped (the default).")
@click.option("--restart", is_flag=True, help="Begin anew.")
@values_option
def batch(  # noqa: PLR0913  (each is an option)
    *, what: str, source: str, destination: str, errors: str | None, target: str | None,
    values: str, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Run an endpoint over a table, row by row or chunk by chunk."""
    if options["resume"] and options["restart"]:
        raise click.UsageError("Say either --resume or --restart.")
    request = _request(source, destination, errors, _words(options))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    is_notebook = what.endswith(".ipynb") or Path(what).is_file()
    if is_notebook:
        result = _over_notebook(Path(what), request, values)
    else:
        result = _in_deployment(what, target, request)
    failed = f"{result.failed} failed: {result.errors}" if result.failed else "none failed"
    text = f"{result.output}: {result.rows} rows in {result.seconds:.1f} s, {failed}"
    answer(result.as_json(), text, as_json=as_json)
    if result.failed:
        sys.exit(1)


def _request(
    source: str, destination: str, errors: str | None, words: tuple[str, ...]
) -> BatchRequest:
    """Return what is asked for; `UsageError` names what is not there, before any work."""
    for place in (source, destination, errors):
        if place in {"", "-"} or (place or "").startswith(_OWN):
            raise UsageError(f"A table is a file or a URL, not {place or 'nothing'}.")
    found, written = absolute(source), absolute(destination)
    failures = absolute(errors) if errors else None
    if not is_url(found) and not Path(found).is_file():
        raise UsageError(f"There is no file {source}.")
    for place in filter(None, (written, failures)):
        _require_folder(place)
    return BatchRequest(found, written, failures, words)


def _in_deployment(name: str, target: str | None, request: BatchRequest) -> BatchResult:
    chosen = open_target(target) if target else find_target(name)
    with BatchBar() as bar:
        return chosen.run_batch(name, request, read_secrets, bar)


def _over_notebook(notebook: Path, request: BatchRequest, values: str) -> BatchResult:
    """Run in this machine's own environment, as `nbdeploy run` serves."""
    from ..targets.process_target import ProcessTarget  # noqa: PLC0415  (only notebooks need it)

    if not notebook.is_file():
        raise NotebookNotFound(f"There is no notebook {notebook}.")
    target = ProcessTarget()
    with Terminal() as progress:
        bundle = bundle_notebook(notebook, progress, values=value_source(values, notebook))
        secrets = read_secrets(bundle.manifest.secret_names())
        progress.step("build")
        image = target.build(bundle, progress)
    with BatchBar() as bar:
        return target.run_image_batch(image.reference, request, secrets, bar)


def _words(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return options as the runtime's command line has them; --resume is what it does anyway."""
    valued = {"endpoint": "endpoint", "kind": "format", "rows_per_chunk": "rows-per-chunk",
              "workers": "workers"}  # fmt: skip
    words = [f"--{word}={options[key]}" for key, word in valued.items() if options[key] is not None]
    return (*words, *(["--restart"] if options["restart"] else []))


def _require_folder(place: str) -> None:
    folder = Path(place).parent
    if not is_url(place) and not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
