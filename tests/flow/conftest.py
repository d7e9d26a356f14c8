"""A small stack whose functions misbehave on demand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack, Settings

TEMPLATE = Path(__file__).parent / "fixtures/template.yaml"


@pytest.fixture(scope="package")
def odd_stack() -> Iterator[LocalStack]:
    """The stack of fixtures/template.yaml, given the greeting «good day»."""
    variables = {"GREETING": "good day", "PACS_SERVICE_URL": "http://127.0.0.1:1", "HOSTNAME": "not for functions"}
    with LocalStack(Settings(template=TEMPLATE, variables=variables)) as stack:
        yield stack
