"""`python -m nbdeploy_runtime`: serve a notebook, run it over a table, or run its tests."""

from __future__ import annotations

import gc
import os
import sys

# The collector would walk all modules again and again while they are imported: a tenth of a start
gc.disable()
# Python puts the working folder first, where a header may have the name of a standard module
if sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109  (pathlib is not imported yet)
    del sys.path[0]

from .deferred import CORE, defer  # noqa: E402  (what is above comes first)

# Parts of a start that plain endpoints do without: Python's own paths import the one for a check
# of addresses, and the package of the other defines types of schemas
defer("ipaddress")
defer("pydantic_core", **dict.fromkeys(CORE, "_pydantic_core"))

from pathlib import Path  # noqa: E402

from .loader import read_app  # noqa: E402
from .modules import failed_imports, reach_folder  # noqa: E402
from .server import say  # noqa: E402
from .serving import serve  # noqa: E402

gc.freeze()
gc.enable()


_HOST = "0.0.0.0"  # noqa: S104  (the container's own network)


def main() -> int:
    """Run one command in the app folder; returns the exit status."""
    # Of a kernel's environment it would be one that draws into a notebook
    os.environ["MPLBACKEND"] = "Agg"
    folder = Path(os.environ.get("NBDEPLOY_APP", ".")).resolve()
    given = sys.argv[1:] or ["serve"]
    if given == ["serve"]:
        return serve(folder, _HOST, None)
    if given[0].startswith(("--port", "--host")):
        given = ["serve", *given]
    if given[0] == "batch":
        from .batch.command import run_batch  # noqa: PLC0415  (services never read tables)

        return run_batch(folder, given[1:])
    return _run(folder, given)


def _run(folder: Path, given: list[str]) -> int:
    import argparse  # noqa: PLC0415  (an image's own command needs none)

    parser = argparse.ArgumentParser(prog="nbdeploy_runtime")
    commands = parser.add_subparsers(dest="command")
    serving = commands.add_parser("serve", help="serve the endpoints (the default)")
    serving.add_argument("--host", default=_HOST)
    serving.add_argument("--port", type=int)
    commands.add_parser("test", help="run the test cells")
    commands.add_parser("imports", help="import what the shipped cells import")
    commands.add_parser("batch", help="run an endpoint over a table")
    arguments = parser.parse_args(given)
    if arguments.command == "test":
        from .gate import run_gate  # noqa: PLC0415  (the deployed image has no pytest)

        return run_gate(folder)
    if arguments.command == "imports":
        return _try_imports(folder)
    return serve(folder, arguments.host, arguments.port)


def _try_imports(folder: Path) -> int:
    app = read_app(folder)
    reach_folder(folder, app.module)
    failed = dict(failed_imports(app))
    for name, error in failed.items():
        said = f"{type(error).__name__}: {error}"
        say(event="import", name=name, outcome="failed", message=said)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
