"""The feed, single events, their deliveries, and deliveries asked for anew."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import batched
from typing import Any

import pytest

from dicom_service.events.delivery import deliver
from dicom_service.events.exam_event import announcement
from dicom_service.events.messages import DeliveryMessage
from dicom_service.events.outbox import INLINE_BYTES, load_event, store_event
from dicom_service.events.share import PLACES, place
from dicom_service.events.sweep import sweep
from dicom_service.events.topic import publish_events
from dicom_service.events.webhook import Sender
from dicom_service.stores import client
from functions.sweep_exam_events.app import lambda_handler as sweep_handler
from local.aws import Aws
from local.context import context_for
from tests.conftest import Invoke
from tests.courier import START, STUDY, Courier, key_of
from tests.queues import bodies, queue_url
from tests.scripted import Answer
from tests.scripted import ScriptedPacs as ScriptedSubscriber

NOWHERE = "http://127.0.0.1:1/hook"
OTHER = "1.2.3"


def at_leisure() -> float:
    """A sweep's remaining seconds."""
    return 60.0


def take(number: int, at: float = START, **facts: Any) -> str:
    """Stores an event and does not publish it."""
    pacs_event = {"StudyInstanceUID": STUDY, "n": number} | facts
    event_id = store_event(json.dumps(pacs_event).encode(), announcement(pacs_event), clock=lambda: at)
    assert event_id is not None
    return event_id


def announce(number: int, **facts: Any) -> str:
    """Stores an event and publishes it."""
    event_id = take(number, **facts)
    assert publish_events([event_id]) == {}
    return event_id


