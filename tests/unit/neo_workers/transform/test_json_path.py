"""The expressions of the guide's table, on data; what is not in it is refused."""

from typing import Any

import pytest

from neo_workers.transform import json_path
from neo_workers.transform.json_path import PathError

ROW = [10, 11, 12, 13, 14, 15]
RECORD = {"id": 7, "features": [1, 2, 3], "field1": {"child1": 1, "child2": 2}, "SageMakerOutput": {"label": 1}}


@pytest.mark.parametrize(
    ("expression", "value", "selected"),
    [
        ("$", ROW, ROW),
        ("$[1]", ROW, 11),
        ("$[-1]", ROW, 15),
        ("$[1,3,5]", ROW, [11, 13, 15]),
        ("$[0,-1]", ROW, [10, 15]),
        ("$[2:5]", ROW, [12, 13, 14]),
        ("$[:5]", ROW, [10, 11, 12, 13, 14]),
        ("$[1:]", ROW, [11, 12, 13, 14, 15]),
        ("$[:-1]", ROW, [10, 11, 12, 13, 14]),
        ("$[*]", ROW, ROW),
        ("$.id", RECORD, 7),
        ("$.features", RECORD, [1, 2, 3]),
        ("$.field1.*", RECORD, [1, 2]),
        ("$['id','SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": {"label": 1}}),
        ("$.field1.['child1','child2']", RECORD, {"child1": 1, "child2": 2}),
        ("$.SageMakerOutput.label", RECORD, 1),
        ("$[0:2].a", [{"a": 1}, {"a": 2}, {"a": 3}], [1, 2]),
    ],
)
def test_what_an_expression_selects(expression: str, value: Any, selected: Any) -> None:
    json_path.check(expression, "InputFilter", "application/json")
    assert json_path.select(expression, value) == selected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$[6]", ROW),
        ("$[0,9]", ROW),
        ("$.none", RECORD),
        ("$['id','none']", RECORD),
        ("$.id.x", RECORD),
        ("$[0]", RECORD),
    ],
)
def test_an_expression_that_does_not_fit_the_data(expression: str, value: Any) -> None:
    with pytest.raises(PathError, match="does not fit the data"):
        json_path.select(expression, value)


def test_the_service_s_text_for_another_operator() -> None:
    with pytest.raises(PathError) as error:
        json_path.check("$['account_id','SageMakerOutput']", "OutputFilter", "application/jsonlines")
    assert str(error.value) == (
        "Invalid OutputFilter: \"$['account_id','SageMakerOutput']\". Unexpected \"_\" in JsonPath. Supported "
        "operators for \"application/jsonlines\" are ['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']"
    )


@pytest.mark.parametrize(
    ("expression", "kind", "said"),
    [
        ("$[0:2,246:]", "text/csv", "Format [0:2,246:] is not supported"),
        ("$..id", "application/json", "an operator that is not supported"),
        ("$[1:9:2]", "text/csv", "an operator that is not supported"),
        ("id", "application/json", "an operator that is not supported"),
        ("$[", "application/json", "Invalid JsonPath"),
        ("$.id", "text/csv", "Only index based JsonPaths"),
        ("$[0][1]", "text/csv", "Only index based JsonPaths"),
        ("$['a']", "text/csv", 'Unexpected "\'"'),
    ],
)
def test_what_is_not_supported(expression: str, kind: str, said: str) -> None:
    with pytest.raises(PathError) as error:
        json_path.check(expression, "InputFilter", kind)
    assert said in str(error.value)
