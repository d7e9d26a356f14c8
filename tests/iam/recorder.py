"""Stands between the functions and AWS, and remembers who called what."""

import threading
from collections import defaultdict
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from tests.iam.calls import Call, calls_of


class Recorder:
    """Passes every request on to `target`; `calls` are those of each access key."""

    def __init__(self, target: str) -> None:
        self.calls: dict[str, set[Call]] = defaultdict(set)
        recorder, address = self, urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> object:
                if name.startswith("do_"):
                    return self._pass_on
                raise AttributeError(name)

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                lower = {name.lower(): value for name, value in self.headers.items()}
                key, calls = calls_of(self.command, self.path, lower, body)
                recorder.calls[key] |= calls
                connection = HTTPConnection(address.hostname or "", address.port)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header(
                    "content-length",
                    answer.getheader("content-length", "0") if self.command == "HEAD" else str(len(content)),
                )
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
