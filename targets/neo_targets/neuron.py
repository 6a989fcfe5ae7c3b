"""Flags of AWS's Neuron compilers in CompilerOptions of ml_inf1, ml_inf2 and ml_trn1, a row per flag.

Source: the Neuron SDK's CLI reference guides of neuron-cc (Inf1) and neuronx-cc (Inf2, Trn1); --num-neuroncores, -O and
the numbers of --verbose are in API_OutputConfig's example, --dtype in AWS's notebook for BERT on Inf1.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from neo_targets.errors import TargetError


@dataclass(frozen=True)
class Flag:
    """One flag, with a regular expression for its values, "" for a flag without values."""

    name: str
    values: str = ""
    help: str = ""  # description of the values
    many: bool = False  # takes several values


_CORES = r"[1-9]|[1-5]\d|6[0-4]"
_CASTS = ("all", "all-fp16", "matmult", "matmult-bf16", "matmult-fp16")
_FAST_MATH = ("all", "none", "fast-relayout", "no-fast-relayout", *(f"fp32-cast-{cast}" for cast in _CASTS))


def _one_of(name: str, *values: str, many: bool = False) -> Flag:
    return Flag(name, "|".join(map(re.escape, values)), ", ".join(values), many)


_COMMON = (Flag("--enable-fast-context-switch"), Flag("--enable-fast-loading-neuron-binaries"))
_INF1 = (
    *_COMMON,
    Flag("--enable-saturate-infinity"),
    Flag("--verbose", r"[0-9]|DEBUG|INFO|WARN|ERROR", "DEBUG, INFO, WARN, ERROR or a number"),
    Flag("--num-neuroncores", _CORES, "1 to 64"),
    Flag("--neuroncore-pipeline-cores", _CORES, "1 to 64"),
    _one_of("--fp32-cast", *_CASTS),
    _one_of("--fast-math", *_FAST_MATH, many=True),
    _one_of("--dtype", "float", "float32", "int64", "long"),
    _one_of("-O", "0", "1", "2", "3"),
)
_INF2 = (
    *_COMMON,
    Flag("--enable-saturate-infinity"),
    Flag("--enable-mixed-precision-accumulation"),
    _one_of("--verbose", "info", "warning", "error", "critical", "debug"),
    _one_of("--model-type", "generic", "transformer", "unet-inference"),
    _one_of("--auto-cast", "none", "matmult", "all"),
    _one_of("--auto-cast-type", "bf16", "fp16", "tf32", "fp8_e4m3"),
    _one_of("--distribution-strategy", "llm-training"),
    _one_of("--logical-nc-config", "1", "2"),
    _one_of("--optlevel", "1", "2", "3"),
    _one_of("--dtype", "float", "float32", "int64", "long"),
    _one_of("-O", "1", "2", "3"),
)
FLAGS = {"ml_inf1": _INF1, "ml_inf2": _INF2, "ml_trn1": _INF2}
"""Flags by TargetDevice."""


def check(device: str, text: str) -> None:
    """Checks flags of the device's Neuron compiler. Raises TargetError for the first invalid one."""
    known = {flag.name: flag for flag in FLAGS[device]}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise TargetError(f"CompilerOptions: {error} in {text!r}") from error
    while words:
        name, separator, value = words.pop(0).partition("=")
        if match := re.fullmatch(r"(-O)(\w+)", name):
            name, separator, value = match[1], "=", match[2]
        flag = known.get(name)
        if flag is None:
            raise TargetError(f"CompilerOptions: {name!r} is not a flag of {device}; known are {', '.join(known)}")
        _check_values(flag, [value] if separator else _values_of(flag, words))


def _values_of(flag: Flag, words: list[str]) -> list[str]:
    """Removes the flag's values from the front of `words` and returns them."""
    most = len(words) if flag.many else int(bool(flag.values))
    taken: list[str] = []
    while words and len(taken) < most and not words[0].startswith("-"):
        taken.append(words.pop(0))
    return taken


def _check_values(flag: Flag, values: list[str]) -> None:
    if bool(values) != bool(flag.values):
        raise TargetError(f"CompilerOptions: {flag.name} {'expects ' + flag.help if flag.values else 'takes no value'}")
    for value in values:
        if not re.fullmatch(flag.values, value):
            raise TargetError(f"CompilerOptions: {flag.name} expects {flag.help}, not {value!r}")
