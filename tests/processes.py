"""`make run` as a process of its own, and what its session leaves behind."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def running(tmp_path: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its API's address, once it says that it is ready; its temporary files lie in `tmp_path`."""
    with started(tmp_path, **{"PORT": "0"} | variables) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", line)
        assert ready, line
        yield process, ready[1]


@contextmanager
def started(tmp_path: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'layers/dicom_service'}:{ROOT}",
        "TMPDIR": str(tmp_path),
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def session_processes(session: int) -> list[str]:
    """The command lines of the processes of a session; zombies have none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(stat.with_name("cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def gone(process: subprocess.Popen[str], seconds: float = 30) -> bool:
    """Whether the process and all that it started have ended, at the latest after so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None and session_processes(process.pid) == []:
            return True
        time.sleep(0.05)
    return False
