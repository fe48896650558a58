"""Images on the real engine: what is in them, what is made again, what their containers may do."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import docker
import httpx
import pytest
from click.testing import CliRunner

from nbdeploy_ext.cli.main import main
from nbdeploy_ext.core.errors import BaseImageMissing, BaseImageUnfit, StartFailed
from nbdeploy_ext.core.layers import library_layers
from nbdeploy_ext.core.pipeline import build_notebook, bundle_notebook, deploy_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.targets import docker_image
from nbdeploy_ext.targets.docker_engine import Engine
from tests.notebooks import LOAN, write_notebook
from tests.progress import Listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target

pytestmark = pytest.mark.docker
GOOD = {"applicant": {"income": 100.0, "debt": 10.0}}


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    made = docker.from_env()
    yield made
    made.close()


def ask(url: str) -> httpx.Response:
    """Call the service once it answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            return httpx.post(f"{url}/decide", json=GOOD)
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


def run_image(client: docker.DockerClient, image: str) -> tuple[httpx.Response, str]:
    """Run an image as anybody would, and return its answer and what it says it is made of."""
    container = client.containers.run(
        image, detach=True, ports={"8000/tcp": ("127.0.0.1", 0)}, read_only=True
    )
    try:
        container.reload()
        bound = container.ports["8000/tcp"] or []
        url = f"http://127.0.0.1:{bound[0]['HostPort']}"
        return ask(url), httpx.get(f"{url}/version").json()["notebook_sha256"]
    finally:
        container.remove(force=True)


def test_docker_build_on_an_exported_bundle_answers_the_same(
    tmp_path: Path, docker_target: Target, name: str, client: docker.DockerClient
) -> None:
    path = write_notebook(tmp_path, *LOAN)
    result = deploy_notebook(path, docker_target, Silent(), name=name)
    done = CliRunner().invoke(main, ["export", str(path), str(tmp_path / "bundle"), "--json"])
    assert done.exit_code == 0, done.stderr
    tag = f"nbdeploy-test/{name}"
    subprocess.run(["docker", "build", "-q", "-t", tag, str(tmp_path / "bundle")], check=True)
    try:
        answer, sha256 = run_image(client, tag)
    finally:
        client.images.remove(tag, force=True)
    live = httpx.post(f"{result.deployment.url}/decide", json=GOOD)
    assert (answer.status_code, answer.content) == (live.status_code, live.content)
    assert sha256 == httpx.get(f"{result.deployment.url}/version").json()["notebook_sha256"]


