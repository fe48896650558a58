"""From imports to exact distributions of the kernel's environment, and to a lock."""

from __future__ import annotations

import hashlib
import os
import platform as machine
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import uv

from .config import SecretRef
from .errors import RequirementsUnresolvable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Config, ImageSection
    from .kernels import KernelEnvironment

RUNTIME = (
    "httptools>=0.6",
    "uvloop>=0.19",
    "starlette>=0.40",
    "pydantic>=2.7",
    "orjson>=3.10",
    "prometheus-client>=0.20",
    "click>=8.1",  # the bar of a batch is its
)
ALERTS = ("apprise>=1.8",)
POSTGRES = ("psycopg[binary]>=3.1",)
TRACES = ("opentelemetry-sdk>=1.25", "opentelemetry-exporter-otlp-proto-http>=1.25")
TOOLS = ("pytest>=8", "httpx>=0.27")
PLATFORMS = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}
WHEELS = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}
# What uv answers for a wheel of this machine: it is installed by its place in the bundle instead
_WHEEL_LINES = re.compile(r"^\S+ @ file://[^\n]*(?:\n[ \t]+[^\n]*)*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One distribution that shipped cells import, at the kernel's exact version."""

    distribution: str
    version: str
    imports: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def pin(self) -> str:
        """Return it as a line of a requirements file; local version labels don't travel."""
        return f"{self.distribution}=={self.version.split('+')[0]}"

    def as_json(self) -> dict[str, Any]:
        """Return the form that `check --json` and REST answer."""
        return {
            "distribution": self.distribution,
            "version": self.version,
            "imports": list(self.imports),
            "cells": list(self.cells),
        }


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of a distribution that no index has; `path` is where it lies on this machine."""

    distribution: str
    filename: str
    sha256: str
    path: Path

    def line(self, place: str) -> str:
        """Return its line of a requirements file, as it stands at `place`."""
        return f"{place} --hash=sha256:{self.sha256}\n"


@dataclass(frozen=True, slots=True)
class Lock:
    """What gets installed into an image, to the byte.

    `text` is a requirements file with hashes (`--require-hashes`); `tools_text` is the same for
    what only the gate needs, on top of it. `python` is the minor version, `platform` the OCI one.
    `wheels` are installed by path, and all that they need stands in `text`.
    """

    python: str
    platform: str
    text: str
    tools_text: str
    python_executable: str
    """The kernel's interpreter on this machine: it compiles byte code for the image."""
    wheels: tuple[Wheel, ...] = ()

    @property
    def bundled(self) -> str:
        """Return the requirements file that stands in a bundle, beside its `wheels` folder."""
        return self.text + "".join(w.line(f"./wheels/{w.filename}") for w in self.wheels)

    @property
    def wheels_text(self) -> str:
        """Return the requirements file of the wheels on this machine."""
        return "".join(wheel.line(str(wheel.path)) for wheel in self.wheels)


def lock_requirements(
    pins: Sequence[str],
    kernel: KernelEnvironment,
    image: ImageSection,
    *,
    runtime: Sequence[str] = RUNTIME,
    wheels: Sequence[Wheel] = (),
) -> Lock:
    """Resolve pins and what the runtime needs to exact versions with hashes.

    What the kernel has installed is preferred for everything else too, so that the image is the
    kernel's environment as far as possible; the same input is answered from a cache.
    Raises `RequirementsUnresolvable`.
    """
    platform = image_platform(image)
    known = {n: v for n, v in kernel.versions.items() if n not in kernel.local and "+" not in v}
    constraints = "".join(f"{n}=={v}\n" for n, v in sorted(known.items()))
    files = [f"{wheel.distribution} @ {wheel.path.as_uri()}" for wheel in wheels]
    wanted = [*pins, *files, *runtime]
    resolved = _compile(wanted, (constraints, ""), kernel.minor, platform, image)
    text = _WHEEL_LINES.sub("", resolved)
    tools = _compile(TOOLS, (_without_hashes(text),), kernel.minor, platform, image)
    return Lock(
        python=kernel.minor,
        platform=platform,
        text=text,
        tools_text=_minus(tools, text),
        python_executable=kernel.executable,
        wheels=tuple(wheels),
    )


def runtime_requirements(config: Config) -> tuple[str, ...]:
    """Return what the runtime needs for what the engineer's file asks of it."""
    alerts = ALERTS if config.alerts.channels else ()
    database = POSTGRES if isinstance(config.calls.store, SecretRef) else ()
    is_traced = any(name.startswith("OTEL_EXPORTER_OTLP_") for name in config.env)
    return (*RUNTIME, *alerts, *database, *(TRACES if is_traced else ()))


def image_platform(image: ImageSection) -> str:
    """Return the OCI platform of the image: the engineer's choice, else this machine's."""
    return image.platform or PLATFORMS.get(machine.machine().lower(), "linux/amd64")


def package_environment(image: ImageSection) -> dict[str, str]:
    """Return the environment for uv: this machine's index and certificates, as pip has them."""
    environment = dict(os.environ)
    bundle = image.ca_bundle or next(
        filter(None, map(os.environ.get, ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))), None
    )
    if bundle:
        environment["SSL_CERT_FILE"] = bundle
    index = image.index_url or os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    if index:
        environment["UV_DEFAULT_INDEX"] = index
    return environment


def _compile(
    wanted: Sequence[str],
    constraints: Sequence[str],
    python: str,
    platform: str,
    image: ImageSection,
) -> str:
    """Resolve with the first of `constraints` that works out."""
    key = repr((list(wanted), constraints, python, platform, image.index_url))
    kept = _cache() / f"{hashlib.sha256(key.encode()).hexdigest()}.txt"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    fault = ""
    for constraint in constraints:
        text, fault = _resolve(wanted, constraint, python, platform, image)
        if text:
            staged = kept.with_suffix(f".{os.getpid()}")
            staged.write_text(text, encoding="utf-8")
            staged.replace(kept)
            return text
    raise RequirementsUnresolvable(
        "The packages that the notebook needs can't be had together for the image.",
        hint="Read the log; [image] requirements or index_url in nbdeploy.toml may help.",
        log=fault.splitlines()[-20:],
    )


def _resolve(
    wanted: Sequence[str], constraint: str, python: str, platform: str, image: ImageSection
) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "wanted.in").write_text("\n".join(wanted) + "\n", encoding="utf-8")
        (place / "constraints.txt").write_text(constraint, encoding="utf-8")
        done = subprocess.run(
            [
                uv.find_uv_bin(), "pip", "compile", "wanted.in", "-c", "constraints.txt",
                "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--no-config",
                "--only-binary", ":all:", "--python-version", python,
                "--python-platform", WHEELS[platform],
            ],
            cwd=place,
            env=package_environment(image),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    return (done.stdout, "") if done.returncode == 0 else ("", done.stderr)


def _cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("nbdeploy")) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _blocks(text: str) -> dict[str, str]:
    """Split a requirements file with hashes into one block a distribution."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(==[^\n]*(?:\n[ \t]+[^\n]*)*)", text, re.MULTILINE)
    return {name: name + rest for name, rest in found}


def _without_hashes(text: str) -> str:
    return "".join(block.split(" ")[0] + "\n" for block in _blocks(text).values())


def _minus(text: str, other: str) -> str:
    there = _blocks(other)
    return "".join(f"{block}\n" for name, block in _blocks(text).items() if name not in there)
