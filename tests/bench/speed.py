"""Compiled models beside ONNX Runtime (and OpenVINO, where it is installed): `python -m tests.bench.speed [names]`.

Each model and thread count gets a process of its own, in which all runtimes take turns. The ratio is the median of the
rounds' ratios; that of CPU time stands beside it, which other load on the machine disturbs less. Results go to
tests/bench/results/speed.json, model by model, with the machine's facts; tests.bench.plot draws them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import shutil
import statistics
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

from bench import records  # noqa: E402 - found by the path above

KEPT = FOLDER.parents[1] / ".neo" / "bench"
"""Compiled models, so that a quiet minute is spent on measuring."""

RESULTS = FOLDER / "results" / "speed.json"
THREADS = (1, 2)
GOAL = 0.80
TIMEOUT_SECONDS = 600.0


def main() -> None:
    """Measures every model of the zoo, or those named, and prints one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--mcpu", default="")
    parser.add_argument("--compile", action="store_true", help="compile only, and keep the artifacts")
    parser.add_argument("--one", action="store_true", help="measure one model in this process and print JSON")
    options = parser.parse_args()
    from bench.zoo import MODELS, QUANTISED

    models = {**MODELS, **QUANTISED}
    if options.one and options.compile:
        compiled(options.names[0], models[options.names[0]](), options.mcpu or host_cpu())
        return
    if options.one:
        print(json.dumps(measure(options.names[0], options.threads[0], options.mcpu)))
        return
    if options.compile:
        for name in options.names or models:
            print(name, _in_process(name, 1, options.mcpu, "--compile") or "compiled", flush=True)
        return
    kept = records.read(RESULTS)
    kept["machine"] = machine()
    for name in options.names or models:
        for threads in options.threads:
            print(f"{name}, {threads} threads ...", file=sys.stderr, flush=True)
            kept["runs"][f"{name}/{threads}"] = _in_process(name, threads, options.mcpu)
            records.write(RESULTS, kept)
    table(kept)


def table(kept: dict[str, Any]) -> None:
    """Prints the results and the geometric means of their ratios."""
    print(json.dumps(kept["machine"]))
    print(f"{'model/threads':<24}{'ms':>9}{'rival ms':>9}{'ratio':>7}{'cpu':>7}{'openvino':>9}  error   compile  peak")
    for key, run in sorted(kept["runs"].items()):
        if "failed" in run:
            print(f"{key:<24}{run['failed']}")
            continue
        compiled = f"{run['compile_cpu_seconds']:6.1f} s {run['compile_peak_mb']:5.0f} MB"
        vino = f"{run['ratio_openvino']:9.2f}" if "ratio_openvino" in run else " " * 9
        times = f"{run['ms']['compiled']:9.3f}{run['ms'][run['rival']]:9.3f}{run['ratio']:7.2f}{run['ratio_cpu']:7.2f}"
        print(f"{key:<24}{times}{vino}  {run['error']:.1e} {compiled}")
    for threads in THREADS:
        runs = {key: run for key, run in kept["runs"].items() if key.endswith(f"/{threads}") and "ratio" in run}
        whole = [run for run in runs.values() if "ratio_float32" in run]
        real = [run for run in runs.values() if "ratio_float32" not in run]
        for kind, those in (("ratio", real), ("ratio_cpu", real), ("ratio", whole), ("ratio_float32", whole)):
            if those:
                mean = records.geometric_mean(run[kind] for run in those)
                worst = max(run[kind] for run in those)
                means = f"geometric mean {mean:.3f} (goal {GOAL}), worst {worst:.2f}"
                print(f"{threads} threads, {kind}{' of int8' if those is whole else ''}: {means}, {len(those)} models")


