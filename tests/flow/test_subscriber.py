"""The subscriber that `make run` brings: a line for each event, whatever a PACS wrote into it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.subscriber import Subscriber


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    listening = Subscriber()
    listening.start()
    yield listening
    listening.stop()


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"EventType": "COMPLETED", "Series": [{}, {}]}, "COMPLETED, 2 series"),
        ({"EventType": "INSTANCES_ADDED", "Series": None}, "INSTANCES_ADDED, 0 series"),
        ({}, "new exam, 0 series"),
        ({"EventType": None, "Series": 5}, "new exam, 0 series"),
        ({"EventType": "DOE^JANE\x1b[2J\n12:00:00 gateway", "Series": "DOE^JANE"}, "new exam, 0 series"),
        ({"EventType": {"a": 1}, "Series": {"a": 1}}, "new exam, 0 series"),
    ],
)
def test_an_event_is_one_line_without_anything_of_the_patient(
    subscriber: Subscriber, capfd: pytest.CaptureFixture[str], event: dict[str, Any], told: str
) -> None:
    answer = requests.post(subscriber.url, json=event, headers={"webhook-id": "1"}, timeout=20)

    out, err = capfd.readouterr()
    assert answer.status_code == 204
    assert out.endswith(f" subscriber got event 1: {told}\n")
    assert out.count("\n") == 1
    assert err == ""
