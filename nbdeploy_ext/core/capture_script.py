"""Runs inside the notebook's kernel, whatever is installed there: saves values as files.

Its source is executed there, it is never imported. It needs the standard library, and cloudpickle,
which the request brings along.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import types
from typing import Any


def capture(namespace: dict[str, Any], request: dict[str, Any]) -> None:
    """Write each of `request["names"]` into `request["folder"]`, and `answer.json` last.

    `shipped` are the names that the service defines itself, `cloudpickle` is that package's folder.
    """
    found = {
        "values": {name: _save(name, namespace, request) for name in request["names"]},
        "ran": _ran(namespace),
        "python": platform.python_version(),
    }
    path = os.path.join(request["folder"], "answer.json")  # noqa: PTH118
    with open(f"{path}.part", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(found, file)
    os.replace(f"{path}.part", path)  # noqa: PTH105


class _Hashed:
    """A file that knows the hash and the number of the bytes written to it."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb")  # noqa: PTH123, SIM115  (closed by `close`)
        self._total = hashlib.sha256()
        self.size = 0

    def write(self, piece: Any) -> int:
        self._total.update(piece)
        count = self._file.write(piece)
        self.size += count
        return count

    def close(self) -> str:
        self._file.close()
        return self._total.hexdigest()


def _save(name: str, namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    if name not in namespace:
        return {"missing": True}
    value = namespace[name]
    path = os.path.join(request["folder"], name)  # noqa: PTH118
    modules: set[str] = set()
    file = _Hashed(path)
    try:
        _pickler(file, request, modules).dump(value)
    except Exception as error:  # noqa: BLE001  a value's own reducers may raise anything
        file.close()
        return {"type": _type_of(value), "error": f"{type(error).__name__}: {error}"}
    sha256 = file.close()
    return {"type": _type_of(value), "bytes": file.size, "sha256": sha256,
            "modules": sorted(modules)}  # fmt: skip


def _pickler(file: Any, request: dict[str, Any], modules: set[str]) -> Any:
    """Return a pickler that names what ships anyway and takes along what doesn't."""
    sys.path.append(request["cloudpickle"])
    try:
        import cloudpickle  # noqa: PLC0415  (found where the request says)
    finally:
        sys.path.remove(request["cloudpickle"])
    shipped = set(request["shipped"])

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            is_named = isinstance(obj, (type, types.FunctionType))
            owner = (obj if is_named else type(obj)).__module__ or ""
            if owner != "__main__":
                modules.add(owner)
            elif is_named and obj.__qualname__.split(".")[0] in shipped:
                return NotImplemented
            elif is_named:
                modules.add("cloudpickle")
            return super().reducer_override(obj)

    return Pickler(file, protocol=5)


def _type_of(value: Any) -> str:
    kind = type(value)
    is_known = kind.__module__ not in {"builtins", "__main__"}
    return f"{kind.__module__}.{kind.__qualname__}" if is_known else kind.__qualname__


def _ran(namespace: dict[str, Any]) -> list[str]:
    """Return the cells that this kernel ran, as they were typed, the newest last."""
    shell = namespace["get_ipython"]() if "get_ipython" in namespace else None
    history = getattr(shell, "history_manager", None)
    return [str(source) for source in getattr(history, "input_hist_raw", ())]
