"""Real receivers of alerts on loopback: a webhook and a mail server."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted to it; `refuses` answers are errors before it takes any."""

    daemon_threads = True

    def __init__(self, refuses: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.refuses = refuses
        self.asked = 0
        self.posts: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hook-s3cret/"

    @property
    def texts(self) -> list[str]:
        return [post["message"] for post in self.posts]


class _Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        is_refused = self.server.asked <= self.server.refuses
        if not is_refused:
            self.server.posts.append(json.loads(body))
        self.send_response(500 if is_refused else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Mails:
    """Keeps what is mailed to it."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.texts: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.subjects.append(mail["subject"])
        self.texts.append(mail.get_body(("plain", "html")).get_content())
        return "250 OK"


@contextmanager
def webhook(refuses: int = 0) -> Iterator[Webhook]:
    with Webhook(refuses) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mail_server() -> Iterator[tuple[Mails, str]]:
    """Give the mails and the Apprise URL."""
    mails = Mails()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # aiosmtpd takes no port 0
    controller = Controller(mails, "127.0.0.1", port)
    controller.start()
    try:
        yield mails, f"mailto://127.0.0.1:{port}/?from=nbdeploy@example.com&to=you@example.com"
    finally:
        controller.stop()
