"""The fuzzer's targets on all of its seeds, and on seeds with bytes changed at random (the same ones every time)."""

import random

import pytest
from fuzz.seeds import seeds
from fuzz.targets import TARGETS

MUTATIONS = 300


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str) -> None:
    for name, data in seeds(target).items():
        try:
            TARGETS[target](data)
        except Exception as error:
            error.add_note(f"seed: {name}")
            raise


@pytest.mark.parametrize("target", TARGETS)
def test_mutations(target: str) -> None:
    chance, known = random.Random(1), list(seeds(target).values())
    for _ in range(MUTATIONS):
        data = bytearray(chance.choice(known)[:4096] or b"x")
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        TARGETS[target](bytes(data))
