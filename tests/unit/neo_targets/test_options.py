import pytest

from neo_targets import options
from neo_targets.errors import TargetError
from neo_targets.registry import DEVICES


@pytest.mark.parametrize(
    "text, parsed",
    [
        (None, {}),
        ("  ", {}),
        ('{"mcpu": "skylake-avx512"}', {"mcpu": "skylake-avx512"}),
        ("{'mcpu': 'skylake-avx512'}", {"mcpu": "skylake-avx512"}),
        ("{'mattr': ['+neon', '-sve']}", {"mattr": ("+neon", "-sve")}),
        ('{"mattr": "+neon,+fp16"}', {"mattr": ("+neon", "+fp16")}),
        (
            "{'gpu-code': 'sm_72', 'trt-ver': '6.0.1', 'cuda-ver': '10.1'}",
            {"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"},
        ),
        ("{'gpu_code': 'sm_53'}", {"gpu-code": "sm_53"}),
        ('{"dtype": "float32"}', {"dtype": "float32"}),
    ],
)
def test_parse(text: str | None, parsed: dict[str, object]) -> None:
    assert options.parse(text) == parsed


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("{'mcpu': ", "neither JSON nor a Python literal"),
        ("__import__('os').getpid()", "neither JSON nor a Python literal"),
        ("[1]", "must be a dictionary, not list"),
        ("{'mcpuu': 'x'}", "unknown key 'mcpuu'; there is mcpu, mattr, gpu-code"),
        ("{1: 2}", "unknown key 1"),
        ("{'mcpu': 7}", "mcpu: wants the name of a CPU"),
        ("{'mcpu': 'a b'}", "mcpu: wants the name of a CPU"),
        ("{'mattr': ['neon']}", "mattr: wants a list of CPU features"),
        ("{'mattr': 3}", "mattr: wants a list of CPU features"),
        ("{'gpu-code': 'sm_99'}", "'sm_99' is not a GPU architecture .* sm_35, sm_37"),
        ("{'gpu-code': ['sm_72']}", "is not a GPU architecture"),
        ("{'trt-ver': 'new'}", "wants a version"),
        ("{'dtype': 'int4'}", "only 'float32'"),
        ("{'gpu-code': 'sm_72', 'gpu_code': 'sm_75'}", "names gpu-code twice"),
    ],
)
def test_parse_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(TargetError, match=complaint):
        options.parse(text)


def test_gpu_option_needs_a_gpu() -> None:
    with pytest.raises(TargetError, match="cuda-ver needs the accelerator NVIDIA, which ml_c5 has not"):
        options.apply(DEVICES["ml_c5"], {"cuda-ver": "10.2"})


def test_apply_keeps_what_changes_no_code_for_the_record() -> None:
    spec = options.apply(DEVICES["jetson_nano"], {"gpu-code": "sm_53", "trt-ver": "7.1.3"})
    assert spec.recorded == {"trt-ver": "7.1.3"}


def test_apply_adds_a_feature_once() -> None:
    assert options.apply(DEVICES["rasp3b"], {"mattr": ("+neon", "+fp16")}).host.features == ("+neon", "+fp16")
