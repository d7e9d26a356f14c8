"""Functions run as Lambda runs them: one event at a time in each execution environment, more when all are busy."""

import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol

from local.environment import TOO_LARGE, Code, serve
from local.interrupts import uninterrupted
from local.logs import is_metrics, readable, say

PRELOADED = (
    "aws_lambda_powertools.event_handler.openapi.models",
    "aws_lambda_powertools.utilities.batch",
    "boto3",
    "PIL.Image",
    "pydicom",
    "requests",
)
"""Loaded once, in the process that the environments are forked from: they share its memory and start at once."""

MOST_EVENT_BYTES = 6 * 1024 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

THROTTLED_AFTER_SECONDS = 2.0
INIT_SECONDS = 10.0


class InvocationError(Exception):
    """An invocation without an answer: the function failed, or the base of what says more."""


class TimedOut(InvocationError):
    """The function did not answer within its Timeout, and its environment was ended."""


class Throttled(InvocationError):
    """All environments that a function may have stayed busy."""


class EventTooLarge(InvocationError):
    """More than 6 MB of event."""


class AnswerTooLarge(InvocationError):
    """More than 6 MB of answer."""


class Environment:
    """One execution environment, from the parent's side."""

    def __init__(self, code: Code) -> None:
        context = multiprocessing.get_context("forkserver")
        self._name = code.name
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, code), name=code.name, daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Raises InvocationError where the handler cannot be imported, or not in time."""
        self._receive(INIT_SECONDS)

    def answer(self, event: bytes, timeout: float) -> str:
        """The JSON of the handler's answer; raises InvocationError, after which the environment may be used again
        only where it is still `alive`.
        """
        try:
            self._connection.send_bytes(event)
        except OSError as error:
            self.end()
            raise InvocationError("the environment was gone") from error
        return self._receive(timeout)

    def _receive(self, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        try:
            while self._connection.poll(max(0.0, deadline - time.monotonic())):
                kind, text = self._connection.recv()
                if kind == "fault":
                    raise AnswerTooLarge(text) if text == TOO_LARGE else InvocationError(text)
                if kind != "line":
                    return str(text)
                if not is_metrics(text):
                    say(self._name, readable(text))
        except (EOFError, OSError) as error:
            self.end()
            raise InvocationError(f"exited with status {self._process.exitcode}") from error
        self.end()
        raise TimedOut(f"timed out after {timeout:g} s")

    @property
    def alive(self) -> bool:
        return not self._connection.closed and self._process.is_alive()

    def kill(self) -> None:
        """Begins to end; there is nothing in the process to be saved."""
        self._process.kill()

    def end(self) -> None:
        """Kills the process, as Lambda does, and waits until it is gone."""
        self._process.kill()
        self._process.join()
        self._connection.close()


class AnyEnvironment(Protocol):
    """An execution environment, whatever is in it."""

    @property
    def alive(self) -> bool: ...
    def wait_until_ready(self) -> None: ...
    def answer(self, event: bytes, timeout: float) -> str: ...
    def kill(self) -> None: ...
    def end(self) -> None: ...


class Pool:
    """The execution environments of one function, made by `make`, never more than `most`."""

    def __init__(self, code: Code, most: int, make: Callable[[], AnyEnvironment]) -> None:
        self.code = code
        self._make = make
        self._idle: list[AnyEnvironment] = []
        self._all: set[AnyEnvironment] = set()
        self._places = BoundedSemaphore(most)
        self._lock = Lock()
        self._ended = False

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The function's answer to an event; prints and raises InvocationError."""
        try:
            return json.loads(self._invoke(json.dumps(event).encode()))
        except InvocationError as error:
            if not self._ended:
                say(self.code.name, f"ERROR {error}")
            raise

    def _invoke(self, event: bytes) -> str:
        if len(event) > MOST_EVENT_BYTES:
            raise EventTooLarge("the event has more than 6 MB")
        if not self._places.acquire(timeout=THROTTLED_AFTER_SECONDS):
            raise Throttled("all environments are busy")
        try:
            environment = self._take()
            try:
                return environment.answer(event, self.code.timeout)
            finally:
                self._give_back(environment)
        finally:
            self._places.release()

    def _take(self) -> AnyEnvironment:
        with self._lock:
            if self._ended:
                raise InvocationError("the service is ending")
            while self._idle:
                if (idle := self._idle.pop()).alive:
                    return idle
                self._all.discard(idle)
            environment = self._make()
            self._all.add(environment)
        try:
            environment.wait_until_ready()
        except InvocationError:
            environment.end()
            self._give_back(environment)
            raise
        return environment

    def _give_back(self, environment: AnyEnvironment) -> None:
        with self._lock:
            if environment.alive:
                self._idle.append(environment)
            else:
                self._all.discard(environment)

    def end(self) -> None:
        """Ends every environment; what busy ones were asked for fails."""
        with self._lock:
            self._ended = True
            for environment in self._all:
                environment.kill()
            for environment in self._idle:
                environment.end()


def preload() -> None:
    """Begins to start the process that environments are forked from."""
    from multiprocessing import forkserver, resource_tracker

    multiprocessing.set_forkserver_preload(list(PRELOADED))
    resource_tracker.ensure_running()  # first, since it lets Ctrl-C through again
    with uninterrupted():
        forkserver.ensure_running()


def wait_until_preloaded() -> None:
    """Returns when environments start at once: when the first process is forked."""
    first = multiprocessing.get_context("forkserver").Process(target=time.monotonic)
    first.start()
    first.join()
