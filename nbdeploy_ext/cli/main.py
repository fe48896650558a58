"""`nbdeploy` and `jupyter nbdeploy`: the commands, their arguments and exit statuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.deployment import StartRequest
from ..core.errors import DeployRefused, FileUnusable, NbdeployError, Unreachable, UsageError
from ..core.layers import library_layers, write_layers
from ..core.notebook import Role, read_notebook, write_marks
from ..core.pipeline import (
    analyse,
    build_notebook,
    bundle_notebook,
    deploy_notebook,
    marks_of_slices,
)
from ..core.secrets import read_secrets
from ..core.service import plain_name
from ..targets.ports import require_free
from ..targets.registry import TARGETS, ask_targets, find_target, open_target
from ..targets.service_client import ask
from .batch import batch
from .output import (
    Terminal,
    answer,
    fault,
    left_out,
    show_analysis,
    show_calls,
    show_deployments,
    show_tests,
)
from .value_source import value_source, values_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.deployment import Target

EXIT_STATUS: dict[type[NbdeployError], int] = {Unreachable: 3, UsageError: 2, NbdeployError: 1}
"""Looked up along an error's MRO: refused or failed 1, wrong usage 2, unreachable 3."""


def _keep(ctx: click.Context, _: click.Parameter, notebook: Path) -> Path:
    ctx.meta["nbdeploy.notebook"] = notebook  # what is printed names it once the command has ended
    return notebook


notebook_argument = click.argument(
    "notebook", type=click.Path(path_type=Path, readable=False), callback=_keep
)
json_option = click.option("as_json", "--json", is_flag=True, help="One JSON document on stdout.")
name_argument = click.argument("name", callback=lambda _, __, name: plain_name(name))
name_option = click.option("--name", help="The deployment's name.")
target_option = click.option(
    "--target", default="docker", show_default=True, type=click.Choice(list(TARGETS))
)


def exit_status(error: NbdeployError) -> int:
    """Return the process's exit status for an error."""
    return next(EXIT_STATUS[kind] for kind in type(error).__mro__ if kind in EXIT_STATUS)


class _Group(click.Group):
    """Turns errors of ours into one sentence, a hint and an exit status, in one place."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Known before a command has read its options: they may be what is wrong
        ctx.meta["nbdeploy.json"] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            except OSError as broken:
                if broken.filename is None:
                    raise
                # Such as a home folder that is read-only, where the caches would be
                raise FileUnusable(
                    f"{broken.filename}: {(broken.strerror or str(broken)).lower()}.",
                    hint="Check its permissions, and the space on its disk.",
                ) from broken
        except NbdeployError as error:
            fault(error, as_json=ctx.meta["nbdeploy.json"])
            ctx.exit(exit_status(error))
        except click.UsageError as wrong:  # click tells people, and exits with 2
            if ctx.meta["nbdeploy.json"]:
                answer(UsageError(wrong.format_message()).as_json(), "", as_json=True)
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nbdeploy")
def main() -> None:
    """Deploy notebooks as services: mark cells, deploy, call."""


def _command(run: Callable[..., None]) -> click.Command:
    """Register a command that takes --json."""
    return main.command(run.__name__.rstrip("_"))(json_option(run))


@_command
@notebook_argument
@click.argument("cells", nargs=-1, required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]))
@click.option("--clear", is_flag=True, help="Take the cells' roles away.")
@click.option("--with-slice", is_flag=True, help="Mark the cells that they need as production too.")
def mark(  # noqa: PLR0913  (each is an option)
    *,
    notebook: Path,
    cells: tuple[str, ...],
    role: str | None,
    clear: bool,
    with_slice: bool,
    as_json: bool,
) -> None:
    """Give cells a role; CELL is a cell id or #index."""
    if clear == (role is not None):
        raise click.UsageError("Say either --role ROLE or --clear.")
    chosen = None if clear or role is None else Role(role)
    marks: dict[str, Role | None] = dict.fromkeys(cells, chosen)
    if with_slice and chosen is not None:
        marks = {**marks_of_slices(read_notebook(notebook), cells), **marks}
    marked = write_marks(notebook, marks)
    document = {"notebook": str(notebook), "marks": marked.marks()}
    answer(document, "\n".join(f"{r:<11}{c}" for c, r in marked.marks().items()), as_json=as_json)


@_command
@notebook_argument
def check(*, notebook: Path, as_json: bool) -> None:
    """Analyse a notebook and say what would stop its deploy."""
    spec = analyse(notebook)
    answer(spec.as_json(), show_analysis(spec), as_json=as_json)
    if not spec.deployable:
        sys.exit(1)


@_command
@notebook_argument
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@values_option
def run(*, notebook: Path, port: int, values: str, as_json: bool) -> None:
    """Serve in this machine's own environment, no engine, until interrupted."""
    del as_json  # the service's own log is all that there is to say
    from ..targets.process_target import ProcessTarget  # noqa: PLC0415  (only this command)

    require_free(port)
    with Terminal() as progress:
        bundle = bundle_notebook(notebook, progress, values=value_source(values, notebook))
        secrets = read_secrets(bundle.manifest.secret_names())
        progress.step("build")
        target = ProcessTarget()
        image = target.build(bundle, progress)
    said = f"Serving {notebook.name} at http://127.0.0.1:{port} (Ctrl+C stops it)"
    request = StartRequest(bundle.name, image, bundle, str(notebook.resolve()), secrets)
    sys.exit(target.serve_foreground(request, port, lambda: click.echo(said, err=True)))


