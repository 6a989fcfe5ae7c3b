"""Runs the CPU schedules' cases as OpenCL kernels by pocl, in a process of its own.

    python -m unit.neo_compiler.lowering.gpu.kernels DEVICE [CASES]     DEVICE: an OpenCL device of TVM's
Prints a JSON object: case -> [largest difference over the largest number, {kernel: rule}] or what went wrong.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import tvm
from support import opencl
from support.apart import MISSING, last_line
from tvm.target import Target
from unit.neo_compiler.frontends.onnx.test_recurrent import CASES as LAYERS
from unit.neo_compiler.lowering.cpu.modules import module, sample, stock
from unit.neo_compiler.lowering.cpu.test_schedules import CONVOLUTIONS, OTHERS, conv

from neo_compiler import frontends
from neo_compiler.codegen import machine_code
from neo_compiler.codegen.cubin import device_source
from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.lowering.gpu import cost_model, pack_weights, pipeline
from neo_compiler.lowering.lower import GPU_CONFIG, OPT_LEVEL

TOLERANCE = 1e-5  # of the largest number

SLICED = "sliced: "
"""Before a case's name: its product's sum is shared out to two blocks, a second kernel adds their parts."""

RECURRENT = "recurrent: "
"""Before the name of a case of test_onnx_recurrent."""

Arrays = dict[str, np.ndarray]

CASES = {
    **{name: (body, (shape,)) for name, (body, shape) in CONVOLUTIONS.items()},
    **OTHERS,
    "groups of 2, 64 channels": (conv(64, 16, 3, groups=2, padding=1), ((2, 16, 9, 9),)),
}


def run_apart(device: str, *names: str) -> dict[str, Any]:
    """What `main` prints. Skips the test without pocl."""
    found: dict[str, Any] = json.loads(last_line("unit.neo_compiler.lowering.gpu.kernels", device, *names))
    return found


def lower(made: tvm.IRModule, target: Target) -> pipeline.Lowered:
    with target, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=GPU_CONFIG):
        return pipeline.lower(made, target)


def sliced(*of: Any) -> cost_model.Tile:
    return replace(cost_model.tile_of(*of), slices=2)


def small(name: str) -> tuple[tvm.IRModule, Arrays, list[Any]]:
    """A case's module, what it is fed, and what TVM's own CPU code computes."""
    body, shapes = CASES[name.removeprefix(SLICED)]
    made = module(body, *shapes)
    inputs = {f"x{index}": sample(*shape) for index, shape in enumerate(shapes)}
    return made, inputs, [stock(made, *inputs.values())]


def recurrent(name: str) -> tuple[tvm.IRModule, Arrays, list[Any]]:
    """A recurrent layer's module, what it is fed, and what ONNX Runtime computes."""
    model, inputs = LAYERS[name.removeprefix(RECURRENT)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        made = frontends.loader("ONNX")([path], shapes).module
    return made, inputs, run_reference(model, inputs)


def check(name: str, target: Target, device: Any) -> list[Any]:
    """One case: the largest difference over the largest number, or over 1; its kernels' rules."""
    made, inputs, expected = (recurrent if name.startswith(RECURRENT) else small)(name)
    with mock.patch.object(pack_weights, "tile_of", sliced if name.startswith(SLICED) else cost_model.tile_of):
        lowered = lower(made, target)
    assert (lowered.level, lowered.refused) == ("fast", {}), lowered.refused
    text = device_source(machine_code.generate(lowered.separated.module, target).mod)
    outputs = [f"result{index}" for index in range(len(expected))]
    found = opencl.Program(text, lowered.separated, target, list(inputs), outputs, device).run(inputs)
    worst = 0.0
    for array, truth in zip(found.values(), expected, strict=True):
        assert array.shape == truth.shape
        worst = max(worst, float(np.abs(array - truth).max() / max(1.0, float(np.abs(truth).max()))))
    return [worst, lowered.rules]


def main(name: str, *names: str) -> int:
    try:
        device = opencl.device()
    except opencl.NotInstalledError as missing:
        print(missing)
        return MISSING
    target = Target({"kind": "opencl", "device": name}, host=Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu"}))
    found: dict[str, Any] = {}
    for case in names or (*CASES, *(RECURRENT + name for name in LAYERS)):
        try:
            found[case] = check(case, target, device)
        except Exception as error:  # the other cases are still told
            found[case] = f"{type(error).__name__}: {error}"[-600:]
    print(json.dumps(found))
    return 1 if not names and wrong(found) else 0


def wrong(found: dict[str, Any]) -> dict[str, Any]:
    """The cases of `found` whose numbers are not TVM's."""
    return {name: result for name, result in found.items() if isinstance(result, str) or result[0] > TOLERANCE}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
