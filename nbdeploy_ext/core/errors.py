"""Every fault that is ours, the machine's or the caller's, as an exception that carries data.

A fault in the *notebook* is a `Diagnostic`, never an exception.

    NbdeployError
    ├── UsageError                 the request itself is wrong
    │   ├── NotebookNotFound
    │   ├── NotebookUnreadable
    │   ├── CellNotFound
    │   ├── ConfigInvalid
    │   └── SecretMissing
    ├── DeploymentNotFound
    ├── VersionNotFound
    ├── JobNotFound
    ├── DeployInProgress
    ├── DeployRefused              diagnostics or tests stop the deploy
    ├── DeployFailed               a stage broke
    │   ├── RequirementsUnresolvable
    │   ├── BaseImageMissing
    │   ├── BaseImageUnfit
    │   ├── EngineFailed
    │   ├── BuildFailed
    │   ├── CellRaised
    │   ├── StartFailed
    │   ├── PortInUse
    │   └── DiskFull
    ├── BatchFailed                a run over a table broke off
    ├── FileUnusable               a file or folder of this machine can't be read or written
    ├── Unreachable                an engine or target does not answer
    │   ├── EngineUnreachable
    │   └── KernelUnavailable
    └── Cancelled
"""

from __future__ import annotations

from typing import Any, ClassVar


class NbdeployError(Exception):
    """A fault with a stable code, one sentence for people, and what to do about it."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        """Keep `message` (one sentence), `hint` (what to do) and JSON-ready `details`."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = details

    def as_json(self) -> dict[str, Any]:
        """Return the form that REST and `--json` answer: message, code, hint, details."""
        return {
            "message": self.message,
            "code": self.code,
            "hint": self.hint,
            "details": self.details,
        }


class UsageError(NbdeployError):
    """The request names something wrong or impossible."""

    code = "usage"


class NotebookNotFound(UsageError):
    """No notebook stands at the given path."""

    code = "notebook_not_found"


class NotebookUnreadable(UsageError):
    """The file is there but is not a notebook that nbformat can read."""

    code = "notebook_unreadable"


class CellNotFound(UsageError):
    """A cell id or `#index` names no cell of the notebook."""

    code = "cell_not_found"


class ConfigInvalid(UsageError):
    """`nbdeploy.toml` has a syntax error, an unknown key or a wrong value."""

    code = "config_invalid"


class SecretMissing(UsageError):
    """A secret that `nbdeploy.toml` names has no value where the deploy runs."""

    code = "secret_missing"


class DeploymentNotFound(NbdeployError):
    """No deployment has that name."""

    code = "deployment_not_found"


class VersionNotFound(NbdeployError):
    """The deployment has no such version."""

    code = "version_not_found"


class JobNotFound(NbdeployError):
    """No job has that id."""

    code = "job_not_found"


class DeployInProgress(NbdeployError):
    """The same deployment is being deployed already; `details["job"]` is that job's id."""

    code = "deploy_in_progress"


class DeployRefused(NbdeployError):
    """Diagnostics or failing tests stop the deploy; `details` holds them."""

    code = "deploy_refused"


class DeployFailed(NbdeployError):
    """A stage of the deploy broke."""

    code = "deploy_failed"


class RequirementsUnresolvable(DeployFailed):
    """The packages that the notebook needs can't be had together."""

    code = "requirements_unresolvable"


class BaseImageMissing(DeployFailed):
    """The base image is not on the engine and can't be pulled."""

    code = "base_image_missing"


class BaseImageUnfit(DeployFailed):
    """The base image has no Python of the kernel's minor version."""

    code = "base_image_unfit"


class EngineFailed(DeployFailed):
    """The engine answered that it can't do what it was asked."""

    code = "engine_failed"


class BuildFailed(DeployFailed):
    """The engine could not build the image; `details["log"]` holds its last lines."""

    code = "build_failed"


class CellRaised(DeployFailed):
    """A cell that makes a value raised; `details` has the cell and its traceback as log."""

    code = "cell_raised"


class StartFailed(DeployFailed):
    """The new version did not become ready; `details["log"]` holds its last lines."""

    code = "start_failed"


class PortInUse(DeployFailed):
    """Something else listens on the port that the deployment should have."""

    code = "port_in_use"


class DiskFull(DeployFailed):
    """The engine's or this machine's disk is full."""

    code = "disk_full"


class BatchFailed(NbdeployError):
    """A run over a table broke off, or may not go on; `details["log"]` holds its last lines."""

    code = "batch_failed"


class FileUnusable(NbdeployError):
    """A file or folder of this machine can't be read or written."""

    code = "file_unusable"


class Unreachable(NbdeployError):
    """Something that the work needs does not answer."""

    code = "unreachable"


class EngineUnreachable(Unreachable):
    """The Docker engine does not answer."""

    code = "engine_unreachable"


class KernelUnavailable(Unreachable):
    """The notebook's kernel is not installed, or its interpreter does not answer."""

    code = "kernel_unavailable"


class Cancelled(NbdeployError):
    """The person who asked for the work took it back."""

    code = "cancelled"
