"""The version and the Jupyter hooks, nothing else."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> str:
    """Return `__version__`, read from the installed distribution on first use."""
    if name == "__version__":
        # Asking for the version costs a walk over the installed packages.
        from ._version import __version__  # noqa: PLC0415

        return __version__
    raise AttributeError(name)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbdeploy-ext"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    # The command line imports this package too, and has no use for the server.
    from .server.extension import DeployExtension  # noqa: PLC0415

    return [{"module": "nbdeploy_ext", "app": DeployExtension}]
