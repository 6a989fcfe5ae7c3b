"""The compiler's parts that have rules of their own; what they make together is run in tests/e2e."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import relax

from neo_compiler.codegen.cubin import replace_cuda
from neo_compiler.codegen.link import run_tool
from neo_compiler.codegen.nvrtc import compile_cubin
from neo_compiler.codegen.verify import verify
from neo_compiler.errors import CompilationError, InternalError
from neo_compiler.lowering.targets import cpu_flags, tvm_target
from neo_compiler.passes.constant_folding import fold
from neo_compiler.passes.lift_weights import separate
from neo_targets.architectures import X86_64
from neo_targets.registry import DEVICES
from neo_targets.spec import Host
from neo_targets.toolchains import stub_command


@pytest.mark.parametrize("device", sorted(DEVICES))
def test_llvm_knows_every_row(device: str) -> None:
    target = tvm_target(DEVICES[device])
    assert target.kind.name == (DEVICES[device].tvm_device() or DEVICES[device].tvm_host())["kind"]


def test_a_cpu_of_another_architecture_is_refused() -> None:
    wrong = replace(DEVICES["ml_m6g"], host=replace(DEVICES["ml_m6g"].host, cpu="skylake"))
    with pytest.raises(
        CompilationError, match=r"'skylake' is not a CPU of aarch64-linux-gnu; supported are .*neoverse-n1"
    ):
        tvm_target(wrong)


def test_a_feature_that_does_not_exist_is_refused() -> None:
    wrong = replace(DEVICES["ml_c5"], host=Host(X86_64, "haswell", ("+fma", "+neon")))
    with pytest.raises(CompilationError, match="x86_64-linux-gnu has no feature neon; haswell has "):
        tvm_target(wrong)


def test_a_feature_may_be_switched_off() -> None:
    host = Host(X86_64, "skylake-avx512", ("-avx512f",))
    spec = replace(DEVICES["ml_c5"], host=host)
    tvm_target(spec)
    assert "avx512f" not in cpu_flags(spec)
    assert {"avx512f", "avx512bw", "fma"} <= set(cpu_flags(DEVICES["ml_c5"]))


def module(weight: np.ndarray) -> tvm.IRModule:
    """main(x) = x @ weight.T"""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 16), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            turned = builder.emit(relax.op.permute_dims(relax.const(weight, "float32"), [1, 0]))
            y = builder.emit_output(relax.op.matmul(x, turned))
        builder.emit_func_output(y)
    return builder.get()


def test_weights_leave_the_code_already_transposed() -> None:
    weight = np.arange(128, dtype="float32").reshape(8, 16)
    separated = separate(fold(module(weight)))
    assert list(separated.weights) == ["p0"]
    assert np.array_equal(separated.weights["p0"], weight.T)
    main = separated.module["main"]
    assert [param.name for param in main.params] == ["x", "p0"]
    assert main.attrs["num_input"] == 1
    assert "permute_dims" not in separated.module.script()


def text(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def blob(kind: bytes, payload: bytes) -> bytes:
    return text(b"head" + text(kind) + text(payload) + b"tail")


def test_replace_cuda() -> None:
    old = blob(b"cuda", text(b"cuda") + b"table" + text(b"source"))
    assert replace_cuda(old, b"source", b"ELF!") == blob(b"cuda", text(b"cubin") + b"table" + text(b"ELF!"))


@pytest.mark.parametrize(
    "tree",
    [blob(b"c", text(b"c")), blob(b"cuda", text(b"ptx") + text(b"source")), blob(b"cuda", text(b"cuda") + text(b"x"))],
    ids=["no cuda", "another format", "another source"],
)
def test_replace_cuda_refuses_an_unknown_form(tree: bytes) -> None:
    with pytest.raises(InternalError, match="import tree"):
        replace_cuda(tree, b"source", b"ELF!")


def test_nvrtc_says_what_is_wrong_with_the_source() -> None:
    with pytest.raises(CompilationError, match=r'sm_75.*NVRTC_ERROR_COMPILATION(.|\n)*"nonsense" is undefined'):
        compile_cubin('extern "C" __global__ void k(float* x) { x[0] = nonsense; }', "sm_75")


def test_shim_headers_hold_what_tvm_uses() -> None:
    source = """
    #include <cuda/std/cstdint>
    #include <cuda/std/type_traits>
    using namespace cuda::std;
    static_assert(sizeof(int8_t) == 1 && sizeof(uint16_t) == 2 && sizeof(int32_t) == 4 && sizeof(uint64_t) == 8, "");
    static_assert(is_same_v<int, int> && !is_same_v<int, float>, "");
    static_assert(is_integral<int>::value && !is_integral<float>::value && is_floating_point<double>::value, "");
    static_assert(is_signed<int>::value && is_unsigned<unsigned>::value, "");
    static_assert(is_same_v<conditional<true, int, float>::type, int>, "");
    extern "C" __global__ void k(enable_if<true, float>::type* x) { x[0] = 1; }
    """
    assert compile_cubin(source, "sm_75").startswith(b"\x7fELF")


def test_verify_refuses_another_machine(tmp_path: Path) -> None:
    run_tool(stub_command(DEVICES["ml_m6g"].host.arch, "x", tmp_path / "a.so"))
    verify(tmp_path / "a.so", DEVICES["ml_m6g"])
    with pytest.raises(InternalError, match="wrong machine"):
        verify(tmp_path / "a.so", DEVICES["ml_c5"])
    with pytest.raises(InternalError, match="no GPU machine code"):
        verify(tmp_path / "a.so", DEVICES["jetson_nano"])


def test_verify_refuses_what_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"text")
    with pytest.raises(InternalError, match="broken"):
        verify(tmp_path / "a.so", DEVICES["ml_c5"])


def test_a_failing_tool_says_why(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"the linker ended with 1: .*no-such-file"):
        run_tool([*stub_command(X86_64, "x", tmp_path / "x")[:-1], "no-such-file"])
