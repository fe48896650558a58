"""The kernel's own interpreter: which one it is, and what is installed in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_path

from .errors import KernelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping


_NAME = re.compile(r"(?!\.+$)[\w.-]+")
"""A folder's name: whoever wrote the notebook must not choose what is run here."""


@dataclass(frozen=True)
class LocalDistribution:
    """A distribution that no index has as it is installed: of a folder, a file or a repository.

    `source` is the folder or file that it was installed from, where that is on this machine, `info`
    its metadata's folder, `tags` are its wheel's. `packages` maps the import names of an editable
    one to their folder or file, `record` says whether the list of its installed files is there.
    """

    url: str
    source: str | None
    editable: bool
    info: str
    tags: tuple[str, ...]
    record: bool
    packages: Mapping[str, str]


@dataclass(frozen=True)
class KernelEnvironment:
    """What the kernel's interpreter can import.

    `versions` maps distributions to exact versions, `requires` to what they require (PEP 508),
    `imports` top-level import names to distributions, `modules` dotted names to them where
    distributions share a top-level name, `loose` modules that no distribution holds to their
    folder. `paths` are the folders that are looked through, `prefix` is the environment's own.
    """

    executable: str
    version: str
    versions: Mapping[str, str]
    imports: Mapping[str, tuple[str, ...]]
    modules: Mapping[str, tuple[str, ...]]
    local: Mapping[str, LocalDistribution]
    stdlib: frozenset[str]
    requires: Mapping[str, tuple[str, ...]]
    loose: Mapping[str, str]
    paths: tuple[str, ...]
    prefix: str

    def owners(self, name: str) -> tuple[str, ...]:
        """Return the distributions that hold a dotted module name, or that its parent is of."""
        top, _, _ = name.partition(".")
        several = self.imports.get(top, ())
        found = name
        while len(several) > 1 and found:
            if found in self.modules:
                return self.modules[found]
            found = found.rpartition(".")[0]
        return several

    @property
    def minor(self) -> str:
        """Return the interpreter's minor version, `3.11` say."""
        return ".".join(self.version.split(".")[:2])


_ANSWERS: dict[str, tuple[KernelEnvironment, tuple[int, ...]]] = {}


def kernel_executable(kernel: str | None) -> str:
    """Return the interpreter that the named kernel starts; ours where the notebook names none."""
    if kernel is None:
        return sys.executable
    argv = _listed_argv(kernel) or _found_argv(kernel)
    return sys.executable if argv[0] in {"python", "python3"} else str(argv[0])


def _listed_argv(kernel: str) -> list[str] | None:
    """Return what Jupyter starts for a kernel in the first of its folders that has it, if any."""
    for folder in jupyter_path("kernels") if _NAME.fullmatch(kernel) else ():
        try:
            argv = json.loads((Path(folder) / kernel / "kernel.json").read_bytes())["argv"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(argv, list) and argv and isinstance(argv[0], str):
            return argv
    return None


def _found_argv(kernel: str) -> list[str]:
    """Let Jupyter look for a kernel wherever else there may be one; `KernelUnavailable`."""
    from jupyter_client.kernelspec import (  # noqa: PLC0415  (a third of a second)
        KernelSpecManager,
        NoSuchKernel,
    )

    try:
        return list(KernelSpecManager().get_kernel_spec(kernel).argv)
    except NoSuchKernel as fault:
        if kernel == "python3":
            return [sys.executable]
        raise KernelUnavailable(
            f"The notebook's kernel {kernel!r} is not installed here.",
            hint="Choose another kernel in JupyterLab, or install this one.",
        ) from fault


def probe_kernel(executable: str) -> KernelEnvironment:
    """Ask an interpreter what is installed in it; the answer holds until something is installed."""
    known = _ANSWERS.get(executable)
    if known is None or _stamps(known[0].paths) != known[1]:
        found = _ask(executable)
        known = _ANSWERS[executable] = (found, _stamps(found.paths))
    return known[0]


def _stamps(paths: tuple[str, ...]) -> tuple[int, ...]:
    """Return when something was last put into these folders, or taken out of them."""
    return tuple(Path(path).stat().st_mtime_ns for path in paths if Path(path).exists())


def _ask(executable: str) -> KernelEnvironment:
    script = resources.files(__package__).joinpath("probe_script.py").read_text("utf-8")
    try:
        answer = subprocess.run(
            [executable, "-c", script], capture_output=True, check=True, timeout=60
        ).stdout
        found = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError) as fault:
        raise KernelUnavailable(
            f"The kernel's interpreter {executable} does not answer.",
            hint="Start the kernel in JupyterLab to see why.",
        ) from fault
    return KernelEnvironment(
        executable=found["executable"],
        version=found["version"],
        versions=found["versions"],
        imports={name: tuple(sorted(owners)) for name, owners in found["imports"].items()},
        modules={name: tuple(sorted(owners)) for name, owners in found["modules"].items()},
        local={name: _local(raw) for name, raw in found["local"].items()},
        stdlib=frozenset(found["stdlib"]),
        requires={name: tuple(lines) for name, lines in found["requires"].items()},
        loose=found["loose"],
        paths=tuple(found["paths"]),
        prefix=found["prefix"],
    )


def _local(raw: dict[str, Any]) -> LocalDistribution:
    return LocalDistribution(**{**raw, "tags": tuple(raw["tags"])})
