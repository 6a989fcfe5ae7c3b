"""docs/targets.md is the registry. `python tests/unit/neo_targets/test_table.py` writes it anew."""

from pathlib import Path

from neo_targets.platforms import PLATFORMS
from neo_targets.registry import DEVICES
from neo_targets.table import COLUMNS, markdown, rows

PAGE = Path(__file__).parents[3] / "docs" / "targets.md"


def test_the_page_is_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: python tests/unit/neo_targets/test_table.py"


def test_every_target_has_one_row_with_its_facts() -> None:
    table = rows()
    assert len(table) == len({row["name"] for row in table}) == len(DEVICES) + sum(map(len, PLATFORMS.values()))
    for row in table:
        assert tuple(row) == COLUMNS
        assert all(row[column] for column in COLUMNS if column not in ("accelerator", "lacks"))


def test_what_is_shown() -> None:
    table = {row["name"]: row for row in rows()}
    assert table["jetson_xavier"]["accelerator"] == "NVIDIA, sm_72"
    assert table["LINUX_ARM64_NVIDIA"]["accelerator"] == "NVIDIA, gpu-code"
    assert table["rk3399"]["artifact"] == "compiled.so with OpenCL C, ld.lld"
    assert table["x86_win32"]["artifact"] == "compiled.dll, lld-link"
    assert table["ml_inf1"]["artifact"] == "none: the job FAILS"


if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
