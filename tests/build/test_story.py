"""The story of an exam with every function as it is deployed: from its own folder, with its own layers, and no more."""

from pathlib import Path

import pytest

from local.built import Built
from local.demo.client import Client
from local.demo.story import tell
from local.runtime import RuntimeEnvironment
from local.stack import LocalStack, Settings
from local.workers import AnswerTooLarge, InvocationError, TimedOut
from tests.build.test_layers import digests

pytestmark = pytest.mark.xdist_group("build")

HANDLER = """
import os, time

def lambda_handler(event, context):
    if event == "raise":
        raise ValueError("a patient's name")
    if event == "exit":
        os._exit(3)
    if event == "sleep":
        time.sleep(60)
    if event == "large":
        return "x" * 6_300_000
    return {"answered": event, "milliseconds": context.get_remaining_time_in_millis()}
"""


def test_the_story_runs_and_nothing_is_written_where_functions_lie(built: Built, tmp_path: Path) -> None:
    before = digests(built.folder)

    with LocalStack(Settings(auth=True, built=built.folder)) as stack:
        tell(Client(stack.url, stack.keys["all"]), tmp_path / "pictures")

    assert digests(built.folder) == before


def test_the_runtime_tells_faults_apart_and_serves_on(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    environment = RuntimeEnvironment("odd", [tmp_path, built.runtime], {}, timeout=2)
    try:
        environment.wait_until_ready()
        for event, fault, told in (
            (b'"raise"', InvocationError, "raised ValueError"),
            (b'"exit"', InvocationError, "ended with Runtime.ExitError"),
            (b'"sleep"', TimedOut, "timed out after 2 s"),
            (b'"large"', AnswerTooLarge, "answered more than 6 MB"),
        ):
            with pytest.raises(fault) as caught:
                environment.answer(event, 2)
            assert str(caught.value) == told
            assert '"answered": "again"' in environment.answer(b'"again"', 2)
    finally:
        environment.end()
    assert not environment.alive
