"""Finding the kernel that runs for a notebook, from outside of the Jupyter server."""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir


def find_connection_file(notebook: Path) -> Path | None:
    """Return the connection file of the notebook's kernel on a Jupyter server of this user."""
    for described in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        server = json.loads(described.read_bytes())
        for session in _sessions(server):
            place = Path(server["root_dir"]) / str(session["path"]).split(":", 1)[-1]
            file = described.parent / f"kernel-{session['kernel']['id']}.json"
            if place.resolve() == notebook.resolve() and file.exists():
                return file
    return None


def _sessions(server: dict[str, str]) -> list[dict[str, dict[str, str]]]:
    import httpx  # noqa: PLC0415  (a fifth of a second, and only `--values live` needs it)

    headers = {"Authorization": f"token {server['token']}"}
    try:
        answer = httpx.get(
            f"{server['url']}api/sessions", headers=headers, timeout=5, trust_env=False
        )
        return answer.json() if answer.is_success else []
    except (httpx.HTTPError, ValueError):  # a server that is gone leaves its file behind
        return []
