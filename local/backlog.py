"""Messages on their way from a queue to a function, in the order of an SQS fair queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

Message = dict[str, Any]

LOOK_AHEAD = 1000
"""Messages with groups that are received before it is their turn."""


class Backlog:
    """Hands out messages of the group that has the fewest under way, and among equals of the one that waits longest.

    A message without a group is a group of its own, so those go out as they came. `places` are the batches under way at
    a time. A message that has waited for `patience` seconds is dropped: its queue shows it again.
    """

    def __init__(self, places: int, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._patience = patience
        self._clock = clock
        self._waiting: dict[str, deque[tuple[float, Message]]] = {}
        self._under_way: Counter[str] = Counter()
        self._batches = 0
        self._grouped = False
        self._lock = Lock()

    @property
    def full(self) -> bool:
        """Whether no more should be received now: without groups, while what is there waits for a place."""
        with self._lock:
            waiting = sum(map(len, self._waiting.values()))
            return waiting >= LOOK_AHEAD if self._grouped else self._batches >= self._places or waiting > 0

    def add(self, messages: Sequence[Message]) -> None:
        """Takes in what was received."""
        with self._lock:
            received_at = self._clock()
            for message in messages:
                self._grouped = "MessageGroupId" in message.get("Attributes", {})
                self._waiting.setdefault(_group(message), deque()).append((received_at, message))

    def take(self, size: int) -> list[Message]:
        """The next messages, `size` at the most; each is under way until it is `done`."""
        with self._lock:
            self._batches += 1
            messages: list[Message] = []
            while self._waiting and len(messages) < size:
                group = min(self._waiting, key=self._under_way.__getitem__)
                received_at, message = self._next_of(group)
                if self._clock() < received_at + self._patience:
                    self._under_way[group] += 1
                    messages.append(message)
            return messages

    def done(self, messages: Sequence[Message]) -> None:
        """The messages of a batch are under way no longer."""
        with self._lock:
            self._batches -= 1
            self._under_way.subtract(map(_group, messages))
            self._under_way = +self._under_way

    def _next_of(self, group: str) -> tuple[float, Message]:
        """The group goes behind the others that wait."""
        waiting = self._waiting.pop(group)
        received = waiting.popleft()
        if waiting:
            self._waiting[group] = waiting
        return received


def _group(message: Message) -> str:
    return str(message.get("Attributes", {}).get("MessageGroupId", message["MessageId"]))
