"""The real Lambda runtime around a built function: AWS's runtime interface emulator, which ships with the SAM CLI.

https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import samcli

EMULATOR = Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
"""What the runtime itself brings: its own modules, and nothing else of this environment."""

INTERPRETER = sys._base_executable  # type: ignore[attr-defined]  # the one that this environment was made from
PATIENCE = 30.0


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


@contextlib.contextmanager
def running(code: Path, path: list[Path], variables: Mapping[str, str], log: Path) -> Iterator[str]:
    """The address of a function that runs from its built folder, with `path` behind it; it logs to a file."""
    invocations, runtime_api = free_port(), free_port()
    options = ["--runtime-interface-emulator-address", f"127.0.0.1:{invocations}"]
    options += ["--runtime-api-address", f"127.0.0.1:{runtime_api}", "--log-level", "warn"]
    command = [str(EMULATOR), *options, INTERPRETER, "-S", "-m", "awslambdaric", "app.lambda_handler"]
    environment = {
        **variables,
        "LAMBDA_TASK_ROOT": str(code),
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in (code, *path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=code, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            wait_for(invocations)
            yield f"http://127.0.0.1:{invocations}/2015-03-31/functions/function/invocations"
        finally:
            process.terminate()


def invoke(address: str, event: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(event).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answered:
        return json.load(answered)


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
