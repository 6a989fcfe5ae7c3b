"""Compiled models beside ONNX Runtime (and OpenVINO, where it is installed): `python -m tests.bench.speed [names]`.

Each model and thread count gets a process of its own, in which all runtimes take turns. The ratio is that of the
fastest runs; that of CPU time stands beside it, which other load on the machine disturbs less. Results go to
tests/bench/results/speed.json, model by model, with the machine's facts; tests.bench.plot draws them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))  # of e2e and support
RESULTS = FOLDER / "results" / "speed.json"
THREADS = (1, 2)
ROUNDS, ROUND_SECONDS = 5, 0.6
GOAL = 0.80
TIMEOUT_SECONDS = 600.0


def main() -> None:
    """Measures every model of the zoo, or those named, and prints one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--mcpu", default="")
    parser.add_argument("--one", action="store_true", help="measure one model in this process and print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.names[0], options.threads[0], options.mcpu)))
        return
    from tests.bench.zoo import MODELS

    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": {}}
    kept["machine"] = machine()
    for name in options.names or MODELS:
        for threads in options.threads:
            print(f"{name}, {threads} threads ...", file=sys.stderr, flush=True)
            kept["runs"][f"{name}/{threads}"] = _in_process(name, threads, options.mcpu)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    table(kept)


def table(kept: dict[str, Any]) -> None:
    """Prints the results and the geometric means of their ratios."""
    print(json.dumps(kept["machine"]))
    print(f"{'model/threads':<24}{'ms':>9}{'ort ms':>9}{'ratio':>7}{'cpu':>7}{'openvino':>9}  error   compile  peak")
    for key, run in sorted(kept["runs"].items()):
        if "failed" in run:
            print(f"{key:<24}{run['failed']}")
            continue
        compiled = f"{run['compile_cpu_seconds']:6.1f} s {run['compile_peak_mb']:5.0f} MB"
        vino = f"{run['ratio_openvino']:9.2f}" if "ratio_openvino" in run else " " * 9
        times = f"{run['ms']['compiled']:9.3f}{run['ms']['onnxruntime']:9.3f}{run['ratio']:7.2f}{run['ratio_cpu']:7.2f}"
        print(f"{key:<24}{times}{vino}  {run['error']:.1e} {compiled}")
    for threads in THREADS:
        runs = [run for key, run in kept["runs"].items() if key.endswith(f"/{threads}") and "ratio" in run]
        for kind in ("ratio", "ratio_cpu"):
            if runs:
                mean = math.exp(sum(math.log(run[kind]) for run in runs) / len(runs))
                worst = max(run[kind] for run in runs)
                means = f"geometric mean {mean:.3f} (goal {GOAL}), worst {worst:.2f}"
                print(f"{threads} threads, {kind}: {means}, {len(runs)} models")


def machine() -> dict[str, Any]:
    """What the figures hang on."""
    cpu = next((line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    versions = {
        name: importlib.metadata.version(name)
        for name in ("apache-tvm", "onnxruntime", "openvino", "numpy")
        if importlib.util.find_spec({"apache-tvm": "tvm"}.get(name, name))
    }
    return {
        "cpu": cpu or platform.processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "peak_gflops": peak(),
        "load": os.getloadavg()[0],
    }


def peak() -> float | None:
    """GFLOP/s of multiply-adds in registers on one core, None without a compiler."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "peak"
        command = [sys.executable, "-m", "ziglang", "cc", "-O3", "-march=native", "-ffp-contract=fast"]
        done = subprocess.run([*command, str(FOLDER / "peak.c"), "-o", str(program)], capture_output=True, check=False)
        if done.returncode:
            return None
        return float(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _in_process(name: str, threads: int, mcpu: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.speed", name, "--one", "--threads", str(threads), "--mcpu", mcpu]
    counts = {variable: str(threads) for variable in ("TVM_NUM_THREADS", "OMP_NUM_THREADS")}
    try:
        done = subprocess.run(
            command, env={**os.environ, **counts}, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": "it took too long"}
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, threads: int, mcpu: str) -> dict[str, Any]:
    """One model, compiled by the product for this CPU and run by the artifact's own libdlr, beside the others."""
    import numpy as np
    from e2e.compiling import compile_case
    from tests.bench.zoo import MODELS

    from neo_workers import dlr
    from neo_workers.archive import unpack

    case = MODELS[name]()
    with tempfile.TemporaryDirectory(prefix="neo-bench-") as text:
        folder, begun, cpu = Path(text), time.perf_counter(), time.process_time()
        log = (folder / "log").open("w+")
        options = json.dumps({"mcpu": mcpu or host_cpu()})
        with redirect_stdout(log):
            work = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, folder, options)
        compiled = {
            "compile_seconds": time.perf_counter() - begun,
            "compile_cpu_seconds": time.process_time() - cpu,
            "compile_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "artifact_mb": work.archive.stat().st_size / 1e6,
        }
        log.seek(0)
        compiled["unscheduled"] = [line.split()[1] for line in log if "has no schedule" in line]
        unpack(work.archive, folder / "artifact", 1 << 32, 64)
        model = dlr.Model(folder / "artifact", "libdlr.so")
        runners = {"compiled": lambda: model.run(case.inputs), **others(case, threads)}
        results = {kind: run() for kind, run in runners.items()}
        truth = results["onnxruntime"]
        error = max(
            float(np.abs(results["compiled"][key].astype("f8") - value).max() / max(1e-30, np.abs(value).max()))
            for key, value in truth.items()
        )
        times = paired(runners)
    walls = {kind: found[0] for kind, found in times.items()}
    cpus = {kind: found[1] for kind, found in times.items()}
    found = {"ms": walls, "cpu_ms": cpus, "error": error, "ratio": walls["compiled"] / walls["onnxruntime"]}
    found["ratio_cpu"] = cpus["compiled"] / cpus["onnxruntime"]
    if "openvino" in walls:
        found["ratio_openvino"] = walls["compiled"] / walls["openvino"]
    return {**found, **compiled}


def host_cpu() -> str:
    """LLVM's name of this machine's CPU."""
    import tvm

    return str(tvm.get_global_func("target.llvm_get_system_cpu")())


def others(case: Any, threads: int) -> dict[str, Callable[[], Any]]:
    """ONNX Runtime, and OpenVINO where it is installed, with so many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(case.model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    runners: dict[str, Callable[[], Any]] = {
        "onnxruntime": lambda: dict(zip(names, session.run(names, case.inputs), strict=True))
    }
    if importlib.util.find_spec("openvino"):
        import openvino

        core = openvino.Core()
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
        network = core.read_model(model=case.model)
        network.reshape({name: list(array.shape) for name, array in case.inputs.items()})
        compiled = core.compile_model(network, "CPU")
        runners["openvino"] = lambda: compiled(case.inputs)
    return runners


def paired(runners: dict[str, Callable[[], Any]]) -> dict[str, tuple[float, float]]:
    """Milliseconds of the fastest run, and of CPU time (the 20th percentile), by runner; rounds take turns."""
    walls: dict[str, list[float]] = {kind: [] for kind in runners}
    cpus: dict[str, list[float]] = {kind: [] for kind in runners}
    for _ in range(ROUNDS):
        for kind, run in runners.items():
            run()
            ending = time.perf_counter() + ROUND_SECONDS / len(runners)
            while True:
                cpu, wall = time.process_time(), time.perf_counter()
                run()
                walls[kind].append((time.perf_counter() - wall) * 1e3)
                cpus[kind].append((time.process_time() - cpu) * 1e3)
                if time.perf_counter() > ending and len(walls[kind]) >= 3:
                    break
    return {kind: (min(walls[kind]), sorted(cpus[kind])[len(cpus[kind]) // 5]) for kind in runners}


if __name__ == "__main__":
    main()
