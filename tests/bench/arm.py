"""Arm without an Arm machine: `python -m tests.bench.arm [models]` counts executed instructions under qemu-user.

Our artifact for LINUX ARM64, run by its own libdlr, beside ONNX Runtime's aarch64 build: one thread each, the same
emulated CPU. Two runs less one run is one run; outputs are compared with ONNX Runtime's on this machine. Results go to
tests/bench/results/arm.json. `--kernels` prints which kernels of ours the instructions are in.
An instruction is not a cycle: counts say nothing of caches, nor of what a core does at once.
"""

from __future__ import annotations

import argparse
import bisect
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))  # of e2e, runtime and support

from bench import counting, records  # noqa: E402 - found by the path above
from bench.counting import Count, Emulator, Missing, Profile  # noqa: E402

RESULTS = FOLDER / "results" / "arm.json"
MODELS = ("resnet18", "mobilenet_v2", "efficientnet_lite0", "yolo_n", "minilm", "mlp", "ppocr_rec")
BYTES = ("resnet18_int8", "mobilenet_v2_int8", "mlp_int8", "minilm_int8")
"""Compiled for a CPU with dot products, the emulated one's name."""

SMALL = {"resnet18": ("resnet", 18, 64), "yolo_n": ("yolo", 96), "minilm": ("minilm", 32)}
"""Networks with smaller images (pixels) or fewer words than elsewhere: others take ten minutes under an emulator."""

GOAL = 1.2
MAX_ERROR, MAX_ERROR_OF_BYTES = 1e-4, 0.03
"""Of the largest output. Bytes may be rounded differently, by one step."""

ELEMENT_TYPES = {"float32": 1, "int32": 6, "int64": 7}
"""ONNX's numbers. Source: TensorProto.DataType."""

REPEAT = "{}"


