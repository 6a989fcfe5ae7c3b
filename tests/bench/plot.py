"""Draws tests/bench/results/speed.json into docs/speed.svg: `python -m tests.bench.plot` (needs matplotlib)."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS, PICTURE = ROOT / "tests" / "bench" / "results" / "speed.json", ROOT / "docs" / "speed.svg"


def main() -> None:
    """One bar per model and thread count: the time of ONNX Runtime is 1."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "neo"
    from matplotlib import pyplot

    runs = {key: run for key, run in json.loads(RESULTS.read_text())["runs"].items() if "ratio" in run}
    names = sorted({key.partition("/")[0] for key in runs}, reverse=True)
    figure, axes = pyplot.subplots(figsize=(8, 0.45 * len(names) + 1))
    for index, threads in enumerate((1, 2)):
        shown = [name for name in names if f"{name}/{threads}" in runs]
        places = [names.index(name) + 0.2 - 0.4 * index for name in shown]
        axes.barh(places, [runs[f"{name}/{threads}"]["ratio"] for name in shown], 0.38, label=f"{threads} thread(s)")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("time of the compiled model / time of ONNX Runtime (less is faster)")
    axes.legend()
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
