"""Installed packages as one reproducible tar, made outside any container and kept by content."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import uv

from .dockerfile import LIBRARY, TOOLS
from .errors import DiskFull, RequirementsUnresolvable
from .requirements import WHEELS, package_environment

if TYPE_CHECKING:
    from .config import ImageSection
    from .progress import Progress
    from .requirements import Lock

_FORMAT = "2"
_COMPILE = (
    "import compileall, re, sys; "
    "compileall.compile_dir(sys.argv[1], quiet=2, workers=0, stripdir=sys.argv[1], "
    "prependdir=sys.argv[2], rx=re.compile(r'/tests?/'), "
    "invalidation_mode=compileall.PycInvalidationMode.UNCHECKED_HASH)"
)


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


def tools_layer(lock: Lock, progress: Progress, image: ImageSection) -> Layer:
    """Install what only the gate needs below `/opt/nbdeploy/tools`."""
    return _layer(lock, lock.tools_text, TOOLS, progress, image)


def install_packages(
    lock: Lock, text: str, folder: Path, progress: Progress, image: ImageSection
) -> None:
    """Install hashed requirements into `folder` for the lock's Python and platform."""
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place) / "requirements.txt"
        listed.write_text(text, encoding="utf-8")
        command = [
            uv.find_uv_bin(), "pip", "install", "--requirement", str(listed), "--target",
            str(folder), "--require-hashes", "--no-deps", "--only-binary", ":all:",
            "--python-version", lock.python, "--python-platform",
            WHEELS.get(lock.platform, WHEELS["linux/amd64"]), "--no-config", "--link-mode", "copy",
        ]  # fmt: skip
        run = subprocess.Popen(
            command, env=package_environment(image), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = _follow(run, progress)
    if run.returncode:
        _raise(said)


def _follow(run: subprocess.Popen[str], progress: Progress) -> list[str]:
    lines = []
    try:
        for line in run.stderr or ():
            lines.append(line.rstrip())
            progress.log(line.rstrip())
            progress.check_cancelled()
        run.wait()
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    return lines


def _raise(said: list[str]) -> None:
    if any("No space left on device" in line for line in said):
        raise DiskFull("This machine's disk is full.", hint="Free some space, then deploy again.")
    raise RequirementsUnresolvable(
        "The packages that the notebook needs can't be installed for the image.",
        hint="The last lines of the log say which one.",
        log=said[-20:],
    )


def _layer(lock: Lock, text: str, root: str, progress: Progress, image: ImageSection) -> Layer:
    key = hashlib.sha256(
        repr((_FORMAT, text, lock.python, lock.platform, root)).encode()
    ).hexdigest()
    folder = Path(platformdirs.user_cache_dir("nbdeploy")) / "layers"
    folder.mkdir(parents=True, exist_ok=True)
    kept, digest = folder / f"{key}.tar", folder / f"{key}.sha256"
    if not (kept.exists() and digest.exists()):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            installed = Path(place) / "installed"
            install_packages(lock, text, installed, progress, image)
            progress.log("Compiling byte code")
            compile_folder(lock.python_executable, installed, root)
            staged = Path(place) / "layer.tar"
            _pack(installed, root.lstrip("/"), staged)
            staged_digest = Path(place) / "digest"
            staged_digest.write_text(_sha256(staged), encoding="ascii")
            staged.replace(kept)
            staged_digest.replace(digest)
    return Layer(kept, f"sha256:{digest.read_text(encoding='ascii')}", kept.stat().st_size)


def compile_folder(python: str, folder: Path, root: str) -> None:
    """Compile byte code that needs no source check; test folders are left out."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [python, "-c", _COMPILE, str(folder), root], check=False, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _pack(folder: Path, prefix: str, tar: Path) -> None:
    with tarfile.open(tar, "w", format=tarfile.GNU_FORMAT) as archive:
        parts = prefix.split("/")
        for depth in range(1, len(parts) + 1):
            archive.addfile(_entry(tarfile.TarInfo("/".join(parts[:depth])), is_folder=True))
        for path in sorted(folder.rglob("*")):
            entry = archive.gettarinfo(str(path), f"{prefix}/{path.relative_to(folder)}")
            if entry.isfile():
                with path.open("rb") as content:
                    archive.addfile(_entry(entry), content)
            else:
                archive.addfile(_entry(entry, is_folder=entry.isdir()))


def _entry(entry: tarfile.TarInfo, *, is_folder: bool = False) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    if is_folder:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    else:
        entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(2**20):
            total.update(chunk)
    return total.hexdigest()
