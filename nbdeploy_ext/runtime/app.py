"""The routes of a service, as a Starlette application."""

from __future__ import annotations

import asyncio
import functools
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .access import OPEN, Token
from .calls import StoreFailed
from .intake import BODY_LIMIT, TOO_LARGE
from .metrics import CONTENT_TYPE
from .openapi import openapi_document
from .probes import PROBES
from .problems import problem
from .reply import Reply
from .request import Asked, fit_id
from .request import Request as Call
from .streaming import Streaming
from .values import plain_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .service import Service, Streamed

_CUT = problem(400, "The body ended before its end.")
_LARGE = problem(413, TOO_LARGE)
_AS_IS = (("accept-encoding", "identity"),)
_CODED = problem(415, "Send the body as it is, with no Content-Encoding.", headers=_AS_IS)


def make_app(service: Service) -> ASGIApp:  # noqa: C901  (a flat list of routes)
    """Return the ASGI application of a loaded service."""
    document = openapi_document(service)

    async def docs(_: Request) -> Response:
        return HTMLResponse(_page(service.app.manifest.name))

    async def openapi(_: Request) -> Response:
        return JSONResponse(document)

    async def metrics(_: Request) -> Response:
        # It reads of all processes how much memory they need, which takes milliseconds
        text = await asyncio.to_thread(_exposed, service)
        return Response(text, headers={"content-type": CONTENT_TYPE})

    async def version(_: Request) -> Response:
        return JSONResponse(_version(service))

    async def calls(request: Request) -> Response:
        limit = request.query_params.get("limit", "100")
        if not limit.isdecimal() or len(limit) > 9:
            return whole(problem(422, "limit is a number of calls."))
        try:
            # A store may be a file or a database: not on the loop
            found = await asyncio.to_thread(service.calls.records, int(limit))
        except StoreFailed as fault:
            return whole(problem(503, f"The call log can't be read: {fault}"))
        return JSONResponse(plain_value(found))

    async def monitors(_: Request) -> Response:
        return JSONResponse(plain_value(service.monitors.states()))

    known: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": docs, "/docs": docs, "/openapi.json": openapi, "/metrics": metrics,
        "/version": version, "/calls": calls, "/monitors": monitors,
        **{path: _probe(service, ask) for path, ask in PROBES.items()},
    }  # fmt: skip
    routes = [Route(path, answer, methods=["GET"]) for path, answer in known.items()]
    routes += [
        Route(operation.endpoint.path, _endpoint(service, name), methods=["POST"])
        for name, operation in service.operations.items()
    ]
    handlers: Any = {404: _not_found, 405: _wrong_method, Exception: _broken}
    application = Starlette(routes=routes, exception_handlers=handlers)
    # A redirect would name the host that the caller named, and lose most clients' bodies
    application.router.redirect_slashes = False
    return _Guard(application, Token(service.token))


@functools.cache
def _page(name: str) -> str:
    page = (Path(__file__).parent / "docs.html").read_text(encoding="utf-8")
    return page.replace("{{title}}", html.escape(name))


def _probe(
    service: Service, ask: Callable[[Service], Reply]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return whole(ask(service))

    return answer


def _endpoint(service: Service, name: str) -> Callable[[Request], Awaitable[ASGIApp]]:
    async def answer(request: Request) -> ASGIApp:
        call = _call(service, name, request)
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > BODY_LIMIT:
            return _as_response(service.refuse(call, _LARGE), call)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return _as_response(service.refuse(call, _CODED), call)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT:
                    return _as_response(service.refuse(call, _LARGE), call)
        except ClientDisconnect:
            return _as_response(service.refuse(call, _CUT), call)  # nobody reads it
        call.body = bytes(body)
        return _as_response(await service.call(call), call)

    return answer


def _call(service: Service, name: str, request: Request) -> Call:
    said = request.headers.get
    asked = Asked(
        service.operations[name], said("content-type", ""), said("accept", ""),
        given_id=said("x-request-id", ""), traceparent=said("traceparent", ""),
    )  # fmt: skip
    return Call(asked, request.url.query)


def whole(answer: Reply) -> Response:
    """Return a whole answer as Starlette's."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)


def _as_response(answer: Reply | Streamed, call: Call) -> ASGIApp:
    if not isinstance(answer, Reply):
        return Streaming(answer, call.request_id)
    response = whole(answer)
    response.headers["x-request-id"] = call.request_id
    return response


def _exposed(service: Service) -> bytes:
    # Sixty milliseconds that a start need not wait for
    from .exposition import as_text  # noqa: PLC0415

    return as_text(service.metrics)


def _version(service: Service) -> dict[str, Any]:
    manifest = service.app.manifest
    return {
        "name": manifest.name,
        "notebook": manifest.notebook,
        "notebook_sha256": manifest.notebook_sha256,
        "cells": [
            {"id": c.id, "index": c.index, "role": c.role, "sha256": c.sha256}
            for c in manifest.cells
        ],
        "version": service.version,
        "git_commit": manifest.git_commit,
    }


async def _not_found(request: Request, _: Exception) -> Response:
    return whole(problem(404, f"There is no {request.url.path}; see /docs."))


async def _wrong_method(request: Request, fault: Exception) -> Response:
    said = problem(405, f"{request.method} is not for {request.url.path}; see /docs.")
    answer = whole(said)
    answer.headers.update(getattr(fault, "headers", None) or {})  # Allow, RFC 9110
    return answer


async def _broken(_: Request, __: Exception) -> Response:
    said = problem(500, "The service failed outside the notebook; its log says why.")
    return whole(said)


class _Guard:
    """Asks callers for the token, on all routes but the open ones; gives errors their id."""

    def __init__(self, inner: ASGIApp, token: Token) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope["headers"])

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                given = sent.get(b"x-request-id", b"").decode("latin-1")
                MutableHeaders(scope=message).setdefault("x-request-id", fit_id(given))
            await send(message)

        if scope["path"] not in OPEN and not self._token.is_sent(sent.get(b"authorization", b"")):
            headers = (("www-authenticate", "Bearer"),)
            said = "Send the service's token as Authorization: Bearer …"
            await whole(problem(401, said, headers=headers))(scope, receive, named)
            return
        await self._inner(scope, receive, named)
