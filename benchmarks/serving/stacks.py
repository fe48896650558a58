"""The stacks that are compared: how each is installed, started and asked for each work."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import platformdirs

from benchmarks.serving.load import Post

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PEERS = HERE / "peers"
ENVIRONMENTS = Path(platformdirs.user_cache_dir("nbdeploy-benchmarks"))

_numbers = random.Random(0)  # noqa: S311  (bodies, no secrets)
ROW = [round(_numbers.uniform(-1, 1), 6) for _ in range(20)]
VALUES = [_numbers.uniform(-1000, 1000) for _ in range(1000)]
FRAME = [{f"c{column}": _numbers.uniform(-1000, 1000) for column in range(20)} for _ in range(1000)]
AMOUNT = {"amount": 1234.5, "country": "fr"}


def plain(work: str) -> Post:
    """Return what most stacks take: the arguments as a JSON object."""
    bodies: dict[str, dict[str, object]] = {
        "predict": AMOUNT,
        "classify": {"rows": [ROW]},
        "classify_joined": {"rows": [ROW]},
        "scale": {"values": VALUES},
        "enrich": {"frame": FRAME},
    }
    return Post(f"/{work}", json.dumps(bodies[work]).encode())


def mlflow_post(work: str) -> Post:
    """Return MLflow's own form of the same."""
    body = {
        "predict": {"dataframe_records": [AMOUNT]},
        "classify": {"inputs": [ROW]},
        "scale": {"inputs": VALUES},
    }[work]
    return Post("/invocations", json.dumps(body).encode())


def arrow_post(work: str) -> Post:
    """Return the frame as an Arrow stream, to be answered by one."""
    import pandas as pd  # noqa: PLC0415  (one stack alone needs it)
    import pyarrow as pa  # noqa: PLC0415  (the same)

    table = pa.Table.from_pandas(pd.DataFrame(FRAME))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    kind = "application/vnd.apache.arrow.stream"
    return Post(f"/{work}", sink.getvalue().to_pybytes(), kind, kind)


