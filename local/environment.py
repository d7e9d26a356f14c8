"""The inside of an execution environment: a process that handles one event at a time, as Lambda's runtime does.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import importlib
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from local.context import context_for

MOST_ANSWER_BYTES = 6 * 1024 * 1024 + 100
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the 100 are what Lambda really grants."""

Kind = Literal["ready", "line", "answer", "fault"]


@dataclass(frozen=True)
class Code:
    """What an environment runs: a function's name, the module and attribute of its handler, its limits and variables.

    `timeout` is in seconds, `memory` in MB; `root` is put at the front of the import path.
    """

    name: str
    root: Path
    module: str
    attribute: str
    timeout: int
    memory: int
    variables: Mapping[str, str]


def serve(connection: Connection, code: Code) -> None:
    """Answers events until the connection is closed.

    Sends `("ready", "")` once the handler is imported; for each event any number of `("line", text)` that it printed,
    then `("answer", JSON)` or `("fault", what happened)`. A fault tells types and places, never an exception's text,
    which may quote a patient's data.
    """
    os.environ.clear()
    os.environ.update(code.variables)
    time.tzset()
    sys.stdout = sys.stderr = _Lines(connection)
    try:
        handler = _handler(code)
    except BaseException as error:  # noqa: BLE001 - whatever a module does when it is imported
        connection.send(("fault", f"could not be imported: {_place(error)}"))
        return
    connection.send(("ready", ""))
    while True:
        try:
            event = connection.recv_bytes()
        except EOFError:
            return
        sys.stdout.flush()
        connection.send(_answer(handler, event, code))


def _handler(code: Code) -> Callable[[Any, Any], Any]:
    for path in (code.root / "layers/dicom_service", code.root):
        if str(path) in sys.path:
            sys.path.remove(str(path))
        sys.path.insert(0, str(path))
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(code.module), code.attribute)
    return handler


def _answer(handler: Callable[[Any, Any], Any], event: bytes, code: Code) -> tuple[Kind, str]:
    try:
        context = context_for(code.name, code.timeout, code.memory)
        answer = json.dumps(handler(json.loads(event), context), ensure_ascii=False)
    except BaseException as error:  # noqa: BLE001 - also what ends the process, such as SystemExit
        return "fault", f"raised {_place(error)}"
    if len(answer.encode(errors="replace")) > MOST_ANSWER_BYTES:
        return "fault", TOO_LARGE
    return "answer", answer


TOO_LARGE = "answered more than 6 MB"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = ", ".join(f"{frame.name} {Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} in {places}"


class _Lines(io.TextIOBase):
    """Standard output that goes to the other side of the connection, line by line."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._connection.send(("line", line))
        return len(text)
