"""Wheels made on the spot, in a folder that uv is told to install from, with no network."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from typing import TYPE_CHECKING

from nbdeploy_ext.core.requirements import Lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


def write_wheel(folder: Path, files: Mapping[str, str], *, tag: str = "py3-none-any") -> str:
    """Write the wheel `small` 1.0 with these files; return its line of a requirements file."""
    folder.mkdir(exist_ok=True)
    path = folder / f"small-1.0-{tag}.whl"
    about = {
        "small-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        "small-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        "small-1.0.dist-info/entry_points.txt": "[console_scripts]\nsmall = small:main\n",
    }
    everything = {**files, **about}
    record = "".join(f"{name},{_sha256(text)},\n" for name, text in everything.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in everything.items():
            wheel.writestr(name, text)
        wheel.writestr("small-1.0.dist-info/RECORD", record + "small-1.0.dist-info/RECORD,,\n")
    return f"small==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def lock_of(text: str) -> Lock:
    """Return a lock of these requirements for the interpreter that runs the tests."""
    return Lock(MINOR, "linux/amd64", text, text, sys.executable)


def _sha256(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
