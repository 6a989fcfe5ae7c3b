"""AWS's constraint errors, found by checking a request against botocore's shapes.

The texts are those of AWS's Coral services: "2 validation errors detected: Value 'a_b' at 'compilationJobName' failed
to satisfy constraint: Member must satisfy regular expression pattern: ...; Value null at 'roleArn' failed to ...".
Source: messages quoted in aws/sagemaker-python-sdk#384, hashicorp/terraform-provider-aws#29225 and
appleboy/lambda-action#72 (elements of a list).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from neo_emulator.protocol import errors
from neo_workers.jobs import JsonObject

Constraint = tuple[Callable[[Any], bool], str]  # (predicate, "Member must ...")

MOST_SHOWN = 20_000
"""Maximum number of characters of a value that a message repeats: no legal value is longer."""
NOT_NULL = "Member must not be null"


def check(request: JsonObject, shape: Any) -> None:
    """Raises ServiceError (ValidationException) if `request` violates a constraint of `shape`."""
    found = list(_structure(request, shape, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise errors.validation(f"{len(found)} validation {noun} detected: {'; '.join(found)}")


def _broken(value: object, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)[:MOST_SHOWN]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: object) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_shown(item)}' for key, item in value.items())}}}"
    return str(value)


def _structure(value: JsonObject, shape: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield _broken(None, path + _lower(name), NOT_NULL)
    for name, member in value.items():
        yield from _member(member, shape.members[name], path + _lower(name))


def _member(value: Any, shape: Any, path: str) -> Iterator[str]:
    for keeps, text in constraints(shape):
        if not keeps(value):
            yield _broken(value, path, text)
    if shape.type_name == "structure":
        yield from _structure(value, shape, path + ".")
    elif shape.type_name == "list":
        yield from _elements(value, shape.member, path)
    elif shape.type_name == "map":
        yield from _entries(value, shape, path)


def _entries(value: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    """Keys and values that are texts. Source of the wording: messages on AWS Batch's and Lambda's maps."""
    for what, items, member in (("keys", list(value), shape.key), ("value", list(value.values()), shape.value)):
        rows = constraints(member)
        if not all(keeps(item) for item in items for keeps, _ in rows):
            every = ", ".join(text for _, text in rows)
            yield _broken(value, path, f"Map {what} must satisfy constraint: [{every}]")


def _elements(values: list[Any], shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for number, value in enumerate(values, 1):
            where = f"{path}.{number}.member"
            yield from [_broken(None, where, NOT_NULL)] if value is None else _structure(value, shape, where + ".")
        return
    rows = constraints(shape)
    if any(value is None or not all(keeps(value) for keeps, _ in rows) for value in values):
        every = ", ".join([text for _, text in rows] + [NOT_NULL] * (None in values))
        yield _broken(values, path, f"Member must satisfy constraint: [{every}]")


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def constraints(shape: Any) -> tuple[Constraint, ...]:
    """What the model demands of a value of `shape` itself, leaving out what lies within it."""
    # botocore makes a new shape object for every member that refers to it, and services share names of shapes
    given = shape.metadata
    key = (
        shape.name,
        shape.type_name,
        given.get("min"),
        given.get("max"),
        given.get("pattern"),
        *given.get("enum", ()),
    )
    if key not in _CACHE:
        _CACHE[key] = tuple(_limits(shape)) + tuple(_forms(shape))
    return _CACHE[key]


_CACHE: dict[tuple[object, ...], tuple[Constraint, ...]] = {}


def _limits(shape: Any) -> Iterator[Constraint]:
    if shape.type_name not in ("string", "list", "map", "integer", "long", "float", "double"):
        return
    counted = shape.type_name in ("string", "list", "map")
    measure: Callable[[Any], float] = len if counted else lambda value: value
    what = "length" if counted else "value"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if high is not None:
        yield lambda value: measure(value) <= high, f"Member must have {what} less than or equal to {high}"
    if low is not None:
        yield lambda value: measure(value) >= low, f"Member must have {what} greater than or equal to {low}"


def _forms(shape: Any) -> Iterator[Constraint]:
    pattern, values = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern is not None:
        matches = python_pattern(pattern).fullmatch
        yield lambda value: matches(value) is not None, f"Member must satisfy regular expression pattern: {pattern}"
    if values is not None:
        allowed = frozenset(values)
        yield lambda value: value in allowed, f"Member must satisfy enum value set: [{', '.join(values)}]"


# Java's regular expressions have Unicode categories, and \d and \w match only ASCII; Python's `re` is the opposite.
_SEPARATORS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WITHIN = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": _SEPARATORS, r"\d": "0-9", r"\w": "a-zA-Z0-9_"}
_OUTSIDE = {java: f"[{python}]" for java, python in _WITHIN.items()} | {r"\p{L}": r"[^\W\d_]"}
_PIECES = re.compile(r"\\p\{\w+\}|\\.|[\[\]]|[^\\\[\]]+", re.DOTALL)


@lru_cache(maxsize=256)
def python_pattern(java: str) -> re.Pattern[str]:
    """A Java pattern for Python's `re`. In a class, \\p{L} also matches "_" and digits, which all patterns allow."""
    pieces: list[str] = []
    within = False
    for piece in _PIECES.findall(java):
        pieces.append((_WITHIN if within else _OUTSIDE).get(piece, piece))
        within = piece == "[" or (within and piece != "]")
    return re.compile("".join(pieces))
