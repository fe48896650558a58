"""The bundle's Dockerfile: any builder makes the image from it, with no network but for apt."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARY = "/opt/nbdeploy/lib"
RUNTIME = "/opt/nbdeploy/runtime"
TOOLS = "/opt/nbdeploy/tools"
USER = "10001:10001"
ENTRYPOINT = ("python3", "-m", "nbdeploy_runtime")
COMMAND = ("serve",)
ENVIRONMENT: Mapping[str, str] = {
    "PYTHONPATH": f"{RUNTIME}:{LIBRARY}",
    "PYTHONDONTWRITEBYTECODE": "1",
    # A notebook may be called types.ipynb: its header must not hide Python's own module
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    # The user has none, and all but /tmp is read-only: libraries keep their caches there
    "HOME": "/tmp",  # noqa: S108  (of the container)
}
DOCKERIGNORE = "Dockerfile\n.dockerignore\n"
UNCOMPILED = (
    "/(test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data|(site|dist)-packages)/"
)
"""What no service imports of the folder that is Python's own library."""
_COMPILE = "python3 -m compileall -q --invalidation-mode unchecked-hash"
_OWN = "$(python3 -c 'import sysconfig; print(sysconfig.get_path(\"stdlib\"))')"


def render_dockerfile(  # noqa: PLR0913  (each is one instruction)
    *,
    name: str,
    base: str,
    apt: tuple[str, ...],
    labels: Mapping[str, str],
    port: int,
    has_files: bool,
    values: tuple[str, ...] = (),
    has_wheels: bool = False,
) -> str:
    """Return the Dockerfile: base, system packages, requirements, notebook, in that order.

    The layers that change least come first, so that an edited cell rebuilds only the last ones.
    """
    said = " ".join(f"{key}={_quoted(value)}" for key, value in sorted(labels.items()))
    notebook = [_path(f"{name}.ipynb"), _path(f"{name}.py"), "manifest.json"]
    # Python never fails the build over a module that it can't compile: whoever imports it does
    beside = [_copy(["files/"], "/app/"), f"RUN {_COMPILE} /app || true"] if has_files else []
    lines = [
        f"FROM {base}",
        *([render_apt(apt)] if apt else []),
        "ENV " + " ".join(f"{key}={value}" for key, value in ENVIRONMENT.items()),
        # Official images have none for Python itself: each start would compile what it imports
        f"RUN {_COMPILE} -x '{UNCOMPILED}' {_OWN} || true",
        "ADD layers/requirements.tar /",
        *(["ADD layers/wheels.tar /"] if has_wheels else []),
        "WORKDIR /app",
        f"EXPOSE {port}",
        f"ENTRYPOINT {json.dumps(ENTRYPOINT)}",
        f"CMD {json.dumps(COMMAND)}",
        _copy(["nbdeploy_runtime"], f"{RUNTIME}/nbdeploy_runtime"),
        f"RUN {_COMPILE} {RUNTIME}",
        # A layer each: an edited cell or another value must not move a large one again
        *(_copy([f"values/{sha256}"], f"/app/values/{sha256}") for sha256 in values),
        *beside,
        f"USER {USER}",
        _copy(notebook, "/app/"),
        f"LABEL {said}",
    ]
    return "\n".join(lines) + "\n"


def render_apt(packages: Sequence[str]) -> str:
    """Return the instruction that installs Debian packages and leaves no package lists behind."""
    install = "apt-get update && apt-get install -y --no-install-recommends"
    return f"RUN {install} {' '.join(packages)} && rm -rf /var/lib/apt/lists/*"


def _copy(sources: Sequence[str], place: str) -> str:
    return f"COPY {json.dumps([*sources, place], ensure_ascii=False)}"


def _path(name: str) -> str:
    """Return a file name as COPY reads it: no wildcard, no variable, no quote."""
    literal = re.sub(r"[\[*?]", r"[\g<0>]", name)
    return re.sub(r"[\\$'\"]", r"\\\g<0>", literal)


def _quoted(value: str) -> str:
    """Return a label's value in quotes, in which a builder replaces variables all the same."""
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$")


def render_gate_dockerfile(image: str) -> str:
    """Return the Dockerfile of the gate's image: the service's image and the test tools."""
    path = f"ENV PYTHONPATH={RUNTIME}:{LIBRARY}:{TOOLS}"
    return f"FROM {image}\nADD layers/tools.tar /\n{path}\n"
