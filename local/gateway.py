"""The HTTP API on this machine: finds the route, calls its function, and keeps the limits of the real one.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

from local.cors import Cors
from local.door import Authorize, AuthorizerFailed, Forbidden, Unauthorized, everyone
from local.http_api import Answer, MalformedAnswer, Request, build_event, let_in, match, read_answer
from local.logs import say
from local.template import Route
from local.workers import AnswerTooLarge, EventTooLarge, InvocationError, Throttled, TimedOut

MOST_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0
MOST_REQUESTS = 200
IDLE_SECONDS = 60
PIECE_BYTES = 64 * 1024
MOST_DRAINED_BYTES = 10 * MOST_BODY_BYTES
"""Of a body that is too large: a client that is cut off while it sends does not see its answer."""

AS_SENT = "".join(map(chr, range(0x21, 0x7F)))
"""What of a request's target stays as it is; the bytes of a client that does not encode them are encoded."""

FAILURES: Mapping[type[Exception], tuple[int, str]] = {
    Unauthorized: (401, "Unauthorized"),
    Forbidden: (403, "Forbidden"),
    AuthorizerFailed: (500, "Internal Server Error"),
    EventTooLarge: (413, "Request Entity Too Large"),
    AnswerTooLarge: (502, "Internal Server Error"),
    TimedOut: (503, "Service Unavailable"),
    Throttled: (503, "Service Unavailable"),
    InvocationError: (500, "Internal Server Error"),
    MalformedAnswer: (500, "Internal Server Error"),
    TimeoutError: (504, "Gateway Timeout"),
}
"""What a client is answered for each way that the authorizer or the integration does not let a request through."""

Invoke = Callable[[str, Mapping[str, Any]], Any]
"""Calls a function, by its logical id, with an event."""


class Gateway:
    """Listens on 127.0.0.1 from the moment it is made, so that its address is known; answers once it is started."""

    def __init__(self, port: int, integration_seconds: float = INTEGRATION_SECONDS) -> None:
        """Raises OSError where the port is taken; 0 is any free one. A function is waited for as long as that."""
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise OSError(f"port {port} of 127.0.0.1: {error.strerror}") from error
        self._server.integration_seconds = integration_seconds
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="gateway", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(
        self,
        routes: Sequence[Route],
        invoke: Invoke,
        cors: Cors = Cors(),  # noqa: B008 - frozen
        authorize: Authorize = everyone,
    ) -> None:
        """Begins to answer requests that fit one of the routes, of whom `authorize` lets in."""
        self._server.routes, self._server.invoke, self._server.cors = routes, invoke, cors
        self._server.authorize = authorize
        self._thread.start()

    def stop(self) -> None:
        """Closes the socket; requests under way are abandoned."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._server.integrations.shutdown(wait=False, cancel_futures=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True
    routes: Sequence[Route] = ()
    invoke: Invoke
    authorize: Authorize
    cors: Cors
    integration_seconds: float

    def server_activate(self) -> None:
        self.integrations = ThreadPoolExecutor(MOST_REQUESTS, "integration")
        super().server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing where it is the client that went away."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def answer(self, request: Request) -> Answer:
        """What the API answers to a request; to pages of other origins it tells whether they may read it."""
        answer = self.cors.preflight(request) or self._routed(request)
        return Answer(answer.status, [*answer.headers, *self.cors.headers(request)], answer.body)

    def _routed(self, request: Request) -> Answer:
        found = match(self.routes, request.method, request.target)
        if found is None:
            return _message(404, "Not Found")
        event = build_event(request, *found)
        try:
            event = let_in(event, self.authorize(request, *found))
            result = self.integrations.submit(self.invoke, found[0].function, event).result(self.integration_seconds)
            answer = read_answer(result)
        except tuple(FAILURES) as error:
            kind = next(kind for kind in FAILURES if isinstance(error, kind))
            say("gateway", f"{event['routeKey']} {FAILURES[kind][0]} {kind.__name__}")
            answer = _message(*FAILURES[kind])
        identified = [*answer.headers, ("apigw-requestid", event["requestContext"]["requestId"])]
        return Answer(answer.status, identified, answer.body)


def _message(status: int, message: str) -> Answer:
    return Answer(
        status, [("content-type", "application/json")], json.dumps({"message": message}, separators=(",", ":")).encode()
    )


class _TooLarge(Exception):
    """A body of more bytes than the API takes."""


class _Handler(BaseHTTPRequestHandler):
    """One connection; HTTP/1.1, kept open."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        try:
            body = self._body()
        except _TooLarge:
            say("gateway", "413 Request Entity Too Large")
            self.close_connection = True
            self._send(_message(413, "Request Entity Too Large"))
            return
        except ValueError:
            self.close_connection = True
            self._send(_message(400, "Bad Request"))
            return
        headers = list(self.headers.items())
        source = self.client_address[0]
        target = quote(self.path.encode("latin-1"), safe=AS_SENT)
        self._send(self.server.answer(Request(self.command, target, headers, body, source, self.request_version)))

    def __getattr__(self, name: str) -> Any:
        """Answers every method, also those that the base class does not know: without a route it is a 404."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answers a request that cannot be read, in the form of the API's other answers."""
        self.close_connection = True
        self._send(_message(code, HTTPStatus(code).phrase))

    def _body(self) -> bytes:
        """The body; raises _TooLarge, once it is read and thrown away, and ValueError where its length is wrong."""
        body = bytearray()
        received = 0
        for piece in self._pieces():
            received += len(piece)
            if received <= MOST_BODY_BYTES:
                body += piece
            elif received > MOST_DRAINED_BYTES:
                break
        if received > MOST_BODY_BYTES:
            raise _TooLarge
        return bytes(body)

    def _pieces(self) -> Iterator[bytes]:
        if (coding := self.headers.get("transfer-encoding")) is None:
            yield from self._read(self._length())
            return
        if coding.strip().lower() != "chunked" or "content-length" in self.headers:
            raise ValueError("a body whose end is not certain")
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield from self._read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _length(self) -> int:
        """Of a body that is not chunked; raises ValueError where it is not one number (RFC 9112 section 6.3)."""
        lengths = self.headers.get_all("content-length", ["0"])
        if len(set(lengths)) != 1 or not lengths[0].isdecimal():
            raise ValueError("a length that is none")
        return int(lengths[0])

    def _read(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(length, PIECE_BYTES))
            if not piece:
                raise ConnectionResetError("the client went away")
            length -= len(piece)
            yield piece

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("content-length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "local"

    def log_message(self, *_: object) -> None:
        """Nothing: a request line holds what may not be logged."""
