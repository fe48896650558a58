"""What runs: deployments, their versions, and what every target can do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .errors import VersionNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .batch import BatchRequest, BatchResult, BatchWatch
    from .bundle import Bundle
    from .image import Image
    from .progress import Progress
    from .verification import Verification

ReadSecrets = Callable[[Iterable[str]], Mapping[str, str]]
"""Gives the values of the named secrets, or raises `SecretMissing`."""

State = Literal["starting", "running", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class Version:
    """One numbered image of a deployment; `created` is ISO 8601 in UTC."""

    version: int
    image: str
    digest: str
    created: str
    live: bool


@dataclass(frozen=True, slots=True)
class Deployment:
    """A named service: `version` is the live one's number, `url` where it answers."""

    name: str
    target: str
    state: State
    url: str
    version: int | None
    versions: tuple[Version, ...] = ()
    notebook: str = ""
    """Where the notebook came from: an absolute path, or empty where unknown."""
    message: str = ""
    """Why it is not running, in one sentence."""

    def as_json(self) -> dict[str, Any]:
        """Return the form that REST and `--json` answer."""
        return asdict(self)


def choose_version(found: Deployment, wanted: int | None) -> Version:
    """Return the version to roll back to: `wanted`, or the newest one before the live one.

    Of a deployment that is stopped it is the newest. Raises `VersionNotFound`.
    """
    older = [v for v in found.versions if found.version is None or v.version < found.version]
    candidates = [v for v in found.versions if v.version == wanted] if wanted is not None else older
    if not candidates:
        raise VersionNotFound(
            f"{found.name} has no version {wanted or 'before this one'}.",
            hint=f"It has {', '.join(str(v.version) for v in found.versions)}.",
        )
    return max(candidates, key=lambda version: version.version)


def batch_version(found: Deployment) -> Version:
    """Return the version that a batch runs in: the live one, or the newest where none is."""
    return next((v for v in found.versions if v.live), found.versions[-1])


def number_for(versions: Sequence[Version], digest: str) -> int:
    """Return the number that an image gets: the newest version's when it is that one, else a new.

    An older version's content deployed again is a new version, so that numbers tell the order.
    """
    newest = max(versions, key=lambda version: version.version, default=None)
    if newest is None:
        return 1
    return newest.version if newest.digest == digest else newest.version + 1


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a target needs to start an image as the next version of a deployment.

    `secrets` maps names to values: they reach the running service's environment and nothing else.
    """

    name: str
    image: Image
    bundle: Bundle
    notebook: str
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a target can be used now, and if not, why (one sentence) and what to do."""

    name: str
    available: bool
    reason: str = ""
    hint: str = ""
    version: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the form that `GET /status` answers."""
        return asdict(self)


class Target(Protocol):
    """Where deployments run. Every method may block; call it from a worker thread.

    Faults raise a class of `core.errors`; nothing of the engine's own errors comes out.
    """

    name: str

    def availability(self) -> Availability:
        """Say within two seconds whether the target can be used; never raises."""
        ...

    def build(self, bundle: Bundle, progress: Progress) -> Image:
        """Make the bundle's image; the same bundle gives the same digest."""
        ...

    def verify(
        self, image: Image, bundle: Bundle, secrets: Mapping[str, str], progress: Progress
    ) -> Verification:
        """Run the image's test cells inside it."""
        ...

    def start(self, request: StartRequest, progress: Progress) -> Deployment:
        """Start the image as a new version, wait until it is ready, switch to it.

        The version that was live goes on answering until the new one is ready, and stays live
        when the new one fails (`StartFailed`, with the last log lines).
        """
        ...

    def deployments(self) -> list[Deployment]:
        """List every deployment of this target."""
        ...

    def deployment(self, name: str) -> Deployment:
        """Return one deployment; `DeploymentNotFound` when there is none."""
        ...

    def rollback(
        self, name: str, version: int | None, read_secrets: ReadSecrets, progress: Progress
    ) -> Deployment:
        """Make `version` live again, or the newest one before the live one when None.

        `read_secrets` is asked for the values of the secrets that the old version names.
        """
        ...

    def stop(self, name: str) -> None:
        """Stop the deployment and take its service away; its versions stay."""
        ...

    def logs(self, name: str, *, follow: bool = False, tail: int = 200) -> Iterator[str]:
        """Yield the service's log lines, the last `tail` of them first."""
        ...

    def run_batch(
        self, name: str, request: BatchRequest, read_secrets: ReadSecrets, watch: BatchWatch
    ) -> BatchResult:
        """Run an endpoint of a deployment's live version over a table, and wait for it.

        Raises `UsageError`, or `BatchFailed` where it breaks off.
        """
        ...

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions of each deployment; say what went."""
        ...
