"""Packages whose own module runs when something first wants a name of it, their parts at once."""

from __future__ import annotations

import importlib.util
import sys
import threading
from typing import Any

CORE = ("PydanticCustomError", "PydanticSerializationError", "SchemaSerializer", "SchemaValidator",
        "ValidationError", "from_json", "to_jsonable_python")  # fmt: skip
"""What the runtime has of pydantic's core, which its package has from one module."""


def defer(package: str, **parts: str) -> None:
    """Let parts of a package be imported without what its `__init__` imports beside them.

    The package is run when a name is asked for that is no part of it, by a notebook, say. `parts`
    are names that it has from a part of its own each, which get along with that part alone.
    Nothing happens where it is imported already, or not there.
    """
    spec = importlib.util.find_spec(package) if package not in sys.modules else None
    if spec is None or spec.loader is None:
        return
    loader = spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    lock = threading.RLock()
    running: list[str] = []

    def find(name: str) -> Any:  # PEP 562
        if name in parts:
            return getattr(importlib.import_module(f"{package}.{parts[name]}"), name)
        run(name)
        try:
            return module.__dict__[name]
        except KeyError:
            said = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(said, name=name, obj=module) from None

    def run(name: str) -> None:
        with lock:  # other threads wait; what runs may ask for names of its own
            if not running and module.__dict__.get("__getattr__") is find:
                running.append(name)
                try:
                    loader.exec_module(module)
                finally:
                    running.clear()
                if module.__dict__.get("__getattr__") is find:
                    del module.__getattr__

    module.__getattr__ = find
    sys.modules[package] = module
