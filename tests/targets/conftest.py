"""Targets, and deployments that are gone when their test ends."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from nbdeploy_ext.core.errors import DeploymentNotFound
from nbdeploy_ext.targets.registry import open_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbdeploy_ext.core.deployment import Target


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest) -> Target:
    """Return each target in turn."""
    return open_target(request.param)


@pytest.fixture
def docker_target() -> Target:
    """Return the Docker target."""
    return open_target("docker")


@pytest.fixture
def name() -> Iterator[str]:
    """Return a deployment's name that nobody has; its versions go with the test."""
    chosen = f"test-{uuid.uuid4().hex[:8]}"
    yield chosen
    for target in map(open_target, ("process", "docker")):
        try:
            versions = target.deployment(chosen).versions
        except DeploymentNotFound:
            continue
        target.stop(chosen)
        for version in versions:
            if target.name == "docker":
                target._engine.remove_image(version.image)  # type: ignore[attr-defined]
