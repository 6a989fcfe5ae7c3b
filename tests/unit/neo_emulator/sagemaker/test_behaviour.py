"""docs/api-behaviour.md says what the table in the code says. Run this file to write it anew."""

from pathlib import Path

from neo_emulator.sagemaker.behaviour import TABLE, markdown
from neo_emulator.sagemaker.operations import OPERATIONS

ROOT = Path(__file__).parents[4]
DOC = ROOT / "docs" / "api-behaviour.md"


def test_document_is_current() -> None:
    assert DOC.read_text(encoding="utf-8") == markdown(), (
        "run: python tests/unit/neo_emulator/sagemaker/test_behaviour.py"
    )


def test_every_operation_has_rows_and_every_test_exists() -> None:
    named = {name for row in TABLE for name in row.operation.split(", ")}
    assert set(OPERATIONS) <= named
    assert [row.test for row in TABLE if not (ROOT / "tests" / row.test).is_file()] == []
    assert len({(row.operation, row.what) for row in TABLE}) == len(TABLE)


if __name__ == "__main__":
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(markdown(), encoding="utf-8")
