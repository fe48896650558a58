"""HTTP itself: what is answered in the protocol class is what the application answers."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy_ext.runtime.manifest import ServiceSettings
from tests.runtime.apps import wait_until

CELLS = """\
import asyncio, time

def predict(amount: float, country: str = "de") -> dict:
    if amount < 0:
        raise ValueError("private")
    return {"amount": amount, "country": country}

async def later(value: list) -> list:
    return value

def listed(n: int):
    return (k for k in range(n))

def broken(n: int):
    return (1 // k for k in range(n, 3))

def gone(seconds: float) -> float:
    time.sleep(seconds)
    raise asyncio.CancelledError

def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
"""
NAMES = ("predict", "later", "listed", "broken", "gone", "slow")


@pytest.fixture(scope="module")
def running(start_once):
    found = start_once(("calls", "production", CELLS), endpoints={name: [] for name in NAMES})
    for _ in range(40):  # until it runs on the loop
        found.client.post("/predict", json={"amount": 1})
    return found


class Connection:
    """A socket, and what an HTTP/1.1 client makes of what comes."""

    def __init__(self, running) -> None:
        url = running.client.base_url
        self.socket = socket.create_connection((url.host, url.port), 20)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(self.chunks())
        return status, headers, self.file.read(int(headers["content-length"]))

    def chunks(self):
        while size := int(self.file.readline(), 16):
            yield self.file.read(size)
            self.file.readline()
        self.file.readline()


def post(path: str, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return head + piece + b"0\r\n\r\n"


def told(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str, bytes]:
    status, headers, body = answer
    return status, headers["content-type"], re.sub(rb'_id": "\w+"', b'_id": ""', body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8,
)  # fmt: skip
BODIES = (
    st.binary(max_size=64)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional={"amount": JSON, "country": JSON, "more": JSON}).map(
        lambda value: json.dumps(value).encode()
    )
)


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(path=st.sampled_from(["/predict", "/later", "/nothing"]), body=BODIES)
def test_both_ways_through_the_server_answer_the_same(running, path, body) -> None:
    with Connection(running) as connection:
        connection.send(post(path, body))
        quick = told(connection.answer())
        connection.send(chunked(path, body))
        assert told(connection.answer()) == quick


@settings(max_examples=30, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    cuts=st.lists(st.integers(1, 400), max_size=12),
    headers=st.sampled_from([(), ("X-Request-ID: r",)]),
)
def test_it_does_not_matter_how_bytes_arrive(running, cuts, headers) -> None:
    sent = b"".join(post("/predict", b'{"amount": %d}' % n, *headers) for n in range(4))
    with Connection(running) as connection:
        before = 0
        for cut in [*sorted(set(cuts)), len(sent)]:
            connection.send(sent[before:cut])
            before = max(before, min(cut, len(sent)))
        assert [json.loads(connection.answer()[2])["amount"] for _ in range(4)] == [0, 1, 2, 3]


def test_pipelined_calls_are_answered_in_their_order(running) -> None:
    ways = [post("/slow", b'{"seconds": 0.3}'), post("/predict", b'{"amount": 1}'),
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", chunked("/predict", b'{"amount": 2}'),
            post("/later", b'{"value": [3]}'), post("/listed", b'{"n": 2}'),
            post("/predict", b'{"amount": 4}')]  # fmt: skip
    with Connection(running) as connection:
        connection.send(b"".join(ways))
        bodies = [connection.answer()[2] for _ in ways]
    assert bodies[0] == b"0.3"
    assert [json.loads(bodies[n])["amount"] for n in (1, 3, 6)] == [1, 2, 4]
    assert json.loads(bodies[2]) == {"status": "alive"}
    assert json.loads(bodies[4]) == [3]
    assert bodies[5].split() == [b"0", b"1"]


def test_a_long_line_of_calls_behind_a_slow_one_is_answered(running) -> None:
    with Connection(running) as connection:
        connection.send(
            post("/slow", b'{"seconds": 0.2}') + post("/predict", b'{"amount": 1}') * 2000
        )
        assert connection.answer()[2] == b"0.2"
        assert {connection.answer()[0] for _ in range(2000)} == {200}


@pytest.mark.parametrize("path", ["/predict", "/later"])
def test_a_connection_ends_where_the_caller_wants_it(running, path) -> None:
    body = b'{"amount": 1}' if path == "/predict" else b'{"value": []}'
    for sent in (post(path, body, "Connection: close"), post(path, body, version="1.0")):
        with Connection(running) as connection:
            connection.send(sent)
            status, headers, _ = connection.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert connection.file.read() == b""


def test_a_head_like_the_last_one_is_read_for_what_it_is(running) -> None:
    body = b'{"amount": 1}'
    sent = post("/predict", body)
    others = [sent.replace(b"POST", b"PUT"), post("/later", b'{"value": [1]}'), sent]
    with Connection(running) as connection:
        for one in [sent, sent, *others]:
            connection.send(one)
        assert [connection.answer()[0] for _ in range(5)] == [200, 200, 405, 200, 200]


@pytest.mark.parametrize(
    "sent",
    [
        post("/predict", b'{"amount": 1}'),
        post("/predict", b""),
        post("/predict", b'{"amount": 1}', "Connection: close"),
        post("/predict", b'{"amount": 1}', version="1.0"),
        b"\r\n\r\n" + post("/predict", b'{"amount": 1}'),
        post("/predict", b'{"amount":\r\n\r\n 1}').replace(b"\r\n\r\n", b"\n\n", 1),
        post("/predict", b'{"amount":\r\n\r\n 1}').replace(b"\r\n", b"\n"),
        post("/predict", b'{"amount": 1}') + post("/later", b'{"value": [1]}'),
        post("/predict", b'{"amount": 1}')
        + post("/predict", b'{"amount": 2}', "Connection: close"),
        post("/predict", b'{"amount": 1}') + b" no request\r\n\r\n",
    ],
)  # fmt: skip
def test_what_was_asked_before_is_answered_as_it_was(running, sent) -> None:
    def all_told() -> list[bytes]:
        with Connection(running) as connection:
            connection.send(sent)
            time.sleep(0.05)
            with suppress(OSError):  # it may have ended
                connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = connection.file.read()
        return re.sub(rb"date: [^\r]+|x-request-id: \S+|_id\": \"\w+", b"", said).splitlines()

    first = all_told()
    assert first[0].startswith(b"HTTP/1.1 ")
    assert [all_told() for _ in range(3)] == [first] * 3


def test_a_head_and_its_body_may_come_one_after_the_other(running) -> None:
    with Connection(running) as connection:
        for n in range(4):
            head, end, body = post("/predict", b'{"amount": %d}' % n).partition(b"\r\n\r\n")
            for piece in (head + end, body) if n < 3 else (head + end, body[:3], body[3:]):
                connection.send(piece)
                time.sleep(0.02)
            assert json.loads(connection.answer()[2])["amount"] == n


def test_a_caller_that_waits_for_continue_gets_it(running) -> None:
    with Connection(running) as connection:
        sent = post("/predict", b'{"amount": 1}', "Expect: 100-continue")
        head, _, body = sent.partition(b"\r\n\r\n")
        connection.send(head + b"\r\n\r\n")
        assert connection.file.readline().startswith(b"HTTP/1.1 100")
        connection.file.readline()
        connection.send(body)
        assert connection.answer()[0] == 200


def test_answers_have_date_length_and_type(running) -> None:
    with Connection(running) as connection:
        connection.send(post("/predict", b'{"amount": 1}'))
        _, headers, body = connection.answer()
    assert set(headers) == {"date", "content-length", "content-type"}
    assert headers["content-length"] == str(len(body))


def test_large_answers_arrive_whole_however_slowly_they_are_read(running) -> None:
    more_than_the_system_takes = [f"{n:01000}" for n in range(12_000)]
    values = [more_than_the_system_takes, [1], list(range(30_000)), list(range(200_000))]
    with Connection(running) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**17)
        for value in values:
            body = json.dumps({"value": value}).encode()
            running.client.post("/predict", json={"amount": 1})  # others are answered meanwhile
            connection.send(post("/later", body))
            time.sleep(0.2)
            status, _, said = connection.answer()
            assert (status, json.loads(said)) == (200, value)
    with Connection(running) as connection:  # one after the other, before any is read
        sent = [post("/later", json.dumps({"value": value}).encode()) for value in values]
        connection.send(b"".join(sent[1:3] * 3))
        for value in values[1:3] * 3:
            assert json.loads(connection.answer()[2]) == value


def test_a_call_has_the_callers_own_id(running) -> None:
    sent = {"x-request-id": "order-17"}
    fine = running.client.post("/predict", json={"amount": 1}, headers=sent)
    assert fine.headers["x-request-id"] == "order-17"
    failed = running.client.post(
        "/predict", json={"amount": -1},
        headers={**sent, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"},
    )  # fmt: skip
    assert failed.headers["x-request-id"] == failed.json()["request_id"] == "order-17"
    line = running.logged("order-17")
    assert (line["request_id"], line["traceparent"][:5]) == ("order-17", "00-aa")


@pytest.mark.parametrize("said", ["a b", "x" * 200, "naïve", '"'])
def test_an_id_that_is_unfit_for_a_log_is_replaced(running, said) -> None:
    answer = running.client.post(
        "/predict", json={"amount": -1}, headers=[(b"x-request-id", said.encode("latin-1"))]
    )
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_a_generator_that_a_plain_function_returns_is_a_stream(running) -> None:
    answer = running.client.post("/listed", json={"n": 3})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.split() == ["0", "1", "2"]


def test_a_generator_whose_first_item_fails_is_a_problem(running) -> None:
    for _ in range(40):  # on the thread, then on the loop
        answer = running.client.post("/broken", json={"n": 0})
        assert (answer.status_code, answer.json()["error"]) == (500, "ZeroDivisionError")
    assert running.client.post("/broken", json={"n": 1}).text.split() == ["1", "0"]


def test_a_function_that_raises_what_is_no_error_is_a_problem(running) -> None:
    answer = running.client.post("/gone", json={"seconds": 0})
    assert (answer.status_code, answer.json()["error"]) == (500, "RuntimeError")


def test_a_caller_that_hangs_up_harms_nobody(running) -> None:
    for _ in range(5):
        with Connection(running) as connection:
            connection.send(post("/slow", b'{"seconds": 0.1}'))
    assert running.client.post("/slow", json={"seconds": 0}).json() == 0


def test_calls_that_could_not_be_answered_in_time_are_refused(start) -> None:
    overloaded = start(
        ("calls", "production", CELLS), endpoints={"slow": []}, service=ServiceSettings(timeout=1)
    )
    for _ in range(40):  # what a call takes is learnt
        overloaded.client.post("/slow", json={"seconds": 0.05})
    with Connection(overloaded) as first:
        first.send(post("/slow", b'{"seconds": 0.8}'))
        several = [Connection(overloaded) for _ in range(60)]
        for connection in several:
            connection.send(post("/slow", b'{"seconds": 0.05}'))
        found = [connection.answer() for connection in several]
    refused = [headers for status, headers, _ in found if status == 503]
    assert refused
    assert all(int(headers["retry-after"]) >= 1 for headers in refused)
    assert {status for status, _, _ in found} <= {200, 503, 504}


GARBAGE = b"\0 no request"
SWITCH = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\n" + b"X: yz\r\n" * 20_000,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 400_000,
        b"GET /" + b"a" * 70_000,
        chunked("/predict", b"{}")[:-2] + b"T: yz\r\n" * 60_000,
        chunked("/predict", b"{}").partition(b"2\r\n")[0] + b"2;" + b"a" * 400_000,
    ],
    ids=["header", "headers", "endless", "path", "trailers", "extension"],
)
def test_a_head_that_would_fill_the_memory_is_refused(running, head) -> None:
    with Connection(running) as connection:
        with suppress(ConnectionError):
            connection.send(head)
        status, headers, body = connection.answer()
    assert (status, headers["connection"]) == (431, "close")
    assert json.loads(body)["status"] == 431


@pytest.mark.parametrize(
    "sent",
    [
        GARBAGE,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        post("/predict", b"{}", "Content-Length: 1"),
        post("/predict", b"{}", "Transfer-Encoding: chunked"),
        chunked("/predict", b"{}").replace(b"chunked", b"gzip"),
        chunked("/predict", b"{}").replace(b"chunked", b"chunked, gzip"),
        post("/predict", b"{}", "X: a\r\n b"),
        post("/predict", b"{}", "X: a\0b"),
        post("/predict", b"{}", ": x"),
        chunked("/predict", b"{}").replace(b"2\r\n", b"zz\r\n"),
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        post("/predict", b"{}", "Host: y"),
    ],
)
def test_what_is_no_request_is_told_so_as_a_problem(running, sent) -> None:
    with Connection(running) as connection:
        connection.send(sent)
        status, headers, _ = connection.answer()
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert connection.file.read() == b""


@pytest.mark.parametrize("path", ["/predict", "/nothing"])
@pytest.mark.parametrize(
    "codings",
    ["gzip, chunked", "GZIP ,chunked", "gzip\r\nTransfer-Encoding: chunked", "identity, chunked"],
)
def test_a_body_in_a_coding_that_is_not_known_is_refused(running, path, codings) -> None:
    sent = chunked(path, b'{"amount": 1}').replace(b"chunked", codings.encode())
    with Connection(running) as connection:
        connection.send(sent + post("/predict", b'{"amount": 1}'))
        status, headers, body = connection.answer()
        assert (status, headers["connection"]) == (501, "close")
        assert "chunked alone" in json.loads(body)["detail"]
        assert connection.file.read() == b""


@pytest.mark.parametrize("coding", ["Chunked", "chunked ", "\tchunked"])
def test_chunked_is_known_however_it_is_written(running, coding) -> None:
    with Connection(running) as connection:
        for path in ("/predict", "/nothing"):
            connection.send(chunked(path, b'{"amount": 1}').replace(b"chunked", coding.encode()))
            assert connection.answer()[0] == (200 if path == "/predict" else 404)


@pytest.mark.parametrize(
    "bad",
    [
        GARBAGE,
        post("/slow", b"{}", "Transfer-Encoding: chunked"),
        chunked("/slow", b"{}").replace(b"2\r\n", b"zz\r\n"),
    ],
)
def test_calls_before_what_is_no_request_are_answered(running, bad) -> None:
    calls = [post("/slow", b'{"seconds": 0.%d}' % n) for n in (2, 0, 1)]
    with Connection(running) as connection:
        connection.send(b"".join(calls) + bad)
        answers = [connection.answer() for _ in calls]
        assert [body for _, _, body in answers] == [b"0.2", b"0.0", b"0.1"]
        assert [headers.get("connection") for _, headers, _ in answers] == [None, None, "close"]
        assert connection.file.read() == b""


def test_what_is_no_request_takes_no_answer_back(running) -> None:
    with Connection(running) as connection:
        connection.send(post("/predict", b'{"amount": 1}') + GARBAGE)
        assert connection.answer()[0] == 200


@pytest.mark.parametrize("headers", [SWITCH, ("Connection: upgrade", "Upgrade: websocket")])
def test_a_wish_for_another_protocol_is_not_heard(running, headers) -> None:
    body = b'{"amount": 3}'
    with Connection(running) as connection:
        for size in (1, 7, 10_000):
            sent = post("/predict", body, *headers) + post("/later", b'{"value": []}')
            for begin in range(0, len(sent), size):
                connection.send(sent[begin : begin + size])
            assert json.loads(connection.answer()[2])["amount"] == 3
            assert connection.answer()[2] == b"[]"


def test_a_caller_that_hangs_up_within_a_body_is_no_error(running) -> None:
    before = len(running.log)
    with Connection(running) as connection:
        connection.send(chunked("/later", b'{"value": []}')[:-5])
    metric = 'nbdeploy_requests_total{endpoint="later",status="400"}'
    wait_until(lambda: metric in running.client.get("/metrics").text)
    assert "traceback" not in "".join(running.log[before:])


@pytest.mark.parametrize("way", [post, chunked])
def test_a_caller_that_hangs_up_with_calls_in_a_row_is_no_error(running, way) -> None:
    before = len(running.log)
    with Connection(running) as connection:
        connection.send(way("/slow", b'{"seconds": 0.3}') + post("/later", b'{"value": []}'))
        time.sleep(0.1)
    assert running.client.post("/slow", json={"seconds": 0.1}).status_code == 200
    assert "traceback" not in "".join(running.log[before:])
