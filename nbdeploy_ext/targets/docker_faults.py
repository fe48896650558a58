"""Whatever the Docker SDK raises, as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import requests
import urllib3
from docker.errors import APIError, DockerException

from ..core.errors import BuildFailed, DiskFull, EngineFailed, EngineUnreachable, PortInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = (
    DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)
_HINT = "Start Docker, or deploy to the process target, which needs no engine."
_PORT_TAKEN = ("port is already allocated", "address already in use")


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn whatever the SDK raises while `doing` something into an error of ours."""
    try:
        yield
    except FAULTS as fault:
        _raise(doing, fault)


def build_failed(said: str, lines: list[str]) -> NoReturn:
    """Raise what an engine's `error` message in a build's or load's answer means."""
    if _is_full(said):
        raise _disk_full()
    raise BuildFailed(
        f"The image could not be built: {said}",
        hint="The last lines of the log say why.",
        log=lines[-20:],
    )


def _raise(doing: str, fault: BaseException) -> NoReturn:
    text = str(fault)
    if _is_full(text):
        raise _disk_full() from fault
    if any(words in text for words in _PORT_TAKEN):
        raise PortInUse(
            "The port that the deployment should have is in use.",
            hint="Stop what listens there, or set [target.docker] publish in nbdeploy.toml.",
        ) from fault
    if isinstance(fault, APIError):
        raise EngineFailed(
            f"The Docker engine could not {doing}: {fault.explanation or text}",
            hint="The engine's own log says more.",
        ) from fault
    raise EngineUnreachable(_sentence(fault), hint=_HINT) from fault


def _is_full(text: str) -> bool:
    return "no space left on device" in text.lower()


def _disk_full() -> DiskFull:
    hint = "`nbdeploy prune` and `docker system prune` free some."
    return DiskFull("The Docker engine's disk is full.", hint=hint)


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
