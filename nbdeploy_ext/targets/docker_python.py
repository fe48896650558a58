"""The base image's own Python: its version, and byte code for its library where it has none."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from ..core.dockerfile import UNCOMPILED
from ..core.errors import BuildFailed, EngineFailed
from ..core.layers import keep_layer
from ..core.tars import pack_files
from .docker_engine import PART

if TYPE_CHECKING:
    from ..core.layered_image import Foundation
    from ..core.layers import Layer
    from ..core.progress import Progress
    from .docker_engine import Engine

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_MADE = "/tmp/nbdeploy-library.tar"  # noqa: S108  (in a container that nobody else is in)
# A layer says who may enter the folders on the way: only where everybody may already
_COMPILE = f"""
import compileall, pathlib, py_compile, re, sysconfig, tarfile
library = pathlib.Path(sysconfig.get_path("stdlib")).resolve()
stamps = lambda: {{(str(file), file.stat().st_mtime_ns) for file in library.rglob("*.pyc")}}
had = stamps()
if all(folder.stat().st_mode & 0o5 == 0o5 for folder in library.parents):
    compileall.compile_dir(
        library, quiet=2, rx=re.compile({UNCOMPILED!r}),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
with tarfile.open({_MADE!r}, "w") as tar:
    for file, _ in sorted(stamps() - had):
        tar.add(file)
"""
_LOOK_AGAIN = 0.1


def python_of(engine: Engine, base: Foundation) -> str:
    """Ask the base image once for its Python's minor version, `3.11` say."""
    kept = Path(platformdirs.user_cache_dir("nbdeploy")) / "bases" / _chain(base)
    if not kept.exists():
        container = engine.create(
            base.reference, ["-c", _VERSION], entrypoint=["python3"], network_mode="none",
            labels={PART: "probe"},
        )  # fmt: skip
        try:
            output = container.output()  # before it starts, to miss nothing
            container.start()
            said = [line[1] for line in output.lines(1) if line]
        except EngineFailed:  # there is no python3 at all
            said = []
        finally:
            container.remove()
        if not said:
            return ""
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(said[0], encoding="ascii")
    return kept.read_text(encoding="ascii")


def python_layer(engine: Engine, system: Foundation, progress: Progress) -> Layer | None:
    """Return the byte code that `system`'s standard library lacks, compiled by its own Python.

    Official images have none: each start would compile what it imports, for half a second. It is
    made once for each `system`, and None where nothing lacks, or where it can't be compiled: that
    costs time at each start, but is no reason not to deploy.
    """

    def make(tar: Path) -> None:
        files = _compiled(engine, system, progress)
        tar.write_bytes(pack_files(files) if files else b"")

    try:
        layer = keep_layer(json.dumps([_COMPILE, _chain(system)]), make)
    except BuildFailed as fault:
        for line in (fault.message, *fault.details["log"], "Each start compiles what it imports."):
            progress.log(line)
        return None
    return layer if layer.size else None


def _compiled(engine: Engine, system: Foundation, progress: Progress) -> dict[str, bytes]:
    progress.log("Compiling the base image's standard library where it has no byte code")
    # Python itself writes nothing for what the program imports: it would be there already then
    environment = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    container = engine.create(
        system.reference, ["-c", _COMPILE], entrypoint=["python3"], user="0", network_mode="none",
        environment=environment, labels={PART: "probe"},
    )  # fmt: skip
    try:
        output = container.output()
        container.start()
        said = []
        for line in output.lines(_LOOK_AGAIN):
            progress.check_cancelled()
            said += [line[1]] if line else []
        if status := container.state().exit_code:
            told = f"The base image's library can't be compiled (status {status})."
            raise BuildFailed(told, log=said[-20:])
        with tarfile.open(fileobj=io.BytesIO(container.get(_MADE))) as packed:
            found = {member.name: packed.extractfile(member) for member in packed}
            return {path: content.read() for path, content in found.items() if content}
    finally:
        container.remove()


def _chain(image: Foundation) -> str:
    return hashlib.sha256("".join(image.layers).encode()).hexdigest()
