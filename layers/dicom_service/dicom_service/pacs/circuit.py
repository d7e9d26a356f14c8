"""A circuit breaker before the PACS: while it is down, callers are told at once, and it is left alone.

Powertools' own, which shares the circuit's state among all execution environments in a table.
https://docs.aws.amazon.com/powertools/python/latest/utilities/circuit_breaker/
"""

import hashlib
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from dicom_service import settings
from dicom_service.errors import PacsDown, PacsError, PacsTimeout, PacsUnreachable
from dicom_service.stores import client

FAILURES_TO_OPEN = 5
"""In a row, of one environment: what one sees alone is not yet the PACS's state."""

OPEN_SECONDS = 20
PROBES_TO_CLOSE = 1
"""Powertools asks them of one environment, and Lambda may never call that one again."""

Guard = Callable[[Callable[[], Any]], Any]
"""Calls what it is given, or raises PacsDown."""


def unguarded(ask: Callable[[], Any]) -> Any:
    """Calls it, whatever is known of the PACS."""
    return ask()


def circuit(url: str) -> Guard:
    """The circuit of the PACS at the URL, kept in CIRCUITS_TABLE; none where there is no such table."""
    table = settings.optional("CIRCUITS_TABLE")
    return _circuit(hashlib.sha256(url.encode()).hexdigest()[:32], table) if table else unguarded


@cache
def _circuit(name: str, table: str) -> Guard:
    from aws_lambda_powertools.utilities.circuit_breaker import (
        CircuitBreakerConfig,
        CircuitBreakerOpenError,
        circuit_breaker,
    )
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import CircuitBreakerExistingLockError

    class Persistence(CircuitBreakerDynamoDBPersistence):
        """The probe that this environment has won is its own also where the answer was lost and boto3 asked again."""

        def _put_record(self, record: Any, condition: str | None = None, expected_opened_at: int | None = None) -> None:
            try:
                super()._put_record(record, condition, expected_opened_at)
            except CircuitBreakerExistingLockError:
                key = self._get_key(name)
                row = self.client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
                if row.get(self.half_open_owner_attr) != self._s(record.half_open_owner):
                    raise

    protected = circuit_breaker(
        name,
        Persistence(table, boto3_client=client("dynamodb")),
        config=CircuitBreakerConfig(
            failure_threshold=FAILURES_TO_OPEN,
            recovery_timeout=OPEN_SECONDS,
            success_threshold=PROBES_TO_CLOSE,
            handled_exceptions=(PacsUnreachable, PacsTimeout),
        ),
    )(_answered)

    def guard(ask: Callable[[], Any]) -> Any:
        try:
            answer, fault = protected(ask)
        except CircuitBreakerOpenError as error:
            opened = getattr(error.circuit, "opened_at", None) or time.time()
            wait = max(1, round(opened + OPEN_SECONDS - time.time()))
            raise PacsDown("The PACS is down: it is not asked for a moment", wait) from error
        if fault:
            raise fault
        return answer

    return guard


def _answered(ask: Callable[[], Any]) -> tuple[Any, PacsError | None]:
    """What the PACS answered, or the fault that it answered with: a PACS that refuses is not down."""
    try:
        return ask(), None
    except (PacsUnreachable, PacsTimeout):
        raise
    except PacsError as error:
        return None, error
