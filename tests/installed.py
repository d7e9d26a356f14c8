"""Programs that tests run beside the product: a test without its program is skipped aloud, and fails in CI."""

import os
import shutil

import pytest


def program(name: str, packages: str) -> str:
    """The program's path; skips the test, or fails it where CI is set, where the Debian packages are not installed."""
    found = shutil.which(name)
    if found:
        return found
    message = f"{name} is missing: apt-get install --no-install-recommends {packages}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
