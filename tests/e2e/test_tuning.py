"""Tuning through the pipeline of a job: the log, what is kept, the numbers, and later jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e.compiling import difference, tar_gz, truth
from e2e.models import Case, conv_net

from neo_compiler import local
from neo_compiler.runtime.execute import load_artifact, this_cpu_flags
from neo_compiler.tuning.database import FILE, Database
from neo_targets import registry

SECONDS = 120
"""More than it takes: the test is of what is done, not of how much fits."""

HOST = {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}}
needs_x86 = pytest.mark.skipif("sse2" not in this_cpu_flags(), reason="times code for x86-64")


class Jobs:
    """Jobs of one machine with a cache folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._set, self._count = folder, monkeypatch.setenv, 0
        self.database = folder / "cache" / FILE
        self._set("NEO_EMULATOR_CACHE_DIR", str(folder / "cache"))
        self._model = folder / "model.tar.gz"
        self._model.write_bytes(tar_gz({"model.onnx": conv_net().model}))

    def run(self, target: dict[str, object] = HOST, **settings: object) -> tuple[bytes, list[str]]:
        """The artifact and the lines of the log about tuning and the cache."""
        for name, value in settings.items():
            self._set(f"NEO_EMULATOR_{name.upper()}", str(value))
        self._count += 1
        request = local.request_for(self._model, "ONNX", json.dumps({"data": [1, 3, 32, 32]}), target)
        said: list[str] = []
        folder = self._folder / str(self._count)
        done = local.compile_file(self._model, folder, request, lambda step: None, said.append)
        self.last = done.path
        return done.path.read_bytes(), [line for line in said if line.startswith(("tuning", "cache"))]

    def error(self, case: Case) -> float:
        return difference(load_artifact(self.last).run(case.inputs), truth(case))


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    return Jobs(tmp_path, monkeypatch)


@needs_x86
def test_a_tuned_job_and_those_after_it(jobs: Jobs) -> None:
    untuned, said = jobs.run(cache="true")
    assert (said, jobs.database.exists()) == ([], False)
    tuned, said = jobs.run(tune_seconds=SECONDS)
    assert said[0].startswith("tuning: 2 of 2 kernels to try, ")  # and no cache hit: that one was not tuned
    assert sum("tiles timed in" in line for line in said) == 2
    assert jobs.error(conv_net()) < 1e-5
    database = Database(jobs.database.parent, registry.resolve(HOST))
    database.read()
    assert len(database.entries) == len(jobs.database.read_bytes().splitlines()) == 2
    assert (tuned == untuned) == (not database.tiles)

    again, said = jobs.run()
    assert (again, [line.split()[:2] for line in said]) == (tuned, [["cache", "hit"]])
    again, said = jobs.run(cache="false")
    assert again == tuned
    assert said[0].startswith("tuning: 0 of 2 kernels to try, ")
    assert said[1].startswith("tuning ended: 0 kernels tried, 0 faster, 0 left")
    again, said = jobs.run(tune_seconds=0)
    assert again == tuned  # the same database, the same bytes
    assert len(said) == bool(database.tiles)

    for entry in list(database.entries.values()):  # tiles that need not have won: what is kept is used
        rows, columns = entry.chosen.split("x")
        assert rows != "1"
        database.add(entry.product, f"1x{columns}", entry.chosen, 0.5, 1.0)
    used, said = jobs.run(cache="true")
    assert said == ["tuning: 2 of 3 kinds of kernels have tuned tiles"]
    assert used not in (untuned, tuned)
    assert jobs.error(conv_net()) < 1e-5
    jobs.database.unlink()
    again, said = jobs.run()
    assert (again, [line.split()[:2] for line in said]) == (untuned, [["cache", "hit"]])


def test_a_job_for_another_machine_says_that_it_was_skipped(jobs: Jobs) -> None:
    target = {"TargetDevice": "rasp3b"}
    asked, said = jobs.run(target, cache="true", tune_seconds=SECONDS)
    assert len(said) == 1
    assert said[0].startswith("tuning is skipped: rasp3b is compiled for ARM")
    assert not jobs.database.exists()
    plain, said = jobs.run(target, tune_seconds=0)  # it could not be tuned, so that one is as good
    assert (plain, [line.split()[:2] for line in said]) == (asked, [["cache", "hit"]])