@pytest.mark.usefixtures("aws")
class TestFeed:
    """`GET /exam-events`."""

    @pytest.fixture
    def page(self, invoke: Invoke) -> Any:
        """Gets a page of the feed."""

        def get(**query: Any) -> dict[str, Any]:
            answer = invoke(
                "list_exam_events", path="/exam-events", query={name: str(value) for name, value in query.items()}
            )
            assert answer["statusCode"] == 200, answer
            found: dict[str, Any] = json.loads(answer["body"])
            return found

        return get

    def test_an_empty_feed(self, page: Any) -> None:
        assert page() == {"events": [], "next": None}

    def test_events_with_what_the_pacs_sent_oldest_first(self, page: Any) -> None:
        ids = [announce(number, PatientName="Zoë 山田", EventType="COMPLETED") for number in range(3)]
        found = page()
        assert [event["eventId"] for event in found["events"]] == ids
        assert found["events"][0]["pacsEvent"] == {
            "StudyInstanceUID": STUDY,
            "n": 0,
            "PatientName": "Zoë 山田",
            "EventType": "COMPLETED",
        }
        assert found["events"][0]["receivedAt"] == "2023-11-14T22:13:20.000Z"
        assert page(after=found["next"]) == {"events": [], "next": None}

    def test_pages_follow_one_another(self, page: Any) -> None:
        ids = [announce(number) for number in range(7)]
        assert [event["eventId"] for event in _all(page, limit=3)] == ids

    def test_an_event_that_was_stored_early_and_goes_out_late_is_not_skipped(self, page: Any) -> None:
        late = take(1, at=START)
        announce(2)
        cursor = page()["next"]
        assert [event["eventId"] for event in page()["events"]] != [late]
        assert sweep(at_leisure, clock=lambda: START + 121) == 1
        assert [event["eventId"] for event in page(after=cursor)["events"]] == [late]

    def test_publishers_that_race_leave_no_gap_and_no_double(self, page: Any) -> None:
        ids = [take(number) for number in range(24)]
        with ThreadPoolExecutor(3) as publishers:
            list(publishers.map(publish_events, batched([*ids, *ids], 6, strict=False)))
        assert sorted(event["eventId"] for event in page()["events"]) == sorted(ids)
        assert sorted(load_event(event_id).position for event_id in ids) == list(range(1, 25))

    def test_filters_by_study_and_by_type(self, page: Any) -> None:
        ids = [
            announce(1, EventType="COMPLETED"),
            announce(2, EventType="INSTANCES_ADDED"),
            announce(3, StudyInstanceUID=OTHER, EventType="COMPLETED"),
        ]

        def found(**query: str) -> list[int]:
            return [ids.index(event["eventId"]) + 1 for event in _all(page, limit=1, **query)]

        assert found(StudyInstanceUID=STUDY) == [1, 2]
        assert found(eventtype="COMPLETED") == [1, 3]
        assert found(StudyInstanceUID=OTHER, EventType="INSTANCES_ADDED") == []

    def test_a_page_ends_where_an_answer_is_full_and_loses_nothing(self, page: Any) -> None:
        ids = [announce(number, Report="é" * 250_000) for number in range(6)]
        assert len(page()["events"]) < 6
        assert [event["eventId"] for event in _all(page)] == ids

    def test_an_event_too_large_for_an_answer_is_a_link_and_stops_nobody(self, page: Any) -> None:
        ids = [announce(1), announce(2, Report="A" * 5_600_000), announce(3)]
        found = _all(page)
        assert [event["eventId"] for event in found] == ids
        assert found[1]["pacsEvent"] is None
        assert "X-Amz-Signature=" in found[1]["pacsEventUrl"]
        assert "pacsEventUrl" not in found[0]

    @pytest.mark.parametrize("before", [0, 3], ids=["begun anew", "restored"])
    def test_a_cursor_that_is_not_of_this_feed_is_told_so(
        self, aws: Aws, page: Any, invoke: Invoke, before: int
    ) -> None:
        # given a reader at number 5 of a feed whose tables then go back to what they were at number 3, or are new
        for number in range(before):
            announce(number)
        dynamodb = aws.client("dynamodb")
        kept = {name: dynamodb.scan(TableName=os.environ[name])["Items"] for name in ("FEED_TABLE", "EVENTS_TABLE")}
        for number in range(before, 5):
            announce(number)
        early, cursor = page(limit=2)["next"], page()["next"]
        _replace(aws, kept)

        # then it learns so, also when the feed has grown beyond its place
        for number in range(10, 13):
            refused = invoke("list_exam_events", path="/exam-events", query={"after": cursor})
            assert refused["statusCode"] == 400
            [error] = json.loads(refused["body"])["errors"]
            assert error["field"] == "after"
            assert error["message"].endswith("begin again without it")
            announce(number)
        assert len(page()["events"]) == before + 3
        if before:
            assert len(page(after=early)["events"]) == 4, "a place before the tables' state is still one"

    @pytest.mark.parametrize("cursor", ["4", "999999999999999", "3-00000000", "0-00000000"])
    def test_a_cursor_ahead_of_the_feed_or_of_another_event(self, page: Any, invoke: Invoke, cursor: str) -> None:
        for number in range(3):
            announce(number)
        assert page(after="3") == {"events": [], "next": None}
        for query in ({"after": cursor}, {"after": cursor, "EventType": "COMPLETED"}):
            refused = invoke("list_exam_events", path="/exam-events", query=query)
            assert refused["statusCode"] == 400
            assert [error["field"] for error in json.loads(refused["body"])["errors"]] == ["after"]

    def test_a_filtered_page_goes_on_from_what_it_looked_at(self, page: Any) -> None:
        ids = [announce(number, EventType="COMPLETED" if number == 4 else "OTHER") for number in range(6)]
        first = page(EventType="COMPLETED", limit=1)
        assert [event["eventId"] for event in first["events"]] == [ids[4]]
        assert first["next"] == f"5-{ids[4][:8]}"
        assert page(EventType="COMPLETED", after=first["next"]) == {"events": [], "next": f"6-{ids[5][:8]}"}

    @pytest.mark.parametrize(
        "query",
        [
            {"after": "1-"},
            {"after": "1-0b2f6d0"},
            {"after": "1-0B2F6D0E"},
            {"after": "9" * 16},
            {"after": "1.5"},
            {"limit": "0"},
            {"limit": "201"},
            {"after": "x"},
            {"after": "-1"},
            {"StudyInstanceUID": "1..2"},
            {"a": "1"},
        ],
    )
    def test_a_wrong_query_is_named(self, invoke: Invoke, query: dict[str, str]) -> None:
        answer = invoke("list_exam_events", path="/exam-events", query=query)
        assert answer["statusCode"] == 400
        assert [error["field"] for error in json.loads(answer["body"])["errors"]] == list(query)


