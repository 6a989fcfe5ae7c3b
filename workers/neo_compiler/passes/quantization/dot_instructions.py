"""Instructions that multiply four bytes by four bytes and add the products to a 32-bit sum, in each lane."""

from __future__ import annotations

from dataclasses import dataclass

WORD = 4
"""Bytes that one lane of the instruction multiplies."""


@dataclass(frozen=True)
class Dot:
    """A CPU's instruction. Weights are int8 on all of them, data is `data`."""

    name: str  # TIR's operator
    data: str  # dtype of the other factor
    by_lanes: dict[int, str]  # lanes -> LLVM's intrinsic
    data_first: bool  # whether data is the intrinsic's first factor

    @property
    def shift(self) -> int:
        """What has to be added to data of the other sign to get `data`."""
        return 128 if self.data == "uint8" else -128


VNNI = Dot(
    "tirx.neo_vpdpbusd",
    "uint8",
    {lanes: f"llvm.x86.avx512.vpdpbusd.{32 * lanes}" for lanes in (4, 8, 16)},
    data_first=True,
)
"""x86's AVX-512 VNNI and AVX-VNNI: unsigned bytes by signed ones. Unlike the older vpmaddubsw it does not saturate."""

SDOT = Dot(
    "tirx.neo_sdot",
    "int8",
    {lanes: f"llvm.aarch64.neon.sdot.v{lanes}i32.v{4 * lanes}i8" for lanes in (2, 4)},
    data_first=False,
)
"""64-bit Arm's dot product, ARMv8.2. Its second factor may be one word of a vector, for all lanes."""

BY_NAME = {dot.name: dot for dot in (VNNI, SDOT)}
