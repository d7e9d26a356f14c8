"""What AWS does and no emulator shows, held on the template as CloudFormation gets it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deployment.stage import stages
from dicom_service.configuration.table import PACS
from local import configuration, template
from local.template import of_type
from tests.structure.sources import ROOT
from tests.structure.test_template import functions as functions

STORES = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
WITHOUT_RECOVERY = {"CircuitsTable"}
"""Holds what is found out anew within a minute."""

MOST_ENVIRONMENT_BYTES = 4096
LONGEST_STACK_NAME = 32
LONGEST_NAME, LONGEST_QUEUE_URL = 96, 144
"""Of what CloudFormation names, in a stack whose name has up to 32 characters."""

KEY, NOTHING = {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}

MUST_BE_SAID = {"PacsServiceUrl", "DicomUidRoot", "CallbackSecret"}
SAID_BY_THE_DEPLOYMENT = {"CodeHash"}
IN_THE_NETWORK = PACS | {"authorize_request", "deliver_exam_event", "check_health"}
"""What speaks to the PACS, to an issuer or to subscribers: everything else would lose its way to AWS there.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

LOGGED = {
    "requestId", "identity.sourceIp", "requestTime", "routeKey", "status", "responseLatency", "integrationLatency",
    "responseLength", "error.message", "authorizer.error",
}  # fmt: skip
"""Of a request, in the access log: no path, no query, no subject, since those may name a patient."""

RETRIES_KEPT_DAYS = 14
"""A message lives so long: an event must not end before its last delivery."""


def denied_without_tls(resources: dict[str, Any], kind: str, names: str) -> set[str]:
    """The stores whose policy denies requests without TLS."""
    found = set()
    for _, properties in of_type(resources, kind):
        for statement in properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement.get("Condition") == {
                "Bool": {"aws:SecureTransport": "false"}
            }:
                assert statement["Principal"] == "*"
                found |= {each["Ref"] for each in [properties[names]] if isinstance(each, dict)}
                found |= {each["Ref"] for each in properties[names] if isinstance(properties[names], list)}
    return found


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every statement of a policy within a part of the template."""
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield value
        for child in value.values():
            yield from statements(child)
    elif isinstance(value, list):
        for child in value:
            yield from statements(child)


def test_a_deployment_must_say_what_has_no_safe_default(document: dict[str, Any]) -> None:
    without = {name for name, parameter in document["Parameters"].items() if "Default" not in parameter}

    assert without == MUST_BE_SAID | SAID_BY_THE_DEPLOYMENT


def test_no_parameter_lets_everybody_in(translated: dict[str, Any]) -> None:
    """An API whose authorizer CloudFormation could not make is not deployed either."""
    api = translated["Resources"]["Api"]["Properties"]
    routes = template.routes(translated["Resources"])

    assert api["FailOnWarnings"] is True
    assert {route.path for route in routes if not route.authorizer} == {
        "/documentation", "/documentation/json", "/documentation/{asset}", "/-/healthz", "/new-exam-callback",
    }  # fmt: skip
    assert {route.authorizer.seconds for route in routes if route.authorizer} == {60}


def test_the_answer_of_the_authorizer_depends_on_the_one_header_alone(translated: dict[str, Any]) -> None:
    """Every identity source must be present, and together they are the key of what is remembered."""
    schemes = translated["Resources"]["Api"]["Properties"]["Body"]["components"]["securitySchemes"]
    (stated,) = [scheme["x-amazon-apigateway-authorizer"] for scheme in schemes.values()]

    assert stated["identitySource"] == ["$request.header.Authorization"]
    assert (stated["authorizerPayloadFormatVersion"], stated["enableSimpleResponses"]) == ("2.0", True)
    permissions = [properties for _, properties in of_type(translated["Resources"], "AWS::Lambda::Permission")]
    assert any("AuthorizeRequest" in json.dumps(each["FunctionName"]) for each in permissions)


def test_the_authorizer_ends_before_the_platform_gives_up(translated: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: 10 s."""
    assert translated["Resources"]["AuthorizeRequest"]["Properties"]["Timeout"] < 10


