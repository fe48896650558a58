"""`python -m nbdeploy_runtime batch`: its options, its exit status, its last word."""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import TYPE_CHECKING

from ..loader import LOOP, App, read_app
from ..logs import known_secrets, log_as_json, mask
from ..modules import import_header
from ..operations import make_operation
from ..server import failed_event
from .caller import Caller
from .faults import BatchRefused
from .formats import KINDS
from .news import News, Unheard
from .places import shown_url
from .run import ROWS, Options, Run
from .stops import Stopped, stop_at_signals
from .watched import run_watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .journal import Journal

_log = logging.getLogger("nbdeploy.batch")
_NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


def run_batch(folder: Path, given: list[str]) -> int:
    """Run what the arguments say.

    Returns 0, 1 (rows failed, or it could not run), 2 (wrong usage) or 128 + signal, which is
    SIGPIPE where nobody reads its events.
    """
    options = _read_options(given)
    log_as_json(())
    news = News()
    try:
        return run_watched(lambda: _heard(lambda: _run_told(folder, options, news)), news.rows)
    except BatchRefused as fault:
        said, status = str(fault), fault.status
        news.leave_bar()
        return _heard(lambda: _refuse(said, status, news))


def _heard(act: Callable[[], int]) -> int:
    """Return the status that `act` returns, or another one where nobody hears of it."""
    try:
        return act()
    except Unheard as unheard:
        _log.warning("The run ends, as standard output can't be written: %s", unheard)
        return unheard.status


def _run_told(folder: Path, options: Options, news: News) -> int:
    """Run, and say as an event how it ended."""
    secrets: tuple[str, ...] = ()
    try:
        stop_at_signals()
        app = read_app(folder)
        secrets = known_secrets(app.manifest)
        log_as_json(secrets)
        return _run(app, options, secrets, news)
    except Stopped as stopped:
        return _say_stopped(stopped, news)
    except BatchRefused as fault:
        return _refuse(mask(str(fault), secrets), fault.status, news)
    except OSError as fault:
        return _refuse(_said(fault), 2 if isinstance(fault, _NOT_THERE) else 1, news)
    except Exception as error:  # noqa: BLE001  whoever started it gets one event, whatever it was
        news.say(**failed_event(error, secrets))
        return 1


def _read_options(given: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="nbdeploy_runtime batch", description="Run an endpoint over a table."
    )
    add = parser.add_argument
    add("--input", required=True, metavar="SRC", help="CSV, JSON lines or Parquet: path or URL")
    add("--output", required=True, metavar="DST", help="the same with results: path or URL")
    add("--endpoint", metavar="NAME", help="needed where there are several")
    add("--format", choices=KINDS, help="of files whose names don't say it")
    add("--errors", metavar="FILE", help="rows that failed; DST.errors.jsonl by default")
    add("--rows-per-chunk", type=_positive, default=ROWS, metavar="N",
        help="rows of one call, or at most so many single calls between two savings")  # fmt: skip
    add("--workers", type=_positive, metavar="N", help="processes; service.workers by default")
    goes_on = parser.add_mutually_exclusive_group()
    goes_on.add_argument("--resume", action="store_true", help="go on where a run stopped "
                         "(the default)")  # fmt: skip
    goes_on.add_argument("--restart", action="store_true", help="begin anew")
    said = parser.parse_args(given)
    return Options(
        source=said.input, destination=said.output, endpoint=said.endpoint, kind=said.format,
        errors=said.errors, rows=said.rows_per_chunk, workers=said.workers, restart=said.restart,
    )  # fmt: skip


def _run(app: App, options: Options, secrets: tuple[str, ...], news: News) -> int:
    run = Run(options, app.manifest)
    loop = asyncio.new_event_loop()
    LOOP.set(loop)
    namespace = import_header(app)
    operation = make_operation(run.endpoint, namespace)
    shape = run.plan(operation)
    caller = Caller(app, operation, shape, run.source.kind, secrets)
    caller.use(loop)
    # What production cells bound to the loop stays with it: such calls wait together instead
    asked = options.workers or app.manifest.service.workers
    journal = run.work(caller, shape, 1 if operation.on_loop else asked, news)
    loop.close()
    return _say_done(journal, run, news)


def _say_done(journal: Journal, run: Run, news: News) -> int:
    errors = run.files.errors.name if journal.failed else None
    failed = f"{journal.failed} failed: {errors}" if errors else "none failed"
    news.say(
        f"{journal.rows} rows in {news.seconds:.1f} s, {failed}", event="done", rows=journal.rows,
        failed=journal.failed, output=run.files.output.name, errors=errors,
        seconds=round(news.seconds, 3),
    )  # fmt: skip
    return 1 if journal.failed else 0


def _say_stopped(stopped: Stopped, news: News) -> int:
    said = "Stopped; the same command goes on from there."
    news.say(said, event="stopped", message=said)
    return stopped.status


def _refuse(message: str, status: int, news: News) -> int:
    news.say(f"Error: {message}", event="failed", status=status, message=message)
    return status


def _said(fault: OSError) -> str:
    where = f": {shown_url(fault.filename)}" if isinstance(fault.filename, str) else ""
    hint = ""
    if isinstance(fault, PermissionError):
        hint = " The image runs as user 10001: let it, or say `docker run --user`."
    said = fault.strerror or f"{type(fault).__name__}: {shown_url(str(fault))}"
    return f"{said}{where}.{hint}"


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)
