"""The log: a JSON line an event, with every known secret masked."""

from __future__ import annotations

import json

import pytest

ODD = "0dd\\'\"/ü"
CALLS = """\
import logging, os, sys, warnings

print("loaded with", os.environ["KEY"])

def show(text: str) -> int:
    for name in ("stdout", "stderr"):
        print(f"{name}: {text}", os.environ["KEY"], "v", file=getattr(sys, name))
        print(os.environ["PEM"], file=getattr(sys, name))
    print("20 %\\r80 %", end="", flush=True)
    print()
    warnings.warn("careful")
    return sys.stdout.fileno()

def tell(text: str) -> None:
    logging.getLogger("loan").warning("told %s and %s", text, os.environ["KEY"])

def spell() -> None:
    import json, urllib.parse
    odd = os.environ["ODD"]
    print("spelt", repr(odd), json.dumps([odd]), {"k": f"it's {odd}"}, urllib.parse.quote(odd), "v")
    raise KeyError(os.environ["PEM"], odd)

def fail() -> None:
    raise ValueError(f"key {os.environ['KEY']}")
"""


@pytest.fixture
def running(start):
    return start(
        ("calls", "production", CALLS), endpoints={"tell": [], "fail": [], "show": [], "spell": []},
        env={"API_KEY": "v3ry-secret", "A_PEM": "BEGIN\nv3ry-secret-too\nEND", "AN_ODD": ODD},
        manifest_env={
            "KEY": {"secret": "API_KEY"}, "PEM": {"secret": "A_PEM"}, "ODD": {"secret": "AN_ODD"},
        },
    )  # fmt: skip


def test_the_notebooks_own_logging_is_json_lines(running) -> None:
    running.client.post("/tell", json={"text": "a \n line"})
    line = running.logged("told")
    assert (line["level"], line["logger"]) == ("warning", "loan")
    assert line["message"] == "told a \n line and ***"
    assert line["time"].endswith("+00:00")


def test_a_failure_is_logged_with_its_place_and_its_secrets_masked(running) -> None:
    answer = running.client.post("/fail", json={}).json()
    line = running.logged("fail failed")
    assert line["error_id"] == answer["error_id"]
    assert (line["endpoint"], line["cell"], line["line"]) == ("fail", "calls", 24)
    assert "ValueError: key ***" in line["traceback"]
    assert "v3ry-secret" not in "".join(running.log)


def test_what_is_printed_is_json_lines_too_with_the_call_and_no_secret(running) -> None:
    running.logged("loaded with ***")
    sent = {"x-request-id": "of-this-call"}
    running.client.post("/show", json={"text": "a line of"}, headers=sent)
    for name in ("stdout", "stderr"):
        line = running.logged(f"{name}: a line of *** v")
        assert (line["logger"], line["level"]) == (name, "info")
        assert line["request_id"] == "of-this-call"
    assert running.logged("80 %")["message"] == "80 %"
    warned = running.logged("careful")
    assert (warned["logger"], warned["level"]) == ("py.warnings", "warning")


def test_a_secret_is_masked_in_quotes_and_in_a_url_too(running) -> None:
    running.client.post("/spell", json={})
    said = running.logged("spelt")["message"]
    assert said == """spelt '***' ["***"] {'k': 'it\\'s ***'} *** v"""
    assert "KeyError: ('***', '***')" in running.logged("spell failed")["traceback"]
    assert not any("0dd" in line or "v3ry-secret" in line for line in running.log)


def test_every_line_is_json(running) -> None:
    running.client.post("/fail", json={})
    running.client.post("/show", json={"text": "x"})
    running.logged("fail failed")
    running.logged("stdout: x")
    assert "v3ry-secret" not in "".join(running.log)
    assert all(isinstance(json.loads(line), dict) for line in list(running.log))
