"""Secrets that stand in a notebook as text: by the formats that their makers document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FORMATS: Mapping[str, str] = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_\-]{20,}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9\-]{10,}",
    "a Slack webhook": r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_\-]{35}\b",
    "a Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{20,}",
    # What models show in HTML begins so, too: with words or a UUID behind it
    "an OpenAI or Anthropic key": r"\bsk-(?:(?:proj|ant)-[\w\-]{32,}|[A-Za-z0-9]{32,}"
    r"|(?=[\w\-]*[A-Z])(?=[\w\-]*\d)[\w\-]{32,})",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{34,}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a URL with a password": r"\b[a-z][a-z0-9+.\-]*://[^\s/:@'\"{}$]+:[^\s/:@'\"{}$<]{3,}@[^\s'\"]+",
    "a JSON Web Token": r"\beyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{20,}",
    "a bearer token": r"\bBearer (?!eyJ)(?=[\w\-.+/]*\d)(?=[\w\-.+/]*[A-Z])[\w\-.+/]{24,}",
    "a connection string with a password": r"(?i);(?:pwd|password|accountkey|sharedaccesskey)="
    r"[^\s;'\"{}()$<*]{6,}(?=[;'\"])",
}
_NAME = r"(?:password|passwd|passphrase|secret|token|(?:api|secret|access|account)[_-]?key)"
_ASSIGNED = (
    rf"(?i)\b(?P<name>[a-z0-9_]*{_NAME})\b(?:\s*:[ \w.|\[\]]+?)?\s*[=:]\s*"  # token: str = "…"
    r"[rbu]?(['\"])(?P<value>[^'\"\s]{6,})\2"
)
# As a key a word may stand beside it, {"token": "column_2"}: only what is no word is told
_VALUE = r"\s*[rbu]?(['\"])(?P<value>(?=[^'\"]*\d)(?=[^'\"]*[A-Za-z])[^'\"\s]{8,})\2"
_KEYED = (
    rf"(?i)(['\"])[\w.\-]*{_NAME}\1\s*\]?\s*[=:]{_VALUE}",
    rf"(?i)\b(?:get|getenv|setdefault|putenv)\(\s*(['\"])[\w.\-]*{_NAME}\1\s*,{_VALUE}",
)
_HARMLESS = re.compile(
    r"(?i)^(?:your|my|the|some|example|change|dummy|test|fake|demo|x{3,}|\*|<|\{|\$)"
)
_KNOWN = {kind: re.compile(pattern) for kind, pattern in _FORMATS.items()}
_NAMED = tuple(re.compile(pattern) for pattern in (_ASSIGNED, *_KEYED))
_WORDS = re.compile(r"[A-Za-z]+\d{0,3}(?:[_\-./:][A-Za-z]+\d{0,3}|[_\-./:]\d{1,4})*")
# Whether a text can hold one is asked first: for megabytes of outputs, a literal beginning is
# found many times sooner than a word's boundary
_SCREENS = {
    "an AWS access key": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_",
    "a Slack token": r"xox[abprs]-[A-Za-z0-9\-]{10}",
    "an OpenAI or Anthropic key": r"sk-[A-Za-z0-9_\-]{32}",
    "a Hugging Face token": r"hf_[A-Za-z0-9]{34}",
    "a URL with a password": r"://[^\s/:@'\"{}$]+:[^\s/:@'\"{}$]{3,}@[^\s'\"]",
}
_SCREENED = {kind: re.compile(pattern) for kind, pattern in _SCREENS.items()}
_HINTS = {
    "an AWS access key": ("AKIA", "ASIA"),
    "a GitHub token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "a GitLab token": ("glpat-",),
    "a Slack token": ("xox",),
    "a Slack webhook": ("hooks.slack",),
    "a Google API key": ("AIza",),
    "a Stripe key": ("k_live_",),
    "an OpenAI or Anthropic key": ("sk-",),
    "a Hugging Face token": ("hf_",),
    "a private key": ("PRIVATE KEY",),
    "a URL with a password": ("://",),
    "a JSON Web Token": ("eyJ",),
    "a bearer token": ("Bearer ",),
    "a connection string with a password": ("wd=", "WD=", "word=", "WORD=", "ey="),
}
_HINTED = [(kind, hint) for kind, hints in _HINTS.items() for hint in hints]
_NAMES = ("passw", "passphrase", "secret", "token", "key")


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something that looks like a secret stands; line and column from 1, never its text."""

    kind: str
    line: int
    column: int


@lru_cache(maxsize=4096)
def shipped_leaks(text: str) -> tuple[Leak, ...]:
    """Return what looks like a secret in code or settings, with literals that are called one."""
    return tuple(find_leaks(text, named=True))


def find_leaks(text: str, *, named: bool) -> Iterator[Leak]:
    """Yield what looks like a secret; with `named` also literals that are called one."""
    for kind in _held(text):
        for found in _KNOWN[kind].finditer(text):
            yield Leak(kind, *_place(text, found.start()))
    lower = text.lower() if named else ""
    for pattern in _NAMED if any(name in lower for name in _NAMES) else ():
        for found in pattern.finditer(text):
            value, name = found["value"], found.groupdict().get("name")
            is_word = _WORDS.fullmatch(value) if name is None else value.lower() == name.lower()
            if not is_word and not _HARMLESS.match(value):
                yield Leak("a password or token", *_place(text, found.start()))


def leaked_kinds(text: str) -> list[str]:
    """Return the kinds of secrets that seem to stand in an output, sorted."""
    return sorted(kind for kind in _held(text) if _KNOWN[kind].search(text))


def _held(text: str) -> list[str]:
    """Return the kinds that a text may hold: most hold none, and every cell is asked."""
    hinted = dict.fromkeys([kind for kind, hint in _HINTED if hint in text])
    return [k for k in hinted if (screen := _SCREENED.get(k)) is None or screen.search(text)]


def _place(text: str, position: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - start + 1
