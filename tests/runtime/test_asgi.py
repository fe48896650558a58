"""What an application does, and what its caller gets: pages, pieces, failures, hanging up."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from nbdeploy_ext.runtime.server import http_date
from tests.runtime.apps import run_in_app, serve, write_app

if TYPE_CHECKING:
    from pathlib import Path

CELLS = """\
import time

def predict(amount: float) -> float:
    return amount

def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
"""
PROGRAM = r"""
import asyncio, json, socket, sys, threading, time
from nbdeploy_runtime.server import Server, listen
from nbdeploy_runtime.service import Service
seen = []

async def application(scope, receive, send):
    async def begin(*headers):
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def piece(body, more=False):
        await send({"type": "http.response.body", "body": body, "more_body": more})

    path = scope["path"]
    if path == "/raises":
        raise ValueError("private")
    if path == "/scope":
        await begin((b"X-Own", b"1"))
        said = {k: v for k, v in scope.items() if k in {"method", "path", "http_version"}}
        said |= {k: scope[k].decode() for k in ("raw_path", "query_string")}
        said["headers"] = [(n.decode(), v.decode()) for n, v in scope["headers"]]
        await piece(json.dumps(said).encode())
    elif path == "/count":
        count, most = 0, 0
        while True:
            message = await receive()
            count += len(message["body"])
            most = max(most, len(message["body"]))
            if not message["more_body"]:
                break
            await asyncio.sleep(0.002)
        await begin()
        await piece(json.dumps([count, most]).encode())
    elif path == "/begins":
        await begin()
        await piece(b"abc", more=True)
        raise ValueError("private")
    elif path == "/short":
        await begin((b"content-length", b"10"))
        await piece(b"abc")
    elif path == "/long":
        await begin((b"content-length", b"2"))
        await piece(b"abc")
    elif path == "/empty":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await piece(b"")
    elif path == "/endless":
        await receive()
        await begin()
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await piece(b"x" * 10_000, more=True)
            await asyncio.sleep(0)
        seen.append((await gone)["type"])

server = Server(Service(app), application)
listener = listen("127.0.0.1", 0)

def ask(*sent):
    with socket.create_connection(listener.getsockname(), 20) as s:
        for one in sent:
            s.sendall(one.encode() if isinstance(one, str) else one)
        said = b""
        while piece := s.recv(65536):
            said += piece
    return said.decode()

def get(path, method="GET", version="1.1", *more):
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *more, "", ""])

def hang_up():
    with socket.create_connection(listener.getsockname(), 20) as s:
        s.sendall(get("/endless").encode())
        s.recv(100)
    until = time.monotonic() + 10
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    return seen

def run():
    try:
        answers = SCRIPT
        print(json.dumps(answers), file=sys.__stdout__, flush=True)
    finally:
        server.stop()

