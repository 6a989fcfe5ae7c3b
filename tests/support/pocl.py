"""Compiles, builds and runs an OpenCL artifact in a process of its own.

pocl brings an LLVM, and crashes beside other libraries that do: even the question for its platforms is asked apart.
    python -m support.pocl TARGET MODEL FOLDER     TARGET as JSON, MODEL one of CASES or of the speed benchmark's
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.zoo import MODELS as ZOO
from e2e.compiling import compile_case, difference, truth
from e2e.models import CASES
from support import opencl
from support.apart import MISSING, last_line


def run_apart(target: str | dict[str, str], model: str, folder: Path) -> tuple[int, float]:
    """How many kernels ran, and the largest difference from ONNX Runtime. Skips the test without pocl."""
    kernels, error = last_line("support.pocl", json.dumps(target), model, str(folder)).split()
    return int(kernels), float(error)


def main(target: str, model: str, folder: str) -> int:
    case = (CASES if model in CASES else ZOO)[model]()
    try:
        device = opencl.device()
    except opencl.NotInstalledError as missing:
        print(missing)
        return MISSING
    program = opencl.Program.of_work(compile_case(case, json.loads(target), Path(folder)), device)
    assert len(program.built) == len(program.sources)
    print(len(program.built), difference(program.run(case.inputs), truth(case)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
