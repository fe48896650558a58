"""Alerts, from a monitor's failed assertion to a real webhook and a real mail server."""

from __future__ import annotations

import socket

import pytest

from nbdeploy_ext.runtime.manifest import AlertSettings
from tests.runtime.apps import wait_until
from tests.runtime.receivers import mail_server, webhook

STATE = """\
known = {"bad": "", "worse": ""}
token = ""

def change(bad: str = "", worse: str = "") -> None:
    known.update(bad=bad, worse=worse)
"""
CELLS = (
    ("token", "parameters", "token = ''"),
    ("state", "production", STATE.replace('token = ""\n', "")),
    ("watch", "monitor", "assert not known['bad'], known['bad'] + token"),
    ("other", "monitor", "assert not known['worse'], known['worse']"),
)


@pytest.fixture
def watch(start):
    def begin(*channels, cooldown=0.0, env=None, **more):
        return start(
            *CELLS, endpoints={"change": []}, monitors_every=0.05, env=env,
            alerts=AlertSettings(channels=channels, cooldown=cooldown), **more,
        )  # fmt: skip

    return begin


def fail(running, bad: str) -> None:
    running.client.post("/change", json={"bad": bad})
    wait_until(lambda: running.client.get("/monitors").json()[0]["message"] == bad)


def recover(running) -> None:
    running.client.post("/change", json={})
    wait_until(lambda: running.client.get("/monitors").json()[0]["state"] == "ok")


def run_again(running) -> None:
    runs = running.client.get("/monitors").json()[0]["runs"]
    wait_until(lambda: running.client.get("/monitors").json()[0]["runs"] > runs + 2)


def test_a_failed_assertion_reaches_each_channel_once(watch) -> None:
    with webhook() as hook, mail_server() as (mails, mailto), webhook() as other:
        running = watch(hook.url, mailto, {"secret": "HOOK"}, env={"HOOK": other.url})
        fail(running, "too few calls")
        receivers = (hook, mails, other)
        wait_until(lambda: all(receiver.texts for receiver in receivers))
        run_again(running)
        # The next alert comes after all that the first failure could have sent
        recover(running)
        fail(running, "again")
        wait_until(lambda: all(len(receiver.texts) >= 2 for receiver in receivers))
        for receiver in receivers:
            assert [text.strip() for text in receiver.texts] == ["too few calls", "again"]
        assert hook.posts[0]["title"] == mails.subjects[0] == "loan: monitor watch fails"
        assert hook.posts[0]["type"] == "failure"


def test_a_changed_message_of_the_same_failure_is_no_news(watch) -> None:
    with webhook() as hook:
        running = watch(hook.url)
        fail(running, "one")
        fail(running, "two")
        recover(running)
        fail(running, "three")
        wait_until(lambda: len(hook.texts) >= 2)
        assert hook.texts == ["one", "three"]


def test_a_failure_within_the_cooldown_is_told_when_it_is_over(watch) -> None:
    with webhook() as hook:
        running = watch(hook.url, cooldown=2.0)
        fail(running, "one")
        recover(running)
        fail(running, "two")
        run_again(running)
        assert hook.texts in ([], ["one"])
        wait_until(lambda: len(hook.texts) >= 2)
        assert hook.texts == ["one", "two"]


def test_each_monitor_has_its_own_failure_and_cooldown(watch) -> None:
    with webhook() as hook:
        running = watch(hook.url, cooldown=600.0)
        running.client.post("/change", json={"bad": "bad", "worse": "worse"})
        wait_until(lambda: len(hook.texts) >= 2)
        assert sorted(hook.texts) == ["bad", "worse"]


def test_a_channel_that_fails_is_asked_again(watch) -> None:
    with webhook(refuses=1) as hook:
        running = watch(hook.url)
        fail(running, "one")
        wait_until(lambda: hook.texts)
        assert (hook.texts, hook.asked) == (["one"], 2)


def test_a_channel_that_was_down_for_long_gets_the_alert_while_the_monitor_fails(watch) -> None:
    with webhook(refuses=4) as hook:
        running = watch(hook.url, cooldown=600.0)
        fail(running, "one")
        wait_until(lambda: hook.texts, 30)
        run_again(running)
        assert (hook.texts, hook.asked) == (["one"], 5)


def test_a_channel_that_is_down_hurts_neither_service_nor_others(watch) -> None:
    with webhook() as hook, socket.create_server(("127.0.0.1", 0)) as deaf:
        # One refuses connections, one never answers, one is no address at all
        down = "json://127.0.0.1:1/s3cret-path/"
        silent = f"json://127.0.0.1:{deaf.getsockname()[1]}/s3cret-path/"
        running = watch(down, silent, "nonsense-s3cret", hook.url)
        fail(running, "one")
        wait_until(lambda: hook.texts)
        assert running.client.get("/readyz").status_code == 200
        run_again(running)
        assert "2 " not in running.logged("is no Apprise URL")["message"]
        assert running.logged("channel 1 (json) did not take", 30)["level"] == "error"


def test_no_channel_is_seen_from_outside(watch) -> None:
    down = "json://someone:passw0rd@127.0.0.1:1/s3cret-path/"
    running = watch({"secret": "HOOK"}, down, env={"HOOK": down.replace("path", "hook")})
    fail(running, "one")
    running.logged("channel 2 (json) did not take", 30)
    running.logged("channel 1 (json) did not take", 30)
    pages = ("/monitors", "/metrics", "/version", "/openapi.json", "/calls")
    seen = "".join([*running.log, *(running.client.get(page).text for page in pages)])
    for secret in ("s3cret", "passw0rd", "someone", "127.0.0.1:1"):
        assert secret not in seen


def test_a_secret_in_a_monitors_message_is_masked(watch) -> None:
    with webhook() as hook:
        running = watch(
            hook.url, parameters={"token": {"secret": "TOKEN"}}, env={"TOKEN": "t0ken-value"}
        )
        running.client.post("/change", json={"bad": "wrong: "})
        wait_until(lambda: hook.texts)
        assert hook.texts == ["wrong: ***"]
        assert running.client.get("/monitors").json()[0]["message"] == "wrong: ***"
        assert running.logged("Monitor watch fails")["message"].endswith("wrong: ***")


def test_a_channel_whose_secret_is_unset_stops_the_start(watch) -> None:
    running = watch({"secret": "HOOK"})
    assert running.stop() == 1
    assert "secret HOOK has no value" in running.events[0]["message"]


def test_an_alert_that_waits_goes_out_at_a_stop(watch) -> None:
    with webhook() as hook:
        running = watch(hook.url)
        fail(running, "one")
        wait_until(lambda: hook.texts)
        recover(running)
        fail(running, "two")
        assert running.stop() == 0
        assert hook.texts == ["one", "two"]
