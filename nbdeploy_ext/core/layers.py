"""An image's layers, made outside any container: same content, same bytes, kept by content."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from .bundle import link_or_copy
from .bytecode import compile_folder, compile_sources
from .debug_sections import strip_folder
from .dockerfile import LIBRARY, RUNTIME, TOOLS
from .errors import DiskFull
from .packages import install_locked
from .tars import pack_files, pack_folder, stream_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .bundle import Bundle
    from .config import ImageSection
    from .progress import Progress
    from .requirements import Lock

_FORMAT = "4"
"""Raised when the same lock has to give another layer."""

_BUILD_ONLY = frozenset({"Dockerfile", ".dockerignore", "requirements.lock"})


@dataclass(frozen=True, slots=True)
class Layer:
    """A tar on this machine; `digest` is `sha256:…` of its bytes, `size` is in bytes."""

    path: Path
    digest: str
    size: int


def requirements_layer(lock: Lock, progress: Progress, image: ImageSection) -> Layer:
    """Install the lock's packages, with byte code, below `/opt/nbdeploy/lib`.

    The same lock is answered from the cache. Raises `RequirementsUnresolvable`, `DiskFull`.
    """
    return _layer(lock, lock.text, LIBRARY, progress, image)


def library_layers(lock: Lock, progress: Progress, image: ImageSection) -> dict[str, Layer]:
    """Return the layers below `/opt/nbdeploy/lib` by their file name in a bundle's `layers`.

    The lock's own wheels have one for themselves: they change more often than what an index has.
    """
    layers = {"requirements.tar": requirements_layer(lock, progress, image)}
    if lock.wheels:
        layers["wheels.tar"] = _layer(lock, lock.wheels_text, LIBRARY, progress, image)
    return layers


def write_layers(layers: Mapping[str, Layer], folder: Path) -> None:
    """Put layers into the folder that a bundle was written to, where its Dockerfile takes them."""
    (folder / "layers").mkdir(exist_ok=True)
    for name, layer in layers.items():
        link_or_copy(layer.path, folder / "layers" / name)


def tools_layer(lock: Lock, progress: Progress, image: ImageSection) -> Layer:
    """Install what only the gate needs below `/opt/nbdeploy/tools`."""
    return _layer(lock, lock.tools_text, TOOLS, progress, image)


def value_layer(sha256: str, file: Path) -> Layer:
    """Return the layer of one value, which is made once for each content."""

    def make(tar: Path) -> None:
        with tar.open("wb") as packed:
            packed.writelines(stream_tar({f"app/values/{sha256}": file}, folders=True))

    return keep_layer(f"{_FORMAT}\x00value\x00{sha256}", make)


def code_layer(bundle: Bundle) -> bytes:
    """Return the layer that changes with the notebook: `/app` and the runtime, with byte code."""
    files = {
        _place(path): content for path, content in bundle.files.items() if path not in _BUILD_ONLY
    }
    modules = {f"/{path}": text for path, text in files.items() if path.endswith(".py")}
    compiled = compile_sources(bundle.lock, modules)
    return pack_files({**files, **{path.lstrip("/"): code for path, code in compiled.items()}})


def keep_layer(made_of: str, make: Callable[[Path], None]) -> Layer:
    """Return the layer whose tar `make` writes, made once for each `made_of`."""
    key = hashlib.sha256(made_of.encode()).hexdigest()
    folder = Path(platformdirs.user_cache_dir("nbdeploy")) / "layers"
    folder.mkdir(parents=True, exist_ok=True)
    pointer = folder / f"{key}.digest"
    if not (pointer.exists() and _tar(folder, pointer).exists()):
        try:
            _make(make, pointer)
        except OSError as fault:
            if fault.errno != errno.ENOSPC:
                raise
            hint = f"Free some space on the disk of {folder}, then deploy again."
            raise DiskFull("This machine's disk is full.", hint=hint) from fault
    tar = _tar(folder, pointer)
    os.utime(tar)  # says that it is in use
    return Layer(tar, f"sha256:{tar.stem}", tar.stat().st_size)


def _place(path: str) -> str:
    top, _, rest = path.partition("/")
    if top == "nbdeploy_runtime":
        return f"{RUNTIME.lstrip('/')}/{path}"
    return f"app/{rest if top == 'files' else path}"


def _layer(lock: Lock, text: str, root: str, progress: Progress, image: ImageSection) -> Layer:
    def make(tar: Path) -> None:
        installed = tar.parent / "installed"
        install_locked(lock, text, installed, progress, image)
        strip_folder(installed)
        progress.log("Compiling byte code")
        compile_folder(lock, installed, root, progress)
        progress.log("Packing the layer")
        pack_folder(installed, root.lstrip("/"), tar)
        progress.check_cancelled()

    return keep_layer(f"{_FORMAT}\x00{text}\x00{lock.python}\x00{lock.platform}\x00{root}", make)


def _make(make: Callable[[Path], None], pointer: Path) -> None:
    """Make a layer beside `pointer` and point to it last, so that two at once do no harm."""
    with tempfile.TemporaryDirectory(dir=pointer.parent) as place:
        staged = Path(place) / "layer.tar"
        make(staged)
        digest = _sha256(staged)
        staged.replace(pointer.parent / f"{digest}.tar")
        pointed = Path(place) / "digest"
        pointed.write_text(digest, encoding="ascii")
        pointed.replace(pointer)


def _tar(folder: Path, pointer: Path) -> Path:
    return folder / f"{pointer.read_text(encoding='ascii')}.tar"


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(2**20):
            total.update(chunk)
    return total.hexdigest()
