"""Generators whose callers go before the end."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.runtime.apps import wait_until

CELLS = """\
import asyncio, contextlib, time

begun, ended = [], []

@contextlib.contextmanager
def noted():
    begun.append(1)
    try:
        yield
    finally:
        ended.append(1)

def count():
    with noted():
        for n in range(10 ** 9):
            time.sleep(0.002)
            yield n

def listed():
    return count()

async def ticks():
    with noted():
        try:
            for n in range(10 ** 9):
                yield n
                await asyncio.sleep(0.002)
        finally:
            await asyncio.sleep(0.01)

async def waits():
    with noted():
        yield 0
        await asyncio.sleep(600)

def seen() -> list[int]:
    return [len(begun), len(ended)]
"""
STREAMS = ("count", "listed", "ticks", "waits")
WHOLE = "POST /{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
CHUNKED = (
    "POST /{name} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
)


@pytest.fixture(scope="module")
def running(start_once):
    endpoints: dict[str, list[Any]] = {name: [] for name in (*STREAMS, "seen")}
    return start_once(("calls", "production", CELLS), endpoints=endpoints)


@pytest.mark.parametrize("request_", [WHOLE, CHUNKED], ids=["whole", "chunked"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_generator_is_closed_when_its_caller_goes(running, name, request_) -> None:
    def seen() -> list[int]:
        found: list[int] = running.client.post("/seen", json={}).json()
        return found

    before, _ = seen()
    url = running.client.base_url
    for n in range(20):
        with socket.create_connection((url.host, url.port), 20) as connection:
            connection.sendall(request_.format(name=name).encode())
            # Some go at once, some when the answer has begun
            if n % 2:
                connection.recv(200)

    def all_ended() -> bool:
        begun, ended = seen()
        return begun - before >= 10 and begun == ended

    wait_until(all_ended)
