"""When a delivery is tried again."""

import pytest

from dicom_service.events.schedule import RETRY_SECONDS, asked_wait, wait_after

NOW = 784111717.0  # Sun, 06 Nov 1994 08:48:37 GMT
DAY = 86400


def test_the_schedule_of_a_subscriber_that_never_answers() -> None:
    waits = [wait_after(attempts, 0) for attempts in range(1, 14)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 43200, 43200, 43200, 43200, 43200, None, None]
    assert 2.9 * DAY < sum(RETRY_SECONDS) < 3.3 * DAY


@pytest.mark.parametrize(
    ("attempts", "asked", "wait"),
    [(1, 120, 120), (2, 120, 300), (1, 10**9, 43200), (12, 120, None)],
    ids=["longer than the schedule", "shorter", "for ever", "after the last attempt"],
)
def test_what_the_subscriber_asks_for_lengthens_a_wait(attempts: int, asked: float, wait: float | None) -> None:
    assert wait_after(attempts, asked) == wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("soon", 0),
        ("9" * 40, 999_999_999),
        ("\u0663", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 60),
        ("Sun, 06 Nov 1994 08:47:37 GMT", 0),
    ],
)
def test_retry_after_as_rfc_9110_section_10_2_3_has_it(header: str | None, seconds: float) -> None:
    assert asked_wait(header, NOW) == seconds
