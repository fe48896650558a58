"""The targets by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import DeploymentNotFound, EngineUnreachable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..core.deployment import Availability, Target


def _docker() -> Target:
    # docker-py takes a third of a second to import; `check` and `mark` never need it
    from .docker_target import DockerTarget  # noqa: PLC0415

    return DockerTarget()


def _process() -> Target:
    from .process_target import ProcessTarget  # noqa: PLC0415  (a tenth of a second, as above)

    return ProcessTarget()


TARGETS: Mapping[str, Callable[[], Target]] = {"docker": _docker, "process": _process}


def open_target(name: str) -> Target:
    """Return the named target; `UsageError` names the choices."""
    if name not in TARGETS:
        raise UsageError(f"There is no target {name!r}.", hint=f"Choose {' or '.join(TARGETS)}.")
    return TARGETS[name]()


def all_targets() -> list[Target]:
    """Return one of each target."""
    return [make() for make in TARGETS.values()]


def ask_targets() -> tuple[list[Target], list[Availability]]:
    """Return the targets that answer, and what the others say."""
    asked = [(target, target.availability()) for target in all_targets()]
    return [t for t, said in asked if said.available], [s for _, s in asked if not s.available]


def find_target(name: str) -> Target:
    """Return the target that has a deployment of that name, or raise `DeploymentNotFound`.

    Of several targets it is the one where the deployment runs. Raises `EngineUnreachable` where
    none has it and one can't be asked.
    """
    stopped: Target | None = None
    answering, silent = ask_targets()
    for target in answering:
        try:
            found = target.deployment(name)
        except DeploymentNotFound:
            continue
        if found.state == "running":
            return target
        stopped = stopped or target
    if stopped is not None:
        return stopped
    if silent:
        raise EngineUnreachable(
            f"No target that answers has a deployment {name}. {silent[0].reason}",
            hint=silent[0].hint,
        )
    raise DeploymentNotFound(
        f"There is no deployment {name}.", hint="nbdeploy list shows what there is."
    )
