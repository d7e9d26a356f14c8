"""The other process, as the one of the function sees it: it is started when first needed, and ended with any doubt."""

import atexit
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Pipe
from threading import Lock
from typing import Any, Literal

from dicom_service.exams.pictures.apart.limits import WALL_SECONDS
from dicom_service.exams.pictures.request import PictureRequest

MODULE = "dicom_service.exams.pictures.apart.serve"
PASSED_ON = ("LANG", "LD_LIBRARY_PATH", "PATH", "TZ")
"""Variables that an interpreter may need. No secret gets to where bytes of anyone are parsed by C code."""

one_at_a_time = Lock()

type Work = Literal["draw", "shrink"]


@dataclass(frozen=True)
class Reply:
    """A picture where `reason` is empty; `invalid` are fields of a request that do not fit."""

    jpeg: bytes
    placeholder: bool
    reason: str
    invalid: dict[str, str]


class OtherProcess:
    """An interpreter that draws one object after the other, until its end of the connection is closed."""

    def __init__(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
                [sys.executable, "-S", "-P", "-m", MODULE, str(theirs.fileno())],
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._owner = os.getpid()

    @property
    def usable(self) -> bool:
        """Whether it lives and is this process's own: after a fork two would read each other's answers."""
        return self._owner == os.getpid() and self._process.poll() is None

    def reply(self, work: Work, wanted: PictureRequest, source: bytes) -> Reply | None:
        """None where it takes too long or ends; it is of no more use then."""
        try:
            self._connection.send_bytes(json.dumps({"work": work, "wanted": asdict(wanted)}).encode())
            self._connection.send_bytes(source)
            if not self._connection.poll(WALL_SECONDS):
                return None
            described: dict[str, Any] = json.loads(self._connection.recv_bytes())
            return Reply(jpeg=self._connection.recv_bytes(), **described)
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """There is nothing in it to be saved."""
        self._connection.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()


_others: list[OtherProcess] = []


def reply_from_apart(work: Work, wanted: PictureRequest, source: bytes) -> Reply | None:
    """Have an object drawn, or a picture shrunk, by the other process; None where the limits ended it.

    Whatever does not end in a picture is the last that a process does, so that it leaves nothing to the next object.
    """
    with one_at_a_time:
        while _others and not _others[-1].usable:
            _others.pop().end()
        if not _others:
            _others.append(OtherProcess())
        other, reply = _others[-1], None
        try:
            reply = other.reply(work, wanted, source)
        finally:
            if reply is None or reply.reason:
                _others.remove(other)
                other.end()
        return reply


@atexit.register
def _end_all() -> None:
    while _others:
        _others.pop().end()


def _environment() -> dict[str, str]:
    """One thread for numpy: more would only take address space."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