def machine() -> dict[str, Any]:
    """What the figures hang on."""
    from neo_compiler.runtime import cpu_info

    versions = {
        name: importlib.metadata.version(name)
        for name in ("apache-tvm", "onnxruntime", "openvino", "xgboost-cpu", "numpy")
        if importlib.util.find_spec({"apache-tvm": "tvm", "xgboost-cpu": "xgboost"}.get(name, name))
    }
    return {
        "cpu": next(iter(cpu_info.values("model name")), platform.processor()),
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
        if platform.machine() == "x86_64":  # some AVX-512 CPUs would get vectors of half the width
            command.append("-mprefer-vector-width=512")
        done = subprocess.run([*command, str(FOLDER / "peak.c"), "-o", str(program)], capture_output=True, check=False)
        if done.returncode:
            return None
        return float(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)


def _in_process(name: str, threads: int, mcpu: str, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.speed", name, "--one", "--mcpu", mcpu, *more]
    command += ["--threads", str(threads)]
    counts = {variable: str(threads) for variable in ("TVM_NUM_THREADS", "OMP_NUM_THREADS")}
    try:
        done = subprocess.run(
            command, env={**os.environ, **counts}, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": "it took too long"}
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return result


def compiled(name: str, case: Any, mcpu: str, arch: str = "X86_64") -> tuple[Path, dict[str, Any]]:
    """The artifact's folder and what compiling it took; kept until the compiler's sources or the model change."""
    from e2e.compiling import compile_case

    from neo_compiler.storage.archive import unpack

    digest = hashlib.blake2b(case.model + mcpu.encode() + arch.encode(), digest_size=8)
    for path in sorted((FOLDER.parents[1] / "workers").rglob("*.py")):
        digest.update(path.read_bytes())
    folder = KEPT / f"{name}-{digest.hexdigest()}"
    facts = folder / "facts.json"
    if not facts.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        begun, cpu = time.perf_counter(), time.process_time()
        with (folder / "log").open("w") as log, redirect_stdout(log):
            options = json.dumps({"mcpu": mcpu}) if mcpu else None
            work = compile_case(case, {"Os": "LINUX", "Arch": arch}, folder / "work", options)
        found = {
            "compile_seconds": time.perf_counter() - begun,
            "compile_cpu_seconds": time.process_time() - cpu,
            "compile_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "artifact_mb": work.archive.stat().st_size / 1e6,
            "notes": [
                line for line in (folder / "log").read_text().splitlines() if line.startswith(("kernel", "level"))
            ],
        }
        unpack(work.archive, folder / "artifact", 1 << 32, 64)
        shutil.rmtree(folder / "work")
        facts.write_text(json.dumps(found))
    return folder / "artifact", json.loads(facts.read_text())


def measure(name: str, threads: int, mcpu: str) -> dict[str, Any]:
    """One model, compiled by the product for this CPU and run by the artifact's own libdlr, beside the others."""
    from bench.rivals import difference, paired, ratio, rivals
    from bench.zoo import INT8, MODELS, QUANTISED
    from e2e.compiling import truth

    from neo_compiler.runtime import dlr

    def runner(name: str, case: Any) -> tuple[Callable[[], Any], dict[str, Any]]:
        folder, facts = compiled(name, case, mcpu or host_cpu())
        model = dlr.Model(folder, "libdlr.so")
        return lambda: model.run(case.inputs), facts

    case = {**MODELS, **QUANTISED}[name]()
    ours, facts = runner(name, case)
    found = rivals(case, threads)
    runners: dict[str, Callable[[], Any]] = {"compiled": ours, **found}
    if name in QUANTISED:
        unquantised = name.removesuffix(INT8)
        runners["float32"] = runner(unquantised, MODELS[unquantised]())[0]
    rival = next(iter(found))
    error = difference(runners["compiled"](), truth(case) if case.framework == "ONNX" else found[rival]())
    walls, cpus = paired(runners)
    return {
        "rival": rival,
        "ms": {kind: statistics.median(times) for kind, times in walls.items()},
        "fastest_ms": {kind: min(times) for kind, times in walls.items()},
        "cpu_ms": {kind: statistics.median(times) for kind, times in cpus.items()},
        "ratio": ratio(walls, rival),
        "ratio_cpu": ratio(cpus, rival),
        **{f"ratio_{other}": ratio(walls, other) for other in ("openvino", "float32") if other in walls},
        "error": error,
        "load": os.getloadavg()[0],
        **facts,
    }


def host_cpu() -> str:
    """LLVM's name of this machine's CPU."""
    import tvm

    return str(tvm.get_global_func("target.llvm_get_system_cpu")())


if __name__ == "__main__":
    main()
