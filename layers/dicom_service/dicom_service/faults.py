"""What the log says of a fault: its type, our own words or its place, never a foreign exception's text.

That text may hold a patient's data, or a URL with a password.
"""

import traceback
from pathlib import Path

from aws_lambda_powertools import Logger

from dicom_service.errors import ServiceError

logger = Logger()


def log_fault(error: Exception) -> None:
    """One line: a warning for what a client did wrong, an error for everything else."""
    if isinstance(error, ServiceError):
        level = logger.warning if error.status < 500 else logger.error
        level(type(error).__name__, extra={"detail": error.detail})
        return
    stack = traceback.extract_tb(error.__traceback__)[-4:]
    frames = [f"{frame.name} {Path(frame.filename).name}:{frame.lineno}" for frame in stack]
    logger.error("unexpected %s", type(error).__name__, extra={"frames": frames})
