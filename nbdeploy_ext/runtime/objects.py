"""Saved objects: what the notebook's kernel pickled, loaded into the service's namespace."""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def load_object(path: Path, namespace: dict[str, Any]) -> Any:
    """Return the object in a file; classes of the notebook are those in `namespace`."""
    with path.open("rb") as file:
        return _Unpickler(file, namespace).load()


class _Unpickler(pickle.Unpickler):
    """Knows that the kernel's `__main__` is the notebook."""

    def __init__(self, file: Any, namespace: dict[str, Any]) -> None:
        super().__init__(file)
        self._namespace = namespace

    def find_class(self, module: str, name: str) -> Any:
        if module != "__main__":
            return super().find_class(module, name)
        first, *rest = name.split(".")
        if first not in self._namespace:
            raise pickle.UnpicklingError(f"no production cell before it defines {first}")
        return functools.reduce(getattr, rest, self._namespace[first])
