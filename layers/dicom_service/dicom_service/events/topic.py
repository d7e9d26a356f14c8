"""The topic: each stored event once to whoever subscribed there, with what a filter policy can choose by.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.errors import NotFound, ServiceError, StoreUnavailable
from dicom_service.events.exam_event import Announcement
from dicom_service.events.numbering import number
from dicom_service.events.outbox import READ_TOGETHER, StoredEvent, load_events
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishBatchRequestEntryTypeDef

MESSAGE_BYTES = 262_144
"""A message and its attributes together. https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html"""

MESSAGES_TOGETHER = 10
REQUESTS_AT_ONCE = 5

NOT_IN_MESSAGES = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
"""The two characters that JSON may hold and a message may not, as JSON escapes."""


def publish_events(event_ids: Sequence[str]) -> dict[str, ServiceError]:
    """Sends the events to EVENTS_TOPIC_ARN, then gives them their numbers; gives those that failed, and why.

    Those that have a number are passed over: what is repeated after a fault in between goes out again, and nothing is
    left out. A failure is a NotFound or a StoreUnavailable.
    """
    failed: dict[str, ServiceError] = {}
    wanted = list(dict.fromkeys(event_ids))
    for start in range(0, len(wanted), READ_TOGETHER):
        some = wanted[start : start + READ_TOGETHER]
        try:
            failed |= _publish(some)
        except StoreUnavailable as error:
            failed |= dict.fromkeys(some, error)
    return failed


def _publish(event_ids: Sequence[str]) -> dict[str, ServiceError]:
    events = {event.event_id: event for event in load_events(event_ids)}
    failed: dict[str, ServiceError] = {
        event_id: NotFound("There is no such event") for event_id in event_ids if event_id not in events
    }
    waiting = [event for event in events.values() if not event.position]
    requests = _requests(waiting)
    with ThreadPoolExecutor(min(len(requests), REQUESTS_AT_ONCE) or 1) as senders:
        for refused in senders.map(_send, requests):
            failed |= refused
    number([event for event in waiting if event.event_id not in failed])
    return failed


def _requests(events: Sequence[StoredEvent]) -> "list[list[PublishBatchRequestEntryTypeDef]]":
    """The events as messages, as many together as SNS takes: ten, and 256 KB.

    https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
    """
    requests: list[list[PublishBatchRequestEntryTypeDef]] = []
    room = 0
    for event in events:
        attributes = _attributes(event.facts)
        message = _message(event, MESSAGE_BYTES - _size(attributes))
        size = len(message.encode()) + _size(attributes)
        if not requests or len(requests[-1]) == MESSAGES_TOGETHER or size > room:
            requests.append([])
            room = MESSAGE_BYTES
        room -= size
        requests[-1].append({"Id": event.event_id, "Message": message, "MessageAttributes": attributes})
    return requests


def _send(messages: "list[PublishBatchRequestEntryTypeDef]") -> dict[str, ServiceError]:
    """Those of the messages that SNS did not take."""
    topic = settings.required("EVENTS_TOPIC_ARN")
    try:
        with translated("publish the events"):
            answer = client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=messages)
    except StoreUnavailable as error:
        return {message["Id"]: error for message in messages}
    return {
        one["Id"]: StoreUnavailable(f"The service could not publish the event ({one['Code']})")
        for one in answer.get("Failed", [])
    }


def _message(event: StoredEvent, room: int) -> str:
    """The event as JSON; without `pacsEvent` where that is too large for a message."""
    if event.inline is not None and len(event.inline) < room:
        message = event.as_json(event.inline).translate(NOT_IN_MESSAGES)
        if len(message.encode()) <= room:
            return message
    return event.as_json(None)


def _attributes(facts: Announcement) -> "dict[str, MessageAttributeValueTypeDef]":
    """EventType, SourceID and Modality, each where the PACS gave one."""
    attributes: dict[str, MessageAttributeValueTypeDef] = {}
    for name, text in (("EventType", facts.event_type), ("SourceID", facts.source_id)):
        if text:
            attributes[name] = {"DataType": "String", "StringValue": text}
    if facts.modalities:
        values = json.dumps(facts.modalities, ensure_ascii=False)
        attributes["Modality"] = {"DataType": "String.Array", "StringValue": values}
    return attributes


def _size(attributes: "dict[str, MessageAttributeValueTypeDef]") -> int:
    """Bytes that the attributes take of a message: names, types and values."""
    return sum(len((name + value["DataType"] + value["StringValue"]).encode()) for name, value in attributes.items())
