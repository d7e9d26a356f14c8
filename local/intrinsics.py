"""Ref, Fn::GetAtt, Fn::Sub and their kind: which of them can be resolved, and putting the values in their places.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any


def key(expression: Any) -> str:
    """What an expression is known by: its JSON."""
    return json.dumps(expression, sort_keys=True)


def resolvable(value: Any, known: Collection[str]) -> Iterator[Any]:
    """Every outermost expression within a value that names nothing but the known logical ids and pseudo parameters.

    A condition chooses structures, which no output of a stack can be: it stays, with all that is in it.
    """
    if isinstance(value, dict) and "Fn::If" in value:
        return
    if _is_expression(value):
        if all(name in known or name.startswith("AWS::") for name in _names(value)):
            yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from resolvable(child, known)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The value with each expression that `values` has by its key replaced; others stay as they are."""
    if _is_expression(value):
        return values.get(key(value), value)
    if isinstance(value, dict):
        return {name: filled(child, values) for name, child in value.items()}
    if isinstance(value, list):
        return [filled(child, values) for child in value]
    return value


def _is_expression(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::"))
    )


def _names(value: Any) -> Iterator[str]:
    """The logical ids, parameters and pseudo parameters that an expression names."""
    if isinstance(value, list):
        for child in value:
            yield from _names(child)
    elif isinstance(value, dict):
        for name, child in value.items():
            if name == "Ref":
                yield child
            elif name == "Fn::GetAtt":
                yield child.split(".")[0] if isinstance(child, str) else child[0]
            elif name == "Fn::Sub":
                text, own = (child, {}) if isinstance(child, str) else child
                yield from (found for found in re.findall(r"\$\{([\w:]+)", text) if found not in own)
                yield from _names(own)
            else:
                yield from _names(child)
