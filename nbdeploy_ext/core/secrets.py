"""Secrets: their values come from the environment or a folder, for the running service only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER_VARIABLE = "NBDEPLOY_SECRETS_DIR"


def read_secrets(names: Iterable[str]) -> dict[str, str]:
    """Return each named secret's value; `SecretMissing` names all that have none.

    The environment wins over a file of that name in the folder that `NBDEPLOY_SECRETS_DIR`
    names; one newline at a file's end is not part of the value.
    """
    found = {name: _value(name) for name in names}
    missing = missing_secrets(found)
    if missing:
        raise SecretMissing(
            f"No value for {'secret' if len(missing) == 1 else 'secrets'} {', '.join(missing)}.",
            hint=f"Set it in the environment of whoever deploys, or as a file in "
            f"${FOLDER_VARIABLE}.",
            secrets=list(missing),
        )
    return {name: value for name, value in found.items() if value is not None}


def missing_secrets(names: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets that have no value here."""
    return tuple(sorted({name for name in names if _value(name) is None}))


def mask(text: str, values: Iterable[str]) -> str:
    """Return `text` with every secret value replaced by `***`."""
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _value(name: str) -> str | None:
    if name in os.environ:
        return os.environ[name]
    folder = os.environ.get(FOLDER_VARIABLE)
    path = Path(folder) / name if folder else None
    return path.read_text(encoding="utf-8").removesuffix("\n") if path and path.is_file() else None
