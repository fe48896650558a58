"""A secret in an output is in no layer of the image, and not in its configuration."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import docker
import pytest

from nbdeploy_ext.core.pipeline import build_notebook
from nbdeploy_ext.core.progress import Silent
from tests.leaky import FORMS, write_leaky

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbdeploy_ext.core.deployment import Target


@pytest.mark.docker
def test_no_secret_of_an_output_is_in_the_image(
    tmp_path: Path, docker_target: Target, name: str
) -> None:
    _, image = build_notebook(write_leaky(tmp_path), docker_target, Silent(), name=name)
    client = docker.from_env()
    try:
        saved = b"".join(client.images.get(image.reference).save())
        seen = dict(files(saved))
    finally:
        client.images.remove(image.reference, force=True)
        client.close()
    assert any(path.endswith("loan.ipynb") for path in seen)
    for path, content in seen.items():
        assert not any(form in content for form in FORMS), path


def files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a saved image, and of the layers in it that are ours or small."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            opened = tar.extractfile(entry) if entry.isfile() else None
            content = opened.read() if opened else b""
            yield entry.name, content
            if content[257:262] == b"ustar":
                yield from files(content)
