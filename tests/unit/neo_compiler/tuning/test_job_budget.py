"""A job's share in tuning: its budget, and what of it shapes the key of the artifact."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from neo_compiler.compilation import Compilation, CompilationContext
from neo_compiler.tuning import job_budget
from neo_compiler.tuning.job_budget import Tuning, ends
from neo_targets import registry
from neo_workers.settings import Settings

HOST = {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}}


def made(settings: Settings, target: dict[str, object] = HOST, max_runtime: float | None = None) -> Tuning:
    return Tuning(settings, registry.resolve(target), max_runtime)


def test_it_ends_early_enough_for_the_rest_of_the_job() -> None:
    assert ends(now=105, seconds=30, begun=100, max_runtime=None) == 135
    assert ends(now=105, seconds=30, begun=100, max_runtime=86_400) == 135
    assert ends(now=105, seconds=30, begun=100, max_runtime=50) == 125  # 100 + 50 - 10 - 3 * 5
    assert ends(now=105, seconds=30, begun=100, max_runtime=20) < 105


def test_without_a_budget_nothing_is_timed_and_nothing_said(tmp_path: Path) -> None:
    said: list[str] = []
    plain = made(Settings(cache_dir=tmp_path))
    assert plain.improve(None, Counter(), tmp_path, said.append) is False
    assert (said, plain.facts()) == ([], [])


@pytest.mark.parametrize(
    ("target", "max_runtime", "reason"),
    [
        ({"TargetDevice": "rasp3b"}, None, "rasp3b is compiled for ARM_EABIHF, this machine is x86_64"),
        ({"TargetDevice": "coreml"}, None, "coreml is compiled by Apple's compiler"),
        ({"TargetDevice": "ml_g4dn"}, None, "ml_g4dn needs a GPU: NVIDIA sm_75"),
        (HOST, 5, "MaxRuntimeInSeconds leaves no time for it"),
    ],
    ids=["arm", "coreml", "gpu", "short"],
)
def test_where_it_cannot_be_done_it_says_why(
    target: dict[str, object],
    max_runtime: float | None,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_budget.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("neo_compiler.runtime.execute.this_cpu_flags", lambda: frozenset({"sse4_2"}))
    said: list[str] = []
    asked = made(Settings(cache_dir=tmp_path, tune_seconds=60), target, max_runtime)
    assert asked.improve(None, Counter(), tmp_path, said.append) is False
    assert said == [f"tuning is skipped: {reason}"]
    assert asked.facts() == []  # an artifact like any other


def test_a_cpu_without_the_targets_features_times_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_budget.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("neo_compiler.runtime.execute.this_cpu_flags", lambda: frozenset({"sse4_2", "avx", "avx2"}))
    obstacle = made(Settings(tune_seconds=60), {"TargetDevice": "ml_c5"}).obstacle
    assert obstacle is not None
    assert "this CPU has no avx512" in obstacle


def test_what_tuning_found_shapes_the_key(tmp_path: Path) -> None:
    def key(**settings: object) -> str:
        (tmp_path / "model.tar.gz").write_bytes(b"model")
        context = CompilationContext(
            tmp_path, "us-east-1", Settings(cache_dir=tmp_path / "c", **settings), lambda step: None, lambda: None
        )
        source = {"S3Uri": "s3://in/m.tar.gz", "Framework": "ONNX", "DataInputConfig": '{"data": [1]}'}
        output = {"S3OutputLocation": "s3://out/", "TargetDevice": "ml_m4"}
        return Compilation.prepare({"InputConfig": source, "OutputConfig": output}, context).cache_key()

    database = Tuning(Settings(cache_dir=tmp_path / "c"), registry.resolve({"TargetDevice": "ml_m4"}), None).database
    plain, before = key(), key(tune_seconds=60)
    database.add("tried, not faster", "7x32", "7x32", 1, 1)
    assert (key(), key(tune_seconds=60)) == (plain, before)
    database.add("faster", "8x16", "7x32", 1, 2)
    after = key(), key(tune_seconds=60)
    assert key(tune_seconds=90) == after[1]  # how long was allowed says nothing of what came of it
    assert len({plain, before, *after}) == (4 if before != plain else 2)  # the same where this CPU is no ml_m4


def test_a_job_that_left_something_untried_counts_as_not_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neo_compiler.lowering.targets import tvm_target
    from neo_compiler.tuning.tuner import Outcome, Tuner

    monkeypatch.setattr(Tuning, "obstacle", None)
    for complete, facts in ((True, ["", "tuned"]), (False, [])):
        asked = made(Settings(cache_dir=tmp_path, tune_seconds=60))
        assert asked.facts() == ["", "tuned"]  # what is looked for in the cache
        monkeypatch.setattr(Tuner, "run", lambda *_, complete=complete: Outcome(0, complete))
        target = tvm_target(registry.resolve(HOST))
        assert asked.improve(target, Counter(), tmp_path, [].append) is False
        assert asked.facts() == facts  # what it is kept as
