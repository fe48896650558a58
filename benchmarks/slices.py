"""Execute slices of the notebooks in a folder and compare them with the whole notebooks' runs.

Each notebook runs twice from top to bottom; then, for some of its cells, the cell's slice and the
cell alone, in a process of its own. A lie is a slice that fails or gives other values than both
whole runs gave, where the analysis did not say that it cannot know. No network, no shell lines.

Needs IPython, numpy, pandas and matplotlib, and whatever else the notebooks import.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fingerprints import (  # type: ignore[import-not-found]  # beside this file
    fingerprint,
    plain_text,
)

from nbdeploy_ext.core.dataflow import Dataflow, read_dataflow
from nbdeploy_ext.core.errors import NbdeployError
from nbdeploy_ext.core.notebook import read_notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LARGEST_FOLDER = 30_000_000
_ENOUGH_ERRORS = 3


@dataclass
class Ran:
    """What one cell did: names with fingerprints, its value, what it printed, how it failed."""

    names: dict[str, str] = field(default_factory=dict)
    shown: str = ""
    printed: str = ""
    error: str = ""


@dataclass
class Checked:
    """One cell's slice: `verdict` is same, unsure, lie, unstable, all or slow."""

    notebook: str
    cell: int
    verdict: str
    before: int
    size: int
    why: str = ""


def main() -> int:
    """Check all notebooks below the folders and print the figures; 1 if there is a lie."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cells", type=int, default=8, help="cells to check in each notebook")
    parser.add_argument("--seconds", type=float, default=30, help="limit of one run")
    parser.add_argument("--budget", type=float, default=90, help="seconds for one notebook")
    parser.add_argument("--part", default="0/1", help="the n-th of m parts of the notebooks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="text that the notebook's path has")
    parser.add_argument("--output", type=Path, help="a file of JSON lines, one each checked cell")
    options = parser.parse_args()
    prepare()
    part, parts = map(int, options.part.split("/"))
    found = sorted({p for folder in options.folders for p in notebooks(folder)})
    found = [p for p in found if not options.only or options.only in str(p)][part::parts]
    figures: Counter[str] = Counter(notebooks=len(found))
    shares: list[float] = []
    with options.output.open("a") if options.output else contextlib.nullcontext() as output:
        for path in found:
            for checked in check_notebook(path, options, figures):
                figures[checked.verdict] += 1
                if checked.before:
                    shares.append(checked.size / checked.before)
                if output is not None:
                    output.write(json.dumps(asdict(checked)) + "\n")
                    output.flush()
                if checked.verdict == "lie":
                    print(f"LIE {checked.notebook} cell {checked.cell}: {checked.why}", flush=True)
    for name, count in sorted(figures.items()):
        print(f"{name:24}{count:8}")
    print(f"{'mean share of cells':24}{sum(shares) / max(1, len(shares)):8.2f}")
    return 1 if figures["lie"] else 0


def notebooks(folder: Path) -> Iterable[Path]:
    """Yield the notebooks below a folder, checkpoints left out."""
    if folder.is_file():
        yield folder
        return
    for path in folder.rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts and path.is_file():
            yield path.resolve()


def check_notebook(
    path: Path, options: argparse.Namespace, figures: Counter[str]
) -> Iterable[Checked]:
    """Run a notebook and slices of it."""
    try:
        notebook = read_notebook(path)
        flow = read_dataflow(notebook)
    except NbdeployError:
        figures["unreadable"] += 1
        return
    if notebook.language != "python" or not flow.flows:
        return
    began = time.monotonic()
    sources = [f.cell.source for f in flow.flows]
    every = list(range(len(sources)))
    whole = run(sources, every, path.parent, options.seconds)
    if not any(not ran.error for ran in whole):
        figures["fails at once"] += 1
        return
    again = run(sources, every[: len(whole)], path.parent, options.seconds)
    figures["ran"] += 1
    figures["cells"] += len(whole)
    numbers = {f.cell.cell_id: n for n, f in enumerate(flow.flows)}
    for number in chosen(whole[: len(again)], options):
        kept = [numbers[c] for c in flow.slice(flow.flows[number].cell.cell_id)]
        kept = [n for n in kept if n < number]
        left = options.budget - (time.monotonic() - began)
        yield Checked(
            str(path), number, *verdict(flow, whole, again, number, kept, path.parent, left)
        )


def chosen(whole: Sequence[Ran], options: argparse.Namespace) -> list[int]:
    """Return cells that ran without an error: some, by chance, and the last one."""
    good = [n for n, ran in enumerate(whole) if not ran.error]
    chance = random.Random(options.seed)  # noqa: S311  (no secret)
    some = chance.sample(good, min(len(good), options.cells))
    return sorted({*some, *good[-1:]})


def verdict(  # noqa: PLR0913, PLR0917
    flow: Dataflow, whole: Sequence[Ran], again: Sequence[Ran], number: int, kept: list[int],
    folder: Path, seconds: float,
) -> tuple[str, int, int, str]:  # fmt: skip
    """Compare one slice."""
    size = (number, len(kept))
    wanted, second = whole[number], again[number]
    if second.error:
        return "unstable", *size, ""
    if len(kept) == number:
        return "all", *size, ""
    if seconds < 1:
        return "slow", *size, ""
    sources = [f.cell.source for f in flow.flows]
    part = run(sources, [*kept, number], folder, seconds)
    if len(part) <= len(kept):
        return "slow", *size, ""
    why = difference(wanted, second, part[-1])
    if not why:
        return "same", *size, ""
    if flow.uncertain(flow.flows[number].cell.cell_id):
        return "unsure", *size, why
    return "lie", *size, f"{why} with {kept}"


def difference(whole: Ran, again: Ran, part: Ran) -> str:
    """Say what a slice gives that both whole runs don't."""
    if part.error:
        return part.error
    for name, value in whole.names.items():
        if again.names.get(name) == value and part.names.get(name) != value:
            return f"{name} is {part.names.get(name)}, not {value}"
    if whole.shown == again.shown != part.shown:
        return f"shows {part.shown}, not {whole.shown}"
    if whole.printed == again.printed != part.printed:
        return f"prints {part.printed[:200]!r}, not {whole.printed[:200]!r}"
    return ""


