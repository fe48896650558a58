"""The bundle's Dockerfile: any builder makes the image from it, with no network but for apt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = "/opt/nbdeploy/lib"
RUNTIME = "/opt/nbdeploy/runtime"
TOOLS = "/opt/nbdeploy/tools"
USER = "10001:10001"
DOCKERIGNORE = "Dockerfile\n.dockerignore\n"


def render_dockerfile(  # noqa: PLR0913  (each is one instruction)
    *,
    name: str,
    base: str,
    apt: tuple[str, ...],
    labels: Mapping[str, str],
    port: int,
    has_files: bool,
) -> str:
    """Return the Dockerfile: base, system packages, requirements, notebook, in that order.

    The layers that change least come first, so that an edited cell rebuilds only the last ones.
    """
    said = " ".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
    install = "apt-get update && apt-get install -y --no-install-recommends"
    clean = "rm -rf /var/lib/apt/lists/*"
    system = [f"RUN {install} {' '.join(apt)} && {clean}"] if apt else []
    lines = [
        f"FROM {base}",
        *system,
        "ADD layers/requirements.tar /",
        f"ENV PYTHONPATH={RUNTIME}:{LIBRARY} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        "WORKDIR /app",
        f"EXPOSE {port}",
        f"USER {USER}",
        'ENTRYPOINT ["python3", "-m", "nbdeploy_runtime"]',
        'CMD ["serve"]',
        f"COPY nbdeploy_runtime {RUNTIME}/nbdeploy_runtime",
        *(["COPY files/ /app/"] if has_files else []),
        f"COPY {name}.ipynb {name}.py manifest.json /app/",
        f"LABEL {said}",
    ]
    return "\n".join(lines) + "\n"


def render_gate_dockerfile(image: str) -> str:
    """Return the Dockerfile of the gate's image: the service's image and the test tools."""
    path = f"ENV PYTHONPATH={RUNTIME}:{LIBRARY}:{TOOLS}"
    return f"FROM {image}\nADD layers/tools.tar /\n{path}\n"
