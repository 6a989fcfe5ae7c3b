"""neo_targets/helpers/helpers.c is really run, as 32-bit ARM and x86 code, and compared with Python and numpy."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from runtime.runners import RUNNERS

from neo_targets.compiler_rt import FLAGS, SOURCE
from neo_targets.runtime import RUNTIMES

DRIVER = Path(__file__).with_name("helpers_driver.c")
TIMES = 300
MASK = (1 << 64) - 1


def signed(bits: int, width: int = 64) -> int:
    return bits - (1 << width) if bits >> (width - 1) else bits


def double(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def single(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0])


def quotient(a: int, b: int) -> int:
    """C's: towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def half_bits(value: float) -> int:
    with np.errstate(over="ignore"):
        return int(np.float64(value).astype(np.float16).view(np.uint16))


def float_bits(value: int) -> int:
    return int(np.array([value]).astype(np.uint64 if value >= 0 else np.int64).astype(np.float32).view(np.uint32)[0])


def double_bits(value: int) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", float(value)))[0])


BOTH: dict[str, Callable[[int, int], int]] = {
    "__udivdi3": lambda a, b: a // b,
    "__umoddi3": lambda a, b: a % b,
    "__divdi3": lambda a, b: quotient(signed(a), signed(b)) & MASK,
    "__moddi3": lambda a, b: (signed(a) - quotient(signed(a), signed(b)) * signed(b)) & MASK,
    "__truncdfhf2": lambda a, b: half_bits(double(a)),
}
ARM: dict[str, Callable[[int, int], int]] = {
    **BOTH,
    "__gnu_f2h_ieee": lambda a, b: half_bits(single(a)),
    "__gnu_h2f_ieee": lambda a, b: int(np.array([a & 0xFFFF], "u2").view("f2").astype("f4").view("u4")[0]),
    "__fixunsdfdi": lambda a, b: int(double(a)),
    "__fixunssfdi": lambda a, b: int(single(a)),
    "__fixdfdi": lambda a, b: int(double(a)) & MASK,
    "__fixsfdi": lambda a, b: int(single(a)) & MASK,
    "__floatundidf": lambda a, b: double_bits(a),
    "__floatdidf": lambda a, b: double_bits(signed(a)),
    "__floatundisf": lambda a, b: float_bits(a),
    "__floatdisf": lambda a, b: float_bits(signed(a)),
    "__divsi3": lambda a, b: quotient(signed(a & 0xFFFFFFFF, 32), signed(b & 0xFFFFFFFF, 32)) & 0xFFFFFFFF,
    "__modsi3": lambda a, b: int(np.fmod(signed(a & 0xFFFFFFFF, 32), signed(b & 0xFFFFFFFF, 32))) & 0xFFFFFFFF,
}


def arguments(name: str, source: random.Random) -> tuple[int, int]:
    """Bits of a helper's arguments, of every size; numbers to be made integers are in range."""
    a, b = (source.getrandbits(source.randint(1, 64)) for _ in range(2))
    if name in ("__truncdfhf2", "__gnu_f2h_ieee"):
        value = source.choice((-1, 1)) * source.random() * 2.0 ** source.randint(-27, 18)
        return (struct.unpack("<Q", struct.pack("<d", value)) if name == "__truncdfhf2" else _float(value))[0], 0
    if name.startswith("__fix"):
        value = source.random() * 2.0 ** source.randint(0, 63) * (-1 if "uns" not in name and a & 1 else 1)
        return (struct.unpack("<Q", struct.pack("<d", value)) if "df" in name else _float(value))[0], 0
    if name == "__gnu_h2f_ieee":
        return a & 0xFBFF if (a & 0x7C00) == 0x7C00 else a & 0xFFFF, 0  # no NaN: its bits are free
    if name.endswith("si3"):
        return a & 0xFFFFFFFF, (b & 0x7FFFFFFF) or 1
    return a, b or 1


def _float(value: float) -> tuple[int]:
    bits: tuple[int] = struct.unpack("<I", struct.pack("<f", value))
    return bits


@pytest.mark.parametrize(
    "runtime, table", [("armhf-linux", ARM), ("armel-linux", ARM), ("i686-linux", BOTH)], ids=["armhf", "armel", "i686"]
)
def test_results_are_exact(runtime: str, table: dict[str, Callable[[int, int], int]], tmp_path: Path) -> None:
    if missing := RUNNERS[runtime].missing():
        pytest.skip(missing)
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", RUNTIMES[runtime].zig_target]
    flags = [flag for flag in FLAGS if flag != "-ffreestanding"]
    program = tmp_path / "driver"
    files = [str(DRIVER), str(SOURCE), "-o", str(program)]
    subprocess.run([*zig, *flags, "-Wno-unused-function", *files], check=True, timeout=200)
    source = random.Random(3)
    cases = [(name, *arguments(name, source)) for name in table for _ in range(TIMES)]
    text = "".join(f"{name} {a:x} {b:x}\n" for name, a, b in cases)
    command = [*RUNNERS[runtime].command, str(program)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=200, check=True)
    found = [int(line, 16) for line in done.stdout.split()]
    wrong = [
        (case, hex(result)) for case, result in zip(cases, found, strict=True) if result != table[case[0]](*case[1:])
    ]
    assert wrong == []