threading.Thread(target=run).start()
asyncio.run(server.serve(listener))
"""
CLOSE = "Connection: close"


def asked(folder: Path, script: str) -> tuple[Any, str]:
    app = write_app(folder / "app", ("calls", "production", CELLS), endpoints={"predict": []})
    said, log = run_in_app(app, PROGRAM.replace("SCRIPT", script))
    assert said, log
    return json.loads(said.splitlines()[-1]), log


def test_an_application_learns_what_was_asked(tmp_path: Path) -> None:
    script = f"[ask(get('/sc%6fpe?a=%20b', 'PUT', '1.1', 'X-Two: 2', {CLOSE!r}))]"
    (said,), _ = asked(tmp_path, script)
    head, _, body = said.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\ndate: ")
    assert "\r\nx-own: 1" in head
    assert json.loads(body.splitlines()[1]) == {
        "http_version": "1.1", "method": "PUT", "path": "/scope", "query_string": "a=%20b",
        "raw_path": "/sc%6fpe", "headers": [["host", "x"], ["x-two", "2"], ["connection", "close"]],
    }  # fmt: skip


def test_calls_and_pages_on_one_connection_are_answered_in_their_order(tmp_path: Path) -> None:
    call = 'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{"amount": 1}'
    page, last = "get('/scope?n=%d')", f"get('/scope?n=3', 'GET', '1.1', {CLOSE!r})"
    sent = " + ".join([page % 1, repr(call), page % 2, repr(call), last])
    (said,), _ = asked(tmp_path, f"[ask({sent})]")
    found = re.findall(r'"query_string": "(n=\d)"|\r\n\r\n(1\.0)HTTP', said)
    assert ["".join(one) for one in found] == ["n=1", "1.0", "n=2", "1.0", "n=3"]


def test_the_form_of_an_answer_is_what_its_caller_understands(tmp_path: Path) -> None:
    script = f"""[
        ask(get('/scope', 'GET', '1.0')), ask(get('/scope', 'HEAD', '1.1', {CLOSE!r})),
        ask(get('/empty') + get('/empty', 'GET', '1.1', {CLOSE!r})),
    ]"""
    (old, head, empty), _ = asked(tmp_path, script)
    assert "transfer-encoding" not in old
    assert json.loads(old.partition("\r\n\r\n")[2])["http_version"] == "1.0"
    assert head.endswith("\r\n\r\n")
    assert [said.strip()[:3] for said in empty.split("HTTP/1.1 ")[1:]] == ["204", "204"]
    assert "chunked" not in empty


def test_a_large_body_is_taken_as_fast_as_the_application_reads(tmp_path: Path) -> None:
    size = 5_000_000
    head = f"get('/count', 'POST', '1.1', 'Content-Length: {size}', {CLOSE!r})"
    script = f"[ask({head}, b'x' * {size})]"
    (said,), _ = asked(tmp_path, script)
    count, most = json.loads(said.partition("\r\n\r\n")[2].splitlines()[1])
    assert count == size
    assert most < 2**20


@pytest.mark.parametrize(("path", "status", "end"), [
    ("/raises", "500", 'log says why."}'), ("/begins", "200", "3\r\nabc\r\n"),
    ("/short", "200", "\r\n\r\nabc"), ("/long", "200", "\r\n\r\nab"),
])  # fmt: skip
def test_an_application_that_fails_harms_one_connection(
    tmp_path: Path, path: str, status: str, end: str
) -> None:
    more = f", {CLOSE!r}" if path == "/long" else ""
    (said, again), log = asked(
        tmp_path, f"[ask(get({path!r}, 'GET', '1.1'{more})), ask(get('/scope', 'GET', '1.0'))]"
    )
    assert said.startswith(f"HTTP/1.1 {status} ")
    assert said.endswith(end)
    assert "private" not in said
    assert again.startswith("HTTP/1.1 200 OK")
    assert ("ValueError: private" in log) == (path in {"/raises", "/begins"})


def test_an_application_hears_that_its_caller_has_gone(tmp_path: Path) -> None:
    seen, log = asked(tmp_path, "hang_up()")
    assert seen == ["http.disconnect"]
    assert "Traceback" not in log


def test_a_second_interrupt_waits_for_nobody(tmp_path: Path) -> None:
    folder = write_app(tmp_path / "app", ("calls", "production", CELLS), endpoints={"sleep": []})
    with serve(folder) as running:
        begun = time.monotonic()
        call = socket.create_connection(("127.0.0.1", running.events[0]["port"]))
        head = b"POST /sleep HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n"
        call.sendall(head + b'{"seconds": 25}')
        time.sleep(0.5)
        for _ in range(2):
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert running.process.wait(5) == 0
        call.close()
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("seconds", [0, 784111777, 1798761599, 4102444800])
def test_dates_are_those_of_http(seconds: int) -> None:
    said = http_date(seconds).decode()
    assert parsedate_to_datetime(said) == datetime.fromtimestamp(seconds, timezone.utc)
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", said)
