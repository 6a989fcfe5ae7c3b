"""Other runtimes that run the same model, and timings in which all of them take turns.

They run as fast as they can; numbers are compared with an exact reference (`e2e.compiling.truth`), not with them.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from e2e.models import Case

Runners = dict[str, Callable[[], Any]]
Times = dict[str, list[float]]
"""Milliseconds by runner, one figure a round."""

ROUNDS, TURN_SECONDS = 15, 0.12


def rivals(case: Case, threads: int) -> Runners:
    """The runtime that compiled models are measured against, then others; each uses so many threads."""
    if case.framework == "XGBOOST":
        return {"xgboost": _xgboost(case, threads)}
    runners = {"onnxruntime": _onnxruntime(case, threads)}
    if importlib.util.find_spec("openvino"):
        runners["openvino"] = _openvino(case, threads)
    return runners


def _onnxruntime(case: Case, threads: int) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(case.model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, case.inputs), strict=True))


def _openvino(case: Case, threads: int) -> Callable[[], Any]:
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
    network = core.read_model(model=case.model)
    network.reshape({name: list(array.shape) for name, array in case.inputs.items()})
    compiled = core.compile_model(network, "CPU")
    return lambda: compiled(case.inputs)


def _xgboost(case: Case, threads: int) -> Callable[[], Any]:
    import xgboost

    booster = xgboost.Booster({"nthread": threads})
    booster.load_model(bytearray(case.model))
    booster.set_param({"nthread": threads})
    (rows,) = case.inputs.values()
    return lambda: {"prediction": booster.inplace_predict(rows)}


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest difference of any output, over the largest magnitude in that output."""
    pairs = [(np.asarray(a, "f8").ravel(), np.asarray(b, "f8").ravel()) for a, b in _outputs(ours, theirs)]
    return max(float(np.abs(a - b).max() / max(1e-30, np.abs(b).max())) for a, b in pairs)


def _outputs(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterable[tuple[Any, Any]]:
    return (
        [(ours[name], theirs[name]) for name in theirs]
        if ours.keys() == theirs.keys()
        else zip(ours.values(), theirs.values(), strict=True)
    )


def paired(runners: Runners) -> tuple[Times, Times]:
    """Wall and CPU milliseconds: of each runner's turns the medians. The first run of a turn does not count."""
    walls: Times = {kind: [] for kind in runners}
    cpus: Times = {kind: [] for kind in runners}
    for _ in range(ROUNDS):
        for kind, run in runners.items():
            wall, cpu = _turn(run)
            walls[kind].append(wall)
            cpus[kind].append(cpu)
    return walls, cpus


def _turn(run: Callable[[], Any]) -> tuple[float, float]:
    run()
    walls, cpus, ending = [], [], time.perf_counter() + TURN_SECONDS
    while True:
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
        if time.perf_counter() > ending:
            return statistics.median(walls), statistics.median(cpus)


def ratio(times: Times, rival: str) -> float:
    """The median over rounds of how much longer the compiled model takes than `rival`."""
    return statistics.median(ours / theirs for ours, theirs in zip(times["compiled"], times[rival], strict=True))
