"""The bundle: the folder that is the image's build context, as values."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..runtime.manifest import Manifest
    from .config import Config
    from .requirements import Lock


@dataclass(frozen=True)
class Bundle:
    """Everything that an image is made of, but for the installed packages, which `lock` names.

    `files` maps paths inside the build context (POSIX, relative) to their bytes:
    `<name>.ipynb`, `<name>.py`, `manifest.json`, `requirements.lock`, `Dockerfile`,
    `.dockerignore`, `nbdeploy_runtime/*.py`, and `files/*` for what the cells open or import.
    `values` maps sha256 to files of this machine; they stand in the context as `values/<sha256>`,
    and the lock's wheels as `wheels/<file name>`.
    """

    name: str
    files: Mapping[str, bytes]
    manifest: Manifest
    lock: Lock
    config: Config
    labels: Mapping[str, str]
    values: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Return `sha256:…` over every path and its bytes: same content, same digest."""
        total = hashlib.sha256()
        for path in sorted(self.files):
            content = self.files[path]
            total.update(f"{path}\0{len(content)}\0".encode())
            total.update(content)
        return f"sha256:{total.hexdigest()}"

    def write(self, folder: Path) -> None:
        """Write every file below `folder`, which is made when missing."""
        for path, content in self.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        kept = {f"values/{sha256}": file for sha256, file in self.values.items()}
        kept |= {f"wheels/{wheel.filename}": wheel.path for wheel in self.lock.wheels}
        for path, file in kept.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            link_or_copy(file, place)


def link_or_copy(source: Path, place: Path) -> None:
    """Put a kept file somewhere else without copying it where the disk is the same."""
    try:
        place.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, place)
