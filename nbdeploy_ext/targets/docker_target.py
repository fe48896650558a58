"""The Docker target: locked-down containers behind a port that never moves.

An anchor container keeps the network namespace and the published port of a deployment;
versions join it and share the port, so that a new one answers before the old one goes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.deployment import Availability, Deployment, Version
from ..core.dockerfile import USER, render_gate_dockerfile
from ..core.errors import (
    DeploymentNotFound,
    EngineUnreachable,
    StartFailed,
    VersionNotFound,
)
from ..core.image import Image
from ..core.layers import requirements_layer, tools_layer
from ..core.packing import base_image
from ..core.secrets import mask
from .gate_events import is_ready, read_verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.bundle import Bundle
    from ..core.deployment import ReadSecrets, StartRequest, State
    from ..core.progress import Progress
    from ..core.verification import Verification
    from .docker_engine import Engine

NAME, ROLE, VERSION = "org.nbdeploy.name", "org.nbdeploy.container", "org.nbdeploy.version"
NOTEBOOK = "org.nbdeploy.notebook.path"
_MEMORY = 2**30
_READY_WITHIN = 120.0
_POLL = 0.02
_SLEEP = ["-c", "import signal; signal.pause()"]


class DockerTarget:
    """Deployments on the Docker engine; the engine's labels and tags are the only state."""

    name = "docker"

    def __init__(self) -> None:
        """Connect on first use, so that a missing engine is an answer, not a crash."""
        self._connected: Engine | None = None

    @property
    def _engine(self) -> Engine:
        if self._connected is None:
            # docker-py takes a third of a second to import; `check` and `mark` never need it
            from .docker_engine import Engine  # noqa: PLC0415

            self._connected = Engine()
        return self._connected

    def availability(self) -> Availability:
        """Ask the engine for its version."""
        from .docker_engine import Engine  # noqa: PLC0415  (as above)

        try:
            version = Engine(timeout=2).version()
        except EngineUnreachable as fault:
            return Availability(self.name, available=False, reason=fault.message, hint=fault.hint)
        return Availability(self.name, available=True, version=version)

    def build(self, bundle: Bundle, progress: Progress) -> Image:
        """Install the requirements outside, then build the bundle's Dockerfile."""
        tag = f"nbdeploy/build:{bundle.digest.removeprefix('sha256:')[:24]}"
        found = self._engine.image(tag)
        if found is not None:
            progress.log("Nothing changed since the last build")
            return Image(tag, str(found.id), bundle.labels)
        self._engine.require_base(base_image(bundle.config, bundle.lock.python), progress)
        layer = requirements_layer(bundle.lock, progress, bundle.config.image)
        with tempfile.TemporaryDirectory(prefix="nbdeploy-") as folder:
            place = Path(folder)
            bundle.write(place)
            (place / "layers").mkdir()
            _link(layer.path, place / "layers" / "requirements.tar")
            digest = self._engine.build(place, tag, progress)
        return Image(tag, digest, bundle.labels)

    def verify(
        self, image: Image, bundle: Bundle, secrets: Mapping[str, str], progress: Progress
    ) -> Verification:
        """Run the test cells in the image with the gate's tools on top, without a network."""
        gate = self._gate_image(image, bundle, progress)
        run = json.loads(bundle.labels["org.nbdeploy.run"])
        network = "bridge" if bundle.config.tests.network else "none"
        container = self._engine.create(
            gate, ["test"], network_mode=network, environment=dict(secrets),
            labels={NAME: bundle.name, ROLE: "gate"}, **_locked_down(run),
        )  # fmt: skip
        try:
            container.start()
            until = time.monotonic() + bundle.config.tests.timeout
            while _state(container) == "running" and time.monotonic() < until:
                progress.check_cancelled()
                time.sleep(_POLL)
            stdout = container.logs(stdout=True, stderr=False).decode(errors="replace")
            stderr = container.logs(stdout=False, stderr=True).decode(errors="replace")
        finally:
            self._engine.remove(container)
        stderr = mask(stderr, secrets.values())
        for line in stderr.splitlines():
            progress.log(line)
        return read_verification(mask(stdout, secrets.values()), stderr)

    def start(self, request: StartRequest, progress: Progress) -> Deployment:
        """Start beside the live version, wait until it is ready, end the old one."""
        run = json.loads(request.image.labels["org.nbdeploy.run"])
        number = self._number(request.name, request.image.digest)
        live = self._live(request.name)
        if live is not None and _unchanged(live, request):
            progress.log("Nothing changed; the live version goes on")
            return self.deployment(request.name)
        self._run(
            request.name, request.image.digest, run, number, request.secrets, request.notebook,
            progress,
        )  # fmt: skip
        self._engine.tag(request.image.digest, f"nbdeploy/{request.name}", str(number))
        self._retire(request.name, number)
        return self.deployment(request.name)

    def deployments(self) -> list[Deployment]:
        """List every name that has a version or a container."""
        names = {c.labels[NAME] for c in self._engine.containers(NAME) if _role(c) == "service"}
        names |= {
            tag.split("/", 1)[1].rsplit(":", 1)[0]
            for image in self._engine.images(NAME)
            for tag in image.tags
            if tag.startswith("nbdeploy/") and not tag.startswith("nbdeploy/build:")
        }
        return [self.deployment(name) for name in sorted(names)]

    def deployment(self, name: str) -> Deployment:
        """Return one deployment as the engine has it now."""
        live = self._live(name)
        number = int(live.labels[VERSION]) if live is not None else None
        versions = self._versions(name, number)
        if not versions:
            raise DeploymentNotFound(
                f"There is no deployment {name}.", hint="nbdeploy list shows what there is."
            )
        state: State = "stopped"
        message = ""
        if live is not None:
            state = "running" if _state(live) == "running" else "failed"
            message = "" if state == "running" else "The container is not running; see its log."
        url = self._url(name) if state == "running" else ""
        notebook = live.labels.get(NOTEBOOK, "") if live is not None else ""
        return Deployment(
            name=name, target=self.name, state=state, url=url, version=number, versions=versions,
            notebook=notebook, message=message,
        )  # fmt: skip

    def rollback(
        self, name: str, version: int | None, read_secrets: ReadSecrets, progress: Progress
    ) -> Deployment:
        """Start an earlier version's image and end the live one."""
        found = self.deployment(name)
        older = [v.version for v in found.versions if v.version < (found.version or 10**9)]
        wanted = version if version is not None else max(older, default=None)
        chosen = next((v for v in found.versions if v.version == wanted), None)
        if chosen is None:
            raise VersionNotFound(
                f"{name} has no version {wanted or 'before this one'}.",
                hint=f"It has {', '.join(str(v.version) for v in found.versions)}.",
            )
        image = self._engine.image(chosen.image)
        labels = image.labels if image is not None else {}
        run = json.loads(labels["org.nbdeploy.run"])
        secrets = read_secrets(run["secrets"])
        self._run(name, chosen.image, run, chosen.version, secrets, found.notebook, progress)
        self._retire(name, chosen.version)
        return self.deployment(name)

    def stop(self, name: str) -> None:
        """Remove service and anchor; images stay."""
        self.deployment(name)
        for container in self._of(name):
            if _role(container) == "service":
                container.stop(timeout=12)
        for container in sorted(self._of(name), key=lambda c: _role(c) == "anchor"):
            self._engine.remove(container)

    def logs(self, name: str, *, follow: bool = False, tail: int = 200) -> Iterator[str]:
        """Yield the live container's log."""
        live = self._live(name)
        if live is None:
            self.deployment(name)
            return
        rest = b""
        for chunk in live.logs(stream=True, follow=follow, tail=tail):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions of each deployment, the live one aside."""
        gone = []
        for deployment in self.deployments():
            for version in deployment.versions[: -keep or None]:
                if not version.live:
                    self._engine.remove_image(version.image)
                    gone.append(version.image)
        return gone

    def _gate_image(self, image: Image, bundle: Bundle, progress: Progress) -> str:
        tag = f"{image.reference}-gate"
        if self._engine.image(tag) is None:
            layer = tools_layer(bundle.lock, progress, bundle.config.image)
            with tempfile.TemporaryDirectory(prefix="nbdeploy-") as folder:
                place = Path(folder)
                (place / "layers").mkdir()
                _link(layer.path, place / "layers" / "tools.tar")
                text = render_gate_dockerfile(image.reference)
                (place / "Dockerfile").write_text(text, encoding="utf-8")
                self._engine.build(place, tag, progress)
        return tag

    def _run(  # noqa: PLR0913, PLR0917  (what a container is made of)
        self,
        name: str,
        image: str,
        run: dict[str, Any],
        number: int,
        secrets: Mapping[str, str],
        notebook: str,
        progress: Progress,
    ) -> None:
        """Start a container on the anchor and wait; nothing stays behind when it fails."""
        had_anchor = any(_role(c) == "anchor" for c in self._of(name))
        anchor = self._anchor(name, image, run)
        threads = {"OMP_NUM_THREADS": str(max(1, int(run["cpus"])))} if run.get("cpus") else {}
        container = self._engine.create(
            image, ["serve"], network_mode=f"container:{anchor.id}",
            environment={**threads, **secrets, "NBDEPLOY_VERSION": str(number)},
            labels={NAME: name, ROLE: "starting", VERSION: str(number), NOTEBOOK: notebook},
            restart_policy={"Name": "unless-stopped"}, **_locked_down(run),
        )  # fmt: skip
        try:
            container.start()
            self._wait_ready(container, secrets, progress)
        except BaseException:
            self._engine.remove(container)
            if not had_anchor:
                self._engine.remove(anchor)
            raise

    def _anchor(self, name: str, image: str, run: dict[str, Any]) -> Any:
        found = next((c for c in self._of(name) if _role(c) == "anchor"), None)
        if found is None:
            host, _, port = (run.get("publish") or "127.0.0.1:0").rpartition(":")
            found = self._engine.create(
                image, _SLEEP, entrypoint=["python3"], init=True,
                ports={f"{run['port']}/tcp": (host or "127.0.0.1", int(port) or None)},
                labels={NAME: name, ROLE: "anchor"}, mem_limit="64m", user=USER, read_only=True,
                cap_drop=["ALL"], security_opt=["no-new-privileges"], pids_limit=16,
                restart_policy={"Name": "unless-stopped"},
            )  # fmt: skip
        from .docker_engine import engine_errors  # noqa: PLC0415  (imports docker)

        try:
            with engine_errors("start the deployment's network"):
                found.start()
        except BaseException:
            self._engine.remove(found)
            raise
        return found

    def _wait_ready(self, container: Any, secrets: Mapping[str, str], progress: Progress) -> None:
        until = time.monotonic() + _READY_WITHIN
        while time.monotonic() < until:
            progress.check_cancelled()
            running = _state(container) == "running"
            lines = container.logs().decode(errors="replace").splitlines()
            if is_ready(lines, secrets, ended=not running):
                return
            time.sleep(_POLL)
        raise StartFailed(f"The new version was not ready within {_READY_WITHIN:g} s.")

    def _retire(self, name: str, number: int) -> None:
        """Stop all versions but `number`: each finishes the calls that it has."""
        for container in self._of(name):
            if VERSION in container.labels and container.labels[VERSION] != str(number):
                container.stop(timeout=12)
                self._engine.remove(container)

    def _of(self, name: str) -> list[Any]:
        return self._engine.containers(f"{NAME}={name}")

    def _live(self, name: str) -> Any | None:
        found = [c for c in self._of(name) if VERSION in c.labels]
        return max(found, key=lambda c: int(c.labels[VERSION]), default=None)

    def _number(self, name: str, digest: str) -> int:
        versions = self._versions(name, None)
        same = [v.version for v in versions if v.digest == digest]
        return same[0] if same else 1 + max((v.version for v in versions), default=0)

    def _versions(self, name: str, live: int | None) -> tuple[Version, ...]:
        found = []
        for image in self._engine.images(f"{NAME}={name}"):
            for tag in image.tags:
                repository, number = tag.rsplit(":", 1)
                if repository == f"nbdeploy/{name}" and number.isdigit():
                    created = str(image.attrs["Created"])
                    here = int(number)
                    found.append(Version(here, tag, str(image.id), created, live=here == live))
        return tuple(sorted(found, key=lambda version: version.version))

    def _url(self, name: str) -> str:
        anchor = next((c for c in self._of(name) if _role(c) == "anchor"), None)
        ports = anchor.ports.values() if anchor is not None else ()
        bound = next((b[0] for b in ports if b), None)
        if bound is None:
            return ""
        host = bound["HostIp"] if bound["HostIp"] not in {"", "0.0.0.0"} else "127.0.0.1"  # noqa: S104
        return f"http://{host}:{bound['HostPort']}"


def _locked_down(run: dict[str, Any]) -> dict[str, Any]:
    memory = run.get("memory") or _MEMORY
    cpus = {"nano_cpus": int(run["cpus"] * 1e9)} if run.get("cpus") else {}
    return {
        "user": USER, "read_only": True, "tmpfs": {"/tmp": "size=64m,mode=1777"},  # noqa: S108
        "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "mem_limit": memory,
        "memswap_limit": memory, "pids_limit": 256, "init": True,
        "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
        **cpus,
    }  # fmt: skip


def _unchanged(live: Any, request: StartRequest) -> bool:
    given = dict(entry.partition("=")[::2] for entry in live.attrs["Config"]["Env"])
    same = all(given.get(name) == value for name, value in request.secrets.items())
    return same and live.image.id == request.image.digest and _state(live) == "running"


def _role(container: Any) -> str:
    return "service" if VERSION in container.labels else str(container.labels.get(ROLE, ""))


def _state(container: Any) -> str:
    container.reload()
    return str(container.status)


def _link(source: Path, place: Path) -> None:
    """Put a kept layer into a build context without copying it where the disk is the same."""
    try:
        place.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, place)
