"""A server's own view of its connections: callers that are slow, and a stop as it answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.runtime.apps import run_in_app, write_app

if TYPE_CHECKING:
    from pathlib import Path

CELLS = """\
def predict(amount: float) -> float:
    return amount

async def later(value):
    return value
"""
BEGUN = """
import asyncio, json, socket, sys, threading, time
from nbdeploy_runtime import patience
from nbdeploy_runtime.app import make_app
from nbdeploy_runtime.server import Server, listen
from nbdeploy_runtime.service import Service
service = Service(app)
service.ready = True
listener = listen("127.0.0.1", 0)
server = Server(service, make_app(service))
"""
ENDED = """
threading.Thread(target=ask).start()
asyncio.run(server.serve(listener))
"""
SERVED = r"""
patience.PATIENCE, patience.KEEP_ALIVE = 0.5, 1.5
port = listener.getsockname()[1]

def ends(*sent):
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        for piece in sent:
            s.sendall(piece)
        said = b""
        try:
            while piece := s.recv(65536):
                said += piece
        except ConnectionError:
            pass
    return said.split(b"\r\n")[0].decode(), time.monotonic() - begun

def unread(more=b"", is_half=False):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    body = json.dumps({"value": ["x" * 1000] * 20000}).encode()
    head = b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n" % (len(body), more)
    s.sendall(head + body)
    if is_half:
        s.shutdown(socket.SHUT_WR)
    time.sleep(4)
    got = 0
    try:
        while piece := s.recv(2**20):
            got += len(piece)
    except ConnectionError:
        return "reset"
    return got

head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n"

def ask():
    found = [ends(), ends(head[:20]), ends(head, b'{"am'), ends(head, b'{"amount": 1}')]
    # the same head is known by now
    found += [ends(head), ends(head, b'{"am')]
    found += [unread(), unread(b"Connection: close\r\n"), unread(is_half=True)]
    print(json.dumps(found), file=sys.__stdout__, flush=True)
    server.stop()
"""
STOPPING = r"""
answered = service.call_now

def stop():
    for connection in list(server.shared.connections):
        connection.shutdown()

def answered_and_stopped(call):
    asyncio.get_running_loop().call_soon(stop)
    return answered(call)

def ask():
    sent = b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{"amount": 1}'
    with socket.create_connection(listener.getsockname(), 20) as s:
        for _ in range(40):  # and it runs on the loop
            s.sendall(sent)
            s.recv(65536)
        service.call_now = answered_and_stopped
        s.sendall(sent)
        said = b"".join(iter(lambda: s.recv(65536), b""))
    print(json.dumps(said.decode()), file=sys.__stdout__, flush=True)
    server.stop()
"""


def test_callers_that_are_slow_are_told_so_and_idle_ones_let_go(tmp_path: Path) -> None:
    silent, half, cut, answered, known, known_cut, *unread = served(tmp_path, SERVED)
    assert silent[0] == half[0] == ""
    assert {said for said, _ in (cut, known, known_cut)} == {"HTTP/1.1 408 Request Timeout"}
    assert answered[0] == "HTTP/1.1 200 OK"
    assert answered[1] > cut[1]
    assert len(unread) == 3
    assert all(got == "reset" or got < 20_000_000 for got in unread)


def test_what_is_answered_is_sent_though_the_server_stops(tmp_path: Path) -> None:
    assert served(tmp_path, STOPPING).startswith("HTTP/1.1 200 OK")


def served(folder: Path, script: str) -> Any:
    """Serve in a process that runs `script` beside the server; returns what it found."""
    app = write_app(
        folder / "app", ("calls", "production", CELLS), endpoints={"predict": [], "later": []}
    )
    said, log = run_in_app(app, BEGUN + script + ENDED)
    assert said, log
    return json.loads(said.splitlines()[-1])
