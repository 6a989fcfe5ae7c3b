"""GPUs without a GPU: `python -m tests.bench.gpu [models] [--device ml_g4dn]` prints what becomes of each kernel.

Which rule scheduled it, its blocks and threads, its shared memory, its registers and what it spills (from the cubin),
its operations, and the bytes it loads from global memory for each: 4 where no number is used twice, 0.06 for a tile of
64 x 64 in shared memory. Nothing is timed. `--stock` shows TVM's own rules; `--all` names kernels of little work too.
Results go to tests/bench/results/gpu.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))  # of e2e and support

from bench import records  # noqa: E402 - found by the path above

RESULTS = FOLDER / "results" / "gpu.json"
MODELS = (
    *("resnet18", "resnet50", "mobilenet_v2", "yolo_n", "unet", "vit_tiny", "minilm"),
    *("ppocr_rec", "ppocr_det", "silero_vad", "mlp"),
)
TVMS_OWN = [f"dlight {name}" for name in ("matmul", "gemv", "reduction", "general reduction", "fallback")]
"""The rules of TVM's own pipeline for CUDA."""

NAIVE = 3.0
"""Bytes per operation from which on next to nothing is used twice."""

PRODUCT_FLOPS = 1e6
"""Kernels of fewer operations are not named."""

LINE = "{:<26}{:>6}{:>8}{:>14}{:>8}{:>6}{:>7}{:>10}{:>9}  {}"


def main() -> None:
    """Prints a table per model and one of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--device", default="ml_g4dn", help="a TargetDevice with a GPU")
    parser.add_argument("--stock", action="store_true", help="TVM's own rules")
    parser.add_argument("--all", action="store_true", help="kernels of little work too")
    options = parser.parse_args()
    kept = records.read(RESULTS)
    for name in options.names or MODELS:
        rows = examine(name, options.device, options.stock)
        print(f"\n{name} for {options.device}{' (stock)' if options.stock else ''}")
        print(LINE.format("rule", "calls", "threads", "blocks", "shared", "regs", "spill", "MFLOP", "B/FLOP", "kernel"))
        for row in sorted(rows, key=lambda row: -row["calls"] * row["flops"]):
            if options.all or row["flops"] >= PRODUCT_FLOPS:
                print(_line(row))
        summary = summarise(rows)
        print(summary)
        kept["runs"][f"{name} {options.device}{' stock' if options.stock else ''}"] = summary
        records.write(RESULTS, kept)


def examine(name: str, device: str, stock: bool = False) -> list[dict[str, Any]]:
    """A row per launch of a model's kernels."""
    from bench import gpucode
    from bench.zoo import MODELS as ZOO

    from neo_compiler import frontends
    from neo_compiler.lowering.gpu import pipeline, schedules
    from neo_compiler.lowering.gpu.gpu_model import gpu_of
    from neo_compiler.lowering.targets import tvm_target
    from neo_targets.registry import DEVICES

    case, spec = ZOO[name](), DEVICES[device]
    with tempfile.TemporaryDirectory(prefix="neo-gpu-") as folder:
        path = Path(folder) / case.file
        path.write_bytes(case.model)
        module = frontends.loader(case.framework)([path], case.shapes).module
    target = tvm_target(spec)
    rules = [rule for rule in schedules.RULES if not stock or rule.name in TVMS_OWN]
    with mock.patch.object(schedules, "RULES", tuple(rules)):
        lowered = pipeline.lower(module, target, len(pipeline.LADDER) - 1 if stock else 0)
    launches = gpucode.kernels(lowered.separated.module, target)
    times = gpucode.calls(lowered.separated.module)
    used = _resources(lowered.separated.module, target, spec)
    return [
        {
            "kernel": kernel.name,
            "calls": times[function],
            "rule": lowered.rules.get(function, "none"),
            "threads": kernel.thread_count,
            "blocks": kernel.blocks,
            "fills": kernel.block_count >= gpu_of(target).units,
            "flops": kernel.flops,
            "loaded_bytes": kernel.loaded_bytes,
            "bytes_per_flop": round(kernel.bytes_per_flop, 4),
            "shared_bytes": kernel.shared_bytes,
            **used.get(kernel.name, {}),
        }
        for function, own in launches.items()
        for kernel in own
    ]


def _resources(module: Any, target: Any, spec: Any) -> dict[str, dict[str, int]]:
    """Kernel -> its resources in the cubin; nothing for OpenCL, whose code the device's driver makes."""
    from bench import gpucode

    from neo_compiler.codegen import machine_code
    from neo_compiler.codegen.cubin import device_source
    from neo_compiler.codegen.nvrtc import compile_cubin
    from neo_targets.spec import Cuda

    if not isinstance(spec.device, Cuda):
        return {}
    source = device_source(machine_code.generate(module, target).mod)
    return gpucode.resources(compile_cubin(source, spec.device.arch))


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Operations by rule and in kernels with a block for each unit of the GPU, in percent; how many kernels spill; how
    many big ones are naive."""
    total = sum(row["calls"] * row["flops"] for row in rows) or 1.0
    shares: dict[str, float] = {}
    for row in rows:
        shares[row["rule"]] = shares.get(row["rule"], 0.0) + 100 * row["calls"] * row["flops"] / total
    filling = sum(row["calls"] * row["flops"] for row in rows if row["fills"])
    big = [row for row in rows if row["flops"] >= PRODUCT_FLOPS]
    return {
        "gflop": round(total / 1e9, 3),
        "percent_by_rule": {rule: round(share, 1) for rule, share in sorted(shares.items(), key=lambda item: -item[1])},
        "percent_that_fills_the_gpu": round(100 * filling / total, 1),
        "bytes_per_flop": round(sum(row["calls"] * row["loaded_bytes"] for row in rows) / total, 3),
        "spilling": sum(row.get("spilled_bytes", 0) > 0 for row in rows),
        "naive": sum(row["bytes_per_flop"] >= NAIVE for row in big),
        "big": len(big),
    }


def _line(row: dict[str, Any]) -> str:
    blocks = "x".join(map(str, row["blocks"]))
    used = [row.get(name, "") for name in ("shared_bytes", "registers", "spilled_bytes")]
    work = f"{row['flops'] / 1e6:.1f}", f"{row['bytes_per_flop']:.3f}"
    return LINE.format(row["rule"], row["calls"], row["threads"], blocks, *used, *work, row["kernel"])


if __name__ == "__main__":
    main()
