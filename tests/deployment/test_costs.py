"""The page of costs is the script's, and counts what the template has."""

from typing import Any

import pytest

from deployment.costs import ALARM, EXAM, GB_SECOND_OF_ARM, METRIC, MONTHLY, Step, page
from deployment.stage import ROOT
from dicom_service.metrics import METRICS
from local.template import of_type


def test_the_page_is_what_the_script_prints() -> None:
    assert (ROOT / "docs/costs.md").read_text() == "\n".join(page()) + "\n"


def test_what_is_paid_by_the_month_is_what_the_template_has(translated: dict[str, Any]) -> None:
    monthly = dict(MONTHLY)
    alarms = len(dict(of_type(translated["Resources"], "AWS::CloudWatch::Alarm")))

    assert monthly[f"{len(METRICS)} metrics of the service"] == len(METRICS) * METRIC
    assert monthly[f"{alarms} alarms"] == alarms * ALARM


def test_a_step_by_hand() -> None:
    """A million invocations of 1 GB and a second, which write one row: 0.20 + 16.6667 + 0.625, and 0.45 of logs."""
    step = Step("", 1000, 1024, 1000, writes=1, kilobytes=0, asked=False)

    assert step.dollars() == pytest.approx(0.20 + 16.6667 + 0.625 + 0.45)


def test_memory_is_what_the_template_gives(document: dict[str, Any]) -> None:
    given = {document["Globals"]["Function"]["MemorySize"]} | {
        properties["MemorySize"]
        for _, properties in of_type(document["Resources"], "AWS::Serverless::Function")
        if "MemorySize" in properties
    }

    assert {step.memory for step in EXAM} <= given
    assert all(step.dollars(GB_SECOND_OF_ARM) < step.dollars() for step in EXAM)
