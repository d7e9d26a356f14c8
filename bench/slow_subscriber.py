"""What a dead and a slow subscriber cost the healthy ones, through the whole service on one machine.

    .venv/bin/python -m bench.slow_subscriber [events] [seconds]

Posts distinct events from four clients to the service with five subscribers: first all healthy, then with one where
nobody listens and one that takes `seconds` (8) for each answer. Prints when the last event had reached each of the
healthy ones, and how many requests the slow one had at a time.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from bench.events import CLIENTS, SECRET, Service, payloads

MOST_SECONDS = 300


class Subscriber:
    """Remembers when each event came, by its identifier, and answers after some seconds."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.arrived: dict[str, float] = {}
        self.most_at_a_time = self._now = 0
        self._lock = threading.Lock()
        subscriber = self

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                subscriber.take(self)
                time.sleep(seconds)
                subscriber.leave()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing: it would cost time."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """A request has come."""
        handler.rfile.read(int(handler.headers["Content-Length"]))
        with self._lock:
            self.arrived.setdefault(handler.headers["webhook-id"], time.monotonic())
            self._now += 1
            self.most_at_a_time = max(self.most_at_a_time, self._now)

    def leave(self) -> None:
        """It is answered."""
        with self._lock:
            self._now -= 1


def measure(healthy: list[Subscriber], others: list[str], events: int) -> float:
    """The seconds from the first event until every healthy subscriber has all of them."""
    service = Service(",".join([*others, *(subscriber.url for subscriber in healthy)]))

    def announce(body: bytes) -> None:
        headers = {"Authorization": SECRET}
        requests.post(f"{service.url}/new-exam-callback", data=body, headers=headers, timeout=60).raise_for_status()

    try:
        started = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(announce, payloads(events)))
        stored = time.monotonic() - started
        while min(len(each.arrived) for each in healthy) < events and time.monotonic() < started + MOST_SECONDS:
            time.sleep(0.05)
        print(f"  {events} events stored after {stored:.1f} s", [len(each.arrived) for each in healthy], flush=True)
    finally:
        service.stop()
    return max(max(each.arrived.values()) for each in healthy) - started


def main() -> None:
    """Measures and prints."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    alone = measure([Subscriber() for _ in range(5)], [], events)
    slow = Subscriber(seconds)
    beside = measure([Subscriber() for _ in range(3)], ["http://127.0.0.1:1/", slow.url], events)
    print(f"five healthy subscribers              {alone:6.1f} s until each has all {events} events")
    print(f"three, beside a dead and a slow one   {beside:6.1f} s ({beside / alone:.2f} times)")
    print(f"the slow one: {slow.most_at_a_time} requests at a time, {len(slow.arrived)} events when the others had all")


if __name__ == "__main__":
    main()
