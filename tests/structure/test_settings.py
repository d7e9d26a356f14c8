"""The table of the settings is the only one: the template, the documents and what the functions read agree with it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dicom_service.configuration.setting import Setting
from dicom_service.configuration.table import TABLE, WORKLIST, wrong_settings
from local import template
from local.configuration import OF_THE_RUNNER
from local.settings_page import PAGE, page
from tests.structure.readers import readers
from tests.structure.sources import LAYER, ROOT, handlers

OF_THE_GATEWAY = {"CORS_ALLOWED_ORIGINS"}
NOT_IN_THE_TABLE = {
    "AccessLogClass",
    "AlarmEmail",
    "Architecture",
    "CallbackThrottlingRate",
    "CodeHash",
    "DeliveryConcurrency",
    "DeploymentPreference",
    "DomainCertificateArn",
    "DomainHostedZoneId",
    "DomainName",
    "DomainPath",
    "ImagingThrottlingRate",
    "KmsKeyArn",
    "LogRetentionDays",
    "PublishBatchSize",
    "PublishBatchingWindow",
    "PublishParallelization",
    "ReservedConcurrency",
    "SnapStart",
    "ThrottlingBurst",
    "ThrottlingRate",
    "Tracing",
    "TransferConcurrency",
    "VpcSecurityGroupIds",
    "VpcSubnetIds",
}
"""Parameters that no function takes: of the platform."""

ASKS_NO_PACS = {"complete_workitem"}
"""The code has a way to the PACS's worklist, which it never takes: it works where the service keeps the worklist."""

CHECKS = {"check_health"}
"""Reads whatever is read by any other."""


def by_name(name: str) -> Setting:
    return next(setting for setting in TABLE if setting.name == name)


def test_the_table_has_the_templates_parameters(document: dict[str, Any]) -> None:
    parameters = {setting.name.title().replace("_", "") for setting in TABLE}

    assert parameters == set(document["Parameters"]) - NOT_IN_THE_TABLE


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_a_parameter_says_of_a_setting_what_the_table_says(document: dict[str, Any], setting: Setting) -> None:
    parameter = document["Parameters"][setting.name.title().replace("_", "")]
    limits = {"MinValue": setting.limits[0], "MaxValue": setting.limits[1]} if setting.limits else {}
    expected = {"Type": "Number" if setting.limits else "String"} | limits
    if not setting.required:
        expected["Default"] = int(setting.default) if setting.limits else setting.default
    if setting.secret:
        expected["NoEcho"] = True
    if setting.choices:
        expected["AllowedValues"] = list(setting.choices) if setting.default else ["", *setting.choices]
    if setting.pattern:
        expected["AllowedPattern"] = setting.pattern
    if setting.longest:
        expected["MaxLength"] = setting.longest

    assert {name: value for name, value in parameter.items() if name != "Description"} == expected


def test_the_functions_read_what_the_table_says() -> None:
    found = readers({setting.name for setting in TABLE}, without="dicom_service.configuration")
    found = {name: functions - CHECKS for name, functions in found.items()}
    for setting in TABLE:
        if setting.readers > WORKLIST and setting.name not in ("WORKLIST_BACKEND", "WORKITEM_RETENTION_DAYS"):
            found[setting.name] -= ASKS_NO_PACS

    assert found == {setting.name: set(setting.readers) for setting in TABLE}


def test_the_template_gives_to_each_function_what_it_reads(document: dict[str, Any]) -> None:
    everywhere = document["Globals"]["Function"]["Environment"]["Variables"]
    given: dict[str, set[str]] = {setting.name: set() for setting in TABLE if setting.name not in everywhere}
    for name in told_in_the_settings(document) & set(given):
        given[name] |= CHECKS
    for _, properties in template.of_type(document["Resources"], "AWS::Serverless::Function"):
        for name in properties.get("Environment", {}).get("Variables", {}):
            if name in given:
                given[name].add(Path(properties["CodeUri"]).name)

    assert {name: functions - CHECKS for name, functions in given.items()} == {
        name: set(by_name(name).readers) for name in given
    }
    assert {name for name, functions in given.items() if not functions & CHECKS} == OF_THE_GATEWAY


def told_in_the_settings(document: dict[str, Any]) -> set[str]:
    """The names of what the parameter of CheckHealth holds."""
    _, lines = document["Resources"]["Settings"]["Properties"]["Value"]["Fn::Join"]
    return {line["Fn::Sub"].partition("=")[0] for line in lines}


def test_what_is_checked_in_secret_is_in_no_parameter(document: dict[str, Any]) -> None:
    secret = {setting.name for setting in TABLE if setting.may_be_arn}

    assert not secret & told_in_the_settings(document)


def test_the_page_of_the_settings_is_the_tables() -> None:
    assert PAGE.read_text() == page(), "run `make settings`"


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    (table,) = re.findall(r"\| Variable \| Meaning \|\n(.*?)\n\n", readme, re.DOTALL)
    named = {name for row in table.splitlines() for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", row.split("|")[1])}

    assert named == {setting.name for setting in TABLE}
    assert all(f"{setting.name}=" in readme for setting in OF_THE_RUNNER)


PATTERNS = [setting for setting in TABLE if setting.pattern]

VALUES = (
    "", "/", "/a/b/", "a/b", "/a b", "/a?b", "/a#b", "//a", "/../a", "http://a/b", "https://a.example:8443/b/",
    "ftp://a", "https://a?b", "https://u:p@a", "https://a#b", "https://a b", "a.example", "none", "thumbnail",
    "rendered, wado-uri", "render", "multipart,single", "single,", "10.20.0.0/16", "10.20.0.0/16, fd00::/8",
    "10.20.0.0-9", "abc", "1.2.3", "1.2.3.", "1.02.3", "1", "3.1.2", "1.40.1", "2.999.1", "*",
    "https://a.example,https://b.example", "https://a/,x", "/a%20b", "/ä", "https://a.example/ä", "/a/.", "-",
    "1.2.3..",
    "1." + "2" * 42, "1.2." + "3" * 60,
)  # fmt: skip


@pytest.mark.parametrize("setting", PATTERNS, ids=lambda setting: setting.name)
def test_cloudformation_refuses_nothing_that_the_functions_take(
    unconfigured: None, monkeypatch: pytest.MonkeyPatch, setting: Setting
) -> None:
    """A pattern is one of the whole value.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    if setting.name.startswith("PACS_OAUTH"):
        monkeypatch.setenv("PACS_AUTHORIZATION", "oauth2")
    taken = []
    for value in filter(None, VALUES):
        monkeypatch.setenv(setting.name, value)
        problems = wrong_settings([setting])
        if not problems:
            taken.append(value)
        assert all(text.startswith(name) for name, text in problems.items())

    assert taken
    matching = [value for value in VALUES if re.fullmatch(setting.pattern, value)]
    assert set(taken) <= set(matching)
    assert set(matching) < set(VALUES)


LOAD = """
import sys
import functions.FUNCTION.app
print(*(name for name in sys.modules if name.startswith("dicom_service.configuration")))
"""


def test_no_handler_loads_the_table_at_its_start() -> None:
    """Not even check_health, which needs it for `/-/ready` alone."""
    program = "".join(LOAD.replace("FUNCTION", handler.path.parent.name) for handler in handlers())
    path = os.pathsep.join([str(LAYER), str(ROOT)])
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