def test_the_same_notebook_is_the_same_image_and_an_edited_cell_one_small_layer(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    path = write_notebook(tmp_path, *LOAN)
    _, first = build_notebook(path, docker_target, Silent(), name=name)
    said = Listening()
    _, again = build_notebook(path, docker_target, said, name=name)
    assert again.digest == first.digest
    assert any("Nothing changed" in line for line in said.lines)
    edited = Listening()
    cells = [*LOAN[:2], (*LOAN[2][:2], LOAN[2][2].replace("0.5", "0.4"))]
    _, other = build_notebook(write_notebook(tmp_path, *cells), docker_target, edited, name=name)
    assert other.digest != first.digest
    (loaded,) = [line for line in edited.lines if "Loading" in line]
    assert "of notebook and runtime" in loaded
    engine = Engine()
    layers = [engine.foundation(image.digest).layers for image in (first, other)]
    assert layers[0][:-1] == layers[1][:-1]
    for image in (first, other):
        engine.remove_image(image.reference)


def test_an_engine_that_refuses_our_layers_builds_the_dockerfile(
    tmp_path: Path, name: str, client: docker.DockerClient
) -> None:
    bundle = bundle_notebook(write_notebook(tmp_path, *LOAN), Silent(), name=name)
    layers = library_layers(bundle.lock, Silent(), bundle.config.image)
    image = docker_image._build(Engine(), bundle, layers, Silent())
    try:
        assert run_image(client, image.reference)[0].json() is True
    finally:
        client.images.remove(image.reference, force=True)


def test_a_container_can_write_nowhere_and_has_no_rights(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    (tmp_path / "nbdeploy.toml").write_text('[service]\nmemory = "200m"\ncpus = 1\n')
    source = """\
import os, pathlib
def probe(place: str) -> str:
    try:
        pathlib.Path(place, "x").expanduser().write_text("x")
    except OSError as error:
        return error.strerror
    return "written"
def rights() -> dict:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {"uid": os.getuid(), **{k: found[k].strip() for k in ("CapEff", "CapBnd", "NoNewPrivs")}}
"""
    path = write_notebook(tmp_path, ("probe", "production", source))
    url = deploy_notebook(path, docker_target, Silent(), name=name).deployment.url

    def probe(place: str) -> str:
        return str(httpx.post(f"{url}/probe", json={"place": place}).json())

    assert {probe(place) for place in ("/tmp", "~")} == {"written"}
    assert {probe(place) for place in ("/app", "/", "/opt")} == {"Read-only file system"}
    none = "0000000000000000"
    rights = httpx.post(f"{url}/rights", json={}).json()
    assert rights == {"uid": 10001, "CapEff": none, "CapBnd": none, "NoNewPrivs": "1"}
    (container,) = docker.from_env().containers.list(filters={"name": f"nbdeploy-{name}-v1"})
    limits = container.attrs["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (200 * 2**20, 10**9, 256)


def test_a_version_that_runs_out_of_memory_says_so(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    (tmp_path / "nbdeploy.toml").write_text('[service]\nmemory = "150m"\n')
    source = "import os\nif os.environ.get('NBDEPLOY_VERSION'):\n    big = bytearray(10**9)"
    path = write_notebook(tmp_path, *LOAN[:3], ("big", "production", source))
    with pytest.raises(StartFailed, match="ran out of memory") as failed:
        deploy_notebook(path, docker_target, Silent(), name=name)
    assert "[service] memory" in failed.value.hint


def test_a_base_image_without_the_kernels_python_is_refused(
    tmp_path: Path, docker_target: Target, name: str, client: docker.DockerClient
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("etc"))
    empty = f"nbdeploy-test/{name}-empty:1"
    client.api.import_image_from_data(packed.getvalue(), *empty.split(":"))
    try:
        path = write_notebook(tmp_path, *LOAN)
        (tmp_path / "nbdeploy.toml").write_text(f'[image]\nbase = "{empty}"\n')
        with pytest.raises(BaseImageUnfit, match="no python3"):
            build_notebook(path, docker_target, Silent(), name=name)
        (tmp_path / "nbdeploy.toml").write_text('[image]\nbase = "nbdeploy-test/nowhere:1"\n')
        with pytest.raises(BaseImageMissing, match="nowhere") as missing:
            build_notebook(path, docker_target, Silent(), name=name)
        assert "docker load" in missing.value.hint
    finally:
        client.images.remove(empty)


def test_old_versions_go_with_what_only_they_were_made_of(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    for limit in ("0.5", "0.4", "0.3"):
        cells = [*LOAN[:2], (*LOAN[2][:2], LOAN[2][2].replace("0.5", limit))]
        deploy_notebook(write_notebook(tmp_path, *cells), docker_target, Silent(), name=name)
    gone = docker_target.prune(1)
    assert {f"nbdeploy/{name}:1", f"nbdeploy/{name}:2"} <= set(gone)
    left = docker_target.deployment(name)
    assert [v.version for v in left.versions] == [3]
    assert ask(left.url).json() is True


def test_the_standard_library_has_byte_code_though_the_base_image_has_none(
    tmp_path: Path, docker_target: Target, name: str, client: docker.DockerClient
) -> None:
    # As official images are; Debian's packages bring theirs along
    bare, path = _on_a_base_without("*.pyc", name, tmp_path, client)
    bundle = bundle_notebook(path, Silent(), name=name)
    layers = library_layers(bundle.lock, Silent(), bundle.config.image)
    images = [build_notebook(path, docker_target, Silent(), name=name)[1].reference]
    try:
        images.append(docker_image._build(Engine(), bundle, layers, Silent()).reference)
        for image in images:
            assert _without_byte_code(client, image) == ""
        _, again = build_notebook(path, docker_target, Silent(), name=name)
        assert again.reference == images[0]
    finally:
        for image in [*images, bare]:
            client.images.remove(image, force=True)


def test_a_base_image_whose_library_can_not_be_compiled_is_no_reason_not_to_deploy(
    tmp_path: Path, docker_target: Target, name: str, client: docker.DockerClient
) -> None:
    odd, path = _on_a_base_without("compileall.py", name, tmp_path, client)
    said = Listening()
    image = build_notebook(path, docker_target, said, name=name)[1].reference
    try:
        assert "The base image's library can't be compiled (status 1)." in said.lines
    finally:
        client.images.remove(image, force=True)
        client.images.remove(odd, force=True)


def _on_a_base_without(
    files: str, name: str, folder: Path, client: docker.DockerClient
) -> tuple[str, Path]:
    """Return a base image that lacks some of Python's files, and a notebook that wants it."""
    base = f"nbdeploy-test/{name}:1"
    python = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    drop = f"FROM {python}\nRUN find /usr -name '{files}' -delete\n"
    client.images.build(fileobj=io.BytesIO(drop.encode()), tag=base, rm=True)
    (folder / "nbdeploy.toml").write_text(f'[image]\nbase = "{base}"\n')
    return base, write_notebook(folder, *LOAN)


def _without_byte_code(client: docker.DockerClient, image: str) -> str:
    """Return what a start of the service has to compile, or checks against its source."""
    program = """\
import nbdeploy_runtime.__main__, pathlib, sys
for name, module in sys.modules.items():
    cached = pathlib.Path(getattr(module, "__cached__", None) or sys.executable)
    if not cached.exists() or cached.suffix == ".pyc" and cached.read_bytes()[4] != 1:
        print(name)
"""
    output = client.containers.run(
        image, ["-c", program], entrypoint=["python3"], remove=True, read_only=True
    )
    return output.decode().strip()
