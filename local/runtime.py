"""The real Lambda runtime around a built function: AWS's runtime interface emulator, which ships with the SAM CLI.

https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import samcli

from local.logs import is_metrics, readable, say
from local.workers import AnswerTooLarge, InvocationError, TimedOut

EMULATOR = Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
"""What the runtime itself brings: its own modules, and nothing else of this environment."""

INTERPRETER = sys._base_executable  # type: ignore[attr-defined]  # the one that this environment was made from
PATIENCE = 30.0
GRACE = 5.0
"""Seconds beyond a function's timeout until the emulator has said that it timed out."""

OF_THE_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: ")
TIMED_OUT = b"Task timed out after "


class RuntimeEnvironment:
    """One execution environment: the emulator around the interpreter, which sees a function's folder and its layers.

    `path` is what the interpreter finds modules on, the function's own folder first.
    """

    def __init__(self, name: str, path: list[Path], variables: Mapping[str, str], timeout: int) -> None:
        self._name, self._invocations, self._ended = name, free_port(), False
        given = {**variables, "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout)}
        self._process = subprocess.Popen(
            command(self._invocations),
            cwd=path[0],
            env=environment(path, given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        Thread(target=self._tell, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Raises InvocationError where nothing listens; the handler is imported with its first event."""
        try:
            wait_for(self._invocations)
        except OSError as error:
            raise InvocationError("the runtime did not start") from error

    def answer(self, event: bytes, timeout: float) -> str:
        """The JSON of the handler's answer; raises InvocationError, after which the environment may be used again."""
        try:
            with urllib.request.urlopen(  # noqa: S310 - our own socket
                _request(self._invocations, event), timeout=timeout + GRACE
            ) as answered:
                content = answered.read()
        except urllib.error.HTTPError as error:
            kind = json.load(error).get("errorType", "")
            if kind == "Function.ResponseSizeTooLarge":
                raise AnswerTooLarge("answered more than 6 MB") from error
            raise InvocationError(f"ended with {kind}") from error
        except (OSError, ValueError) as error:
            self.end()
            raise InvocationError("the runtime was gone") from error
        if content.startswith(TIMED_OUT):
            raise TimedOut(f"timed out after {timeout:g} s")
        _check(content)
        return str(content.decode())

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Begins to end; there is nothing in the process to be saved."""
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Ends the emulator and the interpreter."""
        self.kill()
        self._process.wait()

    def _tell(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                text = line.rstrip("\n")
                if not self._ended and text and not is_metrics(text) and not OF_THE_PLATFORM.match(text):
                    say(self._name, readable(text))


def runtime_folder(folder: Path) -> Path:
    """A folder that holds the runtime's own modules alone, as links."""
    folder.mkdir()
    for name in RUNTIME_CLIENT:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        module = Path(found.origin)
        module = module.parent if module.name == "__init__.py" else module
        (folder / module.name).symlink_to(module)
    return folder


def command(invocations: int) -> list[str]:
    """What starts the emulator, which takes events at that port, and the interpreter within it."""
    options = ["--runtime-interface-emulator-address", f"127.0.0.1:{invocations}"]
    options += ["--runtime-api-address", f"127.0.0.1:{free_port()}", "--log-level", "error"]
    return [str(EMULATOR), *options, INTERPRETER, "-S", "-m", "awslambdaric", "app.lambda_handler"]


def environment(path: list[Path], variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of the interpreter: those given, and what the platform adds to them."""
    return {
        **variables,
        "LAMBDA_TASK_ROOT": str(path[0]),
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Waits until something listens; raises OSError when nothing does in 30 s."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _request(port: int, event: bytes) -> urllib.request.Request:
    return urllib.request.Request(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", event)


def _check(content: bytes) -> None:
    """Raises InvocationError for what the runtime says of a handler that raised; never with the exception's text."""
    if b'"errorType"' not in content[:65_536]:
        return
    told = json.loads(content)
    if isinstance(told, dict) and {"errorType", "errorMessage", "requestId"} <= told.keys():
        raise InvocationError(f"raised {told['errorType']}")