@pytest.mark.parametrize("kind", STORES)
def test_every_store_is_encrypted_and_outlives_its_stack(translated: dict[str, Any], kind: str) -> None:
    for name, properties in of_type(translated["Resources"], kind):
        resource = translated["Resources"][name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain"), name
        if kind == "AWS::DynamoDB::Table":
            assert properties["SSESpecification"] == {
                "SSEEnabled": True,
                "SSEType": {"Fn::If": ["OwnKey", "KMS", NOTHING]},
                "KMSMasterKeyId": {"Fn::If": ["OwnKey", KEY, NOTHING]},
            }, name
            recovered = properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
            assert recovered or name in WITHOUT_RECOVERY, name


def test_every_queue_is_encrypted(translated: dict[str, Any]) -> None:
    for name, properties in of_type(translated["Resources"], "AWS::SQS::Queue"):
        assert properties["SqsManagedSseEnabled"] == {"Fn::If": ["OwnKey", False, True]}, name
        assert properties["KmsMasterKeyId"] == {"Fn::If": ["OwnKey", KEY, NOTHING]}, name


def test_a_key_of_the_account_protects_all_and_every_function_may_use_it(translated: dict[str, Any]) -> None:
    resources = translated["Resources"]
    protected = {name for name, resource in resources.items() if KEY in list(values(resource.get("Properties", {})))}
    kinds = {
        "AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }  # fmt: skip
    roles = {role["Ref"] for role in resources["UseKey"]["Properties"]["Roles"]}

    assert {name for name, resource in resources.items() if resource["Type"] in kinds} == protected - {"UseKey"}
    assert roles == {name for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"} - {
        "CodeDeployServiceRole"
    }
    assert resources["UseKey"]["Condition"] == "OwnKey"


def values(part: Any) -> Iterator[Any]:
    """Every value within a part of the template."""
    yield part
    for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from values(child)


def test_nothing_is_taken_that_did_not_come_by_tls(translated: dict[str, Any]) -> None:
    resources = translated["Resources"]
    queues = {name for name, _ in of_type(resources, "AWS::SQS::Queue")}
    buckets = {name for name, _ in of_type(resources, "AWS::S3::Bucket")}

    assert denied_without_tls(resources, "AWS::SQS::QueuePolicy", "Queues") == queues
    assert denied_without_tls(resources, "AWS::S3::BucketPolicy", "Bucket") == buckets
    assert denied_without_tls(resources, "AWS::SNS::TopicPolicy", "Topics") == {"EventsTopic"}


def test_every_alarm_reaches_somebody(translated: dict[str, Any]) -> None:
    """CloudWatch cannot publish to a topic under `alias/aws/sns`, whose key's policy cannot be changed."""
    resources = translated["Resources"]
    alarms = dict(of_type(resources, "AWS::CloudWatch::Alarm"))

    assert len(alarms) >= 10
    for name, properties in alarms.items():
        assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert properties["AlarmDescription"], name
        assert properties["TreatMissingData"] == "notBreaching", name
    assert resources["AlarmTopic"]["Properties"] == {"KmsMasterKeyId": {"Fn::If": ["OwnKey", KEY, NOTHING]}}
    assert resources["AlarmMail"]["Condition"] == "Mailed"


def test_every_queue_and_dead_letter_is_watched(translated: dict[str, Any]) -> None:
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for _, properties in of_type(translated["Resources"], "AWS::CloudWatch::Alarm")
        for dimension in properties.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }

    assert watched == {name for name, _ in of_type(translated["Resources"], "AWS::SQS::Queue")} - {"DownloadsQueue"}


def test_the_access_log_names_no_patient(translated: dict[str, Any]) -> None:
    """A path holds UIDs, a query Patient IDs, an authorizer's context subjects."""
    stages = dict(of_type(translated["Resources"], "AWS::ApiGatewayV2::Stage"))
    (stage,) = stages.values()
    text = stage["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([A-Za-z.]+)", text)) == LOGGED
    assert "\n" not in text
    json.loads(text)


def test_the_api_is_throttled(translated: dict[str, Any]) -> None:
    (stage,) = dict(of_type(translated["Resources"], "AWS::ApiGatewayV2::Stage")).values()

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ThrottlingRate"}
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == {"Ref": "ThrottlingBurst"}


