"""The Docker engine: the only file that imports docker, and where its errors become ours."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from ..core.errors import (
    BaseImageMissing,
    BuildFailed,
    DiskFull,
    EngineUnreachable,
    NbdeployError,
    PortInUse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..core.progress import Progress

_FAULTS = (
    DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)
_HINT = "Start Docker, or deploy to the process target, which needs no engine."


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn whatever the SDK raises while `doing` something into an error of ours."""
    try:
        yield
    except _FAULTS as fault:
        _raise(doing, fault)


class Engine:
    """What we need of a container engine, by the environment's DOCKER_HOST."""

    def __init__(self, timeout: int = 60) -> None:
        """Connect; raises `EngineUnreachable`."""
        with engine_errors("connect to the Docker engine"):
            self._client = docker.from_env(timeout=timeout)

    def version(self) -> str:
        """Return the engine's version."""
        with engine_errors("ask the Docker engine"):
            return str(self._client.version()["Version"])

    def image(self, reference: str) -> Any | None:
        """Return an image, or None where the engine has none of that name."""
        with engine_errors(f"look up {reference}"):
            try:
                return self._client.images.get(reference)
            except ImageNotFound:
                return None

    def images(self, label: str) -> list[Any]:
        """Return all images that carry a label."""
        with engine_errors("list images"):
            found: list[Any] = self._client.images.list(filters={"label": label})
            return found

    def require_base(self, reference: str, progress: Progress) -> None:
        """Make sure that the base image is there, pulling it if need be."""
        if self.image(reference) is not None:
            return
        progress.log(f"Pulling {reference}")
        try:
            self._client.images.pull(reference)
        except _FAULTS as fault:
            raise BaseImageMissing(
                f"The base image {reference} is not on the engine and can't be pulled.",
                hint="Load it with `docker load`, name another one as [image] base in "
                "nbdeploy.toml, or make a stand-in with scripts/make-base-image.",
            ) from fault

    def build(self, context: Path, tag: str, progress: Progress) -> str:
        """Build a folder with its Dockerfile; returns the image id; `BuildFailed`."""
        lines: list[str] = []
        with engine_errors("build the image"):
            answers = self._client.api.build(
                path=str(context), tag=tag, rm=True, forcerm=True, decode=True
            )
            for answer in answers:
                for line in str(answer.get("stream", "")).splitlines():
                    if line.strip():
                        lines.append(line)
                        progress.log(line)
                if "error" in answer:
                    _build_failed(str(answer["error"]), lines)
                progress.check_cancelled()
            return str(self._client.images.get(tag).id)

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        with engine_errors("name the image"):
            self._client.images.get(image).tag(repository, tag)

    def remove_image(self, reference: str) -> None:
        """Take a name away from an image, and the image with its last name."""
        with engine_errors(f"remove {reference}"):
            self._client.images.remove(reference)

    def create(self, image: str, command: list[str] | None, **options: Any) -> Any:
        """Create a container."""
        with engine_errors("create the container"):
            return self._client.containers.create(image, command, **options)

    def containers(self, label: str) -> list[Any]:
        """Return all containers, running or not, that carry a label."""
        with engine_errors("list containers"):
            found: list[Any] = self._client.containers.list(
                all=True, filters={"label": label}, ignore_removed=True
            )
            return found

    def remove(self, container: Any) -> None:
        """Remove a container, running or not; one that is gone is fine."""
        with engine_errors("remove the container"):
            try:
                container.remove(force=True, v=True)
            except NotFound:
                return


@functools.cache
def _is_full(text: str) -> bool:
    return "no space left on device" in text.lower()


def _build_failed(said: str, lines: list[str]) -> NoReturn:
    if _is_full(said):
        raise DiskFull("The Docker engine's disk is full.", hint="`docker system prune` frees some")
    raise BuildFailed(f"The image could not be built: {said}", log=lines[-20:])


def _raise(doing: str, fault: BaseException) -> NoReturn:
    text = str(fault)
    if _is_full(text):
        raise DiskFull(
            "The Docker engine's disk is full.", hint="`docker system prune` frees some."
        ) from fault
    if "port is already allocated" in text or "address already in use" in text:
        raise PortInUse(
            "The port that the deployment should have is in use.",
            hint="Stop what listens there, or set [target.docker] publish in nbdeploy.toml.",
        ) from fault
    if isinstance(fault, APIError):
        said = fault.explanation or text
        raise NbdeployError(f"The Docker engine could not {doing}: {said}") from fault
    raise EngineUnreachable(_sentence(fault), hint=_HINT) from fault


def _sentence(fault: BaseException) -> str:
    """Say in one sentence why there is no engine."""
    causes: list[BaseException] = [fault]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    texts = " ".join(map(str, causes))
    if any(isinstance(c, PermissionError) for c in causes) or "Permission denied" in texts:
        return "You may not use the Docker engine's socket; join the group docker."
    if any(isinstance(c, requests.exceptions.ReadTimeout) for c in causes):
        return "The Docker engine did not answer in time."
    return "The Docker engine is not running or can't be reached."
