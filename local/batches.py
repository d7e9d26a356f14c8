"""What every event source mapping has in common: which records reach the function, and which of them it failed.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.template import TemplateError


def wanted(record: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    """Whether a record fits the mapping's FilterCriteria; an SQS message's body is looked into where it is JSON."""
    filters = properties.get("FilterCriteria", {}).get("Filters", [])
    if not filters:
        return True
    try:
        looked_at = {**record, "body": json.loads(record.get("body", ""))}
    except ValueError:
        looked_at = dict(record)
    return any(_fits(looked_at, json.loads(one["Pattern"])) for one in filters)


def _fits(value: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    return all(_field_fits(value.get(name), rule) for name, rule in pattern.items())


def _field_fits(value: Any, rule: Any) -> bool:
    if isinstance(rule, dict):
        return isinstance(value, dict) and _fits(value, rule)
    return any(_one_fits(value, one) for one in rule)


def _one_fits(value: Any, one: Any) -> bool:
    if not isinstance(one, dict):
        return bool(value == one)
    if set(one) == {"prefix"}:
        return isinstance(value, str) and value.startswith(one["prefix"])
    if set(one) == {"exists"}:
        return (value is not None) is one["exists"]
    raise TemplateError(f"the filter {json.dumps(one)} is not known on this machine")


def failed(answer: Any, identifiers: Sequence[str], properties: Mapping[str, Any]) -> list[str]:
    """Which of a batch's records a function reports to have failed; all of them where its report makes no sense.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    if "ReportBatchItemFailures" not in properties.get("FunctionResponseTypes", []) or answer is None:
        return []
    try:
        reported = [item["itemIdentifier"] for item in answer.get("batchItemFailures") or []]
    except (AttributeError, KeyError, TypeError):
        return list(identifiers)
    return reported if set(reported) <= set(identifiers) else list(identifiers)
