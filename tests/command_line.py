"""The command-line client as a process of its own, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def environment(state: Path, **variables: str) -> dict[str, str]:
    """For a client that remembers its uploads below `state`, and asks the terminal for its width."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**inherited, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state), **variables}


def command(url: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "client", "--url", url, *map(str, arguments)]


def client(
    url: str, state: Path, *arguments: object, variables: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end; its output decoded, with what is no UTF-8 as surrogates."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": state, **options}
    return subprocess.run(
        command(url, *arguments),
        env=environment(state, **(variables or {})),
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
        check=False,
        **options,
    )
