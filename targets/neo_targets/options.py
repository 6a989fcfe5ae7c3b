"""CompilerOptions: a row per key, and the parser for both notations that AWS's documentation uses.

Source: API_OutputConfig, CompilerOptions; neo-supported-devices-edge-devices for the examples.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from neo_targets import neuron
from neo_targets.errors import TargetError
from neo_targets.spec import Cuda, TargetSpec

GPU_CODES = {
    **{f"sm_{n}": "11" for n in (35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90)},
    **{f"sm_{n}": "12" for n in (100, 101, 103, 120, 121)},
}
"""GPU architecture -> major version of the NVRTC that supports it. Source: nvrtcGetSupportedArchs, 11.8 and 12.9."""

API_LEVELS = range(21, 30)
"""Android API levels. Source: API_OutputConfig."""

_CPU = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_FEATURE = re.compile(r"[+-][A-Za-z0-9_.-]{1,64}")
_FEATURE_NAMES = {"vfpv3": "vfp3", "vfpv4": "vfp4"}
"""GCC's name -> LLVM's: API_OutputConfig's example has +vfpv4."""

_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")
_SHOWN_CHARS = 80
_DTYPES = {"float": "float32", "float32": "float32", "long": "int64", "int64": "int64"}

Reader = Callable[[object], object]


def _cpu(value: object) -> str:
    if not isinstance(value, str) or not _CPU.fullmatch(value):
        raise TargetError("expects the name of a CPU, for example 'skylake-avx512'")
    return value


def _features(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(i, str) and _FEATURE.fullmatch(i) for i in items):
        raise TargetError("expects a list of CPU features, each with + or -, for example ['+neon']")
    return tuple(item[0] + _FEATURE_NAMES.get(item[1:], item[1:]) for item in items)


def _gpu_code(value: object) -> str:
    if not isinstance(value, str) or value not in GPU_CODES:
        raise TargetError(f"{shown(value)} is not a supported GPU architecture; supported are {', '.join(GPU_CODES)}")
    return value


def _version(form: str, example: str) -> Reader:
    pattern = re.compile(re.sub("[xyz]", r"\\d{1,4}", form.replace(".", r"\.")))

    def read(value: object) -> str:
        text = value if isinstance(value, str) else shown(value)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not pattern.fullmatch(text):
            raise TargetError(f"expects a version {form}, for example '{example}', not {shown(value)}")
        return text

    return read


def _dtype(value: object) -> str:
    if not isinstance(value, str) or value not in _DTYPES:
        raise TargetError(f"expects one of {', '.join(_DTYPES)}, not {shown(value)}")
    return _DTYPES[value]


def _api_level(value: object) -> int:
    text = value if isinstance(value, str) else shown(value)
    if isinstance(value, bool) or not re.fullmatch(r"\d\d", text) or int(text) not in API_LEVELS:
        raise TargetError(f"expects an Android API level, {API_LEVELS[0]} to {API_LEVELS[-1]}, not {shown(value)}")
    return int(text)


def _precision(value: object) -> str:
    if not isinstance(value, str) or value not in ("FP16", "FP32"):
        raise TargetError(f"expects FP16 or FP32, not {shown(value)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TargetError(f"expects a name, not {shown(value)}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise TargetError(f"expects a list of names, for example ['output:0'], not {shown(value)}")
    return tuple(map(_text, value))


def _file_name(value: object) -> str:
    if not isinstance(value, str) or not _FILE_NAME.fullmatch(value) or value in (".", ".."):
        raise TargetError(f"expects the name of a file in the model's archive, not {shown(value)}")
    return value


@dataclass(frozen=True)
class Option:
    """One key of CompilerOptions."""

    name: str
    read: Reader  # returns the canonical value or raises TargetError
    help: str
    family: str = ""  # for targets of this family only (TargetSpec.families); "" for all
    aliases: tuple[str, ...] = ()
    changes_code: bool = True  # False: only recorded in compiled.meta


OPTIONS = (
    Option("mcpu", _cpu, "CPU to compile for, LLVM's name", "cpu"),
    Option("mattr", _features, "CPU features to use, e.g. ['+neon']", "cpu"),
    Option("gpu-code", _gpu_code, "GPU architecture, e.g. 'sm_72'", "nvidia", ("gpu_code",)),
    Option("trt-ver", _version("x.y.z", "7.1.3"), "TensorRT version", "nvidia", ("trt_ver",), changes_code=False),
    Option("cuda-ver", _version("x.y", "10.2"), "CUDA version", "nvidia", ("cuda_ver",), changes_code=False),
    Option("ANDROID_PLATFORM", _api_level, "Android API level, 21 to 29", "android"),
    Option("dtype", _dtype, "type of a PyTorch model's input", aliases=("DTYPE",), changes_code=False),
    Option("class_labels", _file_name, "file with a label per line, in the model's archive", "coreml"),
    Option("precision_mode", _precision, "FP16 or FP32", "eia", changes_code=False),
    Option("signature_def_key", _text, "signature of a SavedModel", "eia", changes_code=False),
    Option("output_names", _texts, "outputs of a frozen graph", "eia", changes_code=False),
)
_BY_KEY = {key: option for option in OPTIONS for key in (option.name, *option.aliases)}

FAMILIES = {
    "cpu": "targets whose code TVM makes",
    "nvidia": "the accelerator NVIDIA",
    "android": "the Os ANDROID",
    "coreml": "the TargetDevice coreml",
    "eia": "the TargetDevice ml_eia2",
}
"""Descriptions of option families."""


def literal(text: str) -> object:
    """Parses `text` as JSON or as a Python literal (AWS's examples use single quotes).

    Raises ValueError with JSON's error message if it is neither.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise ValueError(str(error)) from error


def shown(value: object) -> str:
    """repr(value), shortened; its type if Python cannot format it (an integer with too many digits)."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def parse(text: str | None) -> dict[str, object] | str:
    """CompilerOptions by canonical name, with validated values; Neuron's flags, a JSON string, unchanged.

    Raises TargetError with the key and the expected value.
    """
    if text is None or not text.strip():
        return {}
    try:
        given = literal(text)
    except ValueError as error:
        raise TargetError(f"CompilerOptions is neither JSON nor a Python literal: {error}") from error
    if isinstance(given, str):
        return given
    if not isinstance(given, dict):
        raise TargetError(f"CompilerOptions must be a dictionary, not {type(given).__name__}")
    options: dict[str, object] = {}
    for key, value in given.items():
        option = _BY_KEY.get(key) if isinstance(key, str) else None
        if option is None:
            known = ", ".join(option.name for option in OPTIONS)
            raise TargetError(f"CompilerOptions has the unknown key {shown(key)}; known are {known}")
        if option.name in options:
            raise TargetError(f"CompilerOptions has {option.name} twice")
        try:
            options[option.name] = option.read(value)
        except TargetError as error:
            raise TargetError(f"CompilerOptions {option.name}: {error}") from error
    return options


def apply(spec: TargetSpec, options: dict[str, object] | str) -> TargetSpec:
    """`spec` with the parsed options applied. Raises TargetError for an option that does not apply to the target."""
    if isinstance(options, str):
        if spec.family != "neuron":
            raise TargetError(f"CompilerOptions must be a dictionary, not a string, for {spec.name}")
        neuron.check(spec.name, options)
        return replace(spec, recorded={"neuron": options})
    _check_families(spec, options)
    host, device = spec.host, spec.device
    if "mcpu" in options:
        host = replace(host, cpu=str(options["mcpu"]))
    if isinstance(level := options.get("ANDROID_PLATFORM"), int):
        host = replace(host, api_level=level)
    features = options.get("mattr", ())
    if isinstance(features, tuple):
        host = replace(host, features=_merged(host.features, features))
    if "gpu-code" in options:
        device = Cuda(str(options["gpu-code"]))
    recorded = {o.name: options[o.name] for o in OPTIONS if o.name in options and not o.changes_code}
    labels = str(options.get("class_labels", ""))
    return replace(spec, host=host, device=device, recorded=recorded, class_labels=labels)


def _check_families(spec: TargetSpec, options: dict[str, object]) -> None:
    for option in OPTIONS:
        if option.name in options and option.family and option.family not in spec.families:
            there_is = ", ".join(o.name for o in OPTIONS if not o.family or o.family in spec.families)
            whose = f"{FAMILIES[option.family]}, not for {spec.name}"
            raise TargetError(f"CompilerOptions {option.name} is for {whose}, which takes {there_is}")
    if spec.family == "neuron" and options:
        raise TargetError(f"CompilerOptions of {spec.name} must be a JSON string of Neuron compiler flags")
    if {"signature_def_key", "output_names"} <= options.keys():
        raise TargetError("CompilerOptions has both signature_def_key and output_names; at most one may be set")


def _merged(present: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    """Features in LLVM's order: later ones win, so a given feature replaces its opposite."""
    names = {feature[1:] for feature in given}
    return tuple(feature for feature in present if feature[1:] not in names) + tuple(dict.fromkeys(given))
