"""Installing packages with uv, for another machine's Python if need be."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from .commands import follow_command
from .errors import DiskFull, RequirementsUnresolvable
from .requirements import WHEELS, package_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import ImageSection
    from .progress import Progress
    from .requirements import Lock

# Where a wheel lay on this machine, and when
_ABOUT_HERE = ("direct_url.json", "uv_cache.json")
_NETWORK = ("Failed to fetch", "error sending request", "dns error", "certificate")


def install_locked(
    lock: Lock, text: str, folder: Path, progress: Progress, image: ImageSection
) -> None:
    """Install hashed requirements into `folder`, which is made, for the lock's Python and platform.

    Nothing of this machine gets into it. Raises `RequirementsUnresolvable`, `DiskFull`.
    """
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place) / "requirements.txt"
        listed.write_text(text, encoding="utf-8")
        options = [
            "--requirement", str(listed), "--require-hashes", "--no-deps",
            "--python-version", lock.python,
            "--python-platform", WHEELS[lock.platform],
        ]  # fmt: skip
        _install(lock, options, folder, progress, image)
    _forget_machine(folder)


def install_constrained(
    lock: Lock, names: Sequence[str], folder: Path, progress: Progress, image: ImageSection
) -> None:
    """Install `names` with what they need at the lock's versions, for the kernel's interpreter."""
    with tempfile.TemporaryDirectory() as place:
        known = Path(place) / "constraints.txt"
        known.write_text(lock.text + lock.tools_text, encoding="utf-8")
        options = ["--constraint", str(known), "--python", lock.python_executable, *names]
        _install(lock, options, folder, progress, image)


def _install(
    lock: Lock, options: Sequence[str], folder: Path, progress: Progress, image: ImageSection
) -> None:
    command = [
        uv.find_uv_bin(), "pip", "install", "--target", str(folder), "--only-binary", ":all:",
        "--no-config", "--link-mode", "copy", *options,
    ]  # fmt: skip
    status, lines = follow_command(command, package_environment(image), progress)
    if status:
        raise _fault(lock, "\n".join(lines))


def _forget_machine(folder: Path) -> None:
    """Remove what names this machine: commands by their interpreter, wheels by their path."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    for record in folder.glob("*.dist-info/RECORD"):
        for name in _ABOUT_HERE:
            (record.parent / name).unlink(missing_ok=True)
        kept = [
            line
            for line in record.read_text(encoding="utf-8").splitlines(keepends=True)
            if not line.startswith("bin/") and line.split(",")[0].split("/")[-1] not in _ABOUT_HERE
        ]
        record.write_text("".join(kept), encoding="utf-8")


def _fault(lock: Lock, said: str) -> DiskFull | RequirementsUnresolvable:
    if "No space left on device" in said:
        return DiskFull("This machine's disk is full.", hint="Free some space, then deploy again.")
    log = said.splitlines()[-20:]
    wheel = re.search(r"(\S+==\S+?)[\s,]+has no (?:usable |compatible )?(?:wheels|source)", said)
    if wheel:
        return RequirementsUnresolvable(
            f"{wheel[1]} has no wheel for Python {lock.python} on {lock.platform}.",
            hint="Only wheels are installed; choose a version that has one, or build it into an "
            "index of yours ([image] index_url in nbdeploy.toml).",
            log=log,
        )
    if any(word in said for word in _NETWORK):
        return RequirementsUnresolvable(
            "The packages that the notebook needs can't be downloaded.",
            hint="See the log: the network, [image] index_url or ca_bundle in nbdeploy.toml.",
            log=log,
        )
    return RequirementsUnresolvable(
        "The packages that the notebook needs can't be installed for the image.",
        hint="The last lines of the log say which one.",
        log=log,
    )
