"""One step of an event's path in a process of its own, which may be killed at any moment."""

import importlib
import json
import os
from collections.abc import Mapping
from multiprocessing import Process, get_context
from multiprocessing.connection import Connection
from typing import Any

from local.context import context_for

PRELOADED = (
    "boto3",
    "requests",
    "standardwebhooks",
    "functions.receive_exam_event.app",
    "dicom_service.events.delivery",
)


def step(name: str, event: Any, environment: Mapping[str, str], now: float, answers: Connection) -> None:
    """Handles an event as the function `name` does; a delivery or transfer at the simulated time `now`."""
    os.environ.update(environment)
    if name in AT_A_TIME:
        answers.send(AT_A_TIME[name](event, now))
        return
    handler = importlib.import_module(f"functions.{name}.app").lambda_handler
    answers.send(json.loads(json.dumps(handler(event, context_for(name)))))


def _deliver(message: Any, now: float) -> float | None:
    from dicom_service.events.delivery import deliver
    from dicom_service.events.messages import DeliveryMessage
    from dicom_service.events.webhook import Sender

    return deliver(DeliveryMessage.parsed(message), Sender(clock=lambda: now))


def _store(upload_id: str, now: float) -> float | None:
    from dicom_service.exams.uploads.store import store_incoming

    return store_incoming(upload_id, "0001", clock=lambda: now)


def _prepare(download_id: str, now: float) -> float | None:
    from dicom_service.exams.downloads.prepare import prepare

    return prepare(download_id, 1, clock=lambda: now)


AT_A_TIME = {"deliver_exam_event": _deliver, "store_upload": _store, "prepare_download": _prepare}
"""Functions whose leases and pauses are too long to wait for."""


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
