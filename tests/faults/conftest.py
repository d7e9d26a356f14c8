"""What the tests of faults share."""

import os
from typing import Any

import pytest

from local import template
from local.aws import Aws


@pytest.fixture
def resources_environment(aws: Aws, document: dict[str, Any]) -> dict[str, str]:
    """Names of tables, topic, queues and bucket, as the functions get them."""
    own = [resource.get("Properties", {}) for resource in document["Resources"].values()]
    names = {
        name
        for holder in (document["Globals"]["Function"], *own)
        for name in holder.get("Environment", {}).get("Variables", {})
    }
    return {
        name: os.environ[name] for name in names - set(template.variable_parameters(document)) if name in os.environ
    }
