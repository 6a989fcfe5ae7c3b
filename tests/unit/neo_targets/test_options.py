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
        ('{"DTYPE": "float"}', {"dtype": "float32"}),
        ("{'dtype': 'long'}", {"dtype": "int64"}),
        ('{"mattr": ["+vfpv4"]}', {"mattr": ("+vfp4",)}),
        ("{'ANDROID_PLATFORM': 21}", {"ANDROID_PLATFORM": 21}),
        ('{"ANDROID_PLATFORM": "29"}', {"ANDROID_PLATFORM": 29}),
        ("{'cuda_ver': 10.2, 'trt_ver': '8.0.1'}", {"cuda-ver": "10.2", "trt-ver": "8.0.1"}),
        ('{"precision_mode": "FP16", "signature_def_key": "s"}', {"precision_mode": "FP16", "signature_def_key": "s"}),
        ('{"output_names": ["a:0", "b"]}', {"output_names": ("a:0", "b")}),
        ("{'class_labels': 'labels.txt'}", {"class_labels": "labels.txt"}),
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
        ("{'mcpuu': 'x'}", "unknown key 'mcpuu'; known are mcpu, mattr, gpu-code"),
        ("{1: 2}", "unknown key 1"),
        ("{'mcpu': 7}", "mcpu: expects the name of a CPU"),
        ("{'mcpu': 'a b'}", "mcpu: expects the name of a CPU"),
        ("{'mattr': ['neon']}", "mattr: expects a list of CPU features"),
        ("{'mattr': 3}", "mattr: expects a list of CPU features"),
        ("{'gpu-code': 'sm_99'}", "'sm_99' is not a supported GPU architecture.* sm_35, sm_37"),
        ("{'gpu-code': ['sm_72']}", "is not a supported GPU architecture"),
        ("{'gpu-code': 72}", "72 is not a supported GPU architecture"),
        ("{'trt-ver': 'new'}", r"trt-ver: expects a version x.y.z, for example '7.1.3', not 'new'"),
        ("{'trt-ver': '7.1'}", "trt-ver: expects a version x.y.z"),
        ("{'cuda-ver': '10.2.89'}", "cuda-ver: expects a version x.y, for example '10.2'"),
        ("{'cuda-ver': 10}", "cuda-ver: expects a version x.y"),
        ("{'cuda-ver': True}", "cuda-ver: expects a version x.y"),
        ("{'dtype': 'int4'}", "dtype: expects one of float, float32, long, int64, not 'int4'"),
        ("{'ANDROID_PLATFORM': 20}", "ANDROID_PLATFORM: expects an Android API level, 21 to 29, not 20"),
        ("{'ANDROID_PLATFORM': 30}", "21 to 29, not 30"),
        ("{'ANDROID_PLATFORM': 21.0}", "21 to 29"),
        ("{'precision_mode': 'INT8'}", "precision_mode: expects FP16 or FP32, not 'INT8'"),
        ("{'output_names': 'a'}", "output_names: expects a list of names"),
        ("{'output_names': []}", "output_names: expects a list of names"),
        ("{'signature_def_key': ''}", "signature_def_key: expects a name"),
        ("{'class_labels': '../x'}", "class_labels: expects the name of a file"),
        ("{'class_labels': '..'}", "class_labels: expects the name of a file"),
        ("{'gpu-code': 'sm_72', 'gpu_code': 'sm_75'}", "has gpu-code twice"),
    ],
)
def test_parse_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(TargetError, match=complaint):
        options.parse(text)


def test_gpu_option_needs_a_gpu() -> None:
    with pytest.raises(TargetError, match="cuda-ver is for the accelerator NVIDIA, not for ml_c5, which takes"):
        options.apply(DEVICES["ml_c5"], {"cuda-ver": "10.2"})


def test_apply_keeps_what_changes_no_code_for_the_record() -> None:
    spec = options.apply(DEVICES["jetson_nano"], {"gpu-code": "sm_53", "trt-ver": "7.1.3"})
    assert spec.recorded == {"trt-ver": "7.1.3"}


def test_apply_adds_a_feature_once() -> None:
    assert options.apply(DEVICES["rasp3b"], {"mattr": ("+neon", "+fp16")}).host.features == ("+neon", "+fp16")


def test_apply_lets_a_feature_take_its_opposites_place() -> None:
    assert options.apply(DEVICES["rasp3b"], {"mattr": ("-neon",)}).host.features == ("-neon",)


def test_android_level_is_in_the_triple() -> None:
    spec = options.apply(DEVICES["qcs605"], {"ANDROID_PLATFORM": 29})
    assert (DEVICES["qcs605"].host.api_level, spec.host.api_level) == (27, 29)


@pytest.mark.parametrize(
    "device, given, complaint",
    [
        ("ml_c5", {"ANDROID_PLATFORM": 28}, "is for the Os ANDROID, not for ml_c5, which takes mcpu, mattr, dtype"),
        ("ml_c5", {"class_labels": "x"}, "class_labels is for the TargetDevice coreml"),
        ("ml_c5", {"precision_mode": "FP16"}, "precision_mode is for the TargetDevice ml_eia2"),
        ("rk3399", {"gpu-code": "sm_72"}, "gpu-code is for the accelerator NVIDIA"),
        ("ml_eia2", {"mcpu": "haswell"}, "mcpu is for targets whose code TVM makes"),
        ("coreml", {"mattr": ("+neon",)}, "mattr is for targets whose code TVM makes"),
        ("ml_eia2", {"signature_def_key": "a", "output_names": ("b",)}, "both signature_def_key and output_names"),
        ("ml_inf1", {"dtype": "int64"}, "must be a JSON string of Neuron compiler flags"),
        ("ml_inf2", "--num-neuroncores 2", "is not a flag of ml_inf2"),
        ("ml_c5", "--verbose 1", "must be a dictionary, not a string"),
    ],
)
def test_an_option_is_for_some_targets(device: str, given: dict[str, object] | str, complaint: str) -> None:
    with pytest.raises(TargetError, match=complaint):
        options.apply(DEVICES[device], given)


def test_every_family_is_explained_and_taken() -> None:
    assert {option.family for option in options.OPTIONS} == {"", *options.FAMILIES}
    taken = set().union(*(row.families for row in DEVICES.values()))
    assert taken == {"neuron", *options.FAMILIES}
