"""Whether a process that has loaded a notebook can be forked: what would not outlive that."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

_SAFE = ("jemalloc", "libuv", "Otel")  # they see to forks themselves
_DESCRIPTORS, _TASKS = Path("/proc/self/fd"), Path("/proc/self/task")
_MAPS = Path("/proc/self/maps")
_OF_LOOPS = ("uvloop", "asyncio.base_events", "asyncio.events", "asyncio.selector_events",
             "asyncio.unix_events")  # fmt: skip


def held_open() -> frozenset[tuple[int, str]]:
    """Return what this process holds that two must not share: connections, devices, files.

    Each is the number of a descriptor, and what that is of.
    """
    found = set()
    with suppress(OSError):  # no Linux: nothing is known
        mapped = {
            line.split(maxsplit=5)[5] for line in _MAPS.read_text().splitlines() if "/" in line
        }
        for descriptor in _DESCRIPTORS.iterdir():
            with suppress(OSError):
                number, target = int(descriptor.name), str(descriptor.readlink())
                if _is_of_one(number, target, is_mapped=target in mapped):
                    found.add((number, target))
    return frozenset(found)


def _is_of_one(descriptor: int, target: str, *, is_mapped: bool) -> bool:
    """Say whether two processes that use a descriptor would get into each other's way."""
    if target.startswith(("socket:", "/dev/nvidia", "anon_inode:[eventpoll]")):
        return True
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    reads_only = flags & os.O_ACCMODE == os.O_RDONLY
    if target.startswith("pipe:"):  # what another program says; written is less than a pipe holds
        return reads_only
    if flags & os.O_APPEND or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    # A file has one place where it is read, for all processes that it was opened for, and locks
    # of one. What is mapped into memory is read there; without a name it is for being shared
    return not (is_mapped and (reads_only or target.endswith("(deleted)")))


def unshared(loop: asyncio.AbstractEventLoop, before: frozenset[tuple[int, str]]) -> str:
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
    opened = {target for _, target in held_open() - before}
    files = sorted(Path(target).name for target in opened if target.startswith("/"))
    if len(files) < len(opened):
        return "connections are open"
    if files:
        return f"files are open ({', '.join(files)})"
    bound = _bound(loop)
    return f"objects belong to the event loop ({', '.join(bound)})" if bound else ""


def _bound(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return what would go on with a loop that no worker runs: sessions, locks, by their types."""
    gc.collect()
    names = set()
    for holder in gc.get_referrers(loop):
        kind = type(holder)
        is_done = isinstance(holder, asyncio.Future) and holder.done()
        # Frames and contexts are those of this start; a dictionary is some object's or module's
        is_ours = kind.__module__ == "builtins" and kind is not dict
        if not (is_done or is_ours or kind.__module__.startswith(_OF_LOOPS)):
            named = [str(k) for k, v in holder.items() if v is loop] if kind is dict else []
            names.update(named or [kind.__name__])
    return sorted(names)


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
