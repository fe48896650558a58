"""The process target: the service as a process of this machine, with no engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from ..core.deployment import Availability, Deployment, Version
from ..core.errors import DeploymentNotFound, PortInUse, StartFailed, VersionNotFound
from ..core.image import Image
from ..core.packages import install_locked
from ..core.secrets import mask
from .gate_events import is_ready, read_verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.bundle import Bundle
    from ..core.deployment import ReadSecrets, StartRequest
    from ..core.progress import Progress
    from ..core.verification import Verification

_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Services that this process started: they outlive it, but while it lives it has to reap them."""

_READY_WITHIN = 120.0
_POLL = 0.02


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
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            for path, content in bundle.files.items():
                file = place / path.removeprefix("files/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            packages = self._packages(bundle, progress)
            python = bundle.lock.python_executable
            run = json.dumps({"python": python, "packages": str(packages)})
            (place / "run.json").write_text(run, encoding="utf-8")
            (place / "complete").touch()
        progress.log("Uses this machine's own environment; there is no image")
        return Image(str(place), bundle.digest, bundle.labels)

    def verify(
        self, image: Image, bundle: Bundle, secrets: Mapping[str, str], progress: Progress
    ) -> Verification:
        """Run the test cells in a process of their own."""
        try:
            done = subprocess.run(
                self._command(image, "test"), cwd=image.reference, capture_output=True, text=True,
                env=self._environment(image, secrets), timeout=bundle.config.tests.timeout,
                check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            stdout, stderr = done.stdout, mask(done.stderr, secrets.values())
        except subprocess.TimeoutExpired:
            stdout, stderr = "", f"over {bundle.config.tests.timeout:g} s"
        for line in stderr.splitlines():
            progress.log(line)
        return read_verification(stdout, stderr)

    def start(self, request: StartRequest, progress: Progress) -> Deployment:
        """Start beside the live version, on the same port, and end that once this is ready."""
        before = self._read(request.name)
        digest = request.image.digest
        versions = before.get("versions", [])
        known = next((v for v in versions if v["digest"] == digest), None)
        number = known["version"] if known else 1 + max((v["version"] for v in versions), default=0)
        if not known:
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            versions = [*versions, {"version": number, "image": request.image.reference,
                                    "digest": digest, "created": now}]  # fmt: skip
        state = {**before, "versions": versions, "notebook": request.notebook}
        state["secrets"] = sorted(request.secrets)
        return self._switch(request.name, state, number, request.secrets, progress)

    def deployments(self) -> list[Deployment]:
        """List what the state folder knows."""
        return [self.deployment(path.stem) for path in sorted(self._root.glob("*.json"))]

    def deployment(self, name: str) -> Deployment:
        """Return one deployment."""
        state = self._read(name)
        if not state:
            raise DeploymentNotFound(
                f"There is no deployment {name}.", hint="nbdeploy list shows what there is."
            )
        alive = _alive(state.get("pid"), state.get("started"))
        stopped = state.get("pid") is None
        live = None if stopped else state["live"]
        versions = tuple(Version(**v, live=v["version"] == live) for v in state["versions"])
        return Deployment(
            name=name,
            target=self.name,
            state="running" if alive else "stopped" if stopped else "failed",
            url=f"http://127.0.0.1:{state['port']}" if alive else "",
            version=live,
            versions=versions,
            notebook=state.get("notebook", ""),
            message="" if alive or stopped else "The process ended; its log says why.",
        )

    def rollback(
        self, name: str, version: int | None, read_secrets: ReadSecrets, progress: Progress
    ) -> Deployment:
        """Start an earlier version and end the live one."""
        found = self.deployment(name)
        older = [v.version for v in found.versions if v.version < (found.version or 10**9)]
        wanted = version if version is not None else max(older, default=None)
        if wanted not in {v.version for v in found.versions}:
            raise VersionNotFound(
                f"{name} has no version {wanted or 'before this one'}.",
                hint=f"It has {', '.join(str(v.version) for v in found.versions)}.",
            )
        state = self._read(name)
        secrets = read_secrets(state.get("secrets", []))
        return self._switch(name, state, int(wanted or 0), secrets, progress)

    def stop(self, name: str) -> None:
        """End the process; its versions stay."""
        self.deployment(name)
        state = self._read(name)
        _end(state.get("pid"), state.get("started"))
        self._write(name, {**state, "pid": None, "started": None})

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
                    time.sleep(0.2)

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions of each deployment, the live one aside."""
        gone = []
        for deployment in self.deployments():
            state = self._read(deployment.name)
            old = [v for v in deployment.versions[: -keep or None] if not v.live]
            kept = [v for v in state["versions"] if v["version"] not in {o.version for o in old}]
            self._write(deployment.name, {**state, "versions": kept})
            used = {v["image"] for v in kept}
            for version in old:
                if version.image not in used:
                    shutil.rmtree(version.image, ignore_errors=True)
                gone.append(f"{deployment.name}:{version.version}")
        return gone

    def serve_foreground(self, request: StartRequest, port: int) -> int:
        """Serve on loopback until interrupted; returns the exit status."""
        with subprocess.Popen(
            self._command(request.image, "serve", "--host", "127.0.0.1", "--port", str(port)),
            cwd=request.image.reference,
            env=self._environment(request.image, request.secrets),
        ) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()
                return process.wait(20)

    def _switch(
        self, name: str, state: dict[str, Any], number: int, secrets: Mapping[str, str],
        progress: Progress,
    ) -> Deployment:  # fmt: skip
        version = next(v for v in state["versions"] if v["version"] == number)
        image = Image(version["image"], version["digest"], {})
        live = _alive(state.get("pid"), state.get("started"))
        port = state["port"] if live else _free_port(state.get("port"))
        log = self._root / f"{name}.log"
        log.touch(mode=0o600)
        with log.open("ab") as output:
            begin = output.tell()
            process = subprocess.Popen(
                self._command(image, "serve", "--host", "127.0.0.1", "--port", str(port)),
                cwd=image.reference, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**self._environment(image, secrets), "NBDEPLOY_VERSION": str(number)},
            )  # fmt: skip
        _wait_ready(process, log, begin, secrets, progress)
        _CHILDREN[:] = [process, *(child for child in _CHILDREN if child.poll() is None)]
        old = (state.get("pid"), state.get("started"))
        self._write(name, {**state, "pid": process.pid, "started": _started(process.pid),
                           "port": port, "live": number})  # fmt: skip
        _end(*old)
        return replace(self.deployment(name))

    def _packages(self, bundle: Bundle, progress: Progress) -> Path:
        """Install what the kernel's environment lacks to serve, behind its own packages."""
        folder = self._cache / bundle.digest.removeprefix("sha256:")[:32]
        probe = "import uvicorn, httptools, starlette, pydantic, prometheus_client, pytest, httpx"
        python = bundle.lock.python_executable
        has_all = subprocess.run([python, "-c", probe], check=False, capture_output=True)
        if has_all.returncode and not folder.exists():
            text = bundle.lock.text + bundle.lock.tools_text
            install_locked(bundle.lock, text, folder, progress, bundle.config.image)
        return folder

    def _command(self, image: Image, *arguments: str) -> list[str]:
        run = json.loads((Path(image.reference) / "run.json").read_text(encoding="utf-8"))
        # Behind the environment's own packages, which the notebook was written with
        start = (
            "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
            "runpy.run_module('nbdeploy_runtime', run_name='__main__', alter_sys=True)"
        )
        return [run["python"], "-c", start, run["packages"], *arguments]

    def _environment(self, image: Image, secrets: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **secrets, "NBDEPLOY_APP": image.reference,
                "PYTHONUNBUFFERED": "1"}  # fmt: skip

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


def _wait_ready(
    process: subprocess.Popen[bytes], log: Path, begin: int, secrets: Mapping[str, str],
    progress: Progress,
) -> None:  # fmt: skip
    """Return once the service said that it is ready; end it and raise `StartFailed` otherwise."""
    try:
        _poll_ready(process, log, begin, secrets, progress)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _poll_ready(
    process: subprocess.Popen[bytes], log: Path, begin: int, secrets: Mapping[str, str],
    progress: Progress,
) -> None:  # fmt: skip
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        progress.check_cancelled()
        ended = process.poll() is not None
        lines = log.read_bytes()[begin:].decode(errors="replace").splitlines()
        if is_ready(lines, secrets, ended=ended):
            return
        time.sleep(_POLL)
    raise StartFailed(f"The new version was not ready within {_READY_WITHIN:g} s.")


def _free_port(wanted: int | None) -> int:
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PortInUse("There is no free port on this machine.")


def _started(pid: int) -> str | None:
    """Return when a process began, which tells it from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def _alive(pid: int | None, started: str | None) -> bool:
    if pid is None or started is None or _started(pid) != started:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _end(pid: int | None, started: str | None) -> None:
    if pid is None or not _alive(pid, started):
        return
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 12
    while _alive(pid, started):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)
