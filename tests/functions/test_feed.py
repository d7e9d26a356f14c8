"""The feed: numbered in batches, read without a gap, and what of it has ended is told."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from dicom_service.errors import CursorGone
from dicom_service.events import feed
from dicom_service.events.exam_event import announcement
from dicom_service.events.feed import Cursor
from dicom_service.events.feed_rows import study_key
from dicom_service.events.outbox import load_event, store_event
from dicom_service.events.topic import publish_events
from dicom_service.stores import client
from local.aws import Aws
from tests.conftest import Invoke
from tests.queues import bodies, queue_url

STUDY, OTHER = "1.2.3", "1.2.4"

pytestmark = pytest.mark.usefixtures("aws")


def take(number: int, study: str = STUDY, event_type: str = "COMPLETED") -> str:
    """Stores an event and does not publish it."""
    pacs_event = {"StudyInstanceUID": study, "EventType": event_type, "n": number}
    event_id = store_event(json.dumps(pacs_event).encode(), announcement(pacs_event))
    assert event_id is not None
    return event_id


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each operation is called meanwhile."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    everyone = [client("dynamodb").meta.events, client("sns").meta.events]
    for events in everyone:
        events.register("before-call", count)
    yield calls
    for events in everyone:
        events.unregister("before-call", count)


def all_of(limit: int = 200, **query: str) -> list[str]:
    """The identifiers of every page."""
    after, found = Cursor(), list[str]()
    while (page := feed.read(after, limit, **query)).looked_at != after:
        found += [entry.event_id for entry in page.entries]
        after = page.looked_at
    return found


def end(first: int, last: int) -> None:
    """Lets segments be as after their retention: what begins at these numbers is gone."""
    dynamodb, table = client("dynamodb"), os.environ["FEED_TABLE"]
    for row in dynamodb.scan(TableName=table)["Items"]:
        if "first" in row and first <= int(row["first"]["N"]) <= last:
            dynamodb.put_item(TableName=table, Item=row | {"expiresAt": {"N": str(int(time.time()) - 1)}})


class TestNumbering:
    """Events become numbers."""

    def test_ninety_eight_events_take_two_transactions_and_ten_calls_of_the_topic(self) -> None:
        ids = [take(number) for number in range(98)]
        with counted() as calls:
            assert publish_events(ids) == {}
        assert calls == {"BatchGetItem": 2, "PublishBatch": 10, "GetItem": 2, "TransactWriteItems": 2}
        assert all_of() == ids
        assert [load_event(event_id).position for event_id in ids] == list(range(1, 99))

    def test_a_batch_that_is_repeated_publishes_only_what_has_no_number(self, aws: Aws) -> None:
        ids = [take(number) for number in range(5)]
        publish_events(ids[:3])
        with counted() as calls:
            publish_events([*ids, *ids])
        assert calls["PublishBatch"] == 1
        assert Counter(body["eventId"] for body in bodies(aws, queue_url(aws, "EventsQueue"))) == dict.fromkeys(ids, 1)
        assert all_of() == ids

    def test_payloads_that_are_too_large_for_one_transaction_or_message_take_several(self) -> None:
        pacs_event = {"StudyInstanceUID": STUDY, "Report": "x" * 200_000}
        ids = []
        for number in range(18):
            event_id = store_event(json.dumps(pacs_event | {"n": number}).encode(), announcement(pacs_event))
            ids.append(event_id or "")
        with counted() as calls:
            assert publish_events(ids) == {}
        assert (calls["TransactWriteItems"], calls["PublishBatch"]) == (2, 18)
        assert all_of() == ids

    @pytest.mark.parametrize("call", range(7))
    def test_wherever_a_publisher_dies_the_next_one_leaves_no_gap_and_no_double(self, call: int) -> None:
        ids, made = [take(number) for number in range(60)], list[str]()

        def die(model: Any, **_: Any) -> None:
            made.append(model.name)
            if len(made) == call + 1:
                raise EndpointConnectionError(endpoint_url="")

        everyone = [client("dynamodb").meta.events, client("sns").meta.events]
        for events in everyone:
            events.register("before-call", die)
        try:
            publish_events(ids)
        finally:
            for events in everyone:
                events.unregister("before-call", die)
        assert publish_events(ids) == {}
        assert sorted(all_of()) == sorted(ids)
        assert sorted(load_event(event_id).position for event_id in ids) == list(range(1, 61))

    def test_publishers_that_have_the_same_events_number_each_once(self) -> None:
        ids = [take(number) for number in range(40)]
        with ThreadPoolExecutor(4) as publishers:
            failed = list(publishers.map(publish_events, [ids, ids[::-1], ids[10:], ids[:30]]))
        assert failed == [{}] * 4
        assert sorted(all_of()) == sorted(ids)
        assert sorted(load_event(event_id).position for event_id in ids) == list(range(1, 41))


class TestReading:
    """Pages of it."""

    def test_a_study_is_found_without_reading_the_others(self) -> None:
        publish_events([take(number, study=f"1.2.{number}") for number in range(100)])
        ids = [take(number) for number in range(3)]
        publish_events(ids)
        with counted() as calls:
            page = feed.read(Cursor(), 50, study_instance_uid=STUDY)
        assert [entry.event_id for entry in page.entries][-3:] == ids
        assert calls == {"GetItem": 1, "Query": 1}
        assert page.looked_at == Cursor(103, ids[-1][:8])

    def test_pages_of_any_size_over_many_segments(self) -> None:
        ids = [take(number) for number in range(230)]
        for start, end in ((0, 60), (60, 61), (61, 160), (160, 230)):
            publish_events(ids[start:end])
        assert all_of(limit=7) == ids
        assert all_of(limit=200) == ids

    def test_a_number_that_is_not_there_yet_ends_a_page_and_is_waited_for(self) -> None:
        ids = [take(number) for number in range(120)]
        publish_events(ids)
        dynamodb, table = client("dynamodb"), os.environ["FEED_TABLE"]
        [late] = [row for row in dynamodb.scan(TableName=table)["Items"] if row.get("first") == {"N": "50"}]
        dynamodb.delete_item(TableName=table, Key={name: late[name] for name in ("feed", "position")})
        page = feed.read(Cursor(), 200)
        assert [entry.event_id for entry in page.entries] == ids[:49]

        def arrive(**_: Any) -> None:
            events.unregister("after-call.dynamodb.Query", arrive)
            dynamodb.put_item(TableName=table, Item=late)

        events = dynamodb.meta.events
        events.register("after-call.dynamodb.Query", arrive)
        assert [entry.event_id for entry in feed.read(page.looked_at, 200).entries] == ids[49:]

    def test_events_that_the_version_before_numbered_are_read_on(self) -> None:
        old, new = [take(number) for number in range(3)], [take(number) for number in range(3, 6)]
        dynamodb, table = client("dynamodb"), os.environ["FEED_TABLE"]
        for position, event_id in enumerate(old, 1):
            row: Any = {
                "feed": {"S": "exams"},
                "position": {"N": str(position)},
                "eventId": {"S": event_id},
                "studyInstanceUid": {"S": OTHER if position == 2 else STUDY},
                "eventType": {"S": "COMPLETED"},
                "expiresAt": {"N": str(int(time.time()) + 60)},
            }
            dynamodb.put_item(TableName=table, Item=row)
        count: Any = {"feed": {"S": "exams"}, "position": {"N": "0"}, "last": {"N": "3"}}
        dynamodb.put_item(TableName=table, Item=count)
        assert all_of() == old
        publish_events(new)
        publish_events([take(6)])
        assert all_of(limit=2)[:6] == [*old, *new]
        assert all_of(limit=1, study_instance_uid=STUDY)[:4] == [old[0], old[2], *new[:2]]
        assert all_of(study_instance_uid=OTHER) == [old[1]]


class TestWhatHasEnded:
    """Entries leave with their events."""

    @pytest.fixture
    def ids(self) -> list[str]:
        """Numbers 1 to 150, in segments of 49."""
        ids = [take(number) for number in range(150)]
        publish_events(ids)
        return ids

    def test_entries_end_with_their_events(self, ids: list[str]) -> None:
        dynamodb = client("dynamodb")
        event = dynamodb.get_item(TableName=os.environ["EVENTS_TABLE"], Key={"eventId": {"S": ids[0]}})["Item"]
        rows = dynamodb.scan(TableName=os.environ["FEED_TABLE"])["Items"]
        of_first = [row for row in rows if row.get("first") == {"N": "1"} or row["feed"] == study_key(STUDY, 1)["feed"]]
        assert len(of_first) == 151
        assert all(abs(int(row["expiresAt"]["N"]) - int(event["expiresAt"]["N"])) < 60 for row in of_first)

    def test_an_older_cursor_is_told_the_oldest_that_works(self, ids: list[str], invoke: Invoke) -> None:
        end(1, 60)
        answer = invoke("list_exam_events", path="/exam-events", query={"after": f"20-{ids[19][:8]}"})
        assert answer["statusCode"] == 410
        problem = json.loads(answer["body"])
        assert [error["field"] for error in problem["errors"]] == ["after"]
        assert "98" in problem["errors"][0]["message"]
        goes_on = invoke("list_exam_events", path="/exam-events", query={"after": problem["oldest"], "limit": "200"})
        assert [event["eventId"] for event in json.loads(goes_on["body"])["events"]] == ids[98:]

    def test_the_last_cursor_before_what_is_kept_goes_on(self, ids: list[str]) -> None:
        end(1, 60)
        assert len(feed.read(Cursor(98, ids[97][:8]), 200).entries) == 52

    def test_the_beginning_is_what_is_kept(self, ids: list[str]) -> None:
        end(1, 60)
        assert all_of() == ids[98:]

    def test_when_all_has_ended_a_reader_at_the_end_has_missed_nothing(self, ids: list[str]) -> None:
        end(1, 150)
        assert all_of() == []
        assert feed.read(Cursor(150, ids[149][:8]), 10).entries == []
        with pytest.raises(CursorGone) as gone:
            feed.read(Cursor(149), 10)
        assert gone.value.extensions == {"oldest": "150"}
        ids.append(take(151))
        publish_events(ids[150:])
        assert all_of() == ids[150:]
