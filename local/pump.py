"""Moves events: reads the queues and the streams of the template and keeps its schedules, each in its own thread."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
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
        self._stopped = Event()
        sources = template.event_sources(resources)
        self._streams = [Stream(source, aws, invoke) for source in sources if ":dynamodb:" in source.arn]
        queues = [Queue(source, aws, invoke) for source in sources if ":sqs:" in source.arn]
        clocks = [Clock(schedule, invoke) for schedule in template.schedules(resources)]
        runs = [stream.run for stream in self._streams]
        runs += [one.run for one in queues]
        runs += [one.run for one in clocks]
        self._threads = [Thread(target=run, args=(self._stopped,), daemon=True) for run in runs]

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


class Clock:
    """Calls one function at its rate, the first time after one period, until it is told to stop."""

    def __init__(self, schedule: template.Schedule, invoke: Invoke) -> None:
        self._schedule = schedule
        self._invoke = invoke

    def run(self, stopped: Event) -> None:
        """A call that fails is not repeated before its next turn."""
        while not stopped.wait(self._schedule.seconds):
            with suppress(InvocationError):
                self._invoke(self._schedule.function, _tick(self._schedule))


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
