"""One step of an event's path in a process of its own, which may be killed at any moment."""

import importlib
import json
import os
from collections.abc import Mapping
from multiprocessing import Process, get_context
from multiprocessing.connection import Connection
from typing import Any

PRELOADED = (
    "boto3",
    "requests",
    "standardwebhooks",
    "functions.receive_exam_event.app",
    "dicom_service.events.delivery",
)


def step(name: str, event: Any, environment: Mapping[str, str], now: float, answers: Connection) -> None:
    """Handles an event as the function `name` does; a delivery at the simulated time `now`."""
    os.environ.update(environment)
    if name == "deliver_exam_event":
        from dicom_service.events.delivery import deliver
        from dicom_service.events.messages import DeliveryMessage
        from dicom_service.events.webhook import Sender

        answers.send(deliver(DeliveryMessage.parsed(event), Sender(clock=lambda: now)))
        return
    handler = importlib.import_module(f"functions.{name}.app").lambda_handler
    answers.send(json.loads(json.dumps(handler(event, None))))


class Worker:
    """Runs steps; `environment` is what the functions find in theirs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))
        self._environment = dict(environment)

    def start(self, name: str, event: Any, now: float) -> tuple[Process, Connection]:
        """The process, which has begun, and where its answer can be read from."""
        theirs, ours = self._context.Pipe(duplex=False)[::-1]
        process = self._context.Process(target=step, args=(name, event, self._environment, now, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours
