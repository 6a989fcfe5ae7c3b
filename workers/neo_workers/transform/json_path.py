"""The JSONPath expressions of InputFilter and OutputFilter.

Source: "Supported JSONPath Operators" of the guide's batch-transform-data-processing page; API_DataProcessing (an index
outside of the data is an error); the texts: aws/aws-sdk#184 (operators) and aws/sagemaker-python-sdk#1112 (ranges). A
slice excludes its end, as JSONPath's slice does: the guide's table says so, its prose says the opposite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jsonpath_ng import Child, Fields, Index, Root, Slice, parse
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Wildcard

JSON_OPERATORS = "$[]*. ,:-'"
CSV_OPERATORS = "$[]*. ,:-"


class PathError(ValueError):
    """An expression that is not supported, or that does not fit the data; the text says why."""


def check(expression: str, member: str, content_type: str) -> None:
    """Raises PathError if `expression` is no supported JSONPath for that type ("text/csv": indexes only)."""
    csv = content_type == "text/csv"
    operators = CSV_OPERATORS if csv else JSON_OPERATORS
    for sign in expression:
        if not (sign.isascii() and sign.isalnum()) and sign not in operators:
            listed = ", ".join(f"'{operator}'" for operator in operators)
            raise PathError(
                f'Invalid {member}: "{expression}". Unexpected "{sign}" in JsonPath. Supported operators for '
                f'"{content_type}" are [{listed}]'
            )
    steps = _steps(expression)
    if csv and (len(steps) > 1 or not all(isinstance(step, Index | Slice | Wildcard) for step in steps)):
        raise PathError(f'Invalid {member}: "{expression}". Only index based JsonPaths can be applied to CSV data')


def select(expression: str, value: Any) -> Any:
    """What the expression selects: a value, or a list (or an object, for several names) of them. Raises PathError."""
    return _select(_steps(expression), value, expression)


@lru_cache(maxsize=64)
def _steps(expression: str) -> tuple[Any, ...]:
    """The steps after "$". Raises PathError."""
    for brackets in expression.split("[")[1:]:
        inside = brackets.partition("]")[0]
        if ":" in inside and "," in inside:
            raise PathError(
                f"Invalid JsonPath: {expression}: only single range filters of format (eg: [1:5]) are supported. "
                f"Format [{inside}] is not supported"
            )
    try:
        node = parse(expression)
    except (JSONPathError, ValueError, TypeError) as error:
        raise PathError(f"Invalid JsonPath: {expression}: {error}") from error
    steps: list[Any] = []
    while isinstance(node, Child):
        steps.insert(0, node.right)
        node = node.left
    known = all(isinstance(step, Fields | Index | Slice | Wildcard) for step in steps)
    if not isinstance(node, Root) or not known or any(isinstance(s, Slice) and s.step for s in steps):
        raise PathError(f"Invalid JsonPath: {expression}: it uses an operator that is not supported")
    return tuple(steps)


def _select(steps: tuple[Any, ...], value: Any, expression: str) -> Any:
    for number, step in enumerate(steps):
        try:
            value, many = _STEPS[type(step)](step, value)
        except (LookupError, TypeError) as error:
            raise PathError(f"JsonPath {expression} does not fit the data") from error
        rest = steps[number + 1 :]
        if many and rest:
            return [_select(rest, item, expression) for item in value]
    return value


def _fields(step: Fields, value: Any) -> tuple[Any, bool]:
    if not isinstance(value, dict):
        raise TypeError(value)
    if len(step.fields) == 1:
        return value[step.fields[0]], False
    return {name: value[name] for name in step.fields}, False


def _index(step: Index, value: Any) -> tuple[Any, bool]:
    if not isinstance(value, list):
        raise TypeError(value)
    if len(step.indices) == 1:
        return value[step.indices[0]], False
    return [value[index] for index in step.indices], True


def _slice(step: Slice, value: Any) -> tuple[Any, bool]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value[step.start : step.end], True


def _wildcard(_: Wildcard, value: Any) -> tuple[Any, bool]:
    if not isinstance(value, dict | list):
        raise TypeError(value)
    return list(value.values()) if isinstance(value, dict) else list(value), True


_STEPS: dict[type, Callable[[Any, Any], tuple[Any, bool]]] = {
    Fields: _fields,
    Index: _index,
    Slice: _slice,
    Wildcard: _wildcard,
}
