"""The version and the Jupyter hooks, nothing else."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Return `__version__`, `import_notebook` or `install_import_hook`, imported on first use."""
    if name == "__version__":
        # Asking for the version costs a walk over the installed packages.
        from ._version import __version__  # noqa: PLC0415

        return __version__
    if name in {"import_notebook", "install_import_hook"}:
        # Programs that import notebooks need what the Jupyter server has no use for.
        from .session import import_notebook  # noqa: PLC0415

        return getattr(import_notebook, name)
    raise AttributeError(f"module 'nbdeploy_ext' has no attribute {name!r}")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbdeploy-ext"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    # The command line imports this package too, and has no use for the server.
    from .server.extension import DeployExtension  # noqa: PLC0415

    return [{"module": "nbdeploy_ext", "app": DeployExtension}]


def load_ipython_extension(shell: Any) -> None:
    """Give the notebook what its monitor and test cells have in production (`%load_ext`)."""
    from .session.extension import load  # noqa: PLC0415  (the server has no IPython shell)

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take it away again."""
    from .session.extension import unload  # noqa: PLC0415

    unload(shell)
