"""The subscriber of a stack that was given no CALLBACK_URLS: prints one line for each event that reaches it."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from local.logs import say

KINDS = ("COMPLETED", "INSTANCES_ADDED")


class Subscriber:
    """Listens on 127.0.0.1, from `start` to `stop`: on a port where it can be had, else on a free one."""

    def __init__(self, port: int = 0) -> None:
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        except OSError:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="subscriber", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Names the event and how much it announces, nothing of the patient: a PACS may write anything anywhere."""
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        series, kind = event.get("Series"), event.get("EventType")
        count = len(series) if isinstance(series, list) else 0
        identifier = self.headers.get("webhook-id", "?")
        say("subscriber", f"got event {identifier}: {kind if kind in KINDS else 'new exam'}, {count} series")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing beside the line above."""