def test_only_what_speaks_to_the_outside_may_be_in_a_private_network(functions: dict[str, dict[str, Any]]) -> None:
    assert {name for name, properties in functions.items() if "VpcConfig" in properties} == IN_THE_NETWORK
    for name in IN_THE_NETWORK:
        condition, inside, outside = functions[name]["VpcConfig"]["Fn::If"]
        assert (condition, outside) == ("InPrivateNetwork", {"Ref": "AWS::NoValue"})
        assert set(inside) == {"SubnetIds", "SecurityGroupIds"}


def test_secrets_are_those_of_this_stack(translated: dict[str, Any]) -> None:
    resources = [
        json.dumps(statement["Resource"])
        for statement in statements(translated["Resources"])
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]

    assert len(resources) == 1
    assert ":secret:${AWS::StackName}/*" in resources[0]


def test_health_imaging_is_reached_only_where_it_is_the_pacs(translated: dict[str, Any]) -> None:
    policy = translated["Resources"]["ReachHealthImaging"]
    roles = {role["Ref"].removesuffix("Role") for role in policy["Properties"]["Roles"]}
    folders = {
        name: properties["Code"]["S3Key"].rpartition("/")[2]
        for name, properties in of_type(translated["Resources"], "AWS::Lambda::Function")
    }
    elsewhere = {name: each for name, each in translated["Resources"].items() if name != "ReachHealthImaging"}

    assert policy["Condition"] == "BeforeHealthImaging"
    assert {folders[role] for role in roles} == PACS | {"check_health"}
    assert "medical-imaging:" not in json.dumps(elsewhere)


