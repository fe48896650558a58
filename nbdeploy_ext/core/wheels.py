"""Wheels of what no index has: distributions of a folder, a file or a repository."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import uv
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from .commands import follow_command
from .requirements import Wheel, package_environment
from .wheel_files import (
    NoWheel,
    editable_files,
    installed_files,
    metadata_files,
    pack_wheel,
    source_files,
    wheel_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .config import ImageSection
    from .kernels import KernelEnvironment, LocalDistribution
    from .progress import Progress

_ARCHITECTURES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_ANYWHERE = "py3-none-any"


def local_closure(names: Sequence[str], kernel: KernelEnvironment) -> tuple[str, ...]:
    """Return the local distributions among `names` and among all that these require."""
    if not kernel.local:
        return ()
    known: dict[str, str] = {canonicalize_name(name): name for name in kernel.versions}
    waiting: list[tuple[str, frozenset[str]]] = [
        (canonicalize_name(name), frozenset()) for name in names
    ]
    seen = set(waiting)
    for name, extras in waiting:
        for needed in _required(kernel, known.get(name, ""), extras):
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)
    found = {known[name] for name, _ in seen if name in known}
    return tuple(sorted(found & set(kernel.local)))


def why_no_wheel(local: LocalDistribution, platform: str) -> str | None:
    """Say why no wheel can be made of it, as far as that is known before one is; else None."""
    if local.editable:
        is_there = local.source is not None and Path(local.source).exists()
        return None if is_there or local.packages else f"its folder {local.source} is gone"
    if not local.record:
        return "the list of its installed files (RECORD) is missing"
    unfit = [tag for tag in local.tags if not _fits(tag, platform)]
    return f"it was built for {unfit[0]}, the image is {platform}" if unfit else None


def make_wheel(
    name: str, kernel: KernelEnvironment, platform: str, image: ImageSection, progress: Progress
) -> Wheel:
    """Return a wheel of a local distribution, as the kernel has it; `NoWheel` says why not.

    An editable one is built from its folder as that is now, by its own build system; where that
    fails it is packed from what the kernel imports. The same files give the same bytes.
    """
    local = kernel.local[name]
    reason = why_no_wheel(local, platform)
    if reason is not None:
        raise NoWheel(reason)
    if not local.editable:
        progress.log(f"Packing {name} from its installed files: no index has it as it is")
        filename = wheel_name(local, local.tags or (_ANYWHERE,))
        return _keep(name, filename, installed_files(local, Path(kernel.prefix)))
    said = ""
    if local.source is not None and _is_project(Path(local.source)):
        wheel, said = _built(name, Path(local.source), kernel, image, progress)
        if wheel is not None:
            _require_fit(wheel.filename, platform)
            return wheel
    if not local.packages:
        raise NoWheel(f"it can't be built: {said}" if said else "its folder holds no project")
    progress.log(f"Packing {name} from the files that the kernel imports")
    files = editable_files(local)
    tag = _tag_of(files, kernel, platform)
    return _keep(name, wheel_name(local, (tag,)), {**files, **metadata_files(local, tag)})


def _required(
    kernel: KernelEnvironment, name: str, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for line in kernel.requires.get(name, ()):
        found = _requirement(line, extras, kernel.version)
        if found is not None:
            yield found


@lru_cache(maxsize=4096)
def _requirement(
    line: str, extras: frozenset[str], python: str
) -> tuple[str, frozenset[str]] | None:
    """Return what a line of a distribution's metadata asks for, None where it is for others."""
    try:
        found = Requirement(line)
    except InvalidRequirement:  # uv will say what it makes of it
        return None
    version = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    asked = [{**version, "extra": extra} for extra in (extras or {""})]
    if found.marker is None or any(found.marker.evaluate(one) for one in asked):
        return canonicalize_name(found.name), frozenset(found.extras)
    return None


def _fits(tag: str, platform: str) -> bool:
    where = tag.rpartition("-")[2]
    architecture = _ARCHITECTURES.get(platform, "x86_64")
    return where == "any" or ("linux" in where and where.endswith(architecture))