# one run, in a process of its own ---------------------------------------------------------------


def prepare() -> None:
    """Import what most notebooks import, so that a new process has it at once."""
    os.environ.update(MPLBACKEND="agg", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    import IPython.core.interactiveshell  # noqa: PLC0415  (after the environment is set)
    import matplotlib.pyplot  # noqa: ICN001, PLC0415
    import numpy  # noqa: ICN001, PLC0415
    import pandas  # noqa: F401, ICN001, PLC0415

    del IPython, matplotlib, numpy


def run(sources: Sequence[str], cells: Sequence[int], folder: Path, seconds: float) -> list[Ran]:
    """Run cells in a fresh process, in a copy of the notebook's folder; stop when time is up."""
    with tempfile.TemporaryDirectory(prefix="slices-") as scratch:
        place = Path(scratch) / "folder"
        copy_folder(folder, place)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            run_cells([sources[n] for n in cells], place, writing)
        os.close(writing)
        try:
            return list(answers(reading, time.monotonic() + seconds))
        finally:
            os.close(reading)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def answers(reading: int, until: float) -> Iterable[Ran]:
    """Yield each cell's doings as they arrive."""
    data = b""
    while True:
        ready, _, _ = select.select([reading], [], [], max(0, until - time.monotonic()))
        more = os.read(reading, 1 << 20) if ready else b""
        if not more:
            return
        data += more
        while len(data) >= 8:  # a length, then so many bytes
            length = int.from_bytes(data[:8], "big")
            if len(data) < 8 + length:
                break
            yield Ran(**json.loads(data[8 : 8 + length]))
            data = data[8 + length :]


def copy_folder(folder: Path, place: Path) -> None:
    """Copy the notebook's folder, unless it is large: notebooks write into it."""
    names = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".ipynb"]
    if sum(p.stat().st_size for p in names) > _LARGEST_FOLDER:
        names = [p for p in folder.iterdir() if p.is_file() and p.suffix in {".py", ".csv"}]
    place.mkdir()
    for path in names:
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def run_cells(sources: Sequence[str], place: Path, writing: int) -> NoReturn:
    """Run cells one after the other and send what each did; ends the process."""
    status = 1
    try:
        os.setsid()
        isolate(place)
        shell = new_shell()
        errors = 0
        for source in sources:
            ran = run_cell(shell, source)
            data = json.dumps(asdict(ran)).encode()
            view = memoryview(len(data).to_bytes(8, "big") + data)
            while view:
                view = view[os.write(writing, view) :]
            errors += bool(ran.error)
            if errors > _ENOUGH_ERRORS:
                break
        status = 0
    finally:
        os._exit(status)


def isolate(place: Path) -> None:
    """Let the process be like any new one: its own folder, random numbers, no network."""
    os.chdir(place)
    sys.path.insert(0, "")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    random.seed()
    sys.modules["numpy"].random.seed(None)
    warnings.simplefilter("ignore")

    def refuse(*_: Any) -> NoReturn:
        raise OSError("no network")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def new_shell() -> Any:
    """Return a shell as a kernel's, that shows nothing and starts no other program."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415

    shell: Any = InteractiveShell.instance()
    shell.displayhook.write_output_prompt = lambda: None
    shell.displayhook.compute_format_data = lambda _: ({}, {})
    shell.system = lambda *_, **__: None
    shell.getoutput = lambda *_, **__: []
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    shell.enable_gui = lambda *_, **__: None
    shell.enable_matplotlib = lambda *_, **__: ("agg", "agg")
    for name in ("pip", "conda", "bash", "sh", "script", "system", "sx", "matplotlib"):
        shell.register_magic_function(lambda *_: None, "line_cell", name)
    return shell


def run_cell(shell: Any, source: str) -> Ran:
    """Run one cell and see which names it made or changed."""
    space = shell.user_ns
    before = {n: (id(v), v) for n, v in space.items() if is_own(n)}
    words = set(re.findall(r"\w+", source))
    old = {n: fingerprint(v) for n, (_, v) in before.items() if n in words}
    ran, out = Ran(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        result = shell.run_cell(source, store_history=True)
    fault = result.error_before_exec or result.error_in_exec
    if fault is not None:
        ran.error = f"{type(fault).__name__}: {fault}"[:300]
    for name, value in list(space.items()):
        if is_own(name):
            known = before.get(name)
            if known is None or known[0] != id(value):
                ran.names[name] = fingerprint(value)
            elif name in old and (now := fingerprint(value)) != old[name]:
                ran.names[name] = now
    ran.shown = fingerprint(result.result) if result.result is not None else ""
    ran.printed = plain_text(out.getvalue())
    sys.modules["matplotlib.pyplot"].close("all")  # as the inline backend does
    return ran


def is_own(name: str) -> bool:
    """Whether a name is a notebook's and not the shell's."""
    return not name.startswith("_") and name not in {"In", "Out", "exit", "quit", "get_ipython"}


if __name__ == "__main__":
    sys.exit(main())
