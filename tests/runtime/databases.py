"""A real PostgreSQL server on loopback, which can be stopped and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret-password"


def programs() -> Path:
    """Return the folder of the server's programs, as scripts/setup-postgres finds it."""
    script = Path(__file__).parents[2] / "scripts" / "setup-postgres"
    found = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    return Path(found.strip())


@dataclass
class Server:
    """One server, owned by a user who is not root: it refuses to run as root."""

    folder: Path
    port: int
    bin: Path
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql://writer:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.bin / program, *arguments], check=True, user=self.user, cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k '' -F"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "rows"), "-w", "-o", options, "-l", log, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "rows"), "-w", "-m", "immediate", "stop")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()


@contextmanager
def postgres() -> Iterator[Server]:
    """Give a running server with one user, and a password."""
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="nbdeploy-postgres-"))
    (folder / "password").write_text(PASSWORD)
    if user is not None:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(folder, port, programs(), user)
    server.run(
        "initdb", "-D", str(folder / "rows"), "-U", "writer", "-A", "scram-sha-256",
        f"--pwfile={folder / 'password'}", "--no-sync",
    )  # fmt: skip
    server.start()
    try:
        yield server
    finally:
        if (folder / "rows" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)
