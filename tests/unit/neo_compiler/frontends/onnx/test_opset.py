"""The forms of old opsets, in the forms of now: by ONNX's own evaluator, so without TVM."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from onnx import defs, helper
from onnx.reference import ReferenceEvaluator
from support.old_form import check, together
from support.old_forms import FORMS

from neo_compiler.frontends.onnx.fold import fold
from neo_compiler.frontends.onnx.old_forms import RULES
from neo_compiler.frontends.onnx.opset import FIRST_WITHOUT_CONSUMED, OPSET


@cache
def versions() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "":
            found[schema.name].append(schema)
    return {name: sorted(items, key=lambda item: item.since_version) for name, items in found.items()}


def default(attribute: Any) -> Any:
    return helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None


def breaks(old: Any, new: Any) -> bool:
    """Whether a node of the old version is another thing, or none, in the new one."""
    for name, attribute in old.attributes.items():
        later = new.attributes.get(name)
        if name != "consumed_inputs" and (
            later is None or (later.type, default(later)) != (attribute.type, default(attribute))
        ):
            return True
    for name, later in new.attributes.items():
        if name not in old.attributes and later.required:
            return True
    return new.deprecated or len(old.inputs) > len(new.inputs) or later_inputs_needed(old, new)


def later_inputs_needed(old: Any, new: Any) -> bool:
    single = defs.OpSchema.FormalParameterOption.Single
    return any(item.option == single for item in new.inputs[len(old.inputs) :])


@pytest.mark.parametrize("name", sorted(versions()))
def test_every_break_of_an_operator_has_its_rule(name: str) -> None:
    history = versions()[name]
    broken = [b.since_version for a, b in pairwise(history) if breaks(a, b)]
    broken = [version for version in broken if version <= OPSET and not (name == "Constant" and version >= 11)]
    if broken:
        assert name in RULES
        assert RULES[name].below >= max(broken)


def test_every_rule_begins_where_a_version_does() -> None:
    for name, rule in RULES.items():
        assert rule.below in {schema.since_version for schema in versions()[name]}, name


def test_no_later_operator_has_the_attribute_that_all_may_have() -> None:
    for history in versions().values():
        for schema in history:
            assert schema.since_version < FIRST_WITHOUT_CONSUMED or "consumed_inputs" not in schema.attributes


NOT_IN_THE_EVALUATOR = ("GlobalLpPool-1", "Pad-7, less")


@pytest.mark.parametrize("name", sorted({*FORMS} - {*NOT_IN_THE_EVALUATOR}))
def test_the_new_form_means_the_same(name: str) -> None:
    model, inputs = together({name: FORMS[name]})
    new = fold(model, {key: array.shape for key, array in inputs.items()})
    assert [item.version for item in new.opset_import] == [OPSET]
    check(name, FORMS[name], ReferenceEvaluator(new).run(None, inputs))
