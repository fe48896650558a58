"""A kernel to run code in: the notebook's own that is running, or a new one of the same kind."""

from __future__ import annotations

import asyncio
import queue
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from .errors import CellRaised, KernelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.kernelspec import KernelSpec

    from .notebook import Notebook
    from .progress import Progress

_LOOK_AGAIN = 0.2
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class KernelSession:
    """One connection to a kernel, on an event loop of its own."""

    def __init__(self, client: AsyncKernelClient, loop: asyncio.AbstractEventLoop) -> None:
        """Take a client whose channels run."""
        self._client = client
        self._loop = loop

    def execute(self, code: str, progress: Progress, *, cell: str = "") -> None:
        """Run code unseen by the kernel's history, and wait however long it takes.

        What it prints goes to the log. Raises `CellRaised`, `KernelUnavailable`, `Cancelled`.
        """
        content = self._loop.run_until_complete(self._execute(code, progress, silent=not cell))
        if content["status"] != "ok":
            raise _raised(content, cell)

    async def _execute(self, code: str, progress: Progress, *, silent: bool) -> dict[str, Any]:
        sent = self._client.execute(code, silent=silent, store_history=False, allow_stdin=False)
        while True:
            progress.check_cancelled()
            await self._pass_on(progress)
            try:
                reply = await self._client.get_shell_msg(timeout=_LOOK_AGAIN)
            except queue.Empty:
                if not await self._client.is_alive():
                    raise KernelUnavailable(
                        "The kernel died.", hint="It may have run out of memory; start it again."
                    ) from None
                continue
            if reply["parent_header"].get("msg_id") == sent:
                await self._pass_on(progress)
                return reply["content"]  # type: ignore[no-any-return]

    async def _pass_on(self, progress: Progress) -> None:
        while True:
            try:
                message = await self._client.get_iopub_msg(timeout=0)
            except queue.Empty:
                return
            if message["msg_type"] == "stream":
                for line in str(message["content"]["text"]).splitlines():
                    progress.log(line)


@contextmanager
def join_kernel(connection_file: Path) -> Iterator[KernelSession]:
    """Connect to a running kernel by its connection file."""
    with _own_loop() as loop:
        client = AsyncKernelClient(connection_file=str(connection_file))
        try:
            client.load_connection_file()
            client.start_channels()
            client.hb_channel.unpause()  # or nobody notices that it died
        except (OSError, ValueError) as fault:
            raise KernelUnavailable(
                "The notebook's kernel can't be reached.", hint="Start it again in JupyterLab."
            ) from fault
        try:
            yield KernelSession(client, loop)
        finally:
            client.stop_channels()


@contextmanager
def start_kernel(notebook: Notebook) -> Iterator[KernelSession]:
    """Start a kernel of the notebook's kind in its folder, and end it afterwards."""
    with _own_loop() as loop:
        manager = AsyncKernelManager(kernel_name=notebook.kernel or "python3")
        client = None
        try:
            starting = manager.start_kernel(
                cwd=str(notebook.folder), extra_arguments=_quiet(manager.kernel_spec)
            )
            loop.run_until_complete(starting)
            client = manager.client()
            client.start_channels()
            loop.run_until_complete(client.wait_for_ready(timeout=60))
        except Exception as fault:  # jupyter_client raises RuntimeError, OSError and its own
            loop.run_until_complete(manager.shutdown_kernel(now=True))
            raise KernelUnavailable(
                f"The notebook's kernel {notebook.kernel or 'python3'} does not start.",
                hint="Start it in JupyterLab to see why.",
            ) from fault
        try:
            yield KernelSession(client, loop)
        finally:
            client.stop_channels()
            loop.run_until_complete(manager.shutdown_kernel(now=True))


def _quiet(spec: KernelSpec | None) -> list[str]:
    # It warns of the very way in which it was started, in the midst of a deploy's progress
    return ["--log-level=ERROR"] if spec and "ipykernel_launcher" in spec.argv else []


@contextmanager
def _own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    try:
        yield loop
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _raised(content: dict[str, Any], cell: str) -> CellRaised:
    trace = [_ANSI.sub("", line) for line in content.get("traceback", ())]
    said = f"{content.get('ename', 'Error')}: {content.get('evalue', '')}"
    return CellRaised(
        f"Cell {cell} raised {said}" if cell else said,
        hint="Run the cell in JupyterLab, mend it, then deploy again.",
        cell=cell,
        log="\n".join(trace).splitlines()[-20:],
    )
