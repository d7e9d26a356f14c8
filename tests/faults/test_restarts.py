"""The whole service, with its functions' processes killed again and again while events flow through it."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event, Thread

from local import template
from local.queues import POLL_SECONDS
from local.stack import LocalStack, Settings
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber

EVENTS = 30
KILLING_SECONDS = 6
MOST_SECONDS = 120
"""A delivery whose worker died is tried again after a minute."""


def functions() -> list[int]:
    """The processes that run functions: those that the fork server has begun."""
    servers = [pid for pid in _children(os.getpid()) if "forkserver" in _read(f"/proc/{pid}/cmdline")]
    return [pid for server in servers for pid in _children(server)]


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.glob("*") for child in _read(f"{task}/children").split()]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return ""


def announce(stack: LocalStack, number: int) -> None:
    """As a PACS does: again until it is told 204."""
    body = json.dumps({"StudyInstanceUID": f"1.2.3.{number}", "EventType": "COMPLETED"}).encode()
    request = urllib.request.Request(f"{stack.url}/new-exam-callback", body, {"Authorization": "s3cret"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 204
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                raise


def test_every_event_arrives_whatever_dies() -> None:
    def take(asked: Asked) -> Answer:
        return Answer(204)

    with ScriptedSubscriber(by=take) as one, ScriptedSubscriber(by=take) as two:
        variables = {
            "CALLBACK_URLS": f"{one.url},{two.url}",
            "CALLBACK_SECRET": "s3cret",
            "PACS_SERVICE_URL": "http://127.0.0.1:1",
        }
        with LocalStack(Settings(variables=variables)) as stack:
            for name, properties in template.of_type(stack.resources, "AWS::SQS::Queue"):
                _hide_briefly(stack, name, properties)
            time.sleep(2 * POLL_SECONDS)  # a poll that has begun hides what it gets as long as before
            killed = _kill_while(stack)
            deadline = time.monotonic() + MOST_SECONDS
            while min(_distinct(one), _distinct(two)) < EVENTS and time.monotonic() < deadline:
                time.sleep(0.2)
    assert killed > 5
    for subscriber in (one, two):
        by_study = {json.loads(asked.body)["StudyInstanceUID"]: set[str]() for asked in subscriber.asked}
        for asked in subscriber.asked:
            by_study[json.loads(asked.body)["StudyInstanceUID"]].add(asked.headers["webhook-id"])
        assert {f"1.2.3.{number}" for number in range(EVENTS)} - by_study.keys() == set()
        assert all(len(identifiers) == 1 for identifiers in by_study.values())


def _distinct(subscriber: ScriptedSubscriber) -> int:
    return len({asked.body for asked in subscriber.asked})


def _hide_briefly(stack: LocalStack, name: str, properties: dict[str, object]) -> None:
    """A message whose worker died comes again after 3 s instead of minutes."""
    sqs = stack.aws.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        if url.endswith(f"-{name}"):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})


def _kill_while(stack: LocalStack) -> int:
    """Announces all events, and meanwhile kills every function there is, several times a second."""
    stopped, killed = Event(), []

    def kill() -> None:
        while not stopped.wait(0.3):
            for pid in functions():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = Thread(target=kill)
    killer.start()
    started = time.monotonic()
    for number in range(EVENTS):
        announce(stack, number)
    time.sleep(max(0.0, KILLING_SECONDS - (time.monotonic() - started)))
    stopped.set()
    killer.join()
    return len(killed)
