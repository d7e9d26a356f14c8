"""The template as the local stack understands it."""

import re
from threading import Event, Thread
from typing import Any

import pytest

from local import configuration, template
from local.aws import REGION, Aws
from local.pump import Clock


def resources_of(properties: dict[str, Any], **others: Any) -> dict[str, Any]:
    function = {"CodeUri": "functions/one", "Handler": "app.lambda_handler", "Runtime": "python3.13"} | properties
    sam = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"One": {"Type": "AWS::Serverless::Function", "Properties": function}, **others},
    }
    translated: dict[str, Any] = template.translate(sam, {}, REGION)["Resources"]
    return translated


def test_each_variable_of_the_configuration_is_a_parameter_of_that_name(document: dict[str, Any]) -> None:
    for variable, parameter in template.variable_parameters(document).items():
        assert parameter == "".join(word.capitalize() for word in variable.split("_"))


def test_every_variable_given_reaches_its_parameter(document: dict[str, Any]) -> None:
    # given
    variables = {name: f"value of {name}" for name in template.variable_parameters(document)}

    # when
    parameters = configuration.parameters(document, {**variables, "PATH": "/bin", "DATA_DIR": "/data"})

    # then
    assert set(variables.values()) <= set(parameters.values())
    assert not {"/bin", "/data"} & set(parameters.values())


def test_every_function_is_called_by_something(translated: dict[str, Any]) -> None:
    resources = translated["Resources"]
    called = {route.function for route in template.routes(resources)}
    called |= {route.authorizer.function for route in template.routes(resources) if route.authorizer}
    called |= {schedule.function for schedule in template.schedules(resources)}
    called |= {source.function for source in template.event_sources(resources)}

    assert called == {name for name, _ in template.of_type(resources, "AWS::Lambda::Function")}


def test_the_stores_exist_under_the_names_that_functions_are_given(
    aws: Aws, document: dict[str, Any], translated: dict[str, Any]
) -> None:
    # when the stack is created once more
    aws.reset()
    parameters = configuration.parameters(document, {"PACS_SERVICE_URL": "http://pacs"})
    resources = aws.create(translated, parameters)

    # then
    environments = [function.environment for function in template.functions(resources).values()]
    tables = {value for one in environments for name, value in one.items() if name.endswith("_TABLE")}
    assert tables == set(aws.client("dynamodb").list_tables()["TableNames"])
    queues = {value for one in environments for name, value in one.items() if name.endswith("_QUEUE_URL")}
    assert all(aws.client("sqs").get_queue_attributes(QueueUrl=queue) for queue in queues)
    assert {one["PACS_SERVICE_URL"] for one in environments if "PACS_SERVICE_URL" in one} == {"http://pacs"}


def test_a_parameter_without_a_value_is_named() -> None:
    sam = {"Parameters": {"One": {"Type": "String"}, "Two": {"Type": "String", "Default": ""}}, "Resources": {}}

    with pytest.raises(template.TemplateError, match=r"needs a value for One$"):
        template.translate(sam, {}, REGION)


def test_a_variable_that_nothing_here_has_is_named() -> None:
    resources = resources_of({"Environment": {"Variables": {"ROLE": {"Fn::GetAtt": ["OneRole", "Arn"]}}}})

    with pytest.raises(template.TemplateError, match="One: ROLE refers to what does not exist"):
        template.functions(resources)


@pytest.mark.parametrize(("kind", "name"), [("Schedule", "Schedule"), ("ScheduleV2", "ScheduleExpression")])
@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7200)]
)
def test_a_schedule_is_a_rate(kind: str, name: str, expression: str, seconds: int) -> None:
    event = {"Type": kind, "Properties": {name: expression}}

    schedules = template.schedules(resources_of({"Events": {"Tick": event}}))

    assert [(schedule.function, schedule.seconds) for schedule in schedules] == [("One", seconds)]


def test_a_cron_schedule_is_refused() -> None:
    event = {"Type": "Schedule", "Properties": {"Schedule": "cron(0 12 * * ? *)"}}

    with pytest.raises(template.TemplateError, match="only a schedule with a rate"):
        template.schedules(resources_of({"Events": {"Tick": event}}))


def test_a_scheduled_function_gets_eventbridge_s_event_again_and_again() -> None:
    # given a function that is called every hundredth of a second
    stopped, twice = Event(), Event()
    events: list[Any] = []

    def invoke(function: str, event: Any) -> None:
        events.append((function, event))
        if len(events) == 2:
            twice.set()

    clock = Thread(target=Clock(template.Schedule("One", "Tick", 0.01), invoke).run, args=(stopped,))

    # when
    clock.start()
    assert twice.wait(10)
    stopped.set()
    clock.join()

    # then
    function, event = events[0]
    assert function == "One"
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    assert event["resources"] == ["arn:aws:events:eu-central-1:123456789012:rule/Tick"]
