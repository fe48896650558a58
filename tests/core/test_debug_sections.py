"""Debugging sections: gone from libraries that have them, and everything still loads."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pydantic_core
import pytest
import uvloop

from nbdeploy_ext.core.debug_sections import strip_folder, stripped

LIBRARY = next(Path(uvloop.__file__).parent.glob("loop.*.so"))
USE = "import uvloop, asyncio; print(uvloop.__file__, uvloop.run(asyncio.sleep(0, 42)))"


@pytest.fixture
def folder(tmp_path):
    site = Path(uvloop.__file__).parents[1]
    for name in ("uvloop", next(site.glob("uvloop-*.dist-info")).name):
        shutil.copytree(site / name, tmp_path / name)
    return tmp_path


def test_a_library_is_smaller_and_works(folder) -> None:
    library = folder / "uvloop" / LIBRARY.name
    before = library.stat().st_size
    strip_folder(folder)
    assert library.stat().st_size < before / 2
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=folder, env={"PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(folder / "uvloop" / "__init__.py"), "42"]


def test_the_record_tells_the_truth_after_it(folder) -> None:
    strip_folder(folder)
    record = next(folder.glob("*.dist-info/RECORD")).read_text()
    line = next(line for line in record.splitlines() if LIBRARY.name in line)
    name, digest, size = line.split(",")
    content = (folder / name).read_bytes()
    assert int(size) == len(content)
    expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert digest == f"sha256={expected}"


def test_stripping_twice_is_stripping_once() -> None:
    once = stripped(LIBRARY.read_bytes())
    assert stripped(once) == once


def test_what_has_no_debugging_sections_stays_as_it_is() -> None:
    library = next(Path(pydantic_core.__file__).parent.glob("*.so")).read_bytes()
    assert stripped(library) == library


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 2_000_000])
def test_what_is_no_library_stays_as_it_is(content) -> None:
    assert stripped(content) == content
