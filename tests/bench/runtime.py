"""libdlr beside TVM's own VM, on the same lowered module: milliseconds of a run and of loading."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROUNDS = 15
LOADS = 5


def compare() -> None:
    """Prints one line per model. Rounds alternate, so that both meet the same noise; the ratio is that of medians."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from runtime.artifacts import MODELS, Artifacts

    print(f"{'model':<15}{'dlr ms':>9}{'VM ms':>9}{'ratio':>7}{'dlr load':>10}{'VM load':>9}  equal")
    with tempfile.TemporaryDirectory(prefix="neo-bench-") as name:
        artifacts = Artifacts(Path(name))
        for model in MODELS:
            with redirect_stdout(sys.stderr):
                built = artifacts.get(model)
            _compare(model, built)


def _compare(model: str, built: Any) -> None:
    import numpy as np
    import tvm
    from tvm import relax

    from neo_compiler.codegen import link, machine_code
    from neo_compiler.lowering.lower import lower
    from neo_compiler.lowering.targets import tvm_target
    from neo_compiler.runtime import dlr

    target = tvm_target(built.work.spec)
    folder = built.folder.parent / "vm"
    folder.mkdir(exist_ok=True)
    lowered = lower(built.work.imported.module, target)
    library = link.export(machine_code.generate(lowered.module, target), built.work.spec, folder)
    names = [item.name for item in built.work.imported.inputs]

    def load_vm() -> Callable[[], Any]:
        vm = relax.VirtualMachine(tvm.runtime.load_module(str(library)), tvm.cpu())
        weights = tvm.runtime.load_param_dict_from_file(str(built.folder / "compiled.params"))
        arguments = [tvm.runtime.tensor(built.case.inputs[name]) for name in names]
        arguments += [weights[name] for name in built.work.weights]
        return lambda: vm["main"](*arguments)

    def load_dlr() -> dlr.Model:
        return dlr.Model(built.folder, "libdlr.so")

    dlr_load, vm_load = (min(_milliseconds(load) for _ in range(LOADS)) for load in (load_dlr, load_vm))
    model_dlr, run_vm = load_dlr(), load_vm()
    expected, found = run_vm(), model_dlr.run(built.case.inputs)
    first = (expected if hasattr(expected, "numpy") else expected[0]).numpy()
    pairs = [(_milliseconds(lambda: model_dlr._call("RunDLRModel")), _milliseconds(run_vm)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    equal = np.array_equal(next(iter(found.values())), first)
    times = f"{ours:>9.3f}{theirs:>9.3f}{ours / theirs:>7.2f}{dlr_load:>10.1f}{vm_load:>9.1f}"
    print(f"{model:<15}{times}  {'yes' if equal else 'NO'}", flush=True)


def _milliseconds(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3
