"""Moves events: reads the queues and the streams of the template and keeps its schedules, each in its own thread."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from local import template
from local.aws import REGION, Aws
from local.gateway import Invoke
from local.http_api import ACCOUNT
from local.queues import Queue
from local.streams import Stream
from local.workers import InvocationError


class Pump:
    """Every event source mapping and schedule of a template's resources, from `start` to `stop`."""

    def __init__(self, resources: Mapping[str, Any], aws: Aws, invoke: Invoke) -> None:
        self._invoke = invoke
        self._stopped = Event()
        sources = template.event_sources(resources)
        self._streams = [Stream(source, aws, invoke) for source in sources if ":dynamodb:" in source.arn]
        queues = [Queue(source, aws, invoke) for source in sources if ":sqs:" in source.arn]
        runs = [(source.run, (self._stopped,)) for source in (*self._streams, *queues)]
        runs += [(self._keep, (schedule,)) for schedule in template.schedules(resources)]
        self._threads = [Thread(target=run, args=arguments, daemon=True) for run, arguments in runs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Tells all of it to end; a poll or an invocation under way ends with its server or its process."""
        self._stopped.set()
        self.wake()

    def wake(self) -> None:
        """Something may have been written: the streams are read now."""
        for stream in self._streams:
            stream.news.set()

    def _keep(self, schedule: template.Schedule) -> None:
        while not self._stopped.wait(schedule.seconds):
            try:
                self._invoke(schedule.function, _tick(schedule))
            except InvocationError:
                continue


def _tick(schedule: template.Schedule) -> dict[str, Any]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html"""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{schedule.name}"],
        "detail": {},
    }
