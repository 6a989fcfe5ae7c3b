"""x86-64: compiled, run on this machine, compared with ONNX Runtime."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from e2e.compiling import compile_archive, compile_case, difference, request, tar_gz, truth
from e2e.models import Case, conv_net
from support import quantised

from neo_compiler.runtime.execute import CannotRun, load_artifact

MAX_ERROR = 1e-4
MEMBERS = {"compiled.so", "compiled.params", "compiled_model.json", "compiled.meta", "libdlr.so", "dlr.h", "manifest"}


@pytest.mark.parametrize("device", ["ml_m4", "ml_c5"])
def test_runs_like_onnxruntime(case: Case, device: str, tmp_path: Path) -> None:
    work = compile_case(case, device, tmp_path)
    try:
        artifact = load_artifact(work.archive)
    except CannotRun as reason:
        pytest.skip(f"this machine cannot run it: {reason}")
    assert difference(artifact.run(case.inputs), truth(case)) < MAX_ERROR


def test_any_x86_machine_runs_the_platform_without_options(case: Case, tmp_path: Path) -> None:
    work = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, tmp_path)
    assert difference(load_artifact(work.archive).run(case.inputs), truth(case)) < MAX_ERROR


def test_equal_input_gives_equal_bytes(case: Case, tmp_path: Path) -> None:
    first = compile_case(case, "ml_c5", tmp_path / "first")
    second = compile_case(case, "ml_c5", tmp_path / "elsewhere" / "second")
    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert first.digest == second.digest


def test_archive_holds_what_the_meta_says(tmp_path: Path) -> None:
    work = compile_case(conv_net(), "ml_m4", tmp_path)
    with tarfile.open(work.archive) as tar:
        members = {member.name: member for member in tar}
        meta = json.load(tar.extractfile("compiled.meta"))  # type: ignore[arg-type]
    assert set(members) == MEMBERS
    assert {member.mtime for member in members.values()} == {0}
    assert meta["inputs"] == [{"name": "data", "shape": [1, 3, 32, 32], "dtype": "float32"}]
    assert meta["outputs"] == [{"name": "prob", "shape": [1, 10], "dtype": "float32"}]
    weights = sum(4 * _count(weight["shape"]) for weight in meta["weights"])
    assert weights >= 4 * (8 * 3 * 9 + 16 * 8 * 9 + 16 * 10)  # in compiled.params, not in the code
    assert members["compiled.params"].size > weights


def test_mcpu_chooses_the_instructions(tmp_path: Path) -> None:
    platform = {"Os": "LINUX", "Arch": "X86_64"}
    work = compile_case(conv_net(), platform, tmp_path, "{'mcpu': 'skylake-avx512'}")
    plain = compile_case(conv_net(), platform, tmp_path / "plain")
    assert work.library is not None and plain.library is not None
    assert _evex(work.library) > 10 * max(1, _evex(plain.library))


def test_shapes_may_come_from_the_model(tmp_path: Path) -> None:
    work = compile_archive(tar_gz({"model.onnx": conv_net().model}), request("ml_m4"), tmp_path)
    assert json.loads(work.derived or "") == {"data": [1, 3, 32, 32]}


def _count(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _evex(library: Path) -> int:
    """How often the byte that starts an AVX-512 instruction, followed by a usual second one, occurs."""
    data = library.read_bytes()
    return sum(data.count(bytes([0x62, second])) for second in (0xF1, 0xF2, 0x71, 0x72, 0xE1, 0xE2, 0xD1, 0xD2))


@pytest.mark.parametrize("cpu", ["cascadelake", "haswell"])
def test_a_quantised_model_gives_onnx_numbers(cpu: str, tmp_path: Path) -> None:
    """In whole numbers on the first, as floats on the second; a number may come to lie in the next step."""
    case = quantised.case()
    work = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, tmp_path, json.dumps({"mcpu": cpu}))
    try:
        artifact = load_artifact(work.archive)
    except CannotRun as reason:
        pytest.skip(f"this machine cannot run it: {reason}")
    assert difference(artifact.run(case.inputs), truth(case)) < 1.01 * quantised.STEP
