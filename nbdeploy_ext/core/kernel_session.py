"""A kernel to run code in: the notebook's own that is running, or a new one of the same kind."""

from __future__ import annotations

import queue
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .errors import CellRaised, KernelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .notebook import Notebook
    from .progress import Progress

_LOOK_AGAIN = 0.2
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class KernelSession:
    """One connection to a kernel."""

    def __init__(self, client: BlockingKernelClient) -> None:
        """Take a client whose channels run."""
        self._client = client

    def execute(self, code: str, progress: Progress, *, cell: str = "") -> None:
        """Run code unseen by the kernel's history, and wait however long it takes.

        What it prints goes to the log. Raises `CellRaised`, `KernelUnavailable`, `Cancelled`.
        """
        sent = self._client.execute(code, silent=not cell, store_history=False, allow_stdin=False)
        while True:
            progress.check_cancelled()
            self._pass_on(progress)
            try:
                reply = self._client.get_shell_msg(timeout=_LOOK_AGAIN)
            except queue.Empty:
                if not self._client.is_alive():
                    raise KernelUnavailable(
                        "The kernel died.", hint="It may have run out of memory; start it again."
                    ) from None
                continue
            if reply["parent_header"].get("msg_id") == sent:
                break
        self._pass_on(progress)
        content = reply["content"]
        if content["status"] != "ok":
            raise _raised(content, cell)

    def _pass_on(self, progress: Progress) -> None:
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=0)
            except queue.Empty:
                return
            if message["msg_type"] == "stream":
                for line in str(message["content"]["text"]).splitlines():
                    progress.log(line)


@contextmanager
def join_kernel(connection_file: Path) -> Iterator[KernelSession]:
    """Connect to a running kernel by its connection file."""
    client = BlockingKernelClient(connection_file=str(connection_file))
    try:
        client.load_connection_file()
        client.start_channels()
        client.hb_channel.unpause()  # or nobody notices that it died
    except (OSError, ValueError) as fault:
        raise KernelUnavailable(
            "The notebook's kernel can't be reached.", hint="Start it again in JupyterLab."
        ) from fault
    try:
        yield KernelSession(client)
    finally:
        client.stop_channels()


@contextmanager
def start_kernel(notebook: Notebook) -> Iterator[KernelSession]:
    """Start a kernel of the notebook's kind in its folder, and end it afterwards."""
    manager = KernelManager(kernel_name=notebook.kernel or "python3")
    try:
        manager.start_kernel(cwd=str(notebook.folder))
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
    except Exception as fault:  # jupyter_client raises RuntimeError, OSError and its own
        manager.shutdown_kernel(now=True)
        raise KernelUnavailable(
            f"The notebook's kernel {notebook.kernel or 'python3'} does not start.",
            hint="Start it in JupyterLab to see why.",
        ) from fault
    try:
        yield KernelSession(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _raised(content: dict[str, Any], cell: str) -> CellRaised:
    trace = [_ANSI.sub("", line) for line in content.get("traceback", ())]
    said = f"{content.get('ename', 'Error')}: {content.get('evalue', '')}"
    return CellRaised(
        f"Cell {cell} raised {said}" if cell else said,
        hint="Run the cell in JupyterLab, mend it, then deploy again.",
        cell=cell,
        log="\n".join(trace).splitlines()[-20:],
    )
