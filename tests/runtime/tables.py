"""Runs of a batch over real files, in a process that has the runtime alone."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tests.runtime.apps import command, environment

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Done:
    """How a run ended: its status, its last event, its log."""

    status: int
    event: dict[str, Any]
    log: str


def begin_batch(
    app: Path, source: Path | str, output: Path | str, *more: str, **env: str
) -> subprocess.Popen[str]:
    """Start a run."""
    files = ["--input", str(source), "--output", str(output)]
    return subprocess.Popen(
        command("batch", *files, *more), cwd=app, env=environment(app, **env),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def batch(app: Path, source: Path | str, output: Path | str, *more: str, **env: str) -> Done:
    """Run to the end."""
    with begin_batch(app, source, output, *more, **env) as process:
        said, log = process.communicate(timeout=120)
    assert said, log
    return Done(process.returncode, json.loads(said.splitlines()[-1]), log)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a CSV file, gzipped or not."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return _write(path, text.getvalue())


def write_lines(path: Path, rows: list[Any]) -> Path:
    """Write JSON lines, gzipped or not; text as it stands."""
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return _write(path, text)


def _write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return a table's rows, by its name's ending; those of CSV are text."""
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    if path.name.endswith((".csv", ".csv.gz")):
        return list(csv.DictReader(text.splitlines()))
    return [json.loads(line) for line in text.splitlines()]
