"""Images on the engine: layers of our own loaded into it, its own builder as a spare."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.dockerfile import (
    COMMAND,
    ENTRYPOINT,
    ENVIRONMENT,
    LIBRARY,
    RUNTIME,
    TOOLS,
    USER,
    render_apt,
)
from ..core.errors import BaseImageUnfit, BuildFailed
from ..core.image import Image
from ..core.layered_image import LayeredImage, digest_of, put_on
from ..core.layers import code_layer, library_layers, tools_layer, value_layer, write_layers
from ..core.packing import base_image
from .docker_engine import PART
from .docker_python import python_layer, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..core.bundle import Bundle
    from ..core.layered_image import Foundation
    from ..core.layers import Layer
    from ..core.progress import Progress
    from .docker_engine import Engine

_PARTS = {"python": "byte code of Python's library", "lib": "requirements", "values": "values"}


def build_docker_image(engine: Engine, bundle: Bundle, progress: Progress) -> Image:
    """Make the bundle's image; what hasn't changed since the last time is not made again.

    Raises `BaseImageMissing`, `BaseImageUnfit`, `RequirementsUnresolvable`, `BuildFailed`.
    """
    base = base_image(bundle.config, bundle.lock.python)
    engine.require_base(base, progress)
    _require_fit(engine, base, bundle)
    library = library_layers(bundle.lock, progress, bundle.config.image)
    progress.check_cancelled()
    try:
        system = engine.foundation(_system(engine, base, bundle.config.image.apt, progress))
        below = system
        if python := python_layer(engine, system, progress):
            below = _put(engine, below, [python], "python", progress)
        for layer in library.values():
            below = _put(engine, below, [layer], "lib", progress)
        values = [value_layer(*value) for value in sorted(bundle.values.items())]
        if values:
            below = _put(engine, below, values, "values", progress)
        return _load(engine, bundle, below, progress)
    except BuildFailed as fault:
        # Layers by reference are no documented feature: engines with another store refuse them
        progress.log(f"{fault.message} Building the Dockerfile instead.")
        return _build(engine, bundle, library, progress)


def tools_volume(engine: Engine, image: Image, bundle: Bundle, progress: Progress) -> str:
    """Return the volume that holds the gate's tools, filled once for each version of them."""
    layer = tools_layer(bundle.lock, progress, bundle.config.image)
    name = f"nbdeploy-tools-{_short(layer.digest)}"
    filled = f"{name}-filled"
    if not engine.has_volume(filled):
        engine.create_volume(name, PART)
        mounted = {name: {"bind": TOOLS, "mode": "rw"}}
        container = engine.create(image.reference, None, volumes=mounted, labels={PART: "tools"})
        try:
            with layer.path.open("rb") as tar:
                container.put("/", tar)
        finally:
            container.remove()
        engine.create_volume(filled, PART)
    return name


def _require_fit(engine: Engine, base: str, bundle: Bundle) -> None:
    """Make sure that the locked wheels and the byte code are for the base image's Python."""
    foundation = engine.foundation(base)
    wanted = bundle.lock.platform.split("/")[1]
    if foundation.architecture != wanted:
        raise BaseImageUnfit(
            f"The base image {base} is for {foundation.architecture}, the deploy for {wanted}.",
            hint="Set [image] platform in nbdeploy.toml, or another base.",
        )
    python = python_of(engine, foundation)
    if python != bundle.lock.python:
        raise BaseImageUnfit(
            f"The base image {base} has {f'Python {python}' if python else 'no python3'}; "
            f"the notebook's kernel has Python {bundle.lock.python}.",
            hint=f"Name a base with Python {bundle.lock.python} as [image] base in nbdeploy.toml.",
        )


def _system(engine: Engine, base: str, packages: tuple[str, ...], progress: Progress) -> str:
    """Return the base image with the Debian packages on it, made once."""
    if not packages:
        return base
    parts = [*engine.foundation(base).layers, *packages]
    tag = f"nbdeploy/system:{_short(digest_of(' '.join(parts).encode()))}"
    if engine.image(tag) is None:
        with tempfile.TemporaryDirectory(prefix="nbdeploy-") as folder:
            text = f"FROM {base}\nLABEL {PART}=system\n{render_apt(packages)}\n"
            (Path(folder) / "Dockerfile").write_text(text, encoding="utf-8")
            engine.build(Path(folder), tag, progress)
    return tag


def _put(
    engine: Engine, below: Foundation, layers: Sequence[Layer], part: str, progress: Progress
) -> Foundation:
    """Return the image of `below` with large layers on it, loaded once for each content."""
    labels = {"Env": {}, "Labels": {PART: part}}
    image = put_on(below, [layer.digest for layer in layers], {**below.settings, **labels})
    tag = f"nbdeploy/{part}:{_short(image.digest)}"
    if engine.image(tag) is None:
        size = sum(layer.size for layer in layers)
        progress.log(f"Loading {size / 2**20:.1f} MiB of {_PARTS[part]} into the engine")
        archive = image.archive(tag, {layer.digest: layer.path for layer in layers})
        _load_archive(engine, image, _counted(archive, size, progress))
    return engine.foundation(tag)


def _load(engine: Engine, bundle: Bundle, library: Foundation, progress: Progress) -> Image:
    code = code_layer(bundle)
    digest = digest_of(code)
    image = put_on(library, [digest], _settings(bundle))
    tag = f"nbdeploy/{bundle.name}:sha-{_short(image.digest)}"
    if engine.image(image.digest) is not None:
        progress.log("Nothing changed since the last build")
        engine.tag(image.digest, *tag.rsplit(":", 1))
    else:
        size = f"{len(code) / 2**10:.0f} KiB"
        progress.log(f"Loading {size} of notebook and runtime into the engine")
        _load_archive(engine, image, image.archive(tag, {digest: code}))
    return Image(tag, image.digest, bundle.labels)


def _load_archive(engine: Engine, image: LayeredImage, archive: Iterator[bytes]) -> None:
    engine.load(archive)
    if engine.image(image.digest) is None:
        raise BuildFailed("The engine did not take the image's layers.")


def _build(
    engine: Engine, bundle: Bundle, layers: Mapping[str, Layer], progress: Progress
) -> Image:
    """Build the bundle's own Dockerfile."""
    tag = f"nbdeploy/{bundle.name}:sha-{_short(bundle.digest)}"
    with tempfile.TemporaryDirectory(prefix="nbdeploy-") as folder:
        place = Path(folder)
        bundle.write(place)
        write_layers(layers, place)
        engine.build(place, tag, progress)
    return Image(tag, str(engine.image(tag).id), bundle.labels)  # type: ignore[union-attr]


def _settings(bundle: Bundle) -> Mapping[str, Any]:
    """Return what the bundle's Dockerfile says in words."""
    return {
        "User": USER,
        "Env": ENVIRONMENT,
        "Entrypoint": list(ENTRYPOINT),
        "Cmd": list(COMMAND),
        "WorkingDir": "/app",
        "ExposedPorts": {f"{bundle.config.service.port}/tcp": {}},
        "Labels": {**bundle.labels, PART: "service"},
    }


def gate_environment() -> dict[str, str]:
    """Return what lets the image find the gate's tools."""
    return {"PYTHONPATH": f"{RUNTIME}:{LIBRARY}:{TOOLS}"}


def _counted(pieces: Iterator[bytes], total: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        progress.check_cancelled()
        yield piece
        done += len(piece)
        progress.measure(min(done, total), total, "bytes")


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
