"""The Docker engine: images, containers and volumes, through the Docker SDK."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import CancellableStream

from ..core.errors import BaseImageMissing
from ..core.layered_image import Foundation
from ..core.read_ahead import read_ahead
from .docker_container import Container
from .docker_faults import FAULTS, build_failed, engine_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ..core.progress import Progress

PART = "org.nbdeploy.part"
"""Label of what deployments share: system packages, byte code, libraries, test tools."""
_LOOK_AGAIN = 0.1


class Engine:
    """What we need of a container engine, by the environment's DOCKER_HOST."""

    def __init__(self, timeout: int = 60) -> None:
        """Connect; raises `EngineUnreachable`."""
        with engine_errors("connect to the Docker engine"):
            self._client = docker.from_env(timeout=timeout)

    def kernel(self) -> tuple[int, int]:
        """Return the version of the engine's Linux, zeros where it doesn't say."""
        with engine_errors("ask the Docker engine"):
            said = str(self._client.version().get("KernelVersion", ""))
        major, _, rest = said.partition(".")
        minor = rest.partition(".")[0].partition("-")[0]
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)

    def version(self) -> str:
        """Return the engine's version."""
        with engine_errors("ask the Docker engine"):
            return str(self._client.version()["Version"])

    def image(self, reference: str) -> Any | None:
        """Return an image, or None where the engine has none of that name or id."""
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

    def foundation(self, reference: str) -> Foundation:
        """Return what is needed to put layers on an image that is there."""
        with engine_errors(f"look up {reference}"):
            found = self._client.images.get(reference).attrs
        return Foundation(
            reference, found["Architecture"], found["Os"], tuple(found["RootFS"]["Layers"]),
            found["Config"],
        )  # fmt: skip

    def require_base(self, reference: str, progress: Progress) -> None:
        """Make sure that the base image is there, pulling it if need be."""
        if self.image(reference) is not None:
            return
        progress.log(f"Pulling {reference}")
        try:
            self._client.images.pull(reference)
        except FAULTS as fault:
            raise BaseImageMissing(
                f"The base image {reference} is not on the engine and can't be pulled.",
                hint="Load it with `docker load`, name another one as [image] base in "
                "nbdeploy.toml, or make a stand-in with scripts/make-base-image.",
            ) from fault

    def load(self, archive: Iterable[bytes]) -> None:
        """Load a `docker save` archive; `BuildFailed` when the engine refuses it."""
        with engine_errors("load the image"):
            api: Any = self._client.api  # typed for bytes only; it streams whatever it iterates
            for answer in api.load_image(data=archive) or ():
                if "error" in answer:
                    build_failed(str(answer["error"]), [])

    def build(self, context: Path, tag: str, progress: Progress) -> None:
        """Build a folder with its Dockerfile; `BuildFailed`. Cancelling ends it at once."""
        lines: list[str] = []
        with engine_errors("build the image"):
            for answer in self._build(context, tag, progress):
                for line in str(answer.get("stream", "")).splitlines():
                    if line.strip():
                        lines.append(line)
                        progress.log(line)
                if "error" in answer:
                    build_failed(str(answer["error"]), lines)

    def _build(self, context: Path, tag: str, progress: Progress) -> Iterator[dict[str, Any]]:
        """Pass the builder's answers on; a step may be silent for minutes, cancelling may not."""
        api = self._client.api
        answered: list[Any] = []
        api.hooks["response"].append(keep := lambda response, **_: answered.append(response))
        try:
            answers = api.build(path=str(context), tag=tag, rm=True, forcerm=True, decode=True)
            try:
                for answer in read_ahead(answers, _LOOK_AGAIN):
                    progress.check_cancelled()
                    if answer is not None:
                        yield answer
            except BaseException:
                # The engine builds on until its connection breaks
                CancellableStream(answers, answered[-1]).close()
                raise
        finally:
            api.hooks["response"].remove(keep)

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        with engine_errors("name the image"):
            self._client.images.get(image).tag(repository, tag)

    def remove_image(self, reference: str) -> bool:
        """Take a name away, and the image with its last name; False while a container uses it."""
        with engine_errors(f"remove {reference}"):
            try:
                self._client.images.remove(reference)
            except ImageNotFound:
                return False
            except APIError as fault:
                if fault.status_code != 409:
                    raise
                return False
            return True

    def create(self, image: str, command: list[str] | None, **options: Any) -> Container:
        """Create a container."""
        with engine_errors("create the container"):
            return Container(self._client.containers.create(image, command, **options))

    def containers(self, label: str) -> list[Container]:
        """Return all containers, running or not, that carry a label, oldest first."""
        with engine_errors("list containers"):
            listed = self._client.containers.list(
                all=True, filters={"label": label}, ignore_removed=True
            )
        return sorted(map(Container, listed), key=lambda container: container.created)

    def has_volume(self, name: str) -> bool:
        """Whether there is a volume of that name."""
        with engine_errors("look up a volume"):
            try:
                self._client.volumes.get(name)
            except NotFound:
                return False
            return True

    def create_volume(self, name: str, label: str) -> None:
        """Make an empty volume; one that is there is fine."""
        with engine_errors("create a volume"):
            self._client.volumes.create(name, labels={label: ""})

    def remove_volume(self, name: str) -> None:
        """Remove a volume and what is in it; one that is not there is fine."""
        with engine_errors("remove a volume"), suppress(NotFound):
            self._client.volumes.get(name).remove()
