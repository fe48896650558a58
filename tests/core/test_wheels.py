"""What no index has ships as a wheel: of folders, files and repositories."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.config import ImageSection
from nbdeploy_ext.core.errors import DeployRefused
from nbdeploy_ext.core.kernels import probe_kernel
from nbdeploy_ext.core.layers import library_layers
from nbdeploy_ext.core.pins import plan_pins
from nbdeploy_ext.core.pipeline import analyse, bundle_notebook
from nbdeploy_ext.core.progress import Silent
from nbdeploy_ext.core.wheel_files import NoWheel
from nbdeploy_ext.core.wheels import local_closure, make_wheel, why_no_wheel
from tests.kernels import HATCHLING, install, make_environment, write_kernel, write_project
from tests.notebooks import write_notebook
from tests.progress import Listening

if TYPE_CHECKING:
    from pathlib import Path

    from nbdeploy_ext.core.kernels import KernelEnvironment
    from nbdeploy_ext.core.requirements import Wheel

PLATFORM = "linux/amd64"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install one project in each way, into an environment in the same folder."""
    root = tmp_path_factory.mktemp("projects")
    python = make_environment(root / "venv")
    data = '[tool.setuptools.package-data]\nflat_pkg = ["*.json"]\n'
    files = {"flat_pkg/__init__.py": "X = 1\n", "flat_pkg/table.json": "[1]", "tests/test_x.py": ""}
    flat = write_project(root / "flat", "flat-dist", files, needs=("base-dist",), more=data)
    src = write_project(
        root / "src-layout", "src-dist",
        {"src/src_pkg/__init__.py": "", "src/src_pkg/deep/mod.py": "Y = 2\n"}, backend=HATCHLING,
        more='[tool.hatch.build.targets.wheel]\npackages = ["src/src_pkg"]\n',
    )  # fmt: skip
    base = write_project(root / "base", "base-dist", {"base_pkg.py": "BASE = 3\n"})
    spaces = [
        write_project(
            root / name, f"shared-{name}", {f"shared/{name}/__init__.py": f"N = '{name}'"}
        )
        for name in ("one", "two")
    ]
    built = write_project(root / "built", "built-dist", {"built_pkg.py": "B = 4\n"})
    repository = write_project(root / "repository", "git-dist", {"git_pkg.py": "G = 5\n"})
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    install(python, str(base), *map(str, spaces), str(built), f"git+file://{repository}")
    install(python, "-e", str(flat), "-e", str(src), "--no-deps")
    shutil.rmtree(built)
    return root


@pytest.fixture
def kernel(projects: Path) -> KernelEnvironment:
    return probe_kernel(str(projects / "venv" / "bin" / "python"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make(name: str, kernel: KernelEnvironment) -> Wheel:
    return make_wheel(name, kernel, PLATFORM, ImageSection(), Silent())


def content(wheel: Wheel) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel.path).namelist() if ".dist-info/" not in name}


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("flat_pkg", "flat-dist"),
        ("src_pkg.deep.mod", "src-dist"),
        ("base_pkg", "base-dist"),
        ("shared.one", "shared-one"),
        ("shared.two", "shared-two"),
        ("git_pkg", "git-dist"),
    ],
)
def test_what_a_module_belongs_to_is_known_however_it_was_installed(
    module: str, distribution: str, kernel: KernelEnvironment
) -> None:
    assert kernel.owners(module) == (distribution,)
    assert distribution in kernel.local


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("flat-dist", {"flat_pkg/__init__.py", "flat_pkg/table.json"}),
        ("src-dist", {"src_pkg/__init__.py", "src_pkg/deep/mod.py"}),
        ("base-dist", {"base_pkg.py"}),
        ("shared-one", {"shared/one/__init__.py"}),
        ("built-dist", {"built_pkg.py"}),
        ("git-dist", {"git_pkg.py"}),
    ],
)
def test_a_wheel_has_the_same_bytes_each_time_and_what_the_kernel_imports(
    name: str, files: set[str], kernel: KernelEnvironment
) -> None:
    wheel = make(name, kernel)
    assert content(wheel) == files
    assert hashlib.sha256(wheel.path.read_bytes()).hexdigest() == wheel.sha256
    shutil.rmtree(wheel.path.parents[1])
    assert make(name, kernel).sha256 == wheel.sha256


def test_an_editable_one_is_built_anew_when_its_source_changes_and_leaves_no_trace(
    kernel: KernelEnvironment, projects: Path
) -> None:
    before = {path for path in projects.glob("flat/*") if path.suffix != ".egg-info"}
    first = make("flat-dist", kernel)
    assert make("flat-dist", kernel) == first
    assert {path for path in projects.glob("flat/*") if path.suffix != ".egg-info"} == before
    module = projects / "flat" / "flat_pkg" / "__init__.py"
    text = module.read_text()
    try:
        module.write_text("X = 2_000\n")
        second = make("flat-dist", kernel)
    finally:
        module.write_text(text)
    assert second.sha256 != first.sha256
    assert zipfile.ZipFile(second.path).read("flat_pkg/__init__.py") == b"X = 2_000\n"


def test_a_project_that_does_not_build_is_packed_as_the_kernel_imports_it(
    tmp_path: Path,
) -> None:
    files = {"odd_pkg/__init__.py": "", "odd_pkg/data.txt": "1"}
    project = write_project(tmp_path / "odd", "odd-dist", files)
    python = make_environment(tmp_path / "venv")
    install(python, "-e", str(project), "--config-setting", "editable_mode=compat")
    broken = (project / "pyproject.toml").read_text().replace("build_meta", "no_such_backend")
    (project / "pyproject.toml").write_text(broken)
    kernel = probe_kernel(str(python))
    assert kernel.owners("odd_pkg") == ("odd-dist",)
    wheel = make("odd-dist", kernel)
    assert content(wheel) == {"odd_pkg/__init__.py", "odd_pkg/data.txt"}
    target = tmp_path / "target"
    install(python, "--target", str(target), "--no-deps", str(wheel.path))
    assert (target / "odd_pkg" / "data.txt").read_text() == "1"
    shutil.rmtree(project)
    with pytest.raises(NoWheel, match="is gone"):
        make("odd-dist", kernel)


