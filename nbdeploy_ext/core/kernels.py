"""The kernel's own interpreter: which one it is, and what is installed in it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import KernelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROBE = """
import importlib.metadata as m, json, sys
versions, imports, local, files, modules = {}, {}, [], {}, {}
for d in m.distributions():
    name = d.metadata["Name"]
    if not name or name in versions:
        continue
    versions[name] = d.version
    url = d.read_text("direct_url.json")
    if url and (json.loads(url).get("url") or "").startswith("file:"):
        local.append(name)
    tops = set((d.read_text("top_level.txt") or "").split())
    for f in d.files or ():
        p = f.parts
        if p[0].endswith((".dist-info", ".egg-info", ".data")) or p[0] in ("..", "__pycache__"):
            continue
        if len(p) > 1:
            tops.add(p[0])
        elif p[0].endswith((".py", ".so", ".pyd")):
            tops.add(p[0].split(".")[0])
    for top in tops:
        imports.setdefault(top, []).append(name)
        files.setdefault(top, []).append(d)
# Namespace packages: several distributions share a top-level name, each has modules below it
for top, several in files.items():
    for d in several if len(several) > 1 else ():
        for f in d.files or ():
            p = f.parts
            if p[0] == top and p[-1].endswith((".py", ".so", ".pyd")) and "__pycache__" not in p:
                dotted = p[:-1] if p[-1] == "__init__.py" else (*p[:-1], p[-1].split(".")[0])
                owners = modules.setdefault(".".join(dotted), [])
                if d.metadata["Name"] not in owners:
                    owners.append(d.metadata["Name"])
json.dump({"version": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable,
           "versions": versions, "imports": imports, "local": local, "modules": modules,
           "stdlib": sorted(getattr(sys, "stdlib_module_names", ()))}, sys.stdout)
"""


@dataclass(frozen=True)
class KernelEnvironment:
    """What the kernel's interpreter can import.

    `versions` maps distributions to exact versions, `imports` top-level import names to
    distributions, `modules` dotted names to them where distributions share a top-level name,
    `local` names distributions that were installed from this machine's disk.
    """

    executable: str
    version: str
    versions: Mapping[str, str]
    imports: Mapping[str, tuple[str, ...]]
    modules: Mapping[str, tuple[str, ...]]
    local: frozenset[str]
    stdlib: frozenset[str]

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


def kernel_executable(kernel: str | None) -> str:
    """Return the interpreter that the named kernel starts; ours where the notebook names none."""
    if kernel is None:
        return sys.executable
    from jupyter_client.kernelspec import (  # noqa: PLC0415  (a third of a second)
        KernelSpecManager,
        NoSuchKernel,
    )

    try:
        argv = KernelSpecManager().get_kernel_spec(kernel).argv
    except NoSuchKernel as fault:
        if kernel == "python3":
            return sys.executable
        raise KernelUnavailable(
            f"The notebook's kernel {kernel!r} is not installed here.",
            hint="Choose another kernel in JupyterLab, or install this one.",
        ) from fault
    return sys.executable if argv[0] in {"python", "python3"} else str(argv[0])


@lru_cache(maxsize=8)
def probe_kernel(executable: str) -> KernelEnvironment:
    """Ask an interpreter what is installed in it; takes about a second the first time."""
    try:
        answer = subprocess.run(
            [executable, "-c", _PROBE], capture_output=True, check=True, timeout=60
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
        local=frozenset(found["local"]),
        stdlib=frozenset(found["stdlib"]),
    )