def main() -> None:
    """Counts every model of MODELS, or those named, and prints one table. What is missing is said, and ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--mcpu", default="", help="an LLVM CPU in place of the platform's own")
    parser.add_argument(
        "--kernels", type=int, default=0, metavar="N", help="print the N kernels with most instructions"
    )
    options = parser.parse_args()
    try:
        emulator, library = Emulator(), counting.runtime()
    except Missing as error:
        print(f"skipped: {error}")
        return
    kept = records.read(RESULTS)
    kept["machine"] = {
        "emulated": counting.CPU,
        "host": platform.machine(),
        "onnxruntime": library.name.partition(".so.")[2],
    }
    for name in options.names or (*MODELS, *BYTES):
        print(f"{name} ...", file=sys.stderr, flush=True)
        mcpu = options.mcpu or (counting.CPU if name in BYTES else "")
        kept["runs"][name] = measure(name, emulator, library, mcpu, options.kernels)
        records.write(RESULTS, kept)
    table(kept)


def table(kept: dict[str, Any]) -> None:
    """Prints millions of instructions, the share of fused multiply-adds and of loads and stores, and the ratios."""
    print(json.dumps(kept["machine"]))
    print(f"{'model':<20}{'ours M':>9}{'fma':>6}{'mem':>6}{'theirs M':>10}{'fma':>6}{'mem':>6}{'ratio':>7}  error")
    for name, run in sorted(kept["runs"].items()):
        sides = [Count(**run[side]) for side in ("ours", "theirs")]
        columns = [
            f"{count.instructions / 1e6:{width}.1f}{share(count.fmas, count)}{share(count.memory, count)}"
            for count, width in zip(sides, (9, 10), strict=True)
        ]
        print(f"{name:<20}{columns[0]}{columns[1]}{run['ratio']:7.2f}  {run['error']:.1e}")
    ratios = [run["ratio"] for run in kept["runs"].values()]
    mean = records.geometric_mean(ratios)
    print(f"geometric mean {mean:.2f}, worst {max(ratios):.2f} (goal {GOAL}), {len(ratios)} models")


def share(part: int, count: Count) -> str:
    """`part` of all instructions, in percent."""
    return f"{100 * part / count.instructions:5.0f}%"


def measure(name: str, emulator: Emulator, library: Path, mcpu: str, kernels: int) -> dict[str, Any]:
    """One model, ours and theirs. Raises RuntimeError when numbers differ by more than MAX_ERROR."""
    from bench.quantising import quantised
    from bench.speed import compiled
    from bench.zoo import INT8
    from runtime.runners import driver

    from neo_compiler.artifact.bundle import read_meta

    begun = time.perf_counter()
    case = small(name.removesuffix(INT8))
    case = quantised(case) if name in BYTES else case
    artifact, facts = compiled(name, case, mcpu, "ARM64")
    meta = read_meta(artifact)
    programs = driver("aarch64-linux", str(counting.KEPT)), counting.build("ort.c", *counting.AARCH64, "-ldl")
    with tempfile.TemporaryDirectory(prefix="neo-arm-") as place:
        side = _Side(emulator, case, Path(place))
        names = [item.name for item in meta.inputs]
        ours, error = side.count(names, programs[0], artifact, "libdlr.so", REPEAT, side.prefix)
        model = [programs[1], library, side.model, REPEAT, side.prefix, *map(side.described, names), *side.expected]
        theirs, own = side.count(names, *model)
    if max(error, own) > (MAX_ERROR_OF_BYTES if name in BYTES else MAX_ERROR):
        raise RuntimeError(f"{name}: outputs differ by {error:.1e} (ours) and {own:.1e} (ONNX Runtime's)")
    for line in hottest(ours, artifact / meta.library)[:kernels]:
        print(line)
    totals = Count.of(ours), Count.of(theirs)
    return {
        **{who: asdict(total) for who, total in zip(("ours", "theirs"), totals, strict=True)},
        "ratio": totals[0].instructions / totals[1].instructions,
        "error": error,
        "inputs": case.shapes,
        "mcpu": mcpu or "generic",
        "notes": facts["notes"],
        "seconds": time.perf_counter() - begun,
    }


def small(name: str) -> Any:
    """A model of the zoo, of a size that an emulator runs in a minute."""
    from bench import networks
    from bench.zoo import MODELS as ZOO

    builder, *arguments = SMALL.get(name, (name,))
    return getattr(networks, builder)(*arguments) if arguments else ZOO[name]()


class _Side:
    """A model's arrays in files, for programs that read and write raw ones."""

    def __init__(self, emulator: Emulator, case: Any, folder: Path) -> None:
        from e2e.compiling import truth

        self.prefix, self.model, self.expected = folder / "array", folder / "model.onnx", truth(case)
        self.model.write_bytes(case.model)
        self._emulator, self._inputs = emulator, case.inputs

    def described(self, name: str) -> str:
        """An input as tests/bench/ort.c wants it."""
        array = self._inputs[name]
        return f"{name}={'x'.join(map(str, array.shape))}:{ELEMENT_TYPES[str(array.dtype)]}"

    def count(self, inputs: list[str], *command: object) -> tuple[Profile, float]:
        """The profile, and the largest difference from ONNX Runtime on this machine, over the largest output."""
        import numpy as np
        from bench.rivals import difference

        for index, name in enumerate(inputs):
            self._inputs[name].tofile(f"{self.prefix}.in{index}")
        profile = self._emulator.profile([str(word) for word in command], REPEAT)
        files = [f"{self.prefix}.out{index}" for index in range(len(self.expected))]
        arrays = [np.fromfile(path, array.dtype) for path, array in zip(files, self.expected.values(), strict=True)]
        for path in files:
            Path(path).unlink()
        return profile, difference(dict(zip(self.expected, arrays, strict=True)), self.expected)


def hottest(profile: Profile, library: Path) -> list[str]:
    """A line per kernel of `library` (and per other file), most instructions first."""
    symbols = _symbols(library)
    parts: dict[str, Profile] = {}
    for block, times in profile.items():
        place = Path(block.file).name
        if place == library.name:
            place = symbols[bisect.bisect_right(symbols, (block.address, "\uffff")) - 1][1]
        parts.setdefault(place, Counter())[block] += times
    counts = {place: Count.of(part) for place, part in parts.items()}
    return [
        f"{count.instructions / 1e6:9.2f} M fma{share(count.fmas, count)} mem{share(count.memory, count)}  {place}"
        for place, count in sorted(counts.items(), key=lambda pair: -pair[1].instructions)
        if count.instructions
    ]


def _symbols(library: Path) -> list[tuple[int, str]]:
    """Functions by their place in the file."""
    from elftools.elf.elffile import ELFFile

    found = [(0, library.name)]
    with library.open("rb") as file:
        elf = ELFFile(file)
        loads = list(elf.iter_segments("PT_LOAD"))
        sections = [elf.get_section_by_name(name) for name in (".symtab", ".dynsym")]
        symbols = [symbol for section in sections if section for symbol in section.iter_symbols()]
    for symbol in symbols:
        for load in loads:
            start = symbol["st_value"] - load["p_vaddr"]
            if symbol["st_info"]["type"] == "STT_FUNC" and 0 <= start < load["p_filesz"]:
                found.append((start + load["p_offset"], symbol.name))
    return sorted(found)


if __name__ == "__main__":
    main()
