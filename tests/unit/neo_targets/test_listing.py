"""The table has every target once, with its facts."""

from neo_targets import platforms
from neo_targets.listing import COLUMNS, rows
from neo_targets.platforms import PLATFORMS
from neo_targets.registry import DEVICES


def test_every_target_has_one_row_with_its_facts() -> None:
    table = rows()
    assert len(table) == len({row["name"] for row in table}) == len(DEVICES) + sum(map(len, PLATFORMS.values()))
    for row in table:
        assert tuple(row) == COLUMNS
        assert all(row[column] for column in COLUMNS if column not in ("accelerator", "lacks"))


def test_what_is_shown() -> None:
    table = {row["name"]: row for row in rows()}
    assert {name for name, row in table.items() if row["kind"] == "TargetPlatform"} == set(platforms.names())
    assert table["jetson_xavier"]["accelerator"] == "NVIDIA, sm_72"
    assert table["LINUX/ARM64/NVIDIA"]["accelerator"] == "NVIDIA, gpu-code"
    assert table["rk3399"]["artifact"] == "compiled.so with OpenCL C, ld.lld"
    assert table["x86_win32"]["artifact"] == "compiled.dll, lld-link"
    assert table["ml_inf1"]["artifact"] == "none: the job FAILS"
