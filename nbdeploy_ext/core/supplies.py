"""What `nbdeploy.toml` promises and is not there: files to include, values of secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .config import secret_names
from .diagnostics import Diagnostic, Fix
from .secrets import missing_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .service import ServiceSpec


def supplies(spec: ServiceSpec) -> Iterator[Diagnostic]:
    """Yield patterns that give no file, and secrets that have no value where this is checked."""
    for pattern in spec.sources.unmatched:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            yield Diagnostic(
                "NBD604", f"image.include names {pattern}, outside of the notebook's folder.",
                fix=Fix("Put the files beside the notebook"),
            )  # fmt: skip
        else:
            yield Diagnostic(
                "NBD603", f"image.include names {pattern}, which matches no file.",
                fix=Fix("Mend the pattern; it is relative to the notebook"),
            )  # fmt: skip
    for name in missing_secrets(secret_names(spec.config)):
        yield Diagnostic(
            "NBD605", f"The secret {name} has no value where this was checked.",
            fix=Fix(f"Set {name} in the environment of whoever deploys"),
        )  # fmt: skip
