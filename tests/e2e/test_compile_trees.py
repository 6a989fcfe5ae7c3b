"""Models of rows and columns through the whole pipeline, for targets of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from e2e.compiling import compile_case, difference
from support import tabular_models

from neo_compiler.runtime.execute import load_artifact

pytest.importorskip("treelite")


@pytest.mark.parametrize("name", ["boosted", "pipeline"])
def test_runs_like_its_framework(name: str, tmp_path: Path) -> None:
    case = tabular_models.CASES[name]()
    work = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, tmp_path)
    assert case.expected is not None
    assert difference(load_artifact(work.archive).run(case.inputs), case.expected) < 1e-6


@pytest.mark.parametrize("target", ["ml_g4dn", {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "MALI"}])
def test_trees_run_on_the_host_of_a_gpu(target: Any, tmp_path: Path) -> None:
    work = compile_case(tabular_models.boosted(), target, tmp_path)
    assert work.plan is not None and work.spec.device is None and work.not_static is None


def test_without_data_input_config_the_model_gives_the_shape(tmp_path: Path) -> None:
    from e2e.compiling import compile_archive, request, tar_gz

    case = tabular_models.boosted()
    wanted = request("ml_c5")
    wanted["InputConfig"]["Framework"] = case.framework
    work = compile_archive(tar_gz({case.file: case.model}), wanted, tmp_path)
    assert work.derived == '{"data": [1, 30]}'
