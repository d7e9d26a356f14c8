"""When a delivery that failed is tried again."""

from datetime import UTC
from email.utils import parsedate_to_datetime

MINUTE, HOUR = 60, 3600

RETRY_SECONDS = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, *[12 * HOUR] * 5)
"""The wait after each failed attempt; twelve attempts over three days and five hours, then the event is given up."""

LONGEST_WAIT = 12 * HOUR
"""What a Retry-After is held to: a subscriber may ask for patience, not for being forgotten."""


def wait_after(attempts: int, retry_after: float) -> float | None:
    """Seconds until the next attempt, when `attempts` were made and the subscriber asked for `retry_after` seconds.

    Never less than the schedule's, so that a subscriber cannot use up its attempts at once. None after the last one.
    """
    if attempts > len(RETRY_SECONDS):
        return None
    return max(RETRY_SECONDS[attempts - 1], min(retry_after, LONGEST_WAIT))


def asked_wait(retry_after: str, now: float) -> float:
    """The seconds of a Retry-After header, given as a number or a date (RFC 9110 section 10.2.3), 12 hours at the most.

    0 for anything else, a date that the calendar does not have included. `now` are seconds since 1970.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), LONGEST_WAIT)
