"""One deployment's containers: an anchor that holds the port, and the versions that share it.

The anchor keeps the network namespace and the published port, so that the address never moves;
versions join it and listen side by side, so that a new one answers before the old one goes.
Whether the engine keeps a container running says whether it is live: that is the only state.
"""

from __future__ import annotations

import json
import secrets as tokens
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.dockerfile import USER
from ..core.errors import StartFailed
from ..core.tars import pack_owned_folder
from .gate_events import follow_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.progress import Progress
    from .docker_container import Container
    from .docker_engine import Engine

NAME, ROLE, VERSION = "org.nbdeploy.name", "org.nbdeploy.container", "org.nbdeploy.version"
NOTEBOOK, PUBLISH = "org.nbdeploy.notebook.path", "org.nbdeploy.publish"
STATE = "org.nbdeploy.state"
BASE = "org.opencontainers.image.base.name"
_MEMORY = 2**30
_WAIT = 0.1
_STOP_WITHIN = 12
_STATE, _CALLS = "/state", "calls"
# Connections that wait for a version that ends go to the next one, where Linux can do that
_MIGRATE = {"net.ipv4.tcp_migrate_req": "1"}
_SLEEP = ["-c", "import signal; signal.pause()"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A version to start: `image` is its id, `labels` the image's."""

    name: str
    image: str
    labels: Mapping[str, str]
    number: int
    secrets: Mapping[str, str]
    notebook: str

    @property
    def run(self) -> dict[str, Any]:
        """Return how it runs: port, memory in bytes, cpus, publish, names of secrets."""
        return json.loads(self.labels["org.nbdeploy.run"])  # type: ignore[no-any-return]


class DockerService:
    """The containers of one name."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Look nothing up yet."""
        self._engine = engine
        self._name = name

    def containers(self) -> list[Container]:
        """Return anchor and versions, oldest first."""
        return self._engine.containers(f"{NAME}={self._name}")

    def versions(self) -> list[Container]:
        """Return the containers of versions, live or not, oldest first."""
        return [c for c in self.containers() if c.labels.get(ROLE) == "service"]

    def live(self) -> Container | None:
        """Return the container that answers: the newest one that was ready."""
        return next((c for c in reversed(self.versions()) if c.is_kept), None)

    def url(self, live: Container) -> str:
        """Return where a live version answers."""
        anchor = next((c for c in self.containers() if c.container_id == live.network), None)
        address = anchor.address if anchor is not None else ""
        return f"http://{address}" if address else ""

    def launch(self, launch: Launch, progress: Progress) -> Container:
        """Start a version beside the live one and wait until it is ready; then it is live.

        Nothing stays behind when it fails. Raises `StartFailed`, `PortInUse`.
        """
        anchor, is_new = self._anchor(launch)
        has_volume = not launch.run.get("state") or self._engine.has_volume(self._volume)
        container = None
        try:
            anchor.start()
            if not has_volume:
                self._engine.create_volume(self._volume, STATE)
            container = self._create(launch, anchor)
            self._start(container, launch, progress)
            container.keep(running=True)
        except BaseException:
            for made in filter(None, (container, anchor if is_new else None)):
                made.remove()
            if not has_volume:
                self._engine.remove_volume(self._volume)
            raise
        return container

    def retire(self, live: Container) -> None:
        """End all versions but `live`, each after the calls that it has, and anchors of no use."""
        others = [c for c in self.versions() if c.container_id != live.container_id]
        for container in others:
            container.keep(running=False)
        for container in others:
            container.stop(_STOP_WITHIN)
            container.remove()
        for container in self.containers():
            if container.labels.get(ROLE) == "anchor" and container.container_id != live.network:
                container.remove()

    def remove(self) -> None:
        """End and remove everything, the call log too."""
        for container in self.versions():
            container.keep(running=False)
            container.stop(_STOP_WITHIN)
            container.remove()
        for container in self.containers():
            container.remove()
        self._engine.remove_volume(self._volume)

    def _anchor(self, launch: Launch) -> tuple[Container, bool]:
        """Return the anchor with the port that the launch asks for, and whether it is new."""
        run = launch.run
        publish = f"{run.get('publish') or '127.0.0.1:0'} {run['port']}"
        for container in self.containers():
            if container.labels.get(ROLE) == "anchor" and container.labels.get(PUBLISH) == publish:
                return container, False
        host, _, port = (run.get("publish") or "127.0.0.1:0").rpartition(":")
        base = launch.labels.get(BASE, "")
        image = base if self._engine.image(base) is not None else launch.image
        anchor = self._engine.create(
            image, _SLEEP, entrypoint=["python3"], init=True,
            name=f"nbdeploy-{self._name}-port-{tokens.token_hex(2)}",
            ports={f"{run['port']}/tcp": (host or "127.0.0.1", int(port) or None)},
            labels={NAME: self._name, ROLE: "anchor", PUBLISH: publish}, mem_limit="64m",
            user=USER, read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"],
            pids_limit=16, restart_policy={"Name": "unless-stopped"},
            sysctls=_MIGRATE if self._engine.kernel() >= (5, 14) else {},
        )  # fmt: skip
        return anchor, True

    def _create(self, launch: Launch, anchor: Container) -> Container:
        cpus = launch.run.get("cpus")
        threads = {"OMP_NUM_THREADS": str(max(1, int(cpus)))} if cpus else {}
        version = str(launch.number)
        volumes = {self._volume: {"bind": _STATE, "mode": "rw"}} if launch.run.get("state") else {}
        container = self._engine.create(
            launch.image, ["serve"], network_mode=f"container:{anchor.container_id}",
            name=f"nbdeploy-{self._name}-v{version}-{tokens.token_hex(2)}",
            environment={**threads, **launch.secrets, "NBDEPLOY_VERSION": version,
                         "NBDEPLOY_STATE": f"{_STATE}/{_CALLS}"},
            labels={NAME: self._name, ROLE: "service", VERSION: version,
                    NOTEBOOK: launch.notebook},
            volumes=volumes, **locked_down(launch.run),
        )  # fmt: skip
        if volumes:
            # A new volume is root's; the service is not root
            user, group = map(int, USER.split(":"))
            container.put(_STATE, pack_owned_folder(_CALLS, user, group))
        return container

    @property
    def _volume(self) -> str:
        """Return the name of the volume that outlives versions: it holds the call log."""
        return f"nbdeploy-{self._name}-state"

    @staticmethod
    def _start(container: Container, launch: Launch, progress: Progress) -> None:
        output = container.output()
        try:
            container.start()
            follow_start(output.lines(_WAIT), launch.secrets, progress)
        except StartFailed as fault:
            state = container.state()
            if state.out_of_memory:
                raise StartFailed(
                    "The new version did not start. It ran out of memory "
                    f"({_memory(launch.run) / 2**20:.0f} MiB).",
                    hint="Raise [service] memory in nbdeploy.toml; what was live is still live.",
                    log=fault.details["log"],
                ) from fault
            raise
        finally:
            output.close()


def locked_down(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that leave a container no more than it needs."""
    memory = _memory(run)
    cpus = {"nano_cpus": int(run["cpus"] * 1e9)} if run.get("cpus") else {}
    return {
        "user": USER, "read_only": True, "tmpfs": {"/tmp": "size=64m,mode=1777"},  # noqa: S108
        "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "mem_limit": memory,
        "memswap_limit": memory, "pids_limit": 256, "init": True,
        "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "3"}},
        **cpus,
    }  # fmt: skip


def _memory(run: Mapping[str, Any]) -> int:
    return int(run.get("memory") or _MEMORY)
