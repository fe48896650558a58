"""`nbdeploy.toml`, the engineer's file, read and checked."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Setting = Any


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageSection(_Section):
    """`[image]`: what the image is made from."""

    base: str | None = None
    apt: tuple[str, ...] = ()
    requirements: str | None = None
    index_url: str | None = None
    ca_bundle: str | None = None
    platform: str | None = None
    include: tuple[str, ...] = ()


class ServiceSection(_Section):
    """`[service]`: how it runs; `memory` in bytes and `timeout` in seconds once read."""

    port: int = 8000
    workers: int = 1
    memory: int | None = None
    cpus: float | None = None
    timeout: float = 30.0
    auth: Setting = None


class DockerTargetSection(_Section):
    """`[target.docker]`."""

    publish: str | None = None


class TargetSection(_Section):
    """`[target]`: a table for each target."""

    docker: DockerTargetSection = Field(default_factory=DockerTargetSection)


class TestsSection(_Section):
    """`[tests]`: what the gate may do; `timeout` in seconds once read."""

    __test__ = False

    network: bool = False
    timeout: float = 300.0


class Config(_Section):
    """The whole file; every section has defaults, so an absent file is an empty one."""

    name: str | None = None
    endpoints: tuple[str, ...] | None = None
    image: ImageSection = Field(default_factory=ImageSection)
    service: ServiceSection = Field(default_factory=ServiceSection)
    target: TargetSection = Field(default_factory=TargetSection)
    tests: TestsSection = Field(default_factory=TestsSection)
