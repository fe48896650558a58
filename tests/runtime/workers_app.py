"""A service with worker processes, and what the tests of those ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import Running, wait_until, write_app

if TYPE_CHECKING:
    from pathlib import Path

CELLS = """\
import os, pathlib, threading, time
with open("loaded", "a") as file:
    file.write("x")

def who() -> int:
    return os.getpid()

def double(x: int) -> int:
    return 2 * x

def wait() -> int:
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return 7

def leave(status: int) -> None:
    os._exit(status)

def fall() -> None:
    import ctypes
    ctypes.string_at(0)

def fail() -> None:
    raise ValueError
"""
NAMES = ("who", "double", "wait", "leave", "fall", "fail")


def app(folder: Path, *more: tuple[str, str, str], cells: str = CELLS, **settings: Any) -> Path:
    names = settings.pop("names", NAMES)
    return write_app(
        folder, ("cells", "production", cells), *more, endpoints={name: [] for name in names},
        service=ServiceSettings(workers=settings.pop("workers", 2)), **settings,
    )  # fmt: skip


def url_of(running: Running) -> str:
    return f"http://127.0.0.1:{running.events[0]['port']}"


def post(running: Running, name: str, **arguments: Any) -> httpx.Response:
    """Ask on a connection of its own, so that any worker may take it."""
    return httpx.post(f"{url_of(running)}/{name}", json=arguments, trust_env=False, timeout=30)


def workers_of(running: Running, count: int = 2) -> set[int]:
    """Ask until all workers have answered."""
    found: set[int] = set()

    def ask() -> bool:
        found.add(post(running, "who").json())
        return len(found) >= count

    wait_until(ask)
    return found


def samples(running: Running) -> dict[str, float]:
    text = httpx.get(f"{url_of(running)}/metrics", trust_env=False).text
    families = text_string_to_metric_families(text)
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }
