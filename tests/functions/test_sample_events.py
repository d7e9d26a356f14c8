"""Each sample of events/ is an event that its function takes."""

import pytest

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.samples import (
    ANSWERS,
    AUTHORIZER,
    BATCHES,
    FOLDER,
    SCHEDULED,
    TRANSFERS,
    check_answer,
    check_authorizer,
    check_batch,
    check_transfer,
    here,
    sample,
)


@pytest.mark.parametrize("function", ANSWERS)
def test_the_sample_of_an_api_function_is_answered(aws: Aws, pacs: EmbeddedPacs, function: str) -> None:
    check_answer(here, function)


@pytest.mark.parametrize("function", BATCHES)
def test_the_sample_of_a_function_of_the_event_path_is_handled(aws: Aws, function: str) -> None:
    check_batch(here, function, aws)


@pytest.mark.parametrize("function", SCHEDULED)
def test_the_sample_of_a_function_with_a_schedule_is_handled(aws: Aws, function: str) -> None:
    assert here(function, sample(function)) == SCHEDULED[function]


@pytest.mark.parametrize("function", TRANSFERS)
def test_the_sample_of_a_worker_is_handled(aws: Aws, pacs: EmbeddedPacs, function: str) -> None:
    check_transfer(here, function, aws)


@pytest.mark.parametrize("function", TRANSFERS)
def test_the_sample_of_a_worker_is_handled_where_nothing_is_known_of_it(aws: Aws, function: str) -> None:
    assert here(function, sample(function)) == {"batchItemFailures": []}


def test_the_sample_of_the_authorizer_is_answered(aws: Aws) -> None:
    check_authorizer(here)


def test_every_function_has_one_sample_and_every_sample_is_tried() -> None:
    functions = {path.parent.name for path in FOLDER.parent.glob("functions/*/app.py")}

    assert {path.stem for path in FOLDER.glob("*.json")} == functions
    assert {AUTHORIZER, *ANSWERS, *BATCHES, *SCHEDULED, *TRANSFERS} == functions
