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
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 43200),
        ("0" * 20 + "7", 7),
        ("1.5", 0),
        ("1e3", 0),
        ("120, 240", 0),
        ("\u0663", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 60),
        ("Sun, 06 Nov 1994 08:47:37 GMT", 0),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 60),
        ("Sun, 06 Nov 1994 08:49:37", 60),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 43200),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 43200),
        ("Thu, 01 Jan 1970 00:00:00 +2359", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2027 00:00:00 +99999999999999", 0),
        ("Sun, 31 Feb 2027 00:00:00 GMT", 0),
        ("Sun, 06 Nov 1994 24:00:61 GMT", 0),
    ],
)
def test_retry_after_as_rfc_9110_section_10_2_3_has_it(header: str, seconds: float) -> None:
    assert asked_wait(header, NOW) == seconds
