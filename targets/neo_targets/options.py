"""CompilerOptions: one row per key, and the parser for both spellings that AWS's documentation uses.

Source: API_OutputConfig, CompilerOptions; neo-supported-devices-edge-devices for the examples.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from neo_targets.errors import TargetError
from neo_targets.spec import Cuda, TargetSpec

GPU_CODES = tuple(f"sm_{n}" for n in (35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90))
"""Architectures that NVRTC 11.8 makes machine code for. Source: nvrtcGetSupportedArchs of that version."""

_CPU = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_FEATURE = re.compile(r"[+-][A-Za-z0-9_.-]{1,64}")
_SHOWN_CHARS = 80
_VERSION = re.compile(r"\d+(\.\d+){0,3}")

Reader = Callable[[object], object]


def _cpu(value: object) -> str:
    if not isinstance(value, str) or not _CPU.fullmatch(value):
        raise TargetError("wants the name of a CPU, for example 'skylake-avx512'")
    return value


def _features(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(i, str) and _FEATURE.fullmatch(i) for i in items):
        raise TargetError("wants a list of CPU features, each with + or -, for example ['+neon']")
    return tuple(items)


def _gpu_code(value: object) -> str:
    if value not in GPU_CODES:
        raise TargetError(
            f"{shown(value)} is not a GPU architecture that can be compiled for; there is {', '.join(GPU_CODES)}"
        )
    return str(value)


def _version(value: object) -> str:
    text = value if isinstance(value, str) else shown(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _VERSION.fullmatch(text):
        raise TargetError("wants a version, for example '7.1.3'")
    return text


def _dtype(value: object) -> str:
    if value != "float32":
        raise TargetError("only 'float32' is available in this version")
    return "float32"


@dataclass(frozen=True)
class Option:
    """One key of CompilerOptions."""

    name: str
    read: Reader  # the value's canonical form; raises TargetError
    help: str
    aliases: tuple[str, ...] = ()
    for_gpu: bool = False  # only with an NVIDIA accelerator
    changes_code: bool = True  # else it is only kept in compiled.meta


OPTIONS = (
    Option("mcpu", _cpu, "CPU to compile for, LLVM's name"),
    Option("mattr", _features, "CPU features to use, e.g. ['+neon']"),
    Option("gpu-code", _gpu_code, "GPU architecture, e.g. 'sm_72'", aliases=("gpu_code",), for_gpu=True),
    Option("trt-ver", _version, "TensorRT version", aliases=("trt_ver",), for_gpu=True, changes_code=False),
    Option("cuda-ver", _version, "CUDA version", aliases=("cuda_ver",), for_gpu=True, changes_code=False),
    Option("dtype", _dtype, "type of the model's numbers", aliases=("DTYPE",), changes_code=False),
)
_BY_KEY = {key: option for option in OPTIONS for key in (option.name, *option.aliases)}


def literal(text: str) -> object:
    """The value that `text` spells in JSON, or as a Python literal: AWS's own examples use single quotes.

    Raises ValueError with JSON's complaint when it is neither.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise ValueError(str(error)) from error


def shown(value: object) -> str:
    """The value as Python spells it, shortened; its type where Python refuses to spell it (a number of many digits)."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def parse(text: str | None) -> dict[str, object]:
    """CompilerOptions by canonical name, values checked. Raises TargetError: the key and what it wants."""
    if text is None or not text.strip():
        return {}
    try:
        given = literal(text)
    except ValueError as error:
        raise TargetError(f"CompilerOptions is neither JSON nor a Python literal: {error}") from error
    if not isinstance(given, dict):
        raise TargetError(f"CompilerOptions must be a dictionary, not {type(given).__name__}")
    options: dict[str, object] = {}
    for key, value in given.items():
        option = _BY_KEY.get(key) if isinstance(key, str) else None
        if option is None:
            known = ", ".join(option.name for option in OPTIONS)
            raise TargetError(f"CompilerOptions has the unknown key {shown(key)}; there is {known}")
        if option.name in options:
            raise TargetError(f"CompilerOptions names {option.name} twice")
        try:
            options[option.name] = option.read(value)
        except TargetError as error:
            raise TargetError(f"CompilerOptions {option.name}: {error}") from error
    return options


def apply(spec: TargetSpec, options: dict[str, object]) -> TargetSpec:
    """`spec` with parsed options in effect. Raises TargetError for a GPU option on a target without GPU."""
    for option in OPTIONS:
        if option.name in options and option.for_gpu and spec.device is None:
            raise TargetError(f"CompilerOptions {option.name} needs the accelerator NVIDIA, which {spec.name} has not")
    host, device = spec.host, spec.device
    if "mcpu" in options:
        host = replace(host, cpu=str(options["mcpu"]))
    features = options.get("mattr", ())
    if isinstance(features, tuple):
        added = tuple(feature for feature in features if feature not in host.features)
        host = replace(host, features=host.features + added)
    if "gpu-code" in options:
        device = Cuda(str(options["gpu-code"]))
    recorded = {o.name: options[o.name] for o in OPTIONS if o.name in options and not o.changes_code}
    return replace(spec, host=host, device=device, recorded=recorded)
