"""All forms: GENERATORS by operator, run for each version of its schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

from onnx import defs
from support.onnx_forms import GENERATOR_MODULES
from support.onnx_forms.form import Form, Operator

Generator = Callable[[Operator], Iterator[Form]]

GENERATORS: dict[str, Generator] = {
    name: generator for module in GENERATOR_MODULES for name, generator in module.GENERATORS.items()
}

NEWEST = defs.onnx_opset_version()
EVERY = 4
"""Of so many forms one is tried with the last opset that has its schema, too."""


@cache
def versions(operator: str) -> dict[int, int]:
    """The opsets in which the operator's schema changed, each with the last opset that has this schema."""
    schemas = [
        schema for schema in defs.get_all_schemas_with_history() if (schema.name, schema.domain) == (operator, "")
    ]
    since = sorted(schema.since_version for schema in schemas)
    gone = {schema.since_version for schema in schemas if schema.deprecated}
    ends = [*(version - 1 for version in since[1:]), NEWEST]
    return {first: last for first, last in zip(since, ends, strict=True) if first not in gone}


def forms(operators: Iterable[str] | None = None) -> dict[str, Form]:
    """The forms of these operators, of all without any, by their names."""
    found: dict[str, Form] = {}
    seen: Counter[str] = Counter()
    for operator in sorted(GENERATORS) if operators is None else operators:
        for form in _of_operator(operator):
            seen[form.name] += 1
            number = seen[form.name]
            found[form.name if number == 1 else f"{form.name} #{number}"] = form
    return found


def _of_operator(operator: str) -> Iterator[Form]:
    for version, last in versions(operator).items():
        for number, form in enumerate(GENERATORS[operator](Operator(operator, version))):
            yield form
            if number % EVERY == 0 and last > version and form.body is None:
                yield replace(form, opset=last)


def imported() -> set[str]:
    """The operators of ai.onnx that an importer takes."""
    from tvm.relax.frontend.onnx import onnx_frontend

    from neo_compiler.frontends.onnx import expand
    from neo_compiler.frontends.onnx.tvm_frontend import CONVERTERS

    ours = {*CONVERTERS, *expand.REWRITES, *expand.FUNCTIONS, "Constant", "If", "Loop", "Scan"}
    ours |= {"MelWeightMatrix"}  # a constant that is folded
    standard = {schema.name for schema in defs.get_all_schemas() if schema.domain == ""}
    old = {schema.name for schema in defs.get_all_schemas_with_history() if schema.domain == ""}
    return (ours | set(onnx_frontend._get_convert_map())) & (standard | old)
