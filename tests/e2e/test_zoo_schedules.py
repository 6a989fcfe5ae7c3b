"""The networks that tests.bench.speed measures, lowered: each kernel has a schedule, no pass refuses any."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.zoo import MODELS, QUANTISED
from e2e.models import Case
from unit.neo_compiler.lowering.cpu.modules import lower
from unit.neo_compiler.lowering.gpu.kernels import lower as gpu_lower

from neo_compiler import frontends
from neo_compiler.lowering.targets import tvm_target
from neo_targets.registry import DEVICES


def check(case: Case, cpu: str, folder: Path) -> None:
    path = folder / case.file
    path.write_bytes(case.model)
    lowered = lower(frontends.loader(case.framework)([path], case.shapes).module, cpu)
    assert (lowered.level, lowered.refused, lowered.unscheduled) == ("fast", {}, {})


@pytest.mark.parametrize("name", MODELS)
def test_every_kernel_has_a_schedule(name: str, tmp_path: Path) -> None:
    check(MODELS[name](), "", tmp_path)


@pytest.mark.parametrize("name", ["mobilenet_v2_int8", "minilm_int8"])
def test_every_kernel_of_bytes_has_a_schedule(name: str, tmp_path: Path) -> None:
    check(QUANTISED[name](), "cascadelake", tmp_path)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "minilm", "silero_vad"])
def test_gpus_take_the_same_networks(name: str, tmp_path: Path) -> None:
    """No product is left to TVM's own rules."""
    case = MODELS[name]()
    path = tmp_path / case.file
    path.write_bytes(case.model)
    target = tvm_target(DEVICES["ml_g4dn"])
    lowered = gpu_lower(frontends.loader(case.framework)([path], case.shapes).module, target)
    assert (lowered.level, lowered.refused) == ("fast", {})
    products = {rule for kernel, rule in lowered.rules.items() if "neo_" in kernel}
    assert products <= {"gemm", "depthwise"}
    assert "gemm" in products
    assert "dlight matmul" not in lowered.rules.values()