def _require_fit(filename: str, platform: str) -> None:
    try:
        tags = sorted(map(str, parse_wheel_filename(filename)[3]))
    except InvalidWheelFilename as fault:
        raise NoWheel(f"its build made {filename}, which is no wheel's name") from fault
    if not any(_fits(tag, platform) for tag in tags):
        raise NoWheel(f"it was built for {tags[0]}, the image is {platform}")


def _is_project(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("pyproject.toml", "setup.py"))


def _built(
    name: str, source: Path, kernel: KernelEnvironment, image: ImageSection, progress: Progress
) -> tuple[Wheel | None, str]:
    """Build a project, or answer with the wheel of the last time when no file has changed since.

    Returns no wheel, and the last line that was said, where the build fails.
    """
    pointer = _cache() / f"{_fingerprint(source, kernel)}.built"
    if pointer.exists():
        sha256, filename = pointer.read_text(encoding="utf-8").split("\n")
        return Wheel(name, filename, sha256, _cache() / sha256 / filename), ""
    progress.log(f"Building a wheel of {name}, which is installed from {source}")
    with tempfile.TemporaryDirectory(prefix="nbdeploy-") as place:
        folder = Path(place)
        status, lines = _build(source, folder, kernel, image, progress)
        made = sorted((folder / "out").glob("*.whl"))
        if status or not made:
            return None, next((line.strip() for line in reversed(lines) if line.strip()), "")
        with zipfile.ZipFile(made[0]) as archive:
            files = {path: archive.read(path) for path in archive.namelist() if path[-1] != "/"}
        wheel = _keep(name, made[0].name, files)
    staged = pointer.with_suffix(f".{os.getpid()}")
    staged.write_text(f"{wheel.sha256}\n{wheel.filename}", encoding="utf-8")
    staged.replace(pointer)
    return wheel, ""


def _build(
    source: Path, folder: Path, kernel: KernelEnvironment, image: ImageSection, progress: Progress
) -> tuple[int, list[str]]:
    # setuptools would leave its work in the project, and take up there what is left of the last
    settings = folder / "build.cfg"
    settings.write_text(f"[build]\nbuild_base={folder / 'build'}\n", encoding="utf-8")
    command = [
        uv.find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", str(folder / "out"),
        "--python", kernel.executable, str(source),
    ]  # fmt: skip
    dated = {"SOURCE_DATE_EPOCH": "315532800", "DIST_EXTRA_CONFIG": str(settings)}
    return follow_command(command, {**package_environment(image), **dated}, progress)


def _fingerprint(source: Path, kernel: KernelEnvironment) -> str:
    """Return what changes when a file that may be built in changes."""
    total = hashlib.sha256(f"{source}\0{kernel.executable}\0{kernel.version}".encode())
    for path in source_files(source):
        if path.suffix != ".ipynb" and not path.parent.name.endswith(".egg-info"):
            found = path.lstat()
            total.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode(errors="replace"))
    return total.hexdigest()


def _tag_of(files: Mapping[str, object], kernel: KernelEnvironment, platform: str) -> str:
    compiled = [path for path in files if path.endswith((".so", ".pyd", ".dylib"))]
    if not compiled:
        return _ANYWHERE
    architecture = _ARCHITECTURES.get(platform, "x86_64")
    if not all(path.endswith(("-linux-gnu.so", ".abi3.so")) for path in compiled):
        raise NoWheel(f"{compiled[0]} was compiled for this machine, the image is {platform}")
    python = f"cp{kernel.minor.replace('.', '')}"
    return f"{python}-{python}-linux_{architecture}"


def _keep(name: str, filename: str, files: Mapping[str, Path | bytes]) -> Wheel:
    """Pack a wheel and keep it by its hash."""
    with tempfile.TemporaryDirectory(dir=_cache()) as folder:
        staged = Path(folder) / filename
        pack_wheel(files, staged)
        total = hashlib.sha256()
        with staged.open("rb") as content:
            while piece := content.read(2**20):
                total.update(piece)
        place = _cache() / total.hexdigest() / filename
        place.parent.mkdir(exist_ok=True)
        staged.replace(place)
    return Wheel(name, filename, total.hexdigest(), place)


def _cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("nbdeploy")) / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
