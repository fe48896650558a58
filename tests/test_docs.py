"""The reference names everything that there is, and nothing that there is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from nbdeploy_ext.cli.main import exit_status, main
from nbdeploy_ext.core.config import Config
from nbdeploy_ext.core.diagnostics import CODES
from nbdeploy_ext.core.errors import NbdeployError
from nbdeploy_ext.server.base import status_of
from nbdeploy_ext.server.extension import ROUTES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `([^`]+)`(?:, `([^`]+)`)* \|(.*)$", re.MULTILINE)
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def rows(page: str) -> dict[str, str]:
    """Return the tables' rows whose first cell is code: that code and the rest of the row."""
    return {found[1]: found[3] for found in ROW.finditer((DOCS / page).read_text())}


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= keys_of(kind, f"{key}.")
        else:
            keys.add(key)
    return keys


def error_classes(base: type[NbdeployError] = NbdeployError) -> set[type[NbdeployError]]:
    return {base}.union(*(error_classes(child) for child in base.__subclasses__()))


def test_every_key_of_the_engineers_file_is_documented():
    assert set(rows("guide/nbdeploy-toml.md")) == keys_of(Config)


def test_every_diagnostic_is_documented_with_its_severity():
    documented = rows("reference/diagnostics.md")
    assert set(documented) == set(CODES)
    for code, (severity, _) in CODES.items():
        assert documented[code].strip().startswith(severity), code


def test_every_error_is_documented_with_its_statuses():
    documented = rows("reference/errors.md")
    faults = {fault.code: fault("") for fault in error_classes()}
    assert set(documented) == set(faults)
    for code, fault in faults.items():
        http, exit_code = (cell.strip() for cell in documented[code].split("|")[:2])
        assert (int(http), int(exit_code)) == (status_of(fault), exit_status(fault)), code


def test_every_command_is_documented_with_its_options():
    documented: dict[str, set[str]] = {}
    for row in rows("reference/commands.md"):
        name = row.split()[0]
        documented[name] = documented.get(name, set()) | set(
            re.findall(r"-{1,2}[a-z]+(?:-[a-z]+)*", row)
        )
    known = {
        name: {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        - {"--json"}
        for name, command in main.commands.items()
    }
    assert documented == known


def test_every_route_is_documented_with_its_verbs():
    verbs = ("get", "post", "put", "patch", "delete")
    served = {
        f"{verb.upper()} /{path}"
        for route, handler in ROUTES
        for path in readable(route)
        for verb in verbs
        if verb in vars(handler)
    }
    assert set(rows("reference/rest.md")) == served


def readable(route: str) -> list[str]:
    """Return a route's pattern as `a/{name}`, one for each alternative that it holds."""
    path = route.replace("\\.", ".")
    choice = re.search(r"\(\?P<\w+>([a-z|]+)\)", path)
    paths = [path.replace(choice[0], word) for word in choice[1].split("|")] if choice else [path]
    named = [re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", found) for found in paths]
    return [path.replace("{job_id}", "{id}") for path in named]


def settings_and_commands() -> tuple[set[str], set[str]]:
    settings, commands = set(), set()
    for file in (ROOT / "schema").glob("*.json"):
        schema: dict[str, Any] = json.loads(file.read_text())
        settings |= set(schema.get("properties", {}))
        commands |= set(re.findall(r'"command": "(nbdeploy:[a-z-]+)"', file.read_text()))
    sources = [file for file in (ROOT / "src").rglob("*.ts*") if "__tests__" not in file.parts]
    for file in sources:
        commands |= set(re.findall(r"'(nbdeploy:[a-z-]+)'", file.read_text()))
    return settings, commands


def test_every_setting_and_command_of_jupyterlab_is_documented():
    settings, commands = settings_and_commands()
    assert set(rows("reference/settings.md")) == settings | commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target
