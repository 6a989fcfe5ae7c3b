"""Draws what tests.bench.speed measured: `python -m tests.bench.plot` writes docs/pictures/performance.svg."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tests.bench import records
from tests.bench.speed import GOAL, RESULTS, THREADS

PLOT = Path(__file__).parents[2] / "docs" / "pictures" / "performance.svg"
LIMIT = 1.02
"""No model is to take longer than this."""


def main() -> None:
    """A bar a model and thread count: the compiled model's time over the rival's."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "neo"
    from matplotlib import pyplot

    runs: dict[str, dict[str, Any]] = records.read(RESULTS)["runs"]
    found = {key: run for key, run in runs.items() if "ratio" in run and "ratio_float32" not in run}
    names = sorted({key.partition("/")[0] for key in found}, key=lambda name: _ratio(found, name, THREADS[0]))
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    height = 0.8 / len(THREADS)
    for index, threads in enumerate(THREADS):
        places = [place + index * height for place in range(len(names))]
        axes.barh(places, [_ratio(found, name, threads) for name in names], height, label=f"{threads} threads")
    axes.set_yticks([place + height / 2 for place in range(len(names))], names)
    for value, style in ((GOAL, ":"), (LIMIT, "--")):
        axes.axvline(value, color="black", linestyle=style, linewidth=0.8)
    axes.set_xlabel("time of the compiled model / time of ONNX Runtime (xgboost: of xgboost itself); less is better")
    axes.legend()
    figure.savefig(PLOT, metadata={"Date": None})


def _ratio(found: dict[str, dict[str, Any]], name: str, threads: int) -> float:
    """math.nan, which draws no bar, where it was not measured."""
    return float(found.get(f"{name}/{threads}", {}).get("ratio", math.nan))


if __name__ == "__main__":
    main()