def test_workers_are_held_to_what_the_pacs_bears(translated: dict[str, Any]) -> None:
    """By the event source, which takes nothing from the account's concurrency; nothing is reserved unless it is said.

    A new account may have no more than ten environments, and AWS keeps a hundred unreserved.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """
    bounded = {
        source.function: source.properties["ScalingConfig"]["MaximumConcurrency"]
        for source in template.event_sources(translated["Resources"])
        if "ScalingConfig" in source.properties
    }
    reserved = {
        name: properties["ReservedConcurrentExecutions"]
        for name, properties in of_type(translated["Resources"], "AWS::Lambda::Function")
        if "ReservedConcurrentExecutions" in properties
    }

    assert bounded == {
        "StoreUpload": {"Ref": "TransferConcurrency"},
        "PrepareDownload": {"Ref": "TransferConcurrency"},
        "DeliverExamEvent": {"Ref": "DeliveryConcurrency"},
    }
    stated = {"Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, NOTHING]}
    assert reserved == {"AuthorizeRequest": stated, "ReceiveExamEvent": stated}
    assert not bounded.keys() & reserved.keys()
    assert translated["Parameters"]["ReservedConcurrency"]["Default"] == 0


def test_events_outlive_the_last_try_to_deliver_them(document: dict[str, Any], translated: dict[str, Any]) -> None:
    lowest = document["Parameters"]["EventRetentionDays"]["MinValue"]
    rules = translated["Resources"]["TransferBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {
        name
        for name, properties in of_type(translated["Resources"], "AWS::DynamoDB::Table")
        if properties.get("TimeToLiveSpecification") == {"AttributeName": "expiresAt", "Enabled": True}
    }

    assert lowest > RETRIES_KEPT_DAYS
    assert [rule["ExpirationInDays"] for rule in rules if rule.get("Prefix") == "events/"] == [
        {"Ref": "EventRetentionDays"}
    ]
    assert {"EventsTable", "FeedTable", "DeliveriesTable", "AuditTable"} <= expiring


def test_the_template_is_sent_by_way_of_a_bucket() -> None:
    """It is larger than a request may carry: 51,200 bytes, and 1 MB from S3."""
    text = configuration.TEMPLATE.read_text()

    assert len(text) < 1_000_000
    assert all(each["resolve_s3"] for each in stages().values())


def test_every_stage_says_what_it_must_and_nothing_that_the_template_does_not_know(document: dict[str, Any]) -> None:
    assert set(stages()) == {"dev", "staging", "prod"}
    for name, stage in stages().items():
        given = dict(each.partition("=")[::2] for each in stage["parameter_overrides"])
        assert set(given) >= MUST_BE_SAID, name
        for parameter, value in given.items():
            stated = document["Parameters"][parameter]
            assert re.fullmatch(stated.get("AllowedPattern", ".*"), value), (name, parameter)
            assert len(value) <= stated.get("MaxLength", 4096), (name, parameter)
            assert int(value) >= stated["MinValue"] if "MinValue" in stated else True, (name, parameter)
            assert value in map(str, stated.get("AllowedValues", [value])), (name, parameter)
    assert [name for name, stage in stages().items() if "CallbackSecret=none" in stage["parameter_overrides"]] == [
        "dev"
    ]
    assert len({stage["stack_name"] for stage in stages().values()}) == 3


def test_a_secret_of_a_stage_is_one_that_its_functions_may_read() -> None:
    for name, stage in stages().items():
        secrets = [each for each in stage["parameter_overrides"] if ":secret:" in each]
        assert all(f":secret:{stage['stack_name']}/" in each for each in secrets), name


def test_the_workflow_deploys_the_stages_by_what_the_makefile_has() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    jobs = workflow["jobs"]

    assert set(jobs) - {"test"} == {"staging", "prod"} <= set(stages())
    assert (jobs["staging"]["needs"], jobs["prod"]["needs"]) == ("test", "staging")
    for job in jobs.values():
        assert job.get("permissions", {}).get("id-token") == ("write" if "environment" in job else None)
        for step in job["steps"]:
            assert not re.search(r"AWS_(ACCESS|SECRET)", str(step)), "a key of AWS"
            assert set(re.findall(r"make ([a-z-]+)", step.get("run", ""))) <= targets


def longest(name: str, value: Any, parameters: dict[str, Any]) -> int:
    """Bytes that a variable's value takes at the most."""
    if not isinstance(value, dict):
        return len(str(value))
    if value == {"Ref": "AWS::StackName"}:
        return LONGEST_STACK_NAME
    parameter = parameters.get(value.get("Ref", ""))
    if parameter is None:
        return LONGEST_QUEUE_URL if name.endswith("_URL") else LONGEST_NAME
    if "AllowedValues" in parameter:
        return max(len(str(each)) for each in parameter["AllowedValues"])
    return len(str(parameter["MaxValue"])) if parameter["Type"] == "Number" else int(parameter["MaxLength"])


def test_no_environment_can_be_too_large(document: dict[str, Any], functions: dict[str, dict[str, Any]]) -> None:
    """Names and values of all variables, 4 KB: a function that has more cannot be deployed.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    everywhere = document["Globals"]["Function"]["Environment"]["Variables"]
    sizes = {}
    for name, properties in functions.items():
        environment = everywhere | properties.get("Environment", {}).get("Variables", {})
        sizes[name] = sum(
            len(variable) + longest(variable, value, document["Parameters"]) for variable, value in environment.items()
        )

    assert {name: size for name, size in sizes.items() if size > MOST_ENVIRONMENT_BYTES} == {}


def test_every_text_that_a_parameter_takes_has_an_end(document: dict[str, Any]) -> None:
    endless = {
        name
        for name, parameter in document["Parameters"].items()
        if parameter["Type"] == "String" and not {"AllowedValues", "MaxLength"} & set(parameter)
    }

    assert endless == {"CorsAllowedOrigins", "AlarmEmail"}, "no function has these in its environment"


def test_the_settings_of_the_health_check_fit_into_a_parameter(document: dict[str, Any]) -> None:
    """8 KB: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"""
    _, lines = document["Resources"]["Settings"]["Properties"]["Value"]["Fn::Join"]
    size = 0
    for line in lines:
        name, _, value = line["Fn::Sub"].partition("=")
        size += len(name) + 2 + longest(name, {"Ref": value[2:-1]}, document["Parameters"])

    assert size < 8192
    assert document["Resources"]["Settings"]["Properties"]["Tier"] == "Intelligent-Tiering"
