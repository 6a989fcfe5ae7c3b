from typing import Any

import pytest

from neo_emulator.hosting.operations import OPERATIONS as HOSTING_OPERATIONS
from neo_emulator.protocol import aws_json, constraints, service_model
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.transform.operations import OPERATIONS as TRANSFORM_OPERATIONS

OURS = [
    "CreateCompilationJob",
    "DescribeCompilationJob",
    "ListCompilationJobs",
    "StopCompilationJob",
    "DeleteCompilationJob",
    "AddTags",
    "ListTags",
    "DeleteTags",
    *HOSTING_OPERATIONS,
    *TRANSFORM_OPERATIONS,
]


def message(operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(ServiceError) as refused:
        constraints.check(request, service_model.input_shape(operation))
    assert refused.value.code == "ValidationException"
    return refused.value.message


def test_one_error() -> None:
    assert message("DescribeCompilationJob", {}) == (
        "1 validation error detected: Value null at 'compilationJobName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_two_errors_in_one_text() -> None:
    text = message("DescribeCompilationJob", {"CompilationJobName": "_" * 64})
    start, length, pattern = text.partition("; ")[0], "less than or equal to 63", "regular expression pattern: "
    assert start.startswith("2 validation errors detected: Value '____")
    assert length in text
    assert pattern in text


def test_elements_of_a_list_in_one_error() -> None:
    # Source of the form: appleboy/lambda-action#72
    request = {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:x/y", "TagKeys": ["ok", "", None]}
    assert message("DeleteTags", request).endswith(
        "Value '[ok, , null]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must "
        "have length less than or equal to 128, Member must have length greater than or equal to 1, Member must "
        r"satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*), Member must not be null]"
    )


def test_structures_of_a_list_by_number() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:x/y"
    text = message("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}, {"Key": "!"}, None]})
    assert text.startswith("3 validation errors")
    assert "Value '!' at 'tags.2.member.key'" in text
    assert "Value null at 'tags.2.member.value'" in text
    assert "Value null at 'tags.3.member'" in text


def test_entries_of_a_map() -> None:
    text = message("CreateTransformJob", {"Environment": {"a b": "v", "c": "w" * 10_241}})
    assert "at 'environment' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have" in text
    assert "at 'environment' failed to satisfy constraint: Map value must satisfy constraint: [Member must have" in text


@pytest.mark.parametrize("operation", OURS)
def test_every_pattern_compiles_and_every_type_is_read(operation: str) -> None:
    def visit(shape: Any) -> None:
        assert shape.type_name in aws_json.READERS
        constraints.constraints(shape)
        if shape.type_name == "structure":
            for member in shape.members.values():
                visit(member)
        elif shape.type_name == "list":
            visit(shape.member)
        elif shape.type_name == "map":
            visit(shape.key)
            visit(shape.value)

    visit(service_model.input_shape(operation))


@pytest.mark.parametrize(
    ("java", "good", "bad"),
    [
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", ["é 東1_", "a\u00a0b", ""], ["a!", "a\tb", "a\nb"]),
        (r"\d{2}", ["12"], ["١٢", "1"]),
        (r"[\d-]+", ["1-2"], ["١"]),
        (r"\p{L}\w", ["éa"], ["aé", "1a"]),
        (r"[\S\s]+", ["a\nb"], [""]),
        (r"a\[b[\]c]", ["a[b]", "a[bc"], ["ab"]),
        (r".*", ["", "x"], ["a\nb"]),
    ],
)
def test_java_patterns(java: str, good: list[str], bad: list[str]) -> None:
    pattern = constraints.python_pattern(java)
    assert [text for text in good if not pattern.fullmatch(text)] == []
    assert [text for text in bad if pattern.fullmatch(text)] == []
