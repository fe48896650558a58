"""IPython's magics: a cell's source as plain Python, line for line, and what its magics were."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .places import Places
from .syntax import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .syntax import Parsed

NEUTRAL = frozenset(
    "matplotlib config load_ext reload_ext unload_ext autoreload precision pdb xmode colors "
    "capture who whos pinfo pinfo2 doctest_mode automagic logstart logstop time timeit prun memit "
    "mprun lprun html HTML latex markdown svg javascript js pdoc psource pdef pfile pip "
    "conda mamba uv lsmagic magic quickref history hist page pprint tb debug psearch".split()
)
_TIMING = frozenset("time timeit prun memit mprun lprun".split())
_DISPLAYED = frozenset("html HTML latex markdown svg javascript js".split())
_PYTHON_BODIES = _TIMING | {"capture"}
_BARE = frozenset("pip conda mamba cd ls ll cat mkdir rmdir rm cp mv less more man".split())
_WITH_VALUE = frozenset(
    "-r --requirement -c --constraint -i --index-url --extra-index-url -f --find-links -t --target "
    "--prefix --python --platform --no-binary --only-binary --trusted-host --proxy -p -n".split()
)

_ESCAPED = re.compile(r"^(?P<indent>\s*)(?P<mark>%%|%|!!|!|\?\??|/|,|;)(?P<rest>.*)$")
_ASSIGNED = re.compile(
    r"^(?P<indent>\s*)(?P<target>[\w.,\s*\[\]'\"]+?)\s*=\s*(?P<mark>[%!])(?P<rest>.+)$"
)
_HELP = re.compile(
    r"^\s*(?:[\w., ]+=\s*)?%{0,2}[A-Za-z_*][\w*]*(?:\.[\w*]+|\[[^\]]*\])*\?\??;?\s*$"
)
_WORD = re.compile(r"^(?P<indent>\s*)(?P<name>[a-z]+)\s+(?P<rest>[^\s=(.,\[].*)$")
_INTERPOLATED = re.compile(r"(?<!\$)\$(\w+)|\{([^{}]+)\}")
_LEXEME = re.compile(r"#.*|\"\"\"|'''|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?|[\[({]|[\])}]|\\$")


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic: `mark` is `%`, `%%`, `!` or `?`, `target` what it is assigned to.

    `name` is empty for a shell's line; `body` is all that a cell magic got.
    """

    line: int
    mark: str
    name: str
    rest: str
    target: str = ""
    body: str = ""

    @property
    def interpolated(self) -> tuple[str, ...]:
        """Return the Python expressions that IPython puts in: `$name` and `{expression}`."""
        return tuple(a or b for a, b in _INTERPOLATED.findall(f"{self.rest}\n{self.body}"))


@dataclass(frozen=True, slots=True)
class PlainSource:
    """A cell's source as Python: `lines` says which lines (from 1) were replaced by what."""

    text: str
    lines: dict[str, str]
    requirements: tuple[str, ...]
    refused: tuple[tuple[int, str], ...]
    """Lines that can't run in production: number and text."""
    magics: tuple[Magic, ...] = ()
    cut: Mapping[int, int] = field(default_factory=dict)
    """How many characters of a line's beginning are not in `text`: an indent, or a magic's name."""

    @property
    def places(self) -> Places:
        """Return what turns the tree's positions into places in the cell."""
        return Places(self.text, self.cut)


@dataclass(slots=True)
class _Rewrite:
    """The lines of one cell while they become Python."""

    lines: list[str]
    plain: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    magics: list[Magic] = field(default_factory=list)

    def finished(self) -> PlainSource:
        pairs = enumerate(zip(self.lines, self.plain, strict=True), start=1)
        changed = [(number, old, new) for number, (old, new) in pairs if old != new]
        return PlainSource(
            "\n".join(self.plain), {str(number): new for number, _, new in changed},
            tuple(self.requirements), tuple(self.refused), tuple(self.magics),
            {number: _cut(old, new) for number, old, new in changed},
        )  # fmt: skip


def plain_source(source: str) -> PlainSource:
    """Replace every magic line, keeping the number of lines; Python passes through untouched."""
    return read_plain(source)[0]


def read_plain(source: str) -> tuple[PlainSource, Parsed]:
    """Return the plain source with its tree."""
    parsed = parse(source)
    if parsed.tree is not None or parsed.too_deep:
        return PlainSource(source, {}, (), ()), parsed
    work = _Rewrite(source.split("\n"))
    work.plain = _dedented(work.lines)
    if not _cell_magic(work):
        _line_magics(work, 0)
    plain = work.finished()
    return plain, parsed if plain.text == source else parse(plain.text)


def _dedented(lines: list[str]) -> list[str]:
    """Cut the first line's indentation off, as IPython does when every line has it."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    if not indent:
        return list(lines)
    return [line.removeprefix(indent) for line in lines]


def _cut(old: str, new: str) -> int:
    """Return how much further right the code of a line stands in the cell."""
    code = new.strip()
    return old.rfind(code) - (len(new) - len(new.lstrip())) if code and code in old else 0


def _cell_magic(work: _Rewrite) -> bool:
    """Take a cell that begins with `%%name`; whether its body was used up."""
    start = next((n for n, line in enumerate(work.plain) if line.strip()), 0)
    found = _ESCAPED.match(work.plain[start])
    if found is None or found["mark"] != "%%":
        return False
    name, rest = _name(found["rest"])
    body = "\n".join(work.plain[start + 1 :])
    work.magics.append(Magic(start + 1, "%%", name, rest, body=body))
    if name in _PYTHON_BODIES:
        work.plain[start] = _timed(name, rest)
        _line_magics(work, start + 1)
        return True
    if name not in _DISPLAYED:
        work.refused.append((start + 1, work.lines[start].strip()))
    work.plain[start:] = ["pass", *("" for _ in work.plain[start + 1 :])]
    return True


def _timed(name: str, rest: str) -> str:
    """Return the statement on a timing magic's own line: `%%timeit setup`, but not options."""
    statement = "" if name == "capture" else _without_options(rest)
    return statement if statement and parse(statement).tree is not None else "pass"


