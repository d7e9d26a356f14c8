"""`make demo` as a process: what it prints, what it keeps, and that it fails when a step does."""

import os
import subprocess
import sys
from pathlib import Path

from local.configuration import TEMPLATE
from local.stack import LocalStack
from tests.scripted import Answer, Asked, ScriptedPacs


def demo(url: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    root = TEMPLATE.parent
    path = os.pathsep.join((str(root / "layers" / "dicom_service"), str(root)))
    environment = {**os.environ, "DEMO_URL": url, "PYTHONPATH": path}
    command = [sys.executable, "-m", "local.demo"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


def test_it_tells_the_story_and_keeps_the_thumbnails(stack: LocalStack, tmp_path: Path) -> None:
    ended = demo(stack.url, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "The whole story went well." in ended.stdout
    assert (tmp_path / "demo-output" / "CT_small.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_a_step_that_fails_is_said_and_is_the_exit_status(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(200, b"{}") if asked.path.startswith("/-/") else Answer(500)

    with ScriptedPacs(by=answer) as service:
        ended = demo(service.url, tmp_path)
    assert ended.returncode == 1
    assert "FAILED: step 2: expected status 200" in ended.stderr