def test_what_a_local_distribution_requires_of_this_machine_comes_along(
    kernel: KernelEnvironment,
) -> None:
    assert local_closure(["flat-dist"], kernel) == ("base-dist", "flat-dist")
    assert local_closure(["src-dist"], kernel) == ("src-dist",)


def test_paths_of_this_machine_become_wheels_or_versions(
    kernel: KernelEnvironment, projects: Path
) -> None:
    asked = [
        "six==1.17.0", "src-dist @ file:///nowhere/src_dist.whl", f"-e {projects}/flat",
        "./base", "git+https://example.org/x.git#egg=git-dist",
    ]  # fmt: skip
    lines, wheels = plan_pins(asked, kernel, projects)
    assert lines == ("six==1.17.0",)
    assert wheels == ("base-dist", "flat-dist", "git-dist", "src-dist")
    here = probe_kernel(str(projects / "venv" / "bin" / "python"))
    conda = {**here.versions, "numpy": "1.26.4"}
    told = type(here)(**{**vars(here), "versions": conda})
    lines, wheels = plan_pins(["numpy @ file:///croot/numpy_1/work"], told, projects)
    assert (lines, wheels) == (("numpy==1.26.4",), ())


def test_condas_own_builds_are_pinned_by_version(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "venv")
    project = write_project(tmp_path / "c", "conda-dist", {"conda_pkg.py": ""})
    install(python, str(project))
    (about,) = (tmp_path / "venv").rglob("conda_dist-1.0.dist-info")
    link = {"url": "file:///home/conda/feedstock_root/work", "dir_info": {}}
    (about / "direct_url.json").write_text(json.dumps(link))
    (about / "INSTALLER").write_text("conda\n")
    kernel = probe_kernel(str(python))
    assert kernel.owners("conda_pkg") == ("conda-dist",)
    assert not kernel.local


def test_a_wheel_for_another_machine_or_without_its_list_of_files_is_refused_with_the_reason(
    kernel: KernelEnvironment, projects: Path
) -> None:
    local = kernel.local["base-dist"]
    mac = type(local)(**{**vars(local), "tags": ("cp311-cp311-macosx_11_0_arm64",)})
    assert why_no_wheel(mac, PLATFORM) is not None
    assert "macosx_11_0_arm64" in str(why_no_wheel(mac, PLATFORM))
    bare = type(local)(**{**vars(local), "record": False})
    assert "RECORD" in str(why_no_wheel(bare, PLATFORM))
    assert why_no_wheel(local, PLATFORM) is None


def test_what_is_installed_later_is_seen(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "venv")
    assert probe_kernel(str(python)).owners("late_pkg") == ()
    install(python, str(write_project(tmp_path / "late", "late-dist", {"late_pkg.py": ""})))
    assert probe_kernel(str(python)).owners("late_pkg") == ("late-dist",)


def test_a_bundle_has_the_wheels_its_cells_import_and_a_layer_of_their_own(
    projects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kernel(tmp_path / "jupyter", "local", projects / "venv" / "bin" / "python")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    source = "import flat_pkg\nimport shared.two\ndef f() -> int:\n    return flat_pkg.X"
    path = write_notebook(tmp_path, ("f", "production", source), kernel="local")
    assert analyse(path).diagnostics == ()
    said = Listening()
    bundle = bundle_notebook(path, said)
    names = [wheel.distribution for wheel in bundle.lock.wheels]
    assert names == ["base-dist", "flat-dist", "shared-two"]
    lock = bundle.files["requirements.lock"].decode()
    bundle.write(tmp_path / "bundle")
    for wheel in bundle.lock.wheels:
        assert f"./wheels/{wheel.filename} --hash=sha256:{wheel.sha256}\n" in lock
        assert (tmp_path / "bundle" / "wheels" / wheel.filename).read_bytes()
    assert str(tmp_path) not in lock
    assert "ADD layers/wheels.tar /" in bundle.files["Dockerfile"].decode()
    layers = library_layers(bundle.lock, said, ImageSection())
    assert list(layers) == ["requirements.tar", "wheels.tar"]
    text = layers["wheels.tar"].path.read_bytes()
    assert b"shared/two/__init__.py" in text
    assert b"shared/one" not in text
    assert str(tmp_path).encode() not in text


def test_a_distribution_that_can_not_be_packed_stops_the_deploy_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = make_environment(tmp_path / "venv")
    project = write_project(tmp_path / "gone", "gone-dist", {"gone_pkg.py": "A = 1"})
    install(python, "-e", str(project))
    write_kernel(tmp_path / "jupyter", "gone", python)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    source = "x = 1\nimport gone_pkg\ndef f() -> int:\n    return 1"
    path = write_notebook(tmp_path, ("f", "production", source), kernel="gone")
    assert analyse(path).deployable
    (project / "pyproject.toml").write_text("[project\n")
    (project / "gone_pkg.py").rename(project / "other.py")
    with pytest.raises(DeployRefused) as refused:
        bundle_notebook(path, Silent())
    (fault,) = refused.value.details["diagnostics"]
    assert (fault["code"], fault["cell"]) == ("NBD402", "f")
