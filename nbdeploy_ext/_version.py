"""The version of the installed distribution, `0.0.0` where none is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nbdeploy")
except PackageNotFoundError:
    __version__ = "0.0.0"
