import random

import pytest

from neo_compiler.codegen.memory_planner import ALWAYS, Storage, place


def test_those_that_never_meet_share() -> None:
    offsets, size_bytes = place([Storage(100, 0, 1), Storage(80, 2, 3), Storage(64, 1, 2)])
    assert offsets == [0, 0, 128]
    assert size_bytes == 192


def test_unused_storage_takes_no_room_of_others() -> None:
    offsets, size_bytes = place([Storage(64), Storage(64, 0, 0)])
    assert offsets == [0, 0] and size_bytes == 64
    assert place([]) == ([], 0)


def test_use_widens_a_life() -> None:
    storage = Storage(1)
    storage.use(5)
    storage.use(3)
    assert (storage.first, storage.last) == (3, 5)
    storage.use(ALWAYS)
    assert storage.meets(Storage(1, 1000, 1000))


@pytest.mark.parametrize("seed", range(20))
def test_living_storages_never_overlap(seed: int) -> None:
    source = random.Random(seed)
    storages = []
    for _ in range(60):
        first = source.randrange(40)
        storages.append(Storage(source.randrange(0, 5000), first, first + source.randrange(10)))
    offsets, size_bytes = place(storages)
    assert all(offset % 64 == 0 for offset in offsets)
    assert all(offset + item.size_bytes <= size_bytes for offset, item in zip(offsets, storages, strict=True))
    for a in range(60):
        for b in range(a):
            if storages[a].meets(storages[b]):
                assert (
                    offsets[a] + storages[a].size_bytes <= offsets[b]
                    or offsets[b] + storages[b].size_bytes <= offsets[a]
                )
