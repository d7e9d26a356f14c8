"""The order of messages between a queue and its function on one machine: as an SQS fair queue has it."""

from typing import Any

from local.backlog import LOOK_AHEAD, Backlog


def messages(*names: str) -> list[dict[str, Any]]:
    """`a1` is message 1 of group a, `-1` one without a group."""
    return [{"MessageId": name, "Attributes": {} if name[0] == "-" else {"MessageGroupId": name[0]}} for name in names]


def taken(backlog: Backlog, size: int) -> list[str]:
    return [message["MessageId"] for message in backlog.take(size)]


def test_groups_take_turns() -> None:
    backlog = Backlog(4, 60)
    backlog.add(messages("a1", "a2", "a3", "b1", "b2", "c1"))
    assert taken(backlog, 6) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_group_with_many_under_way_comes_after_those_with_few() -> None:
    backlog = Backlog(4, 60)
    backlog.add(messages("a1", "a2", "a3"))
    slow = backlog.take(2)
    backlog.add(messages("b1", "b2"))
    assert taken(backlog, 2) == ["b1", "b2"]
    backlog.done(slow)
    backlog.add(messages("b3"))
    assert taken(backlog, 2) == ["a3", "b3"]


def test_without_groups_they_go_out_as_they_came_and_none_is_received_ahead() -> None:
    backlog = Backlog(1, 60)
    assert not backlog.full
    backlog.add(messages("-1", "-2", "-3"))
    assert backlog.full
    assert taken(backlog, 10) == ["-1", "-2", "-3"]
    assert backlog.full, "the only place is taken"


def test_with_groups_many_are_received_ahead() -> None:
    backlog = Backlog(1, 60)
    backlog.add(messages("a1"))
    backlog.take(1)
    assert not backlog.full
    backlog.add(messages(*(f"a{number}" for number in range(LOOK_AHEAD))))
    assert backlog.full


def test_what_its_queue_is_about_to_show_again_is_dropped() -> None:
    now = [0.0]
    backlog = Backlog(1, 30, clock=lambda: now[0])
    backlog.add(messages("a1"))
    now[0] = 30.0
    backlog.add(messages("a2"))
    assert taken(backlog, 10) == ["a2"]
