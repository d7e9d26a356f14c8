"""How fast events go from the callback to a subscriber on one machine, and whose CPU that takes.

    .venv/bin/python -m bench.events [events]

Starts the whole service, posts distinct events from four clients and waits until the subscriber has every one; then
posts the same bytes to the same subscriber directly. CPU is that of the service's processes by what they are: the
functions, the emulated AWS, and the rest (gateway, event pump). Linux only.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from dicom_service.http.exam_events import EXAM_EVENT_EXAMPLE

ROOT = Path(__file__).parents[1]
SECRET = "bench"
CLIENTS = 4
TICKS = os.sysconf("SC_CLK_TCK")


class Subscriber:
    """Counts events by their identifier."""

    def __init__(self) -> None:
        self.arrived: set[str] = set()
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                subscriber.arrived.add(self.headers.get("webhook-id", ""))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing: it would cost time."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class Service:
    """The whole service in processes of its own."""

    def __init__(self, callback_url: str) -> None:
        variables = {
            "PORT": "0",
            "CALLBACK_URLS": callback_url,
            "CALLBACK_SECRET": SECRET,
            "CALLBACK_SIGNING_SECRET": "whsec_" + "a2V5" * 8,
            "PACS_SERVICE_URL": "http://127.0.0.1:1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local"], cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, text=True
        )
        output = self._process.stdout or []
        self.url = next(line.split()[1] for line in output if line.startswith("ready "))
        threading.Thread(target=lambda: [None for _ in output], daemon=True).start()

    def stop(self) -> None:
        """Ends it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def cpu(self) -> Counter[str]:
        """Seconds of CPU so far, by what the process is."""
        seconds: Counter[str] = Counter()
        for pid in _family(self._process.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
                used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except FileNotFoundError:
                continue
            kind = "gateway and pump" if pid == self._process.pid else "functions"
            seconds["emulated AWS" if "moto_server" in command else kind] += (int(used[11]) + int(used[12])) / TICKS
        return seconds


def _family(pid: int) -> list[int]:
    children = {
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    }
    return [pid, *(member for child in children for member in _family(child))]


def payloads(number: int) -> list[bytes]:
    """Distinct events of realistic size."""
    return [
        json.dumps(EXAM_EVENT_EXAMPLE | {"StudyInstanceUID": f"1.2.826.0.1.{run}"}).encode() for run in range(number)
    ]


def through_the_service(service: Service, subscriber: Subscriber, bodies: list[bytes]) -> None:
    """Posts every event, and waits until all have arrived."""
    sessions = threading.local()

    def announce(body: bytes) -> None:
        if not hasattr(sessions, "session"):
            sessions.session = requests.Session()
        answer = sessions.session.post(
            f"{service.url}/new-exam-callback", data=body, headers={"Authorization": SECRET}, timeout=30
        )
        answer.raise_for_status()

    goal = len(subscriber.arrived) + len(bodies)
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(announce, bodies))
    while len(subscriber.arrived) < goal:
        time.sleep(0.02)


def main() -> None:
    """Measures and prints."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    bodies = payloads(number + 50)
    subscriber = Subscriber()
    service = Service(subscriber.url)
    try:
        through_the_service(service, subscriber, bodies[:50])
        before, started = service.cpu(), time.monotonic()
        through_the_service(service, subscriber, bodies[50:])
        seconds, used = time.monotonic() - started, service.cpu() - before
    finally:
        service.stop()
    session, started, cpu = requests.Session(), time.monotonic(), time.thread_time()
    for body in bodies[50:]:
        session.post(subscriber.url, data=body, timeout=30).raise_for_status()
    direct, direct_cpu = time.monotonic() - started, time.thread_time() - cpu
    print(f"{number} events, {CLIENTS} clients, {os.cpu_count()} cores")
    print(f"through the service   {number / seconds:8.1f} events/s   {1000 * used.total() / number:7.1f} ms CPU each")
    for kind, each in used.most_common():
        print(f"  {kind:<20}{100 * each / used.total():8.0f} %          {1000 * each / number:7.1f} ms")
    print(f"requests.post         {number / direct:8.1f} events/s   {1000 * direct_cpu / number:7.1f} ms CPU each")
    print(f"ratio                 {seconds / direct:8.1f}            {used.total() / direct_cpu:7.1f}")


if __name__ == "__main__":
    main()