@dataclass(frozen=True)
class Stack:
    """One way to serve the work.

    `command` makes the arguments for a work and a port, beginning with a program of the stack's
    own environment; `packages` are installed there.
    """

    name: str
    works: tuple[str, ...]
    command: Callable[[str, int], list[str]]
    packages: tuple[str, ...] = ()
    post: Callable[[str], Post] = plain
    probe: str = "/predict"
    env: tuple[tuple[str, str], ...] = ()
    is_ours: bool = False
    beside: tuple[str, ...] = ()
    """Works that it does beside stacks that batch them, to show what batching is good for."""

    @property
    def home(self) -> Path:
        """Return the folder of its environment's programs."""
        return Path(sys.executable).parent if self.is_ours else self._folder / "bin"

    @property
    def _folder(self) -> Path:
        return ENVIRONMENTS / self.name.split()[0].lower()

    def install(self) -> None:
        """Make the stack's environment, once."""
        if self.is_ours or (self.home / "python").exists():
            return
        subprocess.run(["uv", "venv", "-q", "-p", sys.executable, self._folder], check=True)
        python = str(self.home / "python")
        subprocess.run(["uv", "pip", "install", "-q", "-p", python, *self.packages], check=True)

    def version(self) -> str:
        """Return the versions of its first packages."""
        if self.is_ours:
            return "this checkout"
        names = [p.split("[")[0] for p in self.packages[:2]]
        code = f"import importlib.metadata as m; print(*(n + ' ' + m.version(n) for n in {names}))"
        python = str(self.home / "python")
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def start(self, work: str, port: int, log: Path) -> subprocess.Popen[bytes]:
        """Start it and return its process, in a group of its own."""
        program, *arguments = self.command(work, port)
        env = {**os.environ, **dict(self.env), "PATH": f"{self.home}:{os.environ['PATH']}"}
        if not self.is_ours:
            env.pop("PYTHONPATH", None)
            env["PYTHONPATH"] = str(PEERS)
        found = self.home / program
        with log.open("wb") as output:
            return subprocess.Popen(
                [str(found if found.exists() else program), *arguments], cwd=PEERS, env=env,
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def answer(self, work: str, port: int) -> httpx.Response:
        """Ask once."""
        post = self.post(work)
        headers = {"content-type": post.content_type, "accept": post.accept}
        return httpx.post(
            f"http://127.0.0.1:{port}{post.path}", content=post.body, headers=headers, timeout=30,
            trust_env=False,
        )  # fmt: skip


def _fastapi(_: str, port: int) -> list[str]:
    return ["uvicorn", "fastapi_app:app", "--port", str(port), "--no-access-log",
            "--loop", "uvloop", "--http", "httptools", "--log-level", "warning"]  # fmt: skip


def _ours(_: str, port: int) -> list[str]:
    notebook = str(HERE / "notebook" / "work.ipynb")
    return ["python", "-m", "nbdeploy_ext", "run", notebook, "--port", str(port)]


def _two_workers(_: str, port: int) -> list[str]:
    """Return the same with `service.workers = 2`: as many processes as the peers that batch have.

    The setting is in a copy: it is the notebook's own file that holds it.
    """
    folder = ENVIRONMENTS / "two-workers"
    shutil.copytree(HERE / "notebook", folder, dirs_exist_ok=True)
    settings = folder / "nbdeploy.toml"
    said = settings.read_text(encoding="utf-8")
    settings.write_text(said.replace("[service]\n", "[service]\nworkers = 2\n"), encoding="utf-8")
    return ["python", "-m", "nbdeploy_ext", "run", str(folder / "work.ipynb"), "--port", str(port)]


def _bentoml(_: str, port: int) -> list[str]:
    return ["bentoml", "serve", "bentoml_app:Work", "--port", str(port), "--host", "127.0.0.1"]


def _litserve(work: str, port: int) -> list[str]:
    return ["python", "litserve_app.py", work, str(port)]


def _mlflow(work: str, port: int) -> list[str]:
    folder = ENVIRONMENTS / "models" / work
    script = (
        f"rm -rf {folder} && python mlflow_model.py {work} {folder} && exec mlflow models serve "
        f"-m {folder} --env-manager local --host 127.0.0.1 --port {port} --workers 1"
    )
    return ["bash", "-c", script]


def _gateway(_: str, port: int) -> list[str]:
    return ["jupyter-kernelgateway", "--KernelGatewayApp.api=kernel_gateway.notebook_http",
            f"--KernelGatewayApp.seed_uri={PEERS / 'gateway.ipynb'}",
            f"--KernelGatewayApp.port={port}", "--KernelGatewayApp.ip=127.0.0.1",
            "--KernelGatewayApp.log_level=ERROR"]  # fmt: skip


SCIENCE = ("numpy", "scikit-learn")
THREE = ("predict", "classify", "scale")
STACKS = (
    Stack("nbdeploy", (*THREE, "classify_joined", "enrich"), _ours, is_ours=True),
    Stack("nbdeploy-2", ("classify_joined",), _two_workers, is_ours=True),
    Stack("nbdeploy-Arrow", ("enrich",), _ours, post=arrow_post, is_ours=True),
    Stack("nbdeploy-alone", (), _ours, is_ours=True, beside=("classify",)),
    Stack("FastAPI", (*THREE, "enrich"), _fastapi,
          ("fastapi", "uvicorn[standard]", *SCIENCE, "pandas"),
          beside=("classify",)),
    Stack("BentoML", (*THREE, "classify_joined"), _bentoml, ("bentoml", *SCIENCE),
          env=(("BENTOML_DO_NOT_TRACK", "True"),)),
    Stack("LitServe", (*THREE, "classify_joined"), _litserve, ("litserve", *SCIENCE)),
    Stack("MLflow", THREE, _mlflow, ("mlflow", *SCIENCE), mlflow_post),
    Stack("Gateway", ("predict",), _gateway, ("jupyter_kernel_gateway", "ipykernel")),
)  # fmt: skip


def require_wrk() -> None:
    """Raise where the load generator is missing."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: install it (on Debian: sudo apt-get install wrk)")
