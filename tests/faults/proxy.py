"""Stands between the functions and AWS: kills the process that makes a certain call, before or after the call."""

import os
import signal
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import urlsplit

When = Literal["before", "after"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: that a killed process breaks its connection off is what this is about."""


class KillingProxy:
    """Passes every request on to `target`, counting them; at number `fatal` it kills the process `victim`.

    With `after`, AWS has done what it was asked when the process dies, and nobody is told.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.arm(0, "before")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def arm(self, fatal: int, when: When) -> None:
        """Counts from the beginning again; 0 kills nobody."""
        self.fatal, self.when = fatal, when
        self.calls: list[str] = []
        self.killed = False
        self.victim = 0

    def kill(self) -> None:
        """Kills the process that is at work."""
        os.kill(self.victim, signal.SIGKILL)
        self.killed = True

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes] | None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            name = handler.headers.get("X-Amz-Target", "").rpartition(".")[2] or body[:24].decode(errors="replace")
            self.calls.append(name or handler.command)
            fatal = len(self.calls) == self.fatal
        if fatal and self.when == "before":
            self.kill()
            return None
        connection = HTTPConnection(self._target.hostname or "", self._target.port)
        connection.request(handler.command, handler.path, body, dict(handler.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if fatal:
            self.kill()
            return None
        return answer.status, dict(answer.getheaders()), content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                answer = proxy._pass_on(self)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(content)

            do_DELETE = do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815 - names that the base class calls

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest's output is for pytest."""

        return Handler
