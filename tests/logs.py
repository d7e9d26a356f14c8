"""The log as it is written: every record with everything that hangs on it."""

import pytest

from dicom_service.http.answer import logger


def rendered(caplog: pytest.LogCaptureFixture) -> str:
    """All records of the test, each in the form that goes to the log."""
    return "\n".join(logger.handlers[0].format(record) for record in caplog.records)
