"""An image put together from layers: its configuration, its id, and the archive that loads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .tars import stream_tar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_CREATED = "1970-01-01T00:00:00Z"
"""The same for all, so that same content is the same image; the engine knows when it was named."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """An image that the engine has: `layers` are its diff ids, `settings` its `Config` section."""

    reference: str
    architecture: str
    system: str
    layers: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LayeredImage:
    """A foundation and new layers on top; `config` is the OCI image configuration's JSON."""

    config: bytes
    layers: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return the id that an engine gives the image: the hash of its configuration."""
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"

    def archive(self, tag: str, new: Mapping[str, bytes | Path]) -> Iterator[bytes]:
        """Yield a `docker load` archive with the `new` layers' tars, by digest.

        The others stand in it by reference: the engine has them already.
        """
        name = f"{self.digest.removeprefix('sha256:')}.json"
        listed = {"Config": name, "RepoTags": [tag], "Layers": [_path(d) for d in self.layers]}
        files: dict[str, bytes | Path] = {name: self.config}
        files |= {_path(digest): content for digest, content in new.items()}
        files["manifest.json"] = json.dumps([listed]).encode()
        yield from stream_tar(files)


def put_on(
    foundation: Foundation, digests: Sequence[str], settings: Mapping[str, Any]
) -> LayeredImage:
    """Return the image with layers `digests` on `foundation`; environment and labels are added to.

    `settings` is an OCI image configuration's `config` section, `Env` given as a mapping.
    """
    environment = dict(entry.split("=", 1) for entry in foundation.settings.get("Env") or ())
    environment |= settings.get("Env", {})
    labels = {**(foundation.settings.get("Labels") or {}), **settings.get("Labels", {})}
    merged = {
        **settings,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": labels,
    }
    layers = (*foundation.layers, *digests)
    below = [{"created": _CREATED, "created_by": foundation.reference}] * len(foundation.layers)
    document = {
        "architecture": foundation.architecture,
        "os": foundation.system,
        "created": _CREATED,
        "config": merged,
        "history": [*below, *({"created": _CREATED, "created_by": "nbdeploy"} for _ in digests)],
        "rootfs": {"type": "layers", "diff_ids": list(layers)},
    }
    return LayeredImage(json.dumps(document, sort_keys=True).encode(), layers)


def digest_of(content: bytes) -> str:
    """Return a layer's digest, its diff id."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _path(digest: str) -> str:
    return f"{digest.removeprefix('sha256:')}/layer.tar"
