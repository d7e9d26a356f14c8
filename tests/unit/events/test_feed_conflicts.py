"""Publishers that race for the next number, before a store that conflicts as DynamoDB does and moto does not."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from dicom_service.events import feed_rows, numbering
from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import StoredEvent

PUBLISHERS = 50
WRITE_SECONDS = 0.005


class TransactionCanceledException(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"CancellationReasons": [{"Code": code}, *[{"Code": "None"}] * 3]}


class Conflicting:
    """A feed whose transactions are cancelled where they meet, or where the count was read before another wrote it."""

    exceptions = SimpleNamespace(TransactionCanceledException=TransactionCanceledException)

    def __init__(self) -> None:
        self.last = 0
        self.numbers: dict[str, int] = {}
        self.cancelled = 0
        self._writing = threading.Lock()

    def get_item(self, **_: Any) -> dict[str, Any]:
        time.sleep(WRITE_SECONDS / 5)
        return {"Item": {"last": {"N": str(self.last)}}} if self.last else {}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - boto3's
        count, _, event, _ = TransactItems
        wanted = int(count["Update"]["ExpressionAttributeValues"][":next"]["N"])
        if not self._writing.acquire(blocking=False):
            self.cancelled += 1
            raise TransactionCanceledException("TransactionConflict")
        try:
            time.sleep(WRITE_SECONDS)
            if wanted != self.last + 1:
                self.cancelled += 1
                raise TransactionCanceledException("ConditionalCheckFailed")
            self.last = wanted
            self.numbers[event["Update"]["Key"]["eventId"]["S"]] = wanted
        finally:
            self._writing.release()


def events() -> list[StoredEvent]:
    facts = announcement({"StudyInstanceUID": "1.2"})
    return [StoredEvent(f"{number:032}", "2026-01-01T00:00:00Z", facts, 0, b"{}", "") for number in range(PUBLISHERS)]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Conflicting:
    made = Conflicting()
    for module in (numbering, feed_rows):
        monkeypatch.setattr(module, "client", lambda _service: made)
    monkeypatch.setenv("FEED_TABLE", "feed")
    monkeypatch.setenv("EVENTS_TABLE", "events")
    return made


def test_fifty_publishers_at_once_get_a_number_each(store: Conflicting) -> None:
    with ThreadPoolExecutor(PUBLISHERS) as publishers:
        list(publishers.map(lambda event: numbering.number([event]), events()))

    assert sorted(store.numbers.values()) == list(range(1, PUBLISHERS + 1))
    assert store.cancelled > 0
