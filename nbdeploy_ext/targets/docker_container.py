"""One container: its state, what it says while it runs, and how to end it."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from docker.errors import APIError, NotFound

from ..core.read_ahead import read_ahead
from .docker_faults import FAULTS, engine_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Name: TypeAlias = Literal["stdout", "stderr"]
Line: TypeAlias = tuple[Name, str]
_ALWAYS, _NEVER = {"Name": "unless-stopped"}, {"Name": "no"}


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What the engine says of a container now."""

    running: bool
    exit_code: int
    out_of_memory: bool


class Container:
    """A container as it was when it was looked up; faults come out as errors of ours."""

    def __init__(self, inner: Any) -> None:
        """Wrap the SDK's container."""
        self._inner = inner

    @property
    def container_id(self) -> str:
        """Return the engine's id for it."""
        return str(self._inner.id)

    @property
    def labels(self) -> Mapping[str, str]:
        """Return its own labels and its image's."""
        return self._inner.labels  # type: ignore[no-any-return]

    @property
    def image(self) -> str:
        """Return the id of its image."""
        return str(self._inner.attrs["Image"])

    @property
    def created(self) -> str:
        """Return when it was made, ISO 8601: later ones sort behind."""
        return str(self._inner.attrs["Created"])

    @property
    def network(self) -> str:
        """Return the id of the container whose network it joined, or the network's name."""
        mode = str(self._inner.attrs["HostConfig"]["NetworkMode"])
        return mode.removeprefix("container:")

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment that it was made with."""
        entries = self._inner.attrs["Config"]["Env"] or ()
        return dict(entry.partition("=")[::2] for entry in entries)

    @property
    def is_kept(self) -> bool:
        """Whether the engine starts it again when it ends by itself."""
        policy = self._inner.attrs["HostConfig"]["RestartPolicy"]["Name"]
        return bool(policy == _ALWAYS["Name"])

    @property
    def address(self) -> str:
        """Return `host:port` of its published port, empty where nothing is bound now."""
        with engine_errors("look at the container"):
            self._inner.reload()
        bound = next((b[0] for b in self._inner.ports.values() if b), None)
        if bound is None:
            return ""
        host = bound["HostIp"] if bound["HostIp"] not in {"", "0.0.0.0"} else "127.0.0.1"  # noqa: S104
        return f"{host}:{bound['HostPort']}"

    def state(self) -> ContainerState:
        """Ask the engine how it is."""
        with engine_errors("look at the container"):
            try:
                self._inner.reload()
            except NotFound:
                return ContainerState(running=False, exit_code=0, out_of_memory=False)
        found = self._inner.attrs["State"]
        return ContainerState(found["Running"], found["ExitCode"], found["OOMKilled"])

    def start(self) -> None:
        """Start it; starting one that runs is fine."""
        with engine_errors("start the container"):
            self._inner.start()

    def keep(self, *, running: bool) -> None:
        """Say whether the engine starts it again when it ends, or when the engine itself starts."""
        with engine_errors("change the container"), suppress(NotFound):
            self._inner.update(restart_policy=_ALWAYS if running else _NEVER)

    def stop(self, seconds: int) -> None:
        """End it, by force after `seconds`; one that is gone is fine."""
        with engine_errors("stop the container"), suppress(NotFound):
            self._inner.stop(timeout=seconds)

    def remove(self) -> None:
        """Remove it, running or not; one that is gone or going is fine."""
        with engine_errors("remove the container"):
            try:
                self._inner.remove(force=True, v=True)
            except NotFound:
                return
            except APIError as fault:
                if "already in progress" not in str(fault):
                    raise

    def put(self, folder: str, tar: Any) -> None:
        """Unpack a tar (bytes, or a file to read) into a folder of the container."""
        with engine_errors("copy into the container"):
            self._inner.put_archive(folder, tar)

    def get(self, path: str) -> bytes:
        """Return a file of the container, which need not run."""
        with engine_errors("copy out of the container"):
            pieces, _ = self._inner.get_archive(path)
            packed = io.BytesIO(b"".join(pieces))
        with tarfile.open(fileobj=packed) as tar:
            return tar.extractfile(tar.getmembers()[0]).read()  # type: ignore[union-attr]

    def output(self) -> Output:
        """Follow all that it says from its start on; open it before `start` to miss nothing."""
        with engine_errors("follow the container"):
            return Output(self._inner.attach(stream=True, logs=True, demux=True))

    def log(self, *, follow: bool, tail: int) -> Iterator[str]:
        """Yield its log's last `tail` lines, and go on as they come where `follow`."""
        with engine_errors("read the container's log"):
            rest = b""
            for chunk in self._inner.logs(stream=True, follow=follow, tail=tail):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
            if rest:
                yield rest.decode(errors="replace")


class Output:
    """A container's lines as they come; waiting for them can be given up."""

    def __init__(self, stream: Any) -> None:
        """Take `stream`, the SDK's pairs of stdout and stderr."""
        self._stream = stream

    def lines(self, wait: float) -> Iterator[Line | None]:
        """Yield lines until the container ends, None whenever none came for `wait` seconds."""
        return read_ahead(self._read(), wait)

    def close(self) -> None:
        """Stop reading."""
        with suppress(*FAULTS, AttributeError):  # the SDK closes a socket that may be gone
            self._stream.close()

    def _read(self) -> Iterator[Line]:
        rests: dict[Name, bytes] = {"stdout": b"", "stderr": b""}
        with suppress(*FAULTS, ValueError):  # closed under us, or the engine went away
            for pair in self._stream:
                for name, chunk in zip(rests, pair, strict=True):
                    *lines, rests[name] = (rests[name] + (chunk or b"")).split(b"\n")
                    yield from ((name, line.decode(errors="replace")) for line in lines)
        yield from ((name, rest.decode(errors="replace")) for name, rest in rests.items() if rest)
