"""What an operator sees: metrics, dashboard and alarms know of each other, and the documentation of all of them."""

import json
import re
from typing import Any

from dicom_service.metrics import METRICS, NAMESPACE
from local import template
from local.template import of_type
from tests.structure.sources import ROOT

OPERATIONS = (ROOT / "docs/operations.md").read_text()


def dashboard(translated: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    [body] = [
        properties["DashboardBody"] for _, properties in of_type(translated["Resources"], "AWS::CloudWatch::Dashboard")
    ]
    return body["Fn::Sub"], [widget["properties"] for widget in json.loads(body["Fn::Sub"])["widgets"]]


def test_the_dashboard_shows_every_metric_with_the_dimensions_that_it_is_written_with(
    translated: dict[str, Any],
) -> None:
    _, widgets = dashboard(translated)
    shown = {
        line[1]: [each for each in line[2:] if isinstance(each, str)]
        for widget in widgets
        for line in widget["metrics"]
        if line[0] == NAMESPACE
    }

    service = ["service", "${AWS::StackName}"]
    assert shown == {
        metric.name: [*service, "dialect", "${PacsDialect}"] if metric.of_pacs else service for metric in METRICS
    }


def test_what_the_dashboard_refers_to_is_there(translated: dict[str, Any]) -> None:
    text, widgets = dashboard(translated)
    known = set(translated["Resources"]) | set(translated["Parameters"]) | {"AWS::StackName", "AWS::Region"}

    assert {name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text)} <= known
    assert {"AWS/SQS", "AWS/Lambda", "AWS/ApiGateway", NAMESPACE} == {
        line[0] for widget in widgets for line in widget["metrics"]
    }


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm looks at, also where it calculates."""
    if "Metrics" not in alarm:
        return [alarm]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


def test_a_deployment_goes_back_also_where_the_new_version_never_answers(translated: dict[str, Any]) -> None:
    """What cannot be imported writes no metric of its own. Nothing here may name the API: that would be a circle."""
    resources = translated["Resources"]
    alarm = resources["DeploymentAlarm"]["Properties"]
    looked_at = {(each["Namespace"], each["MetricName"]) for each in metrics_of(alarm)}
    groups = dict(of_type(resources, "AWS::CodeDeploy::DeploymentGroup"))

    assert looked_at == {(NAMESPACE, "ServerErrors"), ("AWS/Lambda", "Errors")}
    assert '"Api"' not in json.dumps(alarm)
    assert groups.keys() >= {"GenerateUidDeploymentGroup", "AuthorizeRequestDeploymentGroup"}
    for name, properties in groups.items():
        named = [each["Name"]["Ref"] for each in properties["AlarmConfiguration"]["Alarms"]]
        assert named == ["DeploymentAlarm", "AuthorizerErrorsAlarm"], name


def test_an_alarm_of_our_own_metrics_asks_for_the_dimensions_that_are_written(translated: dict[str, Any]) -> None:
    dialect = {"Name": "dialect", "Value": {"Ref": "PacsDialect"}}
    service = {"Name": "service", "Value": {"Ref": "AWS::StackName"}}
    own = {
        watched["MetricName"]: watched["Dimensions"]
        for _, properties in of_type(translated["Resources"], "AWS::CloudWatch::Alarm")
        for watched in metrics_of(properties)
        if watched["Namespace"] == NAMESPACE
    }
    written = {metric.name: [service, dialect] if metric.of_pacs else [service] for metric in METRICS}

    assert own.keys() >= {"PacsFailures", "ServerErrors"}
    assert own == {name: written[name] for name in own}
    variables = translated["Resources"]["SearchStudies"]["Properties"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == service["Value"]
    assert variables["PACS_DIALECT"] == dialect["Value"]


def test_every_metric_and_alarm_is_in_the_documentation(translated: dict[str, Any]) -> None:
    alarms = {name for name, _ in of_type(translated["Resources"], "AWS::CloudWatch::Alarm")}
    named = set(re.findall(r"`([A-Za-z]+)`", OPERATIONS))

    assert alarms | {metric.name for metric in METRICS} <= named


def test_metrics_can_be_read_from_the_log(translated: dict[str, Any]) -> None:
    """Only the standard class of a log group has its metrics read from it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
    """
    groups = dict(of_type(translated["Resources"], "AWS::Logs::LogGroup"))

    assert "LogGroupClass" not in groups["LogGroup"]
    assert groups["AccessLogGroup"]["LogGroupClass"] == {"Ref": "AccessLogClass"}


def test_routes_with_limits_of_their_own_are_routes(translated: dict[str, Any]) -> None:
    [stage] = dict(of_type(translated["Resources"], "AWS::ApiGatewayV2::Stage")).values()
    keys = {f"{route.method} {route.path}" for route in template.routes(translated["Resources"])}

    assert stage["RouteSettings"].keys() <= keys
    limits = {
        key: (each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) for key, each in stage["RouteSettings"].items()
    }
    callback, imaging = {"Ref": "CallbackThrottlingRate"}, {"Ref": "ImagingThrottlingRate"}
    assert limits.pop("POST /new-exam-callback") == (callback, callback)
    assert limits
    assert set(map(json.dumps, limits.values())) == {json.dumps([imaging, imaging])}
    assert all(each["DetailedMetricsEnabled"] for each in stage["RouteSettings"].values())


def test_a_domain_closes_the_address_that_aws_gives(translated: dict[str, Any]) -> None:
    resources = translated["Resources"]
    [server] = resources["Api"]["Properties"]["Body"]["servers"]

    assert {resources[name]["Condition"] for name in ("Domain", "DomainMapping")} == {"OwnDomain"}
    assert resources["DomainRecord"]["Condition"] == "OwnZone"
    closed = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
    assert closed == {"Fn::If": ["OwnDomain", True, False]}
    mapping = resources["DomainMapping"]["Properties"]
    assert (mapping["Stage"], mapping["ApiMappingKey"]) == ("$default", {"Ref": "DomainPath"})
    [stage] = [name for name, _ in of_type(resources, "AWS::ApiGatewayV2::Stage")]
    assert stage in resources["DomainMapping"]["DependsOn"]
