"""The Dockerfile that a bundle carries."""

from __future__ import annotations

import json

from nbdeploy_ext.core.dockerfile import render_dockerfile


def render(**given) -> list[str]:
    chosen = {"name": "loan", "base": "python:3.11-slim", "apt": (), "labels": {}, "port": 8000,
              "has_files": False, **given}  # fmt: skip
    return render_dockerfile(**chosen).splitlines()


def test_what_changes_least_comes_first():
    lines = render(apt=("libgomp1",), has_files=True, labels={"a": "b"})
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("FROM", "libgomp1", "requirements.tar", "nbdeploy_runtime", "loan.ipynb", "a=")
    ]
    assert order == sorted(order)


def test_only_apt_needs_a_network_and_only_when_it_is_asked_for():
    assert not any("apt-get" in line for line in render())
    (line,) = [line for line in render(apt=("libgomp1", "graphviz")) if "apt-get" in line]
    assert "libgomp1 graphviz" in line
    assert "rm -rf /var/lib/apt/lists" in line


def test_the_service_runs_as_a_user_without_rights():
    lines = render(has_files=True)
    after = lines[lines.index("USER 10001:10001") :]
    assert not any(line.startswith("RUN") for line in after)


def test_a_file_name_is_neither_pattern_nor_variable_nor_list():
    (line,) = [line for line in render(name='Ann\'s [new] "$x"') if "ipynb" in line]
    copied = json.loads(line.removeprefix("COPY "))
    assert copied[0] == 'Ann\\\'s [[]new] \\"\\$x\\".ipynb'


def test_a_label_keeps_quotes_letters_and_dollars():
    (line,) = [line for line in render(labels={"a": 'é "q" $HOME'}) if line.startswith("LABEL")]
    assert line == 'LABEL a="é \\"q\\" \\$HOME"'


def test_byte_code_ships_with_the_runtime_and_the_modules_beside_the_notebook():
    own, *compiled = [line for line in render(has_files=True) if "compileall" in line]
    assert [line.rsplit(" ")[-1] for line in compiled] == ["/opt/nbdeploy/runtime", "true"]
    assert "stdlib" in own  # official images have none for Python itself
