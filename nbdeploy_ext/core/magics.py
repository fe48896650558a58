"""IPython's magics in shipped cells: which lines are neutral, which ask for packages."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass

_NEUTRAL = frozenset(
    "matplotlib pylab config load_ext reload_ext unload_ext autoreload precision pdb xmode colors "
    "capture who whos pinfo doctest_mode automagic logstart logstop".split()
)
_TIMING = frozenset("time timeit prun memit mprun lprun".split())
_LINE = re.compile(r"^(?P<indent>\s*)(?P<mark>%%|%|!!|!)\s*(?P<name>[\w.]*)(?P<rest>.*)$")
_HELP = re.compile(r"^\s*(\?{1,2}[\w.]+|[\w.]+\?{1,2})\s*$")
_ASSIGNED = re.compile(r"^\s*[\w, .]+=\s*[%!]")


@dataclass(frozen=True, slots=True)
class PlainSource:
    """A cell's source as Python: `lines` says which lines (from 1) were replaced by what."""

    text: str
    lines: dict[str, str]
    requirements: tuple[str, ...]
    refused: tuple[tuple[int, str], ...]
    """Lines that can't run in production: number and text."""


def plain_source(source: str) -> PlainSource:
    """Replace every magic line, keeping the number of lines; Python passes through untouched."""
    if _parses(source):
        return PlainSource(source, {}, (), ())
    lines = source.split("\n")
    replaced: dict[str, str] = {}
    requirements: list[str] = []
    refused: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        plain = _plain_line(line, requirements)
        if plain is None:
            refused.append((number, line.strip()))
            plain = "pass"
        if plain != line:
            replaced[str(number)] = plain
    text = "\n".join(replaced.get(str(n), line) for n, line in enumerate(lines, start=1))
    return PlainSource(text, replaced, tuple(requirements), tuple(refused))


def _plain_line(line: str, requirements: list[str]) -> str | None:
    """Return the line as Python, or None when it can't be; packages go to `requirements`."""
    if _HELP.match(line):
        return "pass"
    if _ASSIGNED.match(line):
        return None
    found = _LINE.match(line)
    if found is None:
        return line
    indent, name, rest = found["indent"], found["name"], found["rest"].strip()
    packages = _packages(found["mark"], name, rest)
    if packages is not None:
        requirements.extend(packages)
        return f"{indent}pass"
    if not found["mark"].startswith("%"):
        return None
    if name in _TIMING:
        return f"{indent}{_without_options(rest) or 'pass'}"
    return f"{indent}pass" if name in _NEUTRAL else None


def _packages(mark: str, name: str, rest: str) -> list[str] | None:
    words = shlex.split(f"{name} {rest}", comments=True) if mark in {"%", "!"} else []
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    if words[:2] != ["pip", "install"]:
        return None
    return [word for word in words[2:] if not word.startswith("-")]


def _without_options(rest: str) -> str:
    return re.sub(r"^(-\w+(\s+\d+)?\s+)+", "", rest)


def _parses(source: str) -> bool:
    try:
        compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return False
    return True
