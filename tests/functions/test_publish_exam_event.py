"""The stream's records: each new event once to the topic, with what queues filter by, and into the feed."""

import json
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import INLINE_BYTES, load_event, store_event
from dicom_service.events.waiting import ALL_LANES, waiting_since
from functions.publish_exam_event.app import lambda_handler
from local.aws import Aws
from local.context import context_for
from tests.queues import bodies, queue_url, received

CONTEXT = context_for("PublishExamEvent")
EVER = 4_000_000_000.0


def take(pacs_event: dict[str, Any]) -> str:
    event_id = store_event(json.dumps(pacs_event, ensure_ascii=False).encode(), announcement(pacs_event))
    assert event_id is not None
    return event_id


def waiting() -> list[str]:
    """The events of the outbox."""
    return [event_id for lane in ALL_LANES for event_id in waiting_since(lane, EVER)]


def inserted(*event_ids: str, name: str = "INSERT") -> dict[str, Any]:
    """The sample's stream event, of these items."""
    [sample, _] = json.loads(Path("events/publish_exam_event.json").read_text())["Records"]
    return {
        "Records": [
            sample
            | {"eventName": name}
            | {"dynamodb": {"Keys": {"eventId": {"S": event_id}}, "SequenceNumber": str(number)}}
            for number, event_id in enumerate(event_ids)
        ]
    }


def test_a_new_event_goes_to_the_topic_and_leaves_the_outbox(aws: Aws) -> None:
    pacs_event = {"StudyInstanceUID": "1.2", "EventType": "COMPLETED", "SourceID": "PACS é", "Note": "\uffff\ufffe"}
    event_id = take(pacs_event | {"ModalitiesInStudy": ["CT", "MR", "CT"]})
    assert waiting() == [event_id]
    assert lambda_handler(inserted(event_id), CONTEXT) == {"batchItemFailures": []}
    message = received(aws, queue_url(aws, "EventsQueue"))
    assert message is not None
    [record] = message["Records"]
    stored = load_event(event_id)
    assert json.loads(record["body"]) == {
        "eventId": event_id,
        "receivedAt": stored.received_at,
        "pacsEvent": pacs_event | {"ModalitiesInStudy": ["CT", "MR", "CT"]},
    }
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    assert attributes == {"EventType": "COMPLETED", "SourceID": "PACS é", "Modality": '["CT", "MR"]'}
    assert stored.position == 1
    assert waiting() == []


def test_what_is_no_new_event_is_passed_over(aws: Aws) -> None:
    event_id = take({"StudyInstanceUID": "1.2"})
    for event in (inserted("payload#abc"), inserted(event_id, name="MODIFY"), inserted(event_id, name="REMOVE")):
        assert lambda_handler(event, CONTEXT) == {"batchItemFailures": []}
    assert bodies(aws, queue_url(aws, "EventsQueue")) == []


def test_a_record_that_comes_twice_is_published_once(aws: Aws) -> None:
    event_id = take({"StudyInstanceUID": "1.2"})
    lambda_handler(inserted(event_id, event_id), CONTEXT)
    lambda_handler(inserted(event_id), CONTEXT)
    assert len(bodies(aws, queue_url(aws, "EventsQueue"))) == 1


@pytest.mark.parametrize("size", [262_144, INLINE_BYTES + 1], ids=["in the table", "in the bucket"])
def test_a_payload_above_a_messages_size_is_left_out_of_it(aws: Aws, size: int) -> None:
    event_id = take({"StudyInstanceUID": "1.2", "EventType": "COMPLETED", "Report": "é" * (size // 2)})
    assert lambda_handler(inserted(event_id), CONTEXT) == {"batchItemFailures": []}
    [message] = bodies(aws, queue_url(aws, "EventsQueue"))
    assert message == {"eventId": event_id, "receivedAt": load_event(event_id).received_at}


def test_while_the_topic_fails_the_record_is_reported_and_the_event_waits(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, topic = take({"StudyInstanceUID": "1.2"}), "arn:aws:sns:eu-central-1:123456789012:none"
    with monkeypatch.context() as broken:
        broken.setenv("EVENTS_TOPIC_ARN", topic)
        assert lambda_handler(inserted(good), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert waiting() == [good]
    lambda_handler(inserted(good), CONTEXT)
    assert waiting() == []


def test_one_record_that_fails_leaves_the_others_alone(aws: Aws) -> None:
    good = take({"StudyInstanceUID": "1.2"})
    answer = lambda_handler(inserted("0" * 32, good), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert load_event(good).position == 1
