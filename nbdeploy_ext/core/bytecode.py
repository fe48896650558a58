"""Byte code that ships: a read-only image never gets to write its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import platformdirs

from .commands import follow_command
from .errors import DeployFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .progress import Progress
    from .requirements import Lock

# Tests are no service's imports, and their byte code takes longer than all the rest
_FOLDER = (
    "import compileall, py_compile, re, sys; folder, root = sys.argv[1:]; "
    "compileall.compile_dir(folder, quiet=2, workers=0, stripdir=folder, prependdir=root, "
    "rx=re.compile(re.escape(folder) + '/(.*/)?tests?/'), "
    "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
)
_SOURCES = """
import base64, importlib.util, json, marshal, sys
found = {}
for path, text in json.load(sys.stdin).items():
    source = base64.b64decode(text)
    try:
        code = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        continue
    unchecked = (1).to_bytes(4, "little")
    head = importlib.util.MAGIC_NUMBER + unchecked + importlib.util.source_hash(source)
    found[path] = base64.b64encode(head + code).decode()
json.dump(found, sys.stdout)
"""


def compile_folder(lock: Lock, folder: Path, root: str, progress: Progress) -> None:
    """Compile all modules in `folder`, which will stand at `root`; test folders are left out.

    The byte code is never checked against its source (PEP 552), and same source gives same bytes.
    """
    command = [lock.python_executable, "-c", _FOLDER, str(folder), root]
    status, lines = follow_command(command, _environment(), progress)
    if status:
        raise _broken(lock, lines)


def compile_sources(lock: Lock, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the byte code files for modules given by their path in the image, by path.

    What does not compile is left out: whoever imports it gets the message. Each module is
    compiled once and kept by its content.
    """
    kept = {path: _cache() / f"{_key(lock, path, text)}.pyc" for path, text in sources.items()}
    new = {path: sources[path] for path, file in kept.items() if not file.exists()}
    if new:
        for path, content in _compile(lock, new).items():
            staged = kept[path].with_suffix(f".{os.getpid()}")
            staged.write_bytes(content)
            staged.replace(kept[path])
    tag = f"cpython-{lock.python.replace('.', '')}"
    return {
        str(PurePosixPath(path).parent / "__pycache__" / f"{PurePosixPath(path).stem}.{tag}.pyc"):
        file.read_bytes() for path, file in kept.items() if file.exists()
    }  # fmt: skip


def _compile(lock: Lock, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    done = subprocess.run(
        [lock.python_executable, "-S", "-c", _SOURCES], env=_environment(), capture_output=True,
        input=json.dumps({p: base64.b64encode(s).decode() for p, s in sources.items()}),
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise _broken(lock, done.stderr.splitlines())
    return {path: base64.b64decode(code) for path, code in json.loads(done.stdout).items()}


def _broken(lock: Lock, lines: list[str]) -> DeployFailed:
    return DeployFailed(
        f"The kernel's interpreter {lock.python_executable} can't compile byte code.",
        hint="The last lines of the log say why.",
        log=lines[-20:],
    )


def _environment() -> dict[str, str]:
    # The seed orders sets within byte code; the others would move or change it
    elsewhere = {"PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE"}
    own = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return {**own, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def _key(lock: Lock, path: str, source: bytes) -> str:
    head = f"{lock.python}\0{lock.python_executable}\0{path}\0".encode()
    return hashlib.sha256(head + source).hexdigest()


def _cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("nbdeploy")) / "bytecode"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
