"""The topic: each stored event once to whoever subscribed there, with what a filter policy can choose by.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

import json
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.events import feed
from dicom_service.events.exam_event import Announcement
from dicom_service.events.outbox import StoredEvent, load_event
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

MESSAGE_BYTES = 262_144
"""A message and its attributes together. https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html"""

NOT_IN_MESSAGES = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
"""The two characters that JSON may hold and a message may not, as JSON escapes."""


def publish_event(event_id: str) -> None:
    """Sends the event to EVENTS_TOPIC_ARN, then gives it its number in the feed; nothing where it has one.

    A fault in between repeats the first step, it never drops the second. Raises NotFound and StoreUnavailable.
    """
    event = load_event(event_id)
    if event.position:
        return
    attributes = _attributes(event.facts)
    with translated("publish the event"):
        client("sns").publish(
            TopicArn=settings.required("EVENTS_TOPIC_ARN"),
            Message=_message(event, MESSAGE_BYTES - _size(attributes)),
            MessageAttributes=attributes,
        )
    feed.append(event)


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
