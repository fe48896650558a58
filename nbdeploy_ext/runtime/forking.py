"""Whether a process that has loaded a notebook can be forked: what would not outlive that."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path

_SAFE = ("jemalloc", "libuv", "Otel")  # they see to forks themselves
_DESCRIPTORS, _TASKS = Path("/proc/self/fd"), Path("/proc/self/task")


def held_open() -> frozenset[str]:
    """Return what this process holds that two processes must not share: connections, devices."""
    found = set()
    with suppress(OSError):  # no Linux: nothing is known
        for descriptor in _DESCRIPTORS.iterdir():
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith(("socket:", "/dev/nvidia", "anon_inode:[eventpoll]")):
                    found.add(f"{descriptor.name} {target}")
    return frozenset(found)


def unshared(loop: asyncio.AbstractEventLoop, before: frozenset[str]) -> str:
    """Return what keeps a loaded notebook from being shared by forked processes, or nothing.

    `before` is what was held open before it was loaded.
    """
    running = set(threading.enumerate()) - {threading.main_thread()}
    threads = [thread.name for thread in running if not thread.name.startswith(_SAFE)]
    if threads:
        return f"threads run ({', '.join(sorted(threads))})"
    natives = _native_threads()
    if natives:
        return f"threads of a library run ({', '.join(natives)})"
    if asyncio.all_tasks(loop):
        return "tasks run on the event loop"
    if held_open() - before:
        return "connections are open"
    return ""


def _native_threads() -> list[str]:
    """Return the names of native threads that were given one: pools of Rust, gRPC, CUDA.

    The nameless ones of linear algebra and OpenMP are made anew where they are needed.
    """
    names = set()
    with suppress(OSError):
        own = (_TASKS / str(os.getpid()) / "comm").read_text()
        for task in _TASKS.iterdir():
            with suppress(OSError):
                names.add((task / "comm").read_text())
        names.discard(own)
    return sorted(name.strip() for name in names if not name.startswith(_SAFE))