def _replace(aws: Aws, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Puts items into tables in place of what is there."""
    dynamodb = aws.client("dynamodb")
    for variable, items in tables.items():
        name = os.environ[variable]
        keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]]
        for item in dynamodb.scan(TableName=name)["Items"]:
            dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})
        for item in items:
            dynamodb.put_item(TableName=name, Item=item)


def _all(page: Any, **query: Any) -> list[dict[str, Any]]:
    """Every event of the feed, by following its cursors to the end."""
    return [event for found in _pages(page, query) for event in found["events"]]


def _pages(page: Any, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    cursor = "0"
    while cursor is not None:
        found = page(after=cursor, **query)
        yield found
        cursor = found["next"]


@pytest.mark.usefixtures("aws")
class TestEvent:
    """`GET /exam-events/{eventId}`."""

    @pytest.mark.parametrize("size", [1, INLINE_BYTES], ids=["in the table", "in the bucket"])
    def test_an_event_that_has_not_gone_out_yet(self, invoke: Invoke, size: int) -> None:
        event_id = take(1, Report="A" * size)
        answer = invoke("get_exam_event", path=f"/exam-events/{event_id}")
        event = json.loads(answer["body"])
        assert (answer["statusCode"], event["eventId"], len(event["pacsEvent"]["Report"])) == (200, event_id, size)

    @pytest.mark.parametrize(("event_id", "status"), [("0" * 32, 404), ("payload%23" + "0" * 64, 400), ("x", 400)])
    def test_none(self, invoke: Invoke, event_id: str, status: int) -> None:
        assert invoke("get_exam_event", path=f"/exam-events/{event_id}")["statusCode"] == status
        assert invoke("list_deliveries", path=f"/exam-events/{event_id}/deliveries")["statusCode"] == status
        answer = invoke("redeliver_exam_event", "POST", f"/exam-events/{event_id}/redeliver")
        assert answer["statusCode"] == status


@pytest.fixture
def courier(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """Events on their way to a subscriber where nobody listens."""
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    monkeypatch.setenv("CALLBACK_URLS", NOWHERE)
    return Courier(aws)


def waiting(aws: Aws) -> list[DeliveryMessage]:
    """The messages of the deliveries queue; they are not seen again."""
    return [DeliveryMessage.parsed(json.dumps(body)) for body in bodies(aws, os.environ["DELIVERIES_QUEUE_URL"])]


@pytest.mark.usefixtures("courier")
class TestDeliveries:
    """`GET /exam-events/{eventId}/deliveries`."""

    def deliveries(self, invoke: Invoke, event_id: str) -> Any:
        answer = invoke("list_deliveries", path=f"/exam-events/{event_id}/deliveries")
        assert answer["statusCode"] == 200
        return json.loads(answer["body"])["deliveries"]

    def test_before_they_are_asked_for_there_are_none(self, invoke: Invoke) -> None:
        assert self.deliveries(invoke, take(1)) == []

    def test_through_a_deliverys_life(self, courier: Courier, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        with ScriptedSubscriber(Answer(503), Answer(200)) as subscriber:
            url = subscriber.url + "/hook"
            monkeypatch.setenv("CALLBACK_URLS", url.replace("http://", "http://user:pass@") + "?key=s3cret")
            [message] = courier.announce()
            begun = {"url": url + "?...", "state": "pending", "attempts": 0, "lastStatus": None, "lastError": None}
            assert self.deliveries(invoke, message.event_id) == [], (
                "most deliveries need no row before their first attempt"
            )
            with ExitStack() as others:
                taken = [others.enter_context(place(message.subscriber, START)) for _ in range(PLACES)]
                assert all(taken)
                courier.attempt(message)
            assert self.deliveries(invoke, message.event_id) == [begun | {"nextAttemptAt": "2023-11-14T22:13:20.000Z"}]
            courier.attempt(message)
            failed = begun | {"attempts": 1, "lastStatus": 503, "lastError": "answered 503"}
            assert self.deliveries(invoke, message.event_id) == [failed | {"nextAttemptAt": "2023-11-14T22:13:25.000Z"}]
            courier.carry(message)
            done = {"state": "delivered", "attempts": 2, "lastStatus": 200, "nextAttemptAt": None}
            assert self.deliveries(invoke, message.event_id) == [begun | done]


@pytest.mark.usefixtures("courier")
class TestRedelivery:
    """`POST /exam-events/{eventId}/redeliver` and `POST /exam-events/redeliver`."""

    def test_a_delivered_event_is_delivered_again_with_the_same_identifier(
        self, courier: Courier, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ScriptedSubscriber(Answer(200)) as subscriber:
            monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
            [message] = courier.announce()
            courier.carry(message)
            answer = invoke("redeliver_exam_event", "POST", f"/exam-events/{message.event_id}/redeliver")
            assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"deliveries": 1})
            [again] = waiting(courier.aws)
            assert deliver(again, Sender()) is None
        assert [asked.headers["webhook-id"] for asked in subscriber.asked] == [message.event_id] * 2
        assert courier.row(message).state == "delivered"

    def test_one_url_of_several(self, courier: Courier, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        other = "http://127.0.0.1:2/hook"
        monkeypatch.setenv("CALLBACK_URLS", f"{NOWHERE}#modality=MR,{other}")
        event_id = announce(1)
        answer = invoke("redeliver_exam_event", "POST", f"/exam-events/{event_id}/redeliver", body={"url": NOWHERE})
        assert answer["statusCode"] == 202
        assert [message.subscriber for message in waiting(courier.aws)] == [key_of(NOWHERE)]
        invoke("redeliver_exam_event", "POST", f"/exam-events/{event_id}/redeliver", body={})
        assert [message.subscriber for message in waiting(courier.aws)] == [key_of(other)]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"url": "http://elsewhere/"}, "url"),
            ({"url": 1}, "url"),
            ({"uri": "x"}, "uri"),
            ([], "body"),
            ("{", "body"),
        ],
    )
    def test_a_wrong_body_is_named(self, courier: Courier, invoke: Invoke, body: Any, field: str) -> None:
        answer = invoke("redeliver_exam_event", "POST", f"/exam-events/{announce(1)}/redeliver", body=body)
        assert answer["statusCode"] == 400
        assert [error["field"] for error in json.loads(answer["body"])["errors"]] == [field]
        assert waiting(courier.aws) == []

    def test_a_run_under_way_is_superseded(self, courier: Courier, invoke: Invoke) -> None:
        [old] = courier.announce()
        courier.attempt(old)
        invoke("redeliver_exam_event", "POST", f"/exam-events/{old.event_id}/redeliver")
        [new] = waiting(courier.aws)
        courier.clock.now = time.time() + 1
        assert (courier.attempt(old), courier.row(new).attempts) == (None, 0)
        assert courier.attempt(new) is not None
        assert courier.row(new).attempts == 1

    def test_what_was_given_up_in_a_span_of_time(self, courier: Courier, invoke: Invoke) -> None:
        given_up = []
        for number in range(2):
            courier.clock.now, courier.pacs_event = START, {"StudyInstanceUID": STUDY, "n": number}
            [message] = courier.announce()
            courier.carry(message)
            given_up.append(message.event_id)
        [fresh] = courier.announce()
        query = {"from": "2023-11-14T00:00:00Z", "to": "2023-11-14T23:00:00", "state": "failed"}
        assert self.asked(invoke, {"from": "2023-11-15T00:00:00Z"}) == {"deliveries": 0, "more": False}
        assert self.asked(invoke, query | {"state": "gone"}) == {"deliveries": 0, "more": False}
        assert self.asked(invoke, query) == {"deliveries": 2, "more": False}
        messages = waiting(courier.aws)
        assert sorted(message.event_id for message in messages) == sorted(given_up)
        assert {message.run for message in messages} == {1}
        assert courier.row(messages[0]).state == "pending"
        assert fresh.event_id not in given_up
        assert self.asked(invoke, query) == {"deliveries": 0, "more": False}

    def asked(self, invoke: Invoke, query: dict[str, str]) -> Any:
        answer = invoke("redeliver_exam_events", "POST", "/exam-events/redeliver", query=query)
        assert answer["statusCode"] == 202
        return json.loads(answer["body"])

    @pytest.mark.parametrize(
        ("body", "status"), [(b"{}", 202), (b" ", 202), (b'{"from": "2024-01-17"}', 400), (b"x", 400)]
    )
    @pytest.mark.usefixtures("courier")
    def test_a_body_is_not_passed_over(self, invoke: Invoke, body: bytes, status: int) -> None:
        """More would be delivered anew than was asked for."""
        answer = invoke("redeliver_exam_events", "POST", "/exam-events/redeliver", body=body)
        assert answer["statusCode"] == status

    @pytest.mark.parametrize(
        "moment",
        [
            "0.5",
            "-1",
            "1700000000",
            "1e9",
            "",
            "2024-01-17T25:00:00Z",
            "2024-02-30",
            "10000-01-01",
            "0000-01-01",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2024-01-17T00:00:00+99:99",
            "NaN",
            "infinity",
            "2024-01-17T00:00:00 02:00",
            "\u0662\u0660\u0662\u0664-01-17",
            "P1D",
            "2024-01-17T10:15:60Z",
        ],
    )
    @pytest.mark.parametrize("name", ["from", "to"])
    def test_what_is_no_time_or_one_beyond_the_calendar(self, invoke: Invoke, name: str, moment: str) -> None:
        """RFC 3339 section 5.6."""
        answer = invoke("redeliver_exam_events", "POST", "/exam-events/redeliver", query={name: moment})
        assert answer["statusCode"] == 400
        assert [error["field"] for error in json.loads(answer["body"])["errors"]] == [name]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "2024-01-18T00:00:00Z", "to": "2024-01-17T23:59:59.999Z"},
            {"from": "2024-01-17T00:00:00-12:00", "to": "2024-01-17T11:00:00Z"},
            {"from": "9999-12-31T23:59:59Z"},
            {"to": "1969-12-31"},
        ],
    )
    def test_a_span_that_ends_before_it_begins(self, invoke: Invoke, query: dict[str, str]) -> None:
        answer = invoke("redeliver_exam_events", "POST", "/exam-events/redeliver", query=query)
        assert answer["statusCode"] == 400
        assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["from"]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999999999Z"},
            {"from": "0001-01-01", "to": "9999-12-31"},
            {"from": "2023-11-14T22:13:20Z", "to": "2023-11-14T22:13:20Z"},
            {"from": "2023-11-15T00:13:20+02:00", "to": "2023-11-14t22:13:20"},
        ],
    )
    def test_spans_to_both_ends_of_the_calendar_and_of_a_moment(
        self, courier: Courier, invoke: Invoke, query: dict[str, str]
    ) -> None:
        [message] = courier.announce()
        courier.carry(message)
        assert self.asked(invoke, query) == {"deliveries": 1, "more": False}

    def test_a_wrong_span_is_named(self, invoke: Invoke) -> None:
        query = {"from": "yesterday", "state": "delivered"}
        answer = invoke("redeliver_exam_events", "POST", "/exam-events/redeliver", query=query)
        assert answer["statusCode"] == 400
        assert {error["field"] for error in json.loads(answer["body"])["errors"]} == {"from", "state"}


@pytest.mark.usefixtures("aws")
class TestSweep:
    """The schedule's function."""

    def test_what_waited_too_long_goes_out_once(self, aws: Aws) -> None:
        old, young = take(1, at=START), take(2, at=START + 100)
        assert sweep(at_leisure, clock=lambda: START + 121) == 1
        assert sweep(at_leisure, clock=lambda: START + 121) == 0
        assert [body["eventId"] for body in bodies(aws, _events_queue(aws))] == [old]
        assert sweep(at_leisure, clock=lambda: START + 221) == 1
        assert [body["eventId"] for body in bodies(aws, _events_queue(aws))] == [young]

    def test_while_the_topic_fails_everything_is_left_for_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        take(1), take(2)
        with monkeypatch.context() as broken:
            broken.setenv("EVENTS_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:none")
            assert sweep(at_leisure, clock=lambda: START + 121) == 0
        assert sweep(at_leisure, clock=lambda: START + 121) == 2

    def test_it_stops_in_time_and_the_next_goes_on(self) -> None:
        for number in range(3):
            take(number)
        assert sweep(lambda: 0.0, clock=lambda: START + 121) == 0
        assert sweep(at_leisure, clock=lambda: START + 121) == 3

    def test_what_the_version_before_left_in_the_outbox_goes_out(self) -> None:
        event_id = take(1)
        client("dynamodb").update_item(
            TableName=os.environ["EVENTS_TABLE"],
            Key={"eventId": {"S": event_id}},
            UpdateExpression="SET outbox = :waiting",
            ExpressionAttributeValues={":waiting": {"S": "waiting"}},
        )
        assert sweep(at_leisure, clock=lambda: START + 121) == 1
        assert load_event(event_id).position == 1

    def test_the_handler(self) -> None:
        take(1, at=datetime(2024, 1, 1, tzinfo=UTC).timestamp())
        assert sweep_handler({}, context_for("SweepExamEvents")) == {"published": 1}


def _events_queue(aws: Aws) -> str:
    return queue_url(aws, "EventsQueue")