def _line_magics(work: _Rewrite, start: int) -> None:
    for number, end in _statements(work.plain, start):
        joined = " ".join(line.rstrip("\\ \r") for line in work.plain[number:end])
        plain = _plain_line(joined, number + 1, work)
        if plain is not None:
            work.plain[number:end] = [plain, *("" for _ in range(number + 1, end))]


def _statements(lines: list[str], start: int) -> Iterator[tuple[int, int]]:
    """Yield where logical lines begin and, for escaped ones, end; strings are stepped over."""
    depth, quote, number = 0, "", start
    while number < len(lines):
        if not depth and not quote and _is_escaped(lines[number]):
            end = number + 1
            while end < len(lines) and lines[end - 1].rstrip().endswith("\\"):
                end += 1
            yield number, end
            number = end
            continue
        continued = True
        while continued:
            depth, quote, continued = _scanned(lines[number], depth, quote)
            number += 1
            continued = continued and number < len(lines)


def _is_escaped(line: str) -> bool:
    if _ESCAPED.match(line) or _ASSIGNED.match(line) or _HELP.match(line):
        return True
    word = _WORD.match(line)
    return word is not None and word["name"] in _BARE


def _scanned(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """Return bracket depth, open triple quote and whether a backslash continues the line."""
    place, continued = 0, False
    while place < len(line):
        if quote:
            end = line.find(quote, place)
            if end < 0:
                return depth, quote, False
            place, quote = end + 3, ""
            continue
        found = _LEXEME.search(line, place)
        if found is None:
            break
        place, lexeme = found.end(), found.group()
        if lexeme in {'"""', "'''"}:
            quote = lexeme
        elif lexeme in "([{":
            depth += 1
        elif lexeme in ")]}":
            depth = max(0, depth - 1)
        continued = lexeme == "\\"
    return depth, quote, continued


def _plain_line(line: str, number: int, work: _Rewrite) -> str | None:
    """Return an escaped line as Python, None to leave it as it is."""
    if _HELP.match(line):
        work.magics.append(Magic(number, "?", "", line.strip("? ;")))
        return f"{_indent(line)}pass"
    assigned = _ASSIGNED.match(line)
    if assigned is not None:
        return _assigned(assigned, number, work)
    found = _ESCAPED.match(line)
    if found is None:
        found = _WORD.match(line)
        mark, rest = "%", line.strip()
    else:
        mark, rest = found["mark"], found["rest"]
    indent = found["indent"] if found else ""
    if mark.startswith("?"):
        work.magics.append(Magic(number, "?", "", rest.strip()))
        return f"{indent}pass"
    return f"{indent}{_command(mark, rest, number, work)}"


def _command(mark: str, rest: str, number: int, work: _Rewrite) -> str:
    """Return what stands for `%name …` or `!command`; it goes on record."""
    if mark in {"/", ",", ";"}:
        name, words = _name(rest)
        work.refused.append((number, f"{mark}{rest}".strip()))
        work.magics.append(Magic(number, "%", "autocall", f"{name} {words}"))
        return "pass"
    packages = _packages(mark, rest)
    if packages is not None:
        work.requirements.extend(packages)
        return "pass"
    if mark.startswith("!"):
        work.magics.append(Magic(number, "!", "", rest.strip()))
        work.refused.append((number, f"{mark}{rest}".strip()))
        return "pass"
    name, words = _name(rest)
    work.magics.append(Magic(number, mark, name, words))
    if name in _TIMING:
        return _timed(name, words)
    if name not in NEUTRAL:
        work.refused.append((number, f"{mark}{rest}".strip()))
    return "pass"


def _assigned(found: re.Match[str], number: int, work: _Rewrite) -> str:
    """Return `target = None` for `target = %magic` or `target = !command`, which can't ship."""
    name, rest = _name(found["rest"]) if found["mark"] == "%" else ("", found["rest"].strip())
    target = found["target"].strip()
    work.magics.append(Magic(number, found["mark"], name, rest, target))
    work.refused.append((number, found.group().strip()))
    timed = f"{_timed(name, rest)}; " if name in _TIMING else ""
    plain = f"{timed}{target} = None"
    return found["indent"] + (plain if parse(plain).tree is not None else "pass")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _name(rest: str) -> tuple[str, str]:
    found = re.match(r"\s*([\w.]*)(.*)", rest, re.DOTALL)
    return (found[1], found[2].strip()) if found else ("", rest.strip())


def _packages(mark: str, rest: str) -> list[str] | None:
    """Return what `%pip install …`, `!python -m pip install …` and the like ask for."""
    if mark not in {"%", "!", "!!"} or "install" not in rest:
        return None
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        return None
    words = words[words.index("-m") + 1 :] if "-m" in words[:3] else words
    words = words[1:] if words[:2] == ["uv", "pip"] else words
    if not words or not re.fullmatch(r"pip[\d.]*", words[0]) or words[1:2] != ["install"]:
        return None
    asked = words[2:]
    return [
        word
        for before, word in zip(["", *asked], asked, strict=False)
        if not word.startswith("-") and before not in _WITH_VALUE
    ]


def _without_options(rest: str) -> str:
    return re.sub(r"^(-\w+(\s+\d+)?\s+)+", "", f"{rest} ").strip()
