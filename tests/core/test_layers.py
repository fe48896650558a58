"""Layers made of real wheels by the real uv."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.bundle import Bundle
from nbdeploy_ext.core.commands import follow_command
from nbdeploy_ext.core.config import Config, ImageSection
from nbdeploy_ext.core.errors import Cancelled, DeployFailed, RequirementsUnresolvable
from nbdeploy_ext.core.layers import Layer, code_layer, requirements_layer, tools_layer
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.requirements import Lock
from nbdeploy_ext.runtime.manifest import Manifest
from tests.core.wheels import MINOR, lock_of, write_wheel

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "small/__init__.py": "NAMES = {'a', 'b', 'c', 'd'}\ndef main():\n    return 7\n",
    "small/deep/er.py": "x = 1\n",
    "small/deep/__init__.py": "",
    "small/tests/test_small.py": "def test_small():\n    assert True\n",
}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "test" / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_NO_INDEX", "1")


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return lock_of(write_wheel(tmp_path / "wheels", FILES))


def make(lock: Lock) -> Layer:
    return requirements_layer(lock, Silent(), ImageSection())


def members(layer: Layer) -> dict[str, bytes]:
    with tarfile.open(layer.path) as tar:
        return {m.name: (tar.extractfile(m) or io.BytesIO()).read() for m in tar}


class Watched(Silent):
    def __init__(self, cancel_after: str = "") -> None:
        self.lines: list[str] = []
        self.cancelled = threading.Event()
        self._word = cancel_after

    def log(self, line: str) -> None:
        self.lines.append(line)
        if self._word and self._word in line:
            self.cancelled.set()

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled("Enough.")


def test_the_same_lock_gives_the_same_bytes_on_another_day(
    lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = make(lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    second = make(lock)
    assert second.path != first.path
    assert second.digest == first.digest
    assert second.path.read_bytes() == first.path.read_bytes()
    assert first.digest == f"sha256:{hashlib.sha256(first.path.read_bytes()).hexdigest()}"


def test_a_kept_layer_is_answered_without_installing(lock: Lock):
    first = make(lock)
    watched = Watched()
    assert requirements_layer(lock, watched, ImageSection()) == first
    assert watched.lines == []


def test_everything_stands_once_below_its_prefix_and_belongs_to_root(lock: Lock):
    with tarfile.open(make(lock).path) as tar:
        entries = tar.getmembers()
    names = [e.name for e in entries]
    assert len(names) == len(set(names))
    assert names[:3] == ["opt", "opt/nbdeploy", "opt/nbdeploy/lib"]
    assert all(n.startswith("opt/nbdeploy/lib/") for n in names[3:])
    assert {(e.uid, e.gid, e.mtime, e.uname) for e in entries} == {(0, 0, 0, "")}


def test_the_gates_tools_stand_apart_from_the_library(lock: Lock):
    layer = tools_layer(lock, Silent(), ImageSection())
    assert "opt/nbdeploy/tools/small/__init__.py" in members(layer)


def test_byte_code_ships_unchecked_and_not_for_tests(lock: Lock):
    # The cache of these tests lies below a folder named `test`, which is no reason to skip it
    found = members(make(lock))
    compiled = {name: code for name, code in found.items() if name.endswith(".pyc")}
    tag = MINOR.replace(".", "")
    assert f"opt/nbdeploy/lib/small/deep/__pycache__/er.cpython-{tag}.pyc" in compiled
    assert not any("/tests/" in name for name in compiled)
    assert "opt/nbdeploy/lib/small/tests/test_small.py" in found
    assert {code[4:8] for code in compiled.values()} == {b"\x01\0\0\0"}  # PEP 552: unchecked


def test_byte_code_names_the_module_where_it_will_stand(lock: Lock):
    tag = MINOR.replace(".", "")
    code = members(make(lock))[f"opt/nbdeploy/lib/small/__pycache__/__init__.cpython-{tag}.pyc"]
    assert b"/opt/nbdeploy/lib/small/__init__.py" in code


def test_nothing_of_this_machine_gets_into_a_layer(lock: Lock, tmp_path: Path):
    found = members(make(lock))
    assert not any(name.startswith("opt/nbdeploy/lib/bin") for name in found)
    assert not any(name.endswith("/.lock") for name in found)
    for content in found.values():
        assert sys.executable.encode() not in content
        assert str(tmp_path).encode() not in content
    assert b"bin/small" not in found["opt/nbdeploy/lib/small-1.0.dist-info/RECORD"]


def test_two_at_once_make_the_same_layer_and_do_each_other_no_harm(lock: Lock):
    with ThreadPoolExecutor(3) as pool:
        layers = list(pool.map(make, [lock] * 3))
    assert len({layer.digest for layer in layers}) == 1
    kept = sorted(p.suffix for p in layers[0].path.parent.iterdir())
    assert kept == [".digest", ".tar"]


def test_a_package_without_a_wheel_is_named(tmp_path: Path):
    line = write_wheel(tmp_path / "wheels", FILES, tag="cp311-cp311-win_amd64")
    with pytest.raises(RequirementsUnresolvable) as raised:
        make(lock_of(line))
    assert "small==1.0 has no wheel" in raised.value.message
    assert "linux/amd64" in raised.value.message
    assert raised.value.details["log"]


def test_a_wheel_whose_content_changed_is_refused(lock: Lock, tmp_path: Path):
    write_wheel(tmp_path / "wheels", {**FILES, "small/__init__.py": "evil = True\n"})
    with pytest.raises(RequirementsUnresolvable) as raised:
        make(lock)
    assert any("hash" in line.lower() for line in raised.value.details["log"])


def test_an_interpreter_that_can_not_compile_stops_the_deploy(lock: Lock):
    broken = Lock(lock.python, lock.platform, lock.text, lock.tools_text, "/bin/false")
    with pytest.raises(DeployFailed, match="byte code"):
        make(broken)


def test_cancelling_ends_the_program_and_its_children(tmp_path: Path):
    marker = tmp_path / "still here"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(marker)!r}).touch()"
    program = (
        "import subprocess, sys, time; "
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); "
        "print('started', file=sys.stderr, flush=True); time.sleep(60)"
    )
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        follow_command([sys.executable, "-c", program], {}, Watched(cancel_after="started"))
    assert time.monotonic() - begin < 10
    time.sleep(2)
    assert not marker.exists()


def test_a_cancelled_layer_leaves_nothing_behind(lock: Lock):
    with pytest.raises(Cancelled):
        requirements_layer(lock, Watched(cancel_after="Compiling"), ImageSection())
    layer = make(lock)
    assert sorted(p.suffix for p in layer.path.parent.iterdir()) == [".digest", ".tar"]


def bundle(lock: Lock, **files: bytes) -> Bundle:
    everything = {
        "loan.ipynb": b"{}",
        "loan.py": b"x = {'a', 'b'}\n",
        "manifest.json": b"{}",
        "requirements.lock": b"",
        "Dockerfile": b"FROM scratch",
        ".dockerignore": b"",
        "nbdeploy_runtime/__init__.py": b"",
        "nbdeploy_runtime/docs.html": b"<p>",
        "files/shop/prices.py": b"def price():\n    return 1 / 0\n",
        "files/broken.py": b"def (",
        **files,
    }
    manifest = Manifest("loan", "loan.ipynb", "0" * 64, (), ())
    return Bundle("loan", everything, manifest, lock, Config(), {})


def test_the_code_layer_holds_the_app_and_the_runtime_with_byte_code(lock: Lock, tmp_path: Path):
    content = code_layer(bundle(lock))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = set(tar.getnames())
        tar.extractall(tmp_path, filter="data")
    tag = f"cpython-{MINOR.replace('.', '')}"
    assert {"app/loan.ipynb", "app/manifest.json", "app/shop/prices.py", "app/broken.py"} <= names
    assert f"app/shop/__pycache__/prices.{tag}.pyc" in names
    assert f"opt/nbdeploy/runtime/nbdeploy_runtime/__pycache__/__init__.{tag}.pyc" in names
    assert not {"app/Dockerfile", "app/requirements.lock"} & names
    # Python takes the byte code without a look at the source
    (tmp_path / "app/shop/prices.py").write_text("def price():\n    return 2\n")
    done = subprocess.run(
        [sys.executable, "-c", "import shop.prices; shop.prices.price()"],
        cwd=tmp_path / "app", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ZeroDivisionError" in done.stderr


def test_the_same_bundle_gives_the_same_code_layer(
    lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = code_layer(bundle(lock))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    assert code_layer(bundle(lock)) == first
    assert code_layer(bundle(lock, **{"loan.ipynb": b"[]"})) != first
