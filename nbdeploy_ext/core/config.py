"""`nbdeploy.toml`, the engineer's file, read and checked; every fault names its line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from .errors import ConfigInvalid

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILENAME = "nbdeploy.toml"
_LAST_PORT = 65535
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class SecretRef(BaseModel):
    """`{ secret = "NAME" }`: a value that only the running service gets to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")


def _seconds(value: Any) -> Any:
    found = (
        re.fullmatch(rf"\s*{_NUMBER}\s*(ms|s|m|h|d)\s*", value) if isinstance(value, str) else None
    )
    if isinstance(value, str) and found is None:
        raise ValueError('is no duration; write "30s", "5m" or a number of seconds')
    return float(found[1]) * _SECONDS[found[2]] if found else value


def _bytes(value: Any) -> Any:
    pattern = rf"\s*{_NUMBER}\s*([bkmgt]?)(?:i?b)?\s*"
    found = re.fullmatch(pattern, value.lower()) if isinstance(value, str) else None
    if isinstance(value, str) and found is None:
        raise ValueError('is no size; write "512m" or "1g"')
    return int(float(found[1]) * _BYTES[found[2]]) if found else value


def _address(value: Any) -> Any:
    found = re.fullmatch(r"(?:.*:)?(\d{1,5})", str(value))
    if found is None or int(found[1]) > _LAST_PORT:
        raise ValueError('is no address; write "127.0.0.1:8001" or a port')
    return str(value)


