"""A proxy between the service and a PACS that does to one conversation what networks, proxies and PACS do."""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What comes back: `cut` bytes of the body never come, `lost` is a connection that ends without an answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: int = 0
    lost: bool = False


Forward = Callable[[], Reply]
"""Has the request done by the PACS, and gives its reply."""

Fault = Callable[[Forward], Reply]
"""What becomes of one request: it may reach the PACS or not, and its reply may reach the service or not."""

HTML = b"<!doctype html><title>Sign in</title>"


def nothing(forward: Forward) -> Reply:
    """No fault."""
    return forward()


def lost_request(_: Forward) -> Reply:
    """The connection ends before the PACS has heard anything."""
    return Reply(0, lost=True)


def lost_reply(forward: Forward) -> Reply:
    """The PACS does it, and its reply is lost."""
    return replace(forward(), lost=True)


def truncated(forward: Forward) -> Reply:
    """The PACS does it, and half of its reply comes."""
    reply = forward()
    return replace(reply, cut=max(1, len(reply.body) // 2))


def slow(seconds: float) -> Fault:
    """The reply comes so much later."""

    def fault(forward: Forward) -> Reply:
        reply = forward()
        time.sleep(seconds)
        return reply

    return fault


def status(code: int, body: bytes = b"", content_type: str = "text/plain", **headers: str) -> Fault:
    """A reply of a proxy's own; the PACS hears nothing."""
    return lambda _: Reply(code, (("Content-Type", content_type), *headers.items()), body)


def labelled(content_type: str) -> Fault:
    """The PACS's reply under another content type."""

    def fault(forward: Forward) -> Reply:
        reply = forward()
        kept = [(name, value) for name, value in reply.headers if name.lower() != "content-type"]
        return replace(reply, headers=(*kept, ("Content-Type", content_type)))

    return fault


class FaultProxy:
    """Forwards to the PACS; what `fault` says happens to requests whose method is among `methods`."""

    def __init__(
        self, pacs_url: str, fault: Fault, methods: tuple[str, ...] = ("GET", "POST", "DELETE", "PUT")
    ) -> None:
        self._pacs = urlsplit(pacs_url)
        self._fault = fault
        self._methods = methods
        self._lock = threading.Lock()
        self.forwarded: list[tuple[str, str]] = []
        self.received: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{self._pacs.path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def changes(self) -> int:
        """How many requests that change something the PACS was given."""
        return sum(method != "GET" for method, _ in self.forwarded)

    def _forward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        with self._lock:
            self.forwarded.append((method, urlsplit(target).path))
        connection = http.client.HTTPConnection(str(self._pacs.hostname), self._pacs.port, timeout=20)
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = [pair for pair in answer.getheaders() if pair[0].lower() not in ("content-length", "transfer-encoding")]
        return Reply(answer.status, tuple(kept), content)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with proxy._lock:
                    proxy.received.append((self.command, urlsplit(self.path).path))
                fault = proxy._fault if self.command in proxy._methods else nothing
                self.reply(fault(lambda: proxy._forward(self.command, self.path, dict(self.headers), body)))

            def reply(self, reply: Reply) -> None:
                self.close_connection = self.close_connection or reply.lost or reply.cut > 0
                if reply.lost:
                    return
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: len(reply.body) - reply.cut])

            do_GET = do_POST = do_DELETE = do_PUT = pass_on  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest's output is for pytest."""

        return Handler
