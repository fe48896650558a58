"""A batch as a process of this machine, which ends with whoever waits for it."""

from __future__ import annotations

import queue
import subprocess
import threading
from typing import TYPE_CHECKING

from .batch_events import follow_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from ..core.batch import BatchRequest, BatchResult, BatchWatch
    from .docker_container import Line, Name

_STOP_WITHIN = 20


def run_process_batch(  # noqa: PLR0913  (what to run, in what, for what)
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    *,
    request: BatchRequest,
    secrets: Mapping[str, str],
    watch: BatchWatch,
) -> BatchResult:
    """Run a command that speaks as a batch does. Raises what `follow_batch` raises."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
    ) as process:  # fmt: skip
        try:
            return follow_batch(_lines(process), request, secrets, watch)
        except BaseException:
            # Told to stop, it notes how far it is; a terminal may have told it already
            process.terminate()
            process.wait(_STOP_WITHIN)
            raise


def _lines(process: subprocess.Popen[str]) -> Iterator[Line]:
    """Yield what it says on both streams as it comes."""
    said: queue.SimpleQueue[Line | None] = queue.SimpleQueue()

    def read(name: Name, stream: IO[str] | None) -> None:
        for line in stream or ():
            said.put((name, line.rstrip("\n")))
        said.put(None)

    threading.Thread(target=read, args=("stdout", process.stdout), daemon=True).start()
    threading.Thread(target=read, args=("stderr", process.stderr), daemon=True).start()
    for _ in range(2):
        while (line := said.get()) is not None:
            yield line
