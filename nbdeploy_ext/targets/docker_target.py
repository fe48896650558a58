"""The Docker target: locked-down containers on an engine, whose labels and tags are the state."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..core.deployment import (
    Availability,
    Deployment,
    Version,
    batch_version,
    choose_version,
    number_for,
)
from ..core.dockerfile import TOOLS
from ..core.errors import DeploymentNotFound, EngineUnreachable
from .deployment_lock import hold_deployment
from .docker_batch import run_docker_batch
from .docker_engine import PART, Engine
from .docker_image import build_docker_image, gate_environment, tools_volume
from .docker_service import NAME, NOTEBOOK, ROLE, VERSION, DockerService, Launch, locked_down
from .gate_events import follow_gate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.batch import BatchRequest, BatchResult, BatchWatch
    from ..core.bundle import Bundle
    from ..core.deployment import ReadSecrets, StartRequest, State
    from ..core.image import Image
    from ..core.progress import Progress
    from ..core.verification import Verification
    from .docker_container import Container

_WAIT = 0.1
_NEVER = "0001-01-01"
_UNUSED_AFTER = timedelta(hours=1)
"""A deploy that runs now has built its image, and not yet made a version of it."""


class DockerTarget:
    """Deployments on the engine that DOCKER_HOST names, or this machine's own."""

    name = "docker"

    def __init__(self) -> None:
        """Connect on first use, so that a missing engine is an answer, not a crash."""
        self._connected: Engine | None = None

    @property
    def _engine(self) -> Engine:
        if self._connected is None:
            self._connected = Engine()
        return self._connected

    def availability(self) -> Availability:
        """Ask the engine for its version."""
        try:
            version = Engine(timeout=2).version()
        except EngineUnreachable as fault:
            return Availability(self.name, available=False, reason=fault.message, hint=fault.hint)
        return Availability(self.name, available=True, version=version)

    def build(self, bundle: Bundle, progress: Progress) -> Image:
        """Make the bundle's image on the engine."""
        return build_docker_image(self._engine, bundle, progress)

    def verify(
        self, image: Image, bundle: Bundle, secrets: Mapping[str, str], progress: Progress
    ) -> Verification:
        """Run the test cells in the image, with the gate's tools mounted and without a network."""
        tools = tools_volume(self._engine, image, bundle, progress)
        container = self._engine.create(
            image.digest, ["test"],
            network_mode="bridge" if bundle.config.tests.network else "none",
            environment={**gate_environment(), **secrets},
            volumes={tools: {"bind": TOOLS, "mode": "ro"}},
            labels={NAME: bundle.name, ROLE: "gate"},
            **locked_down(json.loads(image.labels["org.nbdeploy.run"])),
        )  # fmt: skip
        try:
            output = container.output()
            container.start()
            try:
                return follow_gate(
                    output.lines(_WAIT), secrets, progress, bundle.config.tests.timeout
                )
            finally:
                output.close()
        finally:
            container.remove()

    def start(self, request: StartRequest, progress: Progress) -> Deployment:
        """Start beside the live version, wait until it is ready, end the old one."""
        name, digest = request.name, request.image.digest
        with hold_deployment(self.name, name):
            service = DockerService(self._engine, name)
            live = service.live()
            if live is not None and _is_unchanged(live, request):
                progress.log("Nothing changed; the live version goes on")
                return self.deployment(name)
            number = number_for(self._versions(name, None), digest)
            started = service.launch(
                Launch(name, digest, request.image.labels, number, request.secrets,
                       request.notebook),
                progress,
            )  # fmt: skip
            self._engine.tag(digest, f"nbdeploy/{name}", str(number))
            service.retire(started)
            return self.deployment(name)

    def deployments(self) -> list[Deployment]:
        """List every name that has a version or a container."""
        names = {c.labels[NAME] for c in self._engine.containers(f"{ROLE}=service")}
        names |= {
            image.labels[NAME]
            for image in self._engine.images(NAME)
            if any(tag.rsplit(":", 1)[1].isdigit() for tag in image.tags)
        }
        found = []
        for name in sorted(names):
            try:
                found.append(self.deployment(name))
            except DeploymentNotFound:  # its first version is only starting  # noqa: PERF203
                continue
        return found

    def deployment(self, name: str) -> Deployment:
        """Return one deployment as the engine has it now."""
        service = DockerService(self._engine, name)
        live = service.live()
        number = int(live.labels[VERSION]) if live is not None else None
        versions = self._versions(name, number)
        if not versions:
            raise DeploymentNotFound(
                f"There is no deployment {name}.", hint="nbdeploy list shows what there is."
            )
        state, message = _state(live)
        return Deployment(
            name=name, target=self.name, state=state, version=number, versions=versions,
            url=service.url(live) if live is not None and state == "running" else "",
            notebook=live.labels.get(NOTEBOOK, "") if live is not None else "", message=message,
        )  # fmt: skip

    def rollback(
        self, name: str, version: int | None, read_secrets: ReadSecrets, progress: Progress
    ) -> Deployment:
        """Start an earlier version's image and end the live one."""
        with hold_deployment(self.name, name):
            found = self.deployment(name)
            chosen = choose_version(found, version)
            if chosen.live and found.state == "running":
                progress.log(f"Version {chosen.version} is live already")
                return found
            image = self._engine.image(chosen.image)
            labels = image.labels if image is not None else {}
            secrets = read_secrets(json.loads(labels["org.nbdeploy.run"])["secrets"])
            service = DockerService(self._engine, name)
            launch = Launch(
                name, chosen.digest, labels, chosen.version, secrets, found.notebook
            )  # fmt: skip
            service.retire(service.launch(launch, progress))
            return self.deployment(name)

    def stop(self, name: str) -> None:
        """Remove versions and anchor; images stay."""
        self.deployment(name)
        DockerService(self._engine, name).remove()

    def logs(self, name: str, *, follow: bool = False, tail: int = 200) -> Iterator[str]:
        """Yield the live container's log."""
        live = DockerService(self._engine, name).live()
        if live is None:
            self.deployment(name)
            return iter(())
        return live.log(follow=follow, tail=tail)

    def run_batch(
        self, name: str, request: BatchRequest, read_secrets: ReadSecrets, watch: BatchWatch
    ) -> BatchResult:
        """Run in a container of the version's image."""
        image = self._engine.image(batch_version(self.deployment(name)).image)
        secrets = read_secrets(json.loads(image.labels["org.nbdeploy.run"])["secrets"])  # type: ignore[union-attr]
        return run_docker_batch(self._engine, image, request, secrets, watch)

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions of each deployment, the live one aside.

        What no kept version is made of goes with them: libraries, system packages, builds.
        """
        old = [
            version.image
            for deployment in self.deployments()
            for version in deployment.versions[: -keep or None]
            if not version.live
        ]
        gone = [reference for reference in old if self._engine.remove_image(reference)]
        return [*gone, *self._prune_parts()]

    def _prune_parts(self) -> list[str]:
        images = self._engine.images(PART)
        kept = [i for i in images if any(tag.rsplit(":", 1)[1].isdigit() for tag in i.tags)]
        layers = {layer for image in kept for layer in image.attrs["RootFS"]["Layers"]}
        unused = [
            tag
            for image in images
            if image.attrs["RootFS"]["Layers"][-1] not in layers and _age(image) > _UNUSED_AFTER
            for tag in image.tags
        ]
        return [tag for tag in unused if self._engine.remove_image(tag)]

    def _versions(self, name: str, live: int | None) -> tuple[Version, ...]:
        found = []
        for image in self._engine.images(f"{NAME}={name}"):
            for tag in image.tags:
                repository, number = tag.rsplit(":", 1)
                if repository == f"nbdeploy/{name}" and number.isdigit():
                    here = int(number)
                    found.append(
                        Version(here, tag, str(image.id), _created(image), live=here == live)
                    )
        return tuple(sorted(found, key=lambda version: version.version))


def _created(image: object) -> str:
    """Return when the image got its name: the same content is built the same at any time."""
    attrs = image.attrs  # type: ignore[attr-defined]
    named = str(attrs.get("Metadata", {}).get("LastTagTime") or _NEVER)
    return str(attrs["Created"]) if named.startswith(_NEVER) else named


def _age(image: object) -> timedelta:
    named = datetime.fromisoformat(_created(image)[:19]).replace(tzinfo=timezone.utc)
    return datetime.now(timezone.utc) - named


def _state(live: Container | None) -> tuple[State, str]:
    if live is None:
        return "stopped", ""
    state = live.state()
    if state.running:
        return "running", ""
    if state.out_of_memory:
        return "failed", "It ran out of memory; raise [service] memory in nbdeploy.toml."
    return "failed", f"The container ended with status {state.exit_code}; its log says why."


def _is_unchanged(live: Container, request: StartRequest) -> bool:
    same = all(live.environment.get(name) == value for name, value in request.secrets.items())
    return same and live.image == request.image.digest and live.state().running
