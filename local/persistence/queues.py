"""SQS queues between two runs: every message until it is deleted.

A message that was being handled can be seen again at once, one that was postponed when its time has come.
"""

from typing import Any

from local.persistence.records import Record, Records

HANDLES = frozenset({"receipt_handle", "_old_receipt_handles"})
"""What a message had for those who were handling it."""


def restore_messages(backend: Any, records: Records) -> tuple[int, int]:
    """Fills the queues of moto's SQSBackend; gives how many messages they got, and how many are left alone."""
    from moto.sqs.models import Message

    restored = left = 0
    for record in records.of("message"):
        queue = backend.queues.get(record.store)
        if queue is None:
            left += 1
            continue
        content = record.content or {}
        message = Message(content["id"], content["body"])
        vars(message).update(content)
        queue._messages.append(message)
        restored += 1
    return restored, left


def record_messages(records: Records) -> None:
    """Keeps from now on what is sent, postponed, deleted and purged: on disk before it can be received."""
    from moto.sqs.models import Queue, SQSBackend

    add, delete, purge = Queue.add_message, Queue.delete_message, SQSBackend.purge_queue
    change = SQSBackend.change_message_visibility

    def add_message(self: Any, message: Any) -> None:
        records.write([_record(self, message)])
        add(self, message)

    def delete_message(self: Any, receipt_handle: str) -> None:
        messages = _received_as(self, receipt_handle)
        delete(self, receipt_handle)
        records.write([Record("message", self.name, message.id) for message in messages])

    def change_message_visibility(self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        change(self, queue_name, receipt_handle, visibility_timeout)
        queue = self.get_queue(queue_name)
        records.write([_record(queue, message) for message in _received_as(queue, receipt_handle)])

    def purge_queue(self: Any, queue_name: str) -> None:
        messages = list(self.get_queue(queue_name)._messages)
        purge(self, queue_name)
        records.write([Record("message", queue_name, message.id) for message in messages])

    Queue.add_message, Queue.delete_message = add_message, delete_message
    SQSBackend.change_message_visibility, SQSBackend.purge_queue = change_message_visibility, purge_queue


def _received_as(queue: Any, receipt_handle: str) -> list[Any]:
    return [message for message in queue._messages if message.had_receipt_handle(receipt_handle)]


def _record(queue: Any, message: Any) -> Record:
    content = {name: value for name, value in vars(message).items() if name not in HANDLES}
    return Record("message", queue.name, message.id, content)
