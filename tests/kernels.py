"""Kernels of their own: environments in which tests install what they like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import uv

from nbdeploy_ext.core.config import ImageSection
from nbdeploy_ext.core.requirements import package_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BACKEND = '[build-system]\nrequires = ["{0}"]\nbuild-backend = "{1}"\n'
SETUPTOOLS = BACKEND.format("setuptools", "setuptools.build_meta")
HATCHLING = BACKEND.format("hatchling", "hatchling.build")


def write_project(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    backend: str = SETUPTOOLS,
    needs: tuple[str, ...] = (),
    more: str = "",
) -> Path:
    """Write a project with these files, and return its folder."""
    about = f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = {json.dumps(needs)}\n'
    for path, text in {**files, "pyproject.toml": f"{about}{more}\n{backend}"}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def make_environment(folder: Path) -> Path:
    """Make an empty environment of the Python that runs the tests; returns its interpreter."""
    _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    return folder / "bin" / "python"


def install(python: Path, *options: str) -> None:
    """Install into an environment as people do."""
    _uv("pip", "install", "--quiet", "--python", str(python), *options)


def write_kernel(folder: Path, name: str, python: Path) -> None:
    """Write a kernel's specification below a folder of `JUPYTER_PATH`."""
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": name, "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def _uv(*arguments: str) -> None:
    environment = {**os.environ, **package_environment(ImageSection())}
    subprocess.run([uv.find_uv_bin(), *arguments], check=True, env=environment)
