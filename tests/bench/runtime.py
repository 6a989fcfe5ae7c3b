"""libdlr beside TVM's own VM, on the same lowered module, at one and two threads: a run, loading, and memory.

Both are loaded in one process and run in turn, so that they meet the same noise. The ratio is that of the fastest runs;
beside it stands that of the CPU time of all runs. Memory is what loading and two runs add to a process of their own,
beside the weights and the planned arena.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

THREADS = (1, 2)
ROUNDS = 40
LOADS = 5
HEAD = f"{'model':<15}{'threads':>8}{'dlr ms':>9}{'VM ms':>9}{'ratio':>7}{'CPU ratio':>10}{'load ms':>9}{'VM load':>9}"
MEMORY = """
import json, os, sys
import numpy as np
from neo_workers import dlr
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
inputs = dict(np.load(sys.argv[2]))
before = resident()
model = dlr.Model(__import__("pathlib").Path(sys.argv[1]), "libdlr.so")
for _ in range(2):
    model._call("RunDLRModel")
print(resident() - before)
"""
"""A program: bytes that a loaded and run model adds. argv: its folder, its inputs."""


def compare() -> None:
    """Prints a line per model and number of threads."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from runtime.artifacts import Artifacts

    print(f"{HEAD}  memory  equal")
    with tempfile.TemporaryDirectory(prefix="neo-bench-") as name:
        artifacts = Artifacts(Path(name))
        for model in _models():
            with redirect_stdout(sys.stderr):
                built = artifacts.get(model)
                library = _vm_library(built)
            for threads in THREADS:
                environment = {**os.environ, "TVM_NUM_THREADS": str(threads)}
                names = [item.name for item in built.work.imported.inputs]  # type: ignore[union-attr]
                arguments = [built.folder, built.inputs, library, json.dumps([names, list(built.work.weights)])]
                command = [sys.executable, "-m", "tests.bench.runtime", *map(str, arguments)]
                done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                print(f"{model:<15}{threads:>8}{done.stdout.rstrip()}", flush=True)


def _models() -> list[str]:
    from bench import networks
    from runtime.artifacts import MODELS

    MODELS["mobilenet_v2"], MODELS["resnet18"] = networks.mobilenet_v2, lambda: networks.resnet(18)
    return ["mobilenet_v2", *(name for name in MODELS if name != "mobilenet_v2")]


def _vm_library(built: Any) -> Path:
    """The same lowered module in TVM's VM form."""
    from neo_workers.compiler import build, link
    from neo_workers.compiler.targets import tvm_target

    target = tvm_target(built.work.spec)
    folder = built.folder.parent / "vm"
    folder.mkdir(exist_ok=True)
    lowered = build.lower(built.work.imported.module, target)
    return link.export(build.generate(lowered.module, target), built.work.spec, folder)


def measure(folder: Path, inputs: Path, library: Path, names: list[str], weight_names: list[str]) -> str:
    """A line of the table for the artifact in `folder`, with the threads of this process."""
    import numpy as np
    import tvm
    from tvm import relax

    from neo_workers import dlr

    feed = dict(np.load(inputs))

    def load_vm() -> Callable[[], Any]:
        vm = relax.VirtualMachine(tvm.runtime.load_module(str(library)), tvm.cpu())
        weights = tvm.runtime.load_param_dict_from_file(str(folder / "compiled.params"))
        arguments = [tvm.runtime.tensor(feed[name]) for name in names]
        arguments += [weights[name] for name in weight_names]
        return lambda: vm["main"](*arguments)

    def load_dlr() -> dlr.Model:
        return dlr.Model(folder, "libdlr.so")

    loads = [min(_milliseconds(load)[0] for _ in range(LOADS)) for load in (load_dlr, load_vm)]
    model, run_vm = load_dlr(), load_vm()
    expected, found = run_vm(), model.run(feed)
    first = (expected if hasattr(expected, "numpy") else expected[0]).numpy()
    equal = np.array_equal(next(iter(found.values())), first)
    pairs = [(_milliseconds(lambda: model._call("RunDLRModel")), _milliseconds(run_vm)) for _ in range(ROUNDS)]
    ours, theirs = (min(pair[side][0] for pair in pairs) for side in (0, 1))
    cpu = [sum(pair[side][1] for pair in pairs) for side in (0, 1)]
    times = f"{ours:>9.3f}{theirs:>9.3f}{ours / theirs:>7.3f}{cpu[0] / cpu[1]:>10.3f}{loads[0]:>9.1f}{loads[1]:>9.1f}"
    return f"{times}  {_memory(folder, inputs):>6.2f}  {'yes' if equal else 'NO'}"


def _memory(folder: Path, inputs: Path) -> float:
    """What a process grows by, as a part of the weights and the arena."""
    command = [sys.executable, "-c", MEMORY, str(folder), str(inputs)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    arena = json.loads((folder / "compiled_model.json").read_text())["arena"]
    return grown / ((folder / "compiled.params").stat().st_size + int(arena))


def _milliseconds(call: Callable[[], Any]) -> tuple[float, float]:
    """Of the clock, and of this process's CPUs."""
    begun, used = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - begun) * 1e3, (time.process_time() - used) * 1e3


if __name__ == "__main__":
    print(measure(*map(Path, sys.argv[1:4]), *json.loads(sys.argv[4])))  # type: ignore[arg-type]
