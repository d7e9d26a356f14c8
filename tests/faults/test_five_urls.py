"""Five subscribers of the whole service, one of them dead: the other four notice nothing."""

import json
import time
import urllib.request
from collections.abc import Callable

import pytest

from local.stack import LocalStack, Settings
from tests.faults.servers import RawServer
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber

EVENTS = 8
MOST_SECONDS = 15
"""For all events at all four; the dead one takes 20 s for each of its own."""


def announce(stack: LocalStack, number: int) -> None:
    body = json.dumps({"StudyInstanceUID": f"1.2.3.{number}", "EventType": "COMPLETED"}).encode()
    headers = {"Authorization": "s3cret", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.url}/new-exam-callback", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


@pytest.mark.parametrize("silent", [True, False], ids=["never answers", "nobody listens"])
def test_one_dead_url_among_five(silent: bool) -> None:
    def take(asked: Asked) -> Answer:
        return Answer(204)

    alive = [ScriptedSubscriber(by=take) for _ in range(4)]
    with RawServer(lambda _connection: time.sleep(60)) as dead, alive[0], alive[1], alive[2], alive[3]:
        dead_url = dead.url if silent else "http://127.0.0.1:1"
        variables = {
            "CALLBACK_URLS": ",".join([dead_url, *(subscriber.url for subscriber in alive)]),
            "CALLBACK_SECRET": "s3cret",
            "PACS_SERVICE_URL": "http://127.0.0.1:1",
        }
        with LocalStack(Settings(variables=variables)) as stack:
            for number in range(EVENTS):
                announce(stack, number)
            complete = within(MOST_SECONDS, lambda: all(len(each.asked) >= EVENTS for each in alive))
    assert complete, [len(each.asked) for each in alive]
    for each in alive:
        assert len({asked.headers["webhook-id"] for asked in each.asked}) == len(each.asked) == EVENTS
    assert not silent or dead.requests
