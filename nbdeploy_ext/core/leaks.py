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
    "an OpenAI or Anthropic key": r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_\-]{32,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{34,}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a URL with a password": r"\b[a-z][a-z0-9+.\-]*://[^\s/:@'\"{}$]+:[^\s/:@'\"{}$]{3,}@[^\s'\"]+",
}
_ASSIGNED = (
    r"(?i)\b[a-z_]*(?:password|passwd|secret|token|api_?key)\b\s*[=:]\s*"
    r"[rbu]?(['\"])(?P<value>[^'\"\s]{6,})\1"
)
_HARMLESS = re.compile(r"(?i)^(?:your|my|the|some|example|change|dummy|test|fake|x{3,}|\*|<|\{|\$)")
_KNOWN = {kind: re.compile(pattern) for kind, pattern in _FORMATS.items()}
_NAMED = re.compile(_ASSIGNED)
# Whether a text can hold any of them is asked first, for megabytes of outputs
_HINTS = ("AKIA", "ASIA", "gh", "glpat-", "xox", "hooks.slack", "AIza", "k_live_", "sk-", "hf_",
          "PRIVATE KEY", "://")  # fmt: skip
_NAMES = ("passw", "secret", "token", "key")


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something that looks like a secret stands; line and column from 1, never its text."""

    kind: str
    line: int
    column: int


@lru_cache(maxsize=4096)
def shipped_leaks(text: str) -> tuple[Leak, ...]:
    """Return what looks like a secret in code or settings, with literals that are called one."""
    lower = text.lower()
    # Asked first: most texts hold none, and are looked at anew whenever another cell changes
    if not any(hint.lower() in lower for hint in (*_HINTS, *_NAMES)):
        return ()
    return tuple(find_leaks(text, named=True))


def find_leaks(text: str, *, named: bool) -> Iterator[Leak]:
    """Yield what looks like a secret; with `named` also literals that are called one."""
    if any(hint in text for hint in _HINTS):
        for kind, pattern in _KNOWN.items():
            for found in pattern.finditer(text):
                yield Leak(kind, *_place(text, found.start()))
    lower = text.lower() if named else ""
    for found in _NAMED.finditer(text) if any(name in lower for name in _NAMES) else ():
        if not _HARMLESS.match(found["value"]):
            yield Leak("a password or token", *_place(text, found.start()))


def _place(text: str, position: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - start + 1
