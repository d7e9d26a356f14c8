"""How a backlog builds up while a subscriber is down, and how it drains when it is back, in simulated time.

    .venv/bin/python -m bench.event_backlog [events]

Events come ten a second, so 10,000 of them in the 17 minutes of the outage; each goes through the real delivery code,
its tables in the emulated AWS, to a real subscriber that answers 503 until it is back. Only the queue is simulated: a
message is handled when it is due. Writes docs/event-backlog.svg.
"""

import heapq
import json
import os
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from dicom_service.events.delivery import deliver
from dicom_service.events.exam_event import announcement
from dicom_service.events.messages import DeliveryMessage
from dicom_service.events.outbox import store_event
from dicom_service.events.subscribers import subscribers
from dicom_service.events.webhook import Sender
from dicom_service.faults import logger
from local import configuration, template
from local.aws import REGION, Aws

PLOT = Path(__file__).parents[1] / "docs/event-backlog.svg"
START = 1_700_000_000.0
PER_SECOND = 10
WIDTH, HEIGHT, LEFT, TOP = 720, 300, 60, 30


class Subscriber:
    """Answers 503 until it is `up`."""

    def __init__(self) -> None:
        self.up, self.requests = False, 0
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                subscriber.requests += 1
                self.send_response(204 if subscriber.up else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing: it would cost time."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, daemon=True).start()


@dataclass
class Backlog:
    """Messages by when they are due, and how many were undelivered at each moment."""

    subscriber: Subscriber
    waiting: list[tuple[float, int, DeliveryMessage | None]] = field(default_factory=list)
    now: float = START
    undelivered: int = 0
    handled: int = 0
    curve: list[tuple[float, int]] = field(default_factory=list)

    def run(self, events: int) -> None:
        """Lets events come, and the subscriber with the last of them."""
        for number in range(events):
            heapq.heappush(self.waiting, (START + number / PER_SECOND, number, None))
        back = START + events / PER_SECOND
        while self.waiting:
            due, number, message = heapq.heappop(self.waiting)
            self.now = max(self.now, due)
            self.subscriber.up = self.now >= back
            if message is None:
                message = self._announce(number)
            self._handle(number, message)
            self.curve.append((self.now - START, self.undelivered))

    def _announce(self, number: int) -> DeliveryMessage:
        pacs_event = {"StudyInstanceUID": f"1.2.826.0.1.{number}"}
        event_id = store_event(json.dumps(pacs_event).encode(), announcement(pacs_event), clock=lambda: self.now)
        [subscriber] = subscribers().values()
        self.undelivered += 1
        return DeliveryMessage(str(event_id), subscriber.key, 0)

    def _handle(self, number: int, message: DeliveryMessage) -> None:
        self.handled += 1
        wait = deliver(message, Sender(clock=lambda: self.now))
        if wait is None:
            self.undelivered -= 1
        else:
            heapq.heappush(self.waiting, (self.now + wait, number, message))


def configure(aws: Aws, url: str) -> None:
    """The emulated AWS with the template's stores, and the environment that the functions would have."""
    document = template.load(configuration.TEMPLATE)
    parameters = configuration.parameters(document, {"CALLBACK_URLS": url, "CALLBACK_DEDUPE_SECONDS": "0"})
    resources = aws.create(template.translate(document, parameters, REGION), parameters)
    for function in template.functions(resources).values():
        os.environ.update(function.environment)
    os.environ.update(aws.environment)


def svg(curve: list[tuple[float, int]], back: float) -> str:
    """The curve as a picture: undelivered events over minutes, a line where the subscriber is back."""
    most, last = max(count for _, count in curve), curve[-1][0]

    def place(seconds: float, count: float) -> str:
        return f"{LEFT + seconds / last * WIDTH:.1f},{TOP + HEIGHT - count / most * HEIGHT:.1f}"

    thinned = [point for at, point in enumerate(curve) if at % max(1, len(curve) // 800) == 0] + [curve[-1]]
    points = " ".join(dict.fromkeys(place(*point) for point in thinned))
    middle = place(back, most).split(",")[0]
    bottom = TOP + HEIGHT
    box = f'viewBox="0 0 {WIDTH + 100} {HEIGHT + 80}" font-family="sans-serif" font-size="13"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {box}>
<rect width="100%" height="100%" fill="#fff"/>
<path d="M{LEFT},{TOP}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#444"/>
<path d="M{middle},{TOP}V{bottom}" stroke="#b33" stroke-dasharray="4 4"/>
<polyline points="{points}" fill="none" stroke="#26c" stroke-width="2"/>
<text x="{middle}" y="{TOP - 10}" text-anchor="middle" fill="#b33">the subscriber is back</text>
<text x="{LEFT - 8}" y="{TOP + 5}" text-anchor="end">{most}</text>
<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>
<text x="{middle}" y="{bottom + 20}" text-anchor="middle">{back / 60:.0f}</text>
<text x="{LEFT + WIDTH}" y="{bottom + 20}" text-anchor="middle">{last / 60:.0f} min</text>
<text x="{LEFT}" y="{bottom + 45}">undelivered events, by the minute</text>
</svg>
"""


def main() -> None:
    """Runs it, draws it and prints what it came to."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    logger.setLevel("CRITICAL")
    subscriber, aws = Subscriber(), Aws()
    aws.start()
    started = time.monotonic()
    try:
        configure(aws, subscriber.url)
        backlog = Backlog(subscriber)
        backlog.run(events)
    finally:
        aws.stop()
    back = events / PER_SECOND
    PLOT.write_text(svg(backlog.curve, back))
    for share in (0.5, 0.1, 0.01, 0.0):
        left = next(at for at, count in backlog.curve if at >= back and count <= share * events)
        print(f"{100 - 100 * share:5.0f} % delivered {(left - back) / 60:6.1f} min after the subscriber is back")
    print(
        f"{subscriber.requests - events} requests that failed, {backlog.handled} messages handled for {events} events"
    )
    print(f"{time.monotonic() - started:.0f} s of real time")


if __name__ == "__main__":
    main()