def _index(value: Any) -> Any:
    if "://" not in str(value):
        raise ValueError("is no URL of a package index")
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Address = Annotated[str, BeforeValidator(_address)]
Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+:~=/*-]*$")]
Variable = Annotated[str, Field(pattern=r"^[^=\s\x00]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageSection(_Section):
    """`[image]`: what the image is made from."""

    base: str | None = None
    apt: tuple[Package, ...] = ()
    requirements: str | None = None
    index_url: Annotated[str, BeforeValidator(_index)] | None = None
    ca_bundle: str | None = None
    platform: Literal["linux/amd64", "linux/arm64"] | None = None
    include: tuple[str, ...] = ()


class ServiceSection(_Section):
    """`[service]`: how it runs; `memory` in bytes and `timeout` in seconds once read."""

    port: int = Field(default=8000, ge=1, le=_LAST_PORT)
    workers: int = Field(default=1, ge=1)
    memory: Bytes | None = None
    cpus: float | None = Field(default=None, gt=0)
    timeout: Seconds = 30.0
    auth: SecretRef | None = None
    batchable: tuple[str, ...] = ()


class CallsSection(_Section):
    """`[calls]`: what is kept of calls, and where."""

    keep: int = Field(default=10_000, ge=0)
    store: str | SecretRef = "sqlite"
    inputs: bool = True

    @field_validator("store")
    @classmethod
    def _is_known(cls, value: str | SecretRef) -> str | SecretRef:
        if isinstance(value, str) and value not in {"memory", "sqlite"}:
            # A database's URL holds a password, and this file is no place for one
            raise ValueError('is "memory", "sqlite", or a PostgreSQL URL as { secret = "NAME" }')
        return value


class MonitorsSection(_Section):
    """`[monitors]`: seconds between two runs of the monitor cells."""

    every: Seconds = 60.0


class AlertsSection(_Section):
    """`[alerts]`: Apprise URLs, and the seconds between two alerts of one monitor."""

    channels: tuple[str | SecretRef, ...] = ()
    cooldown: Seconds = 900.0

    @field_validator("channels")
    @classmethod
    def _are_urls(cls, value: tuple[str | SecretRef, ...]) -> tuple[str | SecretRef, ...]:
        if any(isinstance(channel, str) and "://" not in channel for channel in value):
            raise ValueError('has one that is no Apprise URL, such as "mailto://…"')
        return value


class DockerTargetSection(_Section):
    """`[target.docker]`: `publish` is `host:port` or a port, loopback where no host is said."""

    publish: Address | None = None


class TargetSection(_Section):
    """`[target]`: a table for each target."""

    docker: DockerTargetSection = Field(default_factory=DockerTargetSection)


class TestsSection(_Section):
    """`[tests]`: what the gate may do; `timeout` in seconds once read."""

    __test__ = False

    network: bool = False
    timeout: Seconds = 300.0


class Config(_Section):
    """The whole file; every section has defaults, so an absent file is an empty one."""

    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    endpoints: tuple[str, ...] | None = None
    image: ImageSection = Field(default_factory=ImageSection)
    service: ServiceSection = Field(default_factory=ServiceSection)
    parameters: dict[str, Any] = Field(default_factory=dict)
    env: dict[Variable, str | SecretRef] = Field(default_factory=dict)
    calls: CallsSection = Field(default_factory=CallsSection)
    monitors: MonitorsSection = Field(default_factory=MonitorsSection)
    alerts: AlertsSection = Field(default_factory=AlertsSection)
    target: TargetSection = Field(default_factory=TargetSection)
    tests: TestsSection = Field(default_factory=TestsSection)


def read_config(folder: Path) -> Config:
    """Read `nbdeploy.toml` in `folder`; an absent file gives the defaults, `ConfigInvalid`.

    `image.ca_bundle` is a whole path then.
    """
    path = folder / FILENAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Config()
    except OSError as fault:
        raise ConfigInvalid(
            f"{FILENAME} can't be read: {fault.strerror}.", hint="Check its permissions."
        ) from fault
    except UnicodeDecodeError as fault:
        raise ConfigInvalid(f"{FILENAME} is not UTF-8 text.", hint="Save it as UTF-8.") from fault
    config = parse_config(text)
    if config.image.ca_bundle is None:
        return config
    bundle = folder / Path(config.image.ca_bundle).expanduser()
    if not bundle.is_file():
        raise _invalid([_problem(("image", "ca_bundle"), "missing_file", "is no file", text)])
    placed = config.image.model_copy(update={"ca_bundle": str(bundle.absolute())})
    return config.model_copy(update={"image": placed})


def secret_names(config: Config) -> tuple[str, ...]:
    """Return every secret that the file names, each once."""
    settings = [
        config.service.auth, config.calls.store, *config.env.values(), *config.alerts.channels,
        *config.parameters.values(),
    ]  # fmt: skip
    found = [one.secret for one in settings if isinstance(one, SecretRef)]
    found += [one["secret"] for one in settings if isinstance(one, dict) and set(one) == {"secret"}]
    return tuple(dict.fromkeys(map(str, found)))


def parse_config(text: str) -> Config:
    """Check the text; `ConfigInvalid` has `details["problems"]`, each with its line."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigInvalid(f"{FILENAME}: {fault}.", hint="Mend the TOML syntax there.") from fault
    try:
        return Config.model_validate(raw)
    except ValidationError as fault:
        problems = [
            _problem(error["loc"], error["type"], error["msg"], text)
            for error in fault.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise _invalid(problems) from None  # the cause would carry the file's values


def _invalid(problems: list[dict[str, Any]]) -> ConfigInvalid:
    first = problems[0]
    return ConfigInvalid(
        f"{FILENAME}, line {first['line']}: {first['key']} {first['message']}.",
        hint="The reference of nbdeploy.toml lists every key.",
        problems=problems,
    )


_SAID = {
    "extra_forbidden": "is not a key of nbdeploy.toml",
    "tuple_type": "should be a list",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "string_pattern_mismatch": "is no name that can stand here",
    "auth": 'should be a secret, { secret = "NAME" }',
    "name": "should be of lower-case letters, digits and hyphens, 63 at most",
    "secret": "should be of letters, digits and underscores, as an environment variable is",
}
"""By the kind of fault, and by the last key where a text is not of its pattern."""


def _problem(loc: tuple[int | str, ...], kind: str, message: str, text: str) -> dict[str, Any]:
    keys = [str(part) for part in loc if part not in {"str", "SecretRef", "[key]"}]
    is_of_key = kind in {"string_pattern_mismatch", "model_type"}
    said = (is_of_key and _SAID.get(keys[-1])) or _SAID.get(kind)
    said = said or message.removeprefix("Value error, ").removeprefix("Input ")
    return {"key": ".".join(keys), "line": _line_of(keys, text), "message": said}


def _line_of(keys: list[str], text: str) -> int:
    """Return the line (from 1) where the deepest part of a dotted key that is there stands."""
    names = [key for key in keys if not key.isdigit()]
    table: list[str] = []
    best = (0, 1)
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        entry = re.match(r"\s*([\w.\-\"']+)\s*=", line)
        if header:
            table = [part.strip(" \"'") for part in header[1].split(".")]
        if not header and not entry:
            continue
        own = [part.strip("\"'") for part in entry[1].split(".")] if entry else []
        here = table + own
        depth = len(here) if here == names[: len(here)] else 0
        if depth > best[0]:
            best = (depth, number)
    return best[1]
