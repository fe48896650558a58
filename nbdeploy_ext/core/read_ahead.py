"""Reading what may be silent for long, without being stuck in it."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")


def read_ahead(items: Iterable[Item], wait: float) -> Iterator[Item | None]:
    """Yield items as a thread reads them, and None whenever none came for `wait` seconds.

    What reading raises is raised here. The thread starts with the first item asked for and ends
    with the items: whoever gives up closes where they come from.
    """
    read: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(items, read), name="nbdeploy-read", daemon=True).start()
    while True:
        try:
            found = read.get(timeout=wait)
        except queue.Empty:
            yield None
            continue
        if found is None:
            return
        if isinstance(found, BaseException):
            raise found
        yield found[0]


def _read(
    items: Iterable[Item], read: queue.SimpleQueue[tuple[Item] | BaseException | None]
) -> None:
    try:
        for item in items:
            read.put((item,))
    except BaseException as fault:  # noqa: BLE001  raised where the items are used
        read.put(fault)
    else:
        read.put(None)