@_command
@notebook_argument
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@values_option
def export(*, notebook: Path, folder: Path, values: str, as_json: bool) -> None:
    """Write the bundle; `docker build DIR` makes the image without nbdeploy."""
    _require_empty(folder)
    with Terminal() as progress:
        bundle = bundle_notebook(notebook, progress, values=value_source(values, notebook))
        progress.step("build")
        layers = library_layers(bundle.lock, progress, bundle.config.image)
        bundle.write(folder)
        write_layers(layers, folder)
    written = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    document = {"name": bundle.name, "folder": str(folder), "digest": bundle.digest,
                "files": written}  # fmt: skip
    answer(document, f"{folder}: docker build -t {bundle.name} {folder}", as_json=as_json)


def _require_empty(folder: Path) -> None:
    """Make the folder where it is missing; `UsageError` unless it is empty and can be written."""
    hint = "Name a new or an empty folder."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except FileExistsError as fault:
        raise UsageError(f"{folder} is no folder.", hint=hint) from fault
    except OSError as fault:
        raise UsageError(f"{folder} can't be made: {fault.strerror}.", hint=hint) from fault
    if not is_empty:
        raise UsageError(f"{folder} is not empty.", hint=hint)
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} can't be written to.", hint="Check its permissions.")


@_command
@notebook_argument
@target_option
@name_option
@values_option
def build(*, notebook: Path, target: str, name: str | None, values: str, as_json: bool) -> None:
    """Make the image."""
    with Terminal() as progress:
        source = value_source(values, notebook)
        bundle, image = build_notebook(
            notebook, open_target(target), progress, name=name, values=source
        )
    document = {"name": bundle.name, "image": image.reference, "digest": image.digest}
    answer(document, f"{image.reference}  {image.digest}", as_json=as_json)


@_command
@notebook_argument
@target_option
@values_option
def test(*, notebook: Path, target: str, values: str, as_json: bool) -> None:
    """Make the image and run its test cells inside it."""
    chosen = open_target(target)
    with Terminal() as progress:
        source = value_source(values, notebook)
        bundle, image = build_notebook(notebook, chosen, progress, values=source)
        secrets = read_secrets(bundle.manifest.secret_names())
        progress.step("verify")
        verification = chosen.verify(image, bundle, secrets, progress)
    document = {"name": bundle.name, "tests": [t.as_json() for t in verification.tests]}
    answer(document, show_tests(verification), as_json=as_json)
    if not verification.passed:
        sys.exit(1)


@_command
@notebook_argument
@target_option
@name_option
@values_option
def deploy(*, notebook: Path, target: str, name: str | None, values: str, as_json: bool) -> None:
    """Check, bundle, build, verify, start, switch; prints the URL."""
    chosen = open_target(target)
    try:
        with Terminal() as progress:
            source = value_source(values, notebook)
            result = deploy_notebook(notebook, chosen, progress, name=name, values=source)
    except DeployRefused as refusal:
        if not as_json:
            raise
        document = {"target": target, **refusal.as_json(), **refusal.details}
        answer(document, "", as_json=True)
        sys.exit(exit_status(refusal))
    answer(result.as_json(), result.deployment.url, as_json=as_json)


_command(batch)


@_command
def list_(*, as_json: bool) -> None:
    """List the deployments of every target that answers."""
    found = [d for target in _reachable() for d in target.deployments()]
    answer([d.as_json() for d in found], show_deployments(found), as_json=as_json)


@_command
@name_argument
def status(*, name: str, as_json: bool) -> None:
    """Say how one deployment is."""
    deployment = find_target(name).deployment(name)
    answer(deployment.as_json(), show_deployments([deployment]), as_json=as_json)


@_command
@name_argument
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
def logs(*, name: str, follow: bool, as_json: bool) -> None:
    """Print a deployment's log."""
    lines = find_target(name).logs(name, follow=follow)
    if as_json:
        answer({"name": name, "lines": list(lines)}, "", as_json=True)
        return
    for line in lines:
        click.echo(line)


@_command
@name_argument
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="How many, the newest."
)
def calls(*, name: str, limit: int, as_json: bool) -> None:
    """Show a deployment's last calls."""
    asked = ask(find_target(name).deployment(name), "/calls", limit=limit)
    found = asked.json()
    if not asked.is_success:
        raise Unreachable(f"{name} answers {asked.status_code}: {found.get('detail', '')}")
    answer(found, show_calls(found), as_json=as_json)


@_command
@name_argument
@click.option("--to", "version", type=int, help="The version; the one before where not said.")
def rollback(*, name: str, version: int | None, as_json: bool) -> None:
    """Make an earlier version live again."""
    with Terminal() as progress:
        progress.step("start")
        deployment = find_target(name).rollback(name, version, read_secrets, progress)
    answer(deployment.as_json(), show_deployments([deployment]), as_json=as_json)


@_command
@name_argument
def stop(*, name: str, as_json: bool) -> None:
    """Stop a deployment; its versions stay."""
    find_target(name).stop(name)
    answer({"name": name, "state": "stopped"}, f"{name} is stopped.", as_json=as_json)


@_command
@click.option(
    "--keep", type=click.IntRange(0), default=3, show_default=True, help="Versions to keep of each."
)
def prune(*, keep: int, as_json: bool) -> None:
    """Remove old versions."""
    gone = [version for target in _reachable() for version in target.prune(keep)]
    answer({"removed": gone}, "\n".join(gone) or "Nothing to remove.", as_json=as_json)


def _reachable() -> list[Target]:
    """Return the targets that answer, and tell of each other one why its part is missing."""
    answering, silent = ask_targets()
    for said in silent:
        left_out(said)
    return answering
