"""The process target: the service as a process of this machine, with no engine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from ..core.bundle import link_or_copy
from ..core.deployment import (
    Availability,
    Deployment,
    Version,
    batch_version,
    choose_version,
    number_for,
)
from ..core.errors import DeploymentNotFound
from ..core.image import Image
from ..core.packages import install_constrained
from ..core.read_ahead import read_ahead
from ..core.requirements import TOOLS, runtime_requirements
from .deployment_lock import hold_deployment
from .foreground import run_foreground
from .gate_events import follow_gate, follow_start
from .local_process import LocalProcess, follow_log, reap, spawn
from .ports import HOST, hold_port
from .process_batch import run_process_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from ..core.batch import BatchRequest, BatchResult, BatchWatch
    from ..core.bundle import Bundle
    from ..core.deployment import ReadSecrets, StartRequest
    from ..core.progress import Progress
    from ..core.verification import Verification
    from .docker_container import Line

_WAIT = 0.1
_UNUSED_AFTER = 3600.0
_SOMETIMES = {
    "apprise": "apprise",
    "psycopg": "psycopg",
    "opentelemetry-exporter": "opentelemetry.exporter.otlp.proto.http",
}
"""Packages that some services need, and what proves that they are there."""
# The runtime, and what else it needs, lie behind the environment's own packages, which the notebook
# was written with. The folder is not first before the runtime sees to it: it may hold a types.py
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); import os, runpy; "
    "sys.path += [sys.argv.pop(1), os.path.join(os.environ['NBDEPLOY_APP'], '')]; "
    "runpy.run_module('nbdeploy_runtime', run_name='__main__', alter_sys=True)"
)
_PROBE = "import httptools, httpx, orjson, prometheus_client, pydantic, pytest, starlette"


class ProcessTarget:
    """Runs bundles with the kernel's own interpreter; state lies in the XDG state folder."""

    name = "process"

    def __init__(self) -> None:
        """Name the folders; nothing is made before it is needed."""
        self._root = Path(platformdirs.user_state_dir("nbdeploy")) / "process"
        self._cache = Path(platformdirs.user_cache_dir("nbdeploy")) / "packages"

    def availability(self) -> Availability:
        """Say yes: it needs nothing that isn't here."""
        return Availability(self.name, available=True)

    def build(self, bundle: Bundle, progress: Progress) -> Image:
        """Write the bundle into the state folder, and the runtime's packages where they lack."""
        place = self._images() / bundle.digest.removeprefix("sha256:")[:32]
        packages = self._packages(bundle, progress)
        if not (place / "run.json").exists():
            shutil.rmtree(place, ignore_errors=True)
            for path, content in bundle.files.items():
                file = place / path.removeprefix("files/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            (place / "values").mkdir(exist_ok=True)
            for sha256, value in bundle.values.items():
                link_or_copy(value, place / "values" / sha256)
            run = {"python": bundle.lock.python_executable, "packages": str(packages),
                   "secrets": list(bundle.manifest.secret_names())}  # fmt: skip
            (place / "run.json").write_text(json.dumps(run), encoding="utf-8")
        os.utime(place)  # says that it is in use
        progress.log("Uses this machine's own environment; there is no image")
        return Image(str(place), bundle.digest, bundle.labels)

    def verify(
        self, image: Image, bundle: Bundle, secrets: Mapping[str, str], progress: Progress
    ) -> Verification:
        """Run the test cells in a process of their own."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as events,
            subprocess.Popen(
                _command(image.reference, "test"), cwd=image.reference, stdout=events,
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, errors="replace",
                env=_environment(image.reference, secrets), start_new_session=True,
            ) as process,
        ):  # fmt: skip
            try:
                lines = read_ahead(_said(process, events), _WAIT)
                return follow_gate(lines, secrets, progress, bundle.config.tests.timeout)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def start(self, request: StartRequest, progress: Progress) -> Deployment:
        """Start beside the live version, on the same port, and end that once this is ready."""
        with hold_deployment(self.name, request.name):
            before = self._read(request.name)
            versions = _versions(before)
            digest = request.image.digest
            number = number_for(versions, digest)
            if not versions or number != versions[-1].version:
                now = datetime.now(timezone.utc).isoformat(timespec="seconds")
                new = Version(number, request.image.reference, digest, now, live=False)
                versions = (*versions, new)
            state = {**before, "versions": [asdict(version) for version in versions],
                     "notebook": request.notebook}  # fmt: skip
            return self._switch(request.name, state, number, request.secrets, progress)

    def deployments(self) -> list[Deployment]:
        """List what the state folder knows."""
        found = []
        for path in sorted(self._root.glob("*.json")):
            with suppress(DeploymentNotFound):  # removed while we look
                found.append(self.deployment(path.stem))
        return found

    def deployment(self, name: str) -> Deployment:
        """Return one deployment."""
        state = self._read(name)
        if not state:
            raise DeploymentNotFound(
                f"There is no deployment {name}.", hint="nbdeploy list shows what there is."
            )
        process = _process(state)
        alive = process is not None and process.alive()
        return Deployment(
            name=name,
            target=self.name,
            state="running" if alive else "failed" if process else "stopped",
            url=f"http://{HOST}:{state['port']}" if alive else "",
            version=state["live"] if process else None,
            versions=_versions(state),
            notebook=state.get("notebook", ""),
            message="The process ended; its log says why." if process and not alive else "",
        )

    def rollback(
        self, name: str, version: int | None, read_secrets: ReadSecrets, progress: Progress
    ) -> Deployment:
        """Start an earlier version and end the live one."""
        with hold_deployment(self.name, name):
            found = self.deployment(name)
            chosen = choose_version(found, version)
            if chosen.live and found.state == "running":
                progress.log(f"Version {chosen.version} is live already")
                return found
            secrets = read_secrets(_run(chosen.image)["secrets"])
            return self._switch(name, self._read(name), chosen.version, secrets, progress)

    def stop(self, name: str) -> None:
        """End the process and remove its call log; its versions stay."""
        self.deployment(name)
        state = self._read(name)
        process = _process(state)
        if process is not None:
            process.end()
        self._write(name, {**state, "process": None})
        shutil.rmtree(self._calls(name), ignore_errors=True)

    def logs(self, name: str, *, follow: bool = False, tail: int = 200) -> Iterator[str]:
        """Yield the log file's lines."""
        self.deployment(name)
        path = self._root / f"{name}.log"
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from (line.rstrip("\n") for line in lines.readlines()[-tail:])
            while follow:
                line = lines.readline()
                if line:
                    yield line.rstrip("\n")
                else:
                    time.sleep(_WAIT)

    def run_batch(
        self, name: str, request: BatchRequest, read_secrets: ReadSecrets, watch: BatchWatch
    ) -> BatchResult:
        """Run in the version's environment."""
        place = batch_version(self.deployment(name)).image
        return self.run_image_batch(place, request, read_secrets(_run(place)["secrets"]), watch)

    def run_image_batch(
        self, place: str, request: BatchRequest, secrets: Mapping[str, str], watch: BatchWatch
    ) -> BatchResult:
        """Run what `build` made, deployed or not."""
        return run_process_batch(
            _command(place, *request.arguments()), place, _environment(place, secrets),
            request=request, secrets=secrets, watch=watch,
        )  # fmt: skip

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions of each deployment, the live one aside."""
        gone = []
        used = set()
        for deployment in self.deployments():
            old = [v for v in deployment.versions[: -keep or None] if not v.live]
            kept = [v for v in deployment.versions if v not in old]
            used |= {version.image for version in kept}
            gone += [f"{deployment.name}:{version.version}" for version in old]
            if kept:
                state = self._read(deployment.name)
                self._write(deployment.name, {**state, "versions": [asdict(v) for v in kept]})
            else:  # stopped, and nothing is left that could be started again
                for file in (f"{deployment.name}.json", f"{deployment.name}.log"):
                    (self._root / file).unlink(missing_ok=True)
        for place in self._images().glob("*"):
            # A deploy that runs now has built its own, and not yet started it
            if str(place) not in used and time.time() - place.stat().st_mtime > _UNUSED_AFTER:
                shutil.rmtree(place, ignore_errors=True)
        return gone

    def serve_foreground(
        self, request: StartRequest, port: int, when_ready: Callable[[], None]
    ) -> int:
        """Serve on loopback until interrupted or ended; returns the exit status.

        Call it from the main thread: signals come there. Raises `StartFailed`.
        """
        place = request.image.reference
        command = _command(place, "serve", "--host", HOST, "--port", str(port))
        return run_foreground(command, place, _environment(place, request.secrets), when_ready)

    def _switch(
        self, name: str, state: dict[str, Any], number: int, secrets: Mapping[str, str],
        progress: Progress,
    ) -> Deployment:  # fmt: skip
        """Start version `number`, wait until it is ready, and end the process that was live."""
        old = _process(state)
        place = next(v["image"] for v in state["versions"] if v["version"] == number)
        log = self._root / f"{name}.log"
        with ExitStack() as held:
            alive = old is not None and old.alive()
            port = state["port"] if alive else held.enter_context(hold_port(state.get("port")))
            command = _command(place, "serve", "--host", HOST, "--port", str(port))
            environment = {
                **_environment(place, secrets),
                "NBDEPLOY_VERSION": str(number),
                "NBDEPLOY_STATE": str(self._calls(name)),
            }
            self._root.mkdir(parents=True, exist_ok=True)
            process, begin = spawn(command, place, environment, log)
            try:
                follow_start(follow_log(process, log, begin), secrets, progress)
                new = LocalProcess.of(process.pid)
                for version in state["versions"]:
                    version["live"] = version["version"] == number
                self._write(name, {**state, "process": asdict(new), "port": port, "live": number})
            except BaseException:
                process.kill()
                process.wait()
                raise
        if old is not None:
            old.end()
        reap()
        return self.deployment(name)

    def _packages(self, bundle: Bundle, progress: Progress) -> Path:
        """Install what the kernel's environment lacks to serve, behind its own packages."""
        lock = bundle.lock
        names = [*runtime_requirements(bundle.config), *TOOLS]
        parts = (lock.text, lock.tools_text, lock.python_executable, *names)
        folder = self._cache / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        probe = _PROBE + "".join(
            f", {module}"
            for package, module in _SOMETIMES.items()
            if any(n.startswith(package) for n in names)
        )
        command = [lock.python_executable, "-c", probe]
        if (
            not folder.exists()
            and subprocess.run(command, check=False, capture_output=True).returncode
        ):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as staged:
                installed = Path(staged) / "installed"
                install_constrained(lock, names, installed, progress, bundle.config.image)
                with suppress(OSError):  # another deploy was quicker
                    installed.rename(folder)
        return folder

    def _calls(self, name: str) -> Path:
        return self._root / "calls" / name

    def _images(self) -> Path:
        return self._root / "images"

    def _read(self, name: str) -> dict[str, Any]:
        path = self._root / f"{name}.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def _write(self, name: str, state: dict[str, Any]) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        staged = self._root / f".{name}.{os.getpid()}"
        staged.touch(mode=0o600)
        staged.write_text(json.dumps(state, indent=1), encoding="utf-8")
        staged.replace(self._root / f"{name}.json")


def _said(process: subprocess.Popen[str], events: IO[str]) -> Iterator[Line]:
    """Yield the log as it comes, and what stood in `events` once the process ended."""
    for line in process.stderr or ():
        yield "stderr", line.rstrip("\n")
    process.wait()
    events.seek(0)
    yield from (("stdout", line.rstrip("\n")) for line in events)


def _versions(state: Mapping[str, Any]) -> tuple[Version, ...]:
    live = state.get("live") if state.get("process") else None
    found = (Version(**{**v, "live": v["version"] == live}) for v in state.get("versions", ()))
    return tuple(found)


def _process(state: Mapping[str, Any]) -> LocalProcess | None:
    return LocalProcess(**state["process"]) if state.get("process") else None


def _run(place: str) -> dict[str, Any]:
    return json.loads((Path(place) / "run.json").read_bytes())  # type: ignore[no-any-return]


def _command(place: str, *arguments: str) -> list[str]:
    run = _run(place)
    return [run["python"], "-c", _START, run["packages"], *arguments]


def _environment(place: str, secrets: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **secrets, "NBDEPLOY_APP": place, "PYTHONUNBUFFERED": "1"}
