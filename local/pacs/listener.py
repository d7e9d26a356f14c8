"""The HTTP/1.1 listener: werkzeug's threaded server with connections that stay open and a stop that leaves none."""

import logging
import socket
import threading
import time
from typing import Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import LimitedStream

HOST = "127.0.0.1"
IDLE_SECONDS = 60
BACKLOG = 128
DRAIN_BYTES = 1 << 16
GRACE_SECONDS = 1.0
POLL_SECONDS = 0.1

logger = logging.getLogger(__name__)


class ChunkedBody(DechunkedInput):
    """A chunked body, whose malformed or missing end counts as a client that went away (400)."""

    def readinto(self, buf: bytearray) -> int:  # type: ignore[override]
        """See io.RawIOBase."""
        try:
            return super().readinto(buf)
        except OSError as error:
            raise ClientDisconnected from error


class KeepAliveHandler(WSGIRequestHandler):
    """Answers any number of requests on a connection.

    werkzeug's own handler closes after each one, since it does not know where an unread body ends; this one reads every
    body to its end before it answers. Nothing is logged of a request: its address names studies and patients.
    """

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """One request: the application's answer, with its own length or in chunks."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        body = environ["wsgi.input"] = self._body(environ)
        environ["wsgi.input_terminated"] = True
        started: list[Any] = []
        pieces = self.server.app(environ, lambda *arguments: started.extend(arguments))  # type: ignore[arg-type]
        try:
            self._drain(body)
            self._send(started[0], started[1], pieces)
        except ConnectionError:
            self.close_connection = True
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""

    def _body(self, environ: dict[str, Any]) -> Any:
        if isinstance(environ["wsgi.input"], DechunkedInput):
            return ChunkedBody(self.rfile)
        length = self.headers.get("Content-Length", "0")
        known = length.isascii() and length.isdigit()
        self.close_connection = self.close_connection or not known
        return LimitedStream(self.rfile, int(length) if known else 0)

    def _drain(self, body: Any) -> None:
        try:
            while body.read(DRAIN_BYTES):
                pass
        except ClientDisconnected:
            self.close_connection = True

    def _send(self, status: str, headers: list[tuple[str, str]], pieces: Any) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        bodiless = self.command == "HEAD" or code in ("204", "304")
        sized = bodiless or any(name.lower() == "content-length" for name, _ in headers)
        chunked = not sized and self.request_version >= "HTTP/1.1"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not sized:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces if not bodiless else ():
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


class Listener(ThreadedWSGIServer):
    """Serves an application on a port of 127.0.0.1 from `start` to `stop`. Raises OSError when the port is taken."""

    def __init__(self, port: int, application: Any) -> None:
        self._connections: set[socket.socket] = set()
        self._connection_threads: list[threading.Thread] = []
        self._connections_lock = threading.Lock()
        with socket.create_server((HOST, port), backlog=BACKLOG) as bound:
            super().__init__(HOST, port, application, KeepAliveHandler, fd=bound.fileno())
        self._accepting = threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), name="pacs", daemon=True)

    @property
    def url(self) -> str:
        """The address that it answers at."""
        return f"http://{HOST}:{self.server_address[1]}"

    def start(self) -> None:
        """Starts to answer."""
        self._accepting.start()

    def stop(self) -> None:
        """Ends within two seconds: what is being answered gets a moment to finish, idle connections end at once."""
        self.shutdown()
        self._accepting.join()
        deadline = time.monotonic() + GRACE_SECONDS
        self._end_connections(socket.SHUT_RD)
        self._join(deadline)
        self._end_connections(socket.SHUT_RDWR)
        self._join(deadline + 0.3)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves one connection in a thread of its own."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._connections_lock:
            self._connections.add(request)
            self._connection_threads = [other for other in self._connection_threads if other.is_alive()] + [thread]
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that has ended."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """A connection that broke is the client's affair; nothing of it is printed."""
        logger.debug("a connection broke")

    def _end_connections(self, how: int) -> None:
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(how)
            except OSError:
                continue

    def _join(self, deadline: float) -> None:
        with self._connections_lock:
            threads = list(self._connection_threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
