from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from e2e.compiling import compile_archive, compile_case, request, tar_gz
from e2e.models import conv_net
from support import quantised

from neo_compiler.compilation import Compilation
from neo_compiler.errors import CompilationError
from neo_compiler.frontends import reference
from neo_compiler.frontends.base import Array, Imported, Tensor
from neo_compiler.frontends.onnx import load as onnx_importer
from neo_compiler.self_check import check, compare, random_inputs


def imported(*outputs: Tensor) -> Imported:
    inputs = (Tensor("x", (2, 3), "float32"), Tensor("ids", (4,), "int64"), Tensor("on", (), "bool"))
    return Imported(None, inputs, outputs, "")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return compile_archive(
        tar_gz({"model.onnx": conv_net().model}),
        request({"Os": "LINUX", "Arch": "X86_64"}),
        tmp_path_factory.mktemp("w"),
    )


def test_a_right_model_passes(work: Compilation) -> None:
    assert work.imported is not None
    line = check(work.archive, work.imported, work.files, reference("ONNX"))
    assert float(line.removeprefix("self check: max abs error ")) < 1e-4


def test_a_wrong_model_fails_with_its_error(work: Compilation) -> None:
    def off(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
        return [array + 0.25 for array in onnx_importer.reference(files, inputs)]

    assert work.imported is not None
    with pytest.raises(CompilationError, match=r"computes wrong values\. Output prob .*: max abs error 0\.25"):
        check(work.archive, work.imported, work.files, off)


def test_a_quantised_model_may_be_a_step_beside(tmp_path: Path) -> None:
    case = quantised.case()
    made = compile_case(case, {"Os": "LINUX", "Arch": "X86_64"}, tmp_path)
    step = quantised.STEP

    def beside(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
        return [array + step for array in onnx_importer.reference(files, inputs)]

    def far(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
        return [array + 10 * step for array in onnx_importer.reference(files, inputs)]

    assert made.imported is not None
    assert "max abs error" in check(made.archive, made.imported, made.files, beside)
    with pytest.raises(CompilationError, match="wrong values"):
        check(made.archive, made.imported, made.files, far)


def test_a_missing_framework_is_said_and_no_failure(work: Compilation) -> None:
    def absent(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
        raise ImportError("no torch")

    assert work.imported is not None
    assert check(work.archive, work.imported, work.files, absent).endswith("is not installed (no torch)")
    assert check(work.archive, work.imported, work.files, None).endswith("this framework has no reference")


def test_a_framework_that_refuses_large_ids_gets_small_ones(work: Compilation) -> None:
    seen: list[int] = []

    def picky(files: list[Path], inputs: Mapping[str, Array]) -> list[Array]:
        seen.append(len(seen))
        raise ValueError("index out of range")

    assert work.imported is not None
    assert "accepts no random input" in check(work.archive, work.imported, work.files, picky)
    assert len(seen) == 3


def test_random_inputs_are_the_same_every_time() -> None:
    first, second = random_inputs(imported(), 10), random_inputs(imported(), 10)
    assert {name: (array.shape, str(array.dtype)) for name, array in first.items()} == {
        "x": ((2, 3), "float32"),
        "ids": ((4,), "int64"),
        "on": ((), "bool"),
    }
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert first["ids"].min() >= 0 and first["ids"].max() < 10


@pytest.mark.parametrize(
    "left, right, text",
    [
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "max abs error inf"),
        (np.array([1.0]), np.array([1.0, 2.0]), r"has shape \[1\], the source framework's has \[2\]"),
        (np.array([3]), np.array([4]), "max abs error 1"),
        (np.array([3], "uint8"), np.array([5], "uint8"), "max abs error 2"),
    ],
)
def test_what_counts_as_wrong(left: Array, right: Array, text: str) -> None:
    with pytest.raises(CompilationError, match=text):
        compare(imported(Tensor("y", None, str(left.dtype))), {"y": left}, [right])


@pytest.mark.parametrize(
    "left, right",
    [
        (np.array([np.inf, np.nan, 1.0]), np.array([np.inf, np.nan, 1.0])),
        (np.array([1000.5], "float32"), np.array([1000.0], "float32")),
        (np.array([3], "uint8"), np.array([4], "uint8")),
        (np.zeros((0, 2)), np.zeros((0, 2))),
    ],
)
def test_what_counts_as_right(left: Array, right: Array) -> None:
    assert compare(imported(Tensor("y", None, str(left.dtype))), {"y": left}, [right]) <= 1
