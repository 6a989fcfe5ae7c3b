"""Reads a PyTorch file without running what its author wrote: TorchScript, or a program of torch.export.

A pickle is never trusted: torch.load runs with weights_only=True, torch.export.load too, and TorchScript that would
touch files is refused before it is loaded. Source: torch 2.13, torch/serialization.py, torch/_export/serde.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from neo_compiler.storage import zip_members

Script = Any
"""torch.jit.ScriptModule."""

Program = Any
"""torch.export.ExportedProgram."""

MAX_INFLATION = 4
"""A file may unpack to this many times its size, and some."""

INFLATION_SLACK_BYTES = 64 << 20

TOUCHES_FILES = re.compile(rb"\.[\s\\]*(?:save|from_file)\b")
"""TorchScript's operators that read or write any file; code runs while a model is loaded, and when it is traced."""

EXPRESSION = re.compile(r"(?:[A-Z]\w*+|[a-z]++\d++|\d++(?:\.\d++)?+|[\s+\-*/%(),<>=&|~!])*+")
"""A size as torch.export writes it: s0 + Max(2, u1). sympy evaluates it, so it must name no function of Python's."""

OPERATOR = re.compile(r"torch\.ops\.\w+\.\w+(\.\w+)?|(_operator|math)\.\w+|torch\.(_?sym|_check)\w*")
"""What a node of torch.export calls; any other name would be looked up in Python's modules and called."""

_COMMON = r"version|byteorder|\.data/\w+|\.format_version|\.storage_alignment|extra/.+"


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is told, and what else lies in it."""

    what: str
    sign: tuple[str, ...]  # ends of a member's name
    members: re.Pattern[str]  # below the folder around all of them
    rooted: bool = True  # whether there is such a folder


SCRIPT = Kind(
    "TorchScript",
    ("/constants.pkl",),
    re.compile(
        rf"{_COMMON}|(data|constants|traced_inputs|bytecode|attributes)\.pkl|code/.+\.py(\.debug_pkl)?"
        r"|(data|constants|tensors|traced_inputs|attributes|bytecode)/[\w.-]+"
    ),
)
PROGRAM = Kind(
    "a program of torch.export",
    ("/models/model.json", "serialized_exported_program.json"),
    re.compile(
        rf"{_COMMON}|archive_format|archive_version|models/[\w.-]+\.json|data/(weights|constants|sample_inputs)/[\w.-]+"
        r"|serialized_exported_program\.json|serialized_(state_dict|constants|example_inputs)\.(pt|json)"
    ),
)

NOT_PYTORCH = "The file is not one that PyTorch writes."
STATE_DICT = (
    "The file holds a state_dict, which has weights but no model. "
    "Please save the model with torch.jit.trace(model, example_inputs).save(path)."
)
PICKLE = (
    "The file holds pickled Python objects, which are not loaded because they could run any code. "
    "Please save the model with torch.jit.trace(model, example_inputs).save(path)."
)


def read(path: Path) -> Script | Program:
    """The model in `path`, in evaluation mode, its weights as float32 on the CPU. Raises ValueError, RuntimeError."""
    names = _members(path)
    for kind, load in ((SCRIPT, _script), (PROGRAM, _program)):
        if any(name.endswith(kind.sign) for name in names):
            _check_known(names, kind)
            return load(path, names)
    raise ValueError(_pickle_of(path))


def _members(path: Path) -> list[str]:
    """The names in a zip, none for any other file.

    Raises ValueError for one that unpacks to far more than it is, or that torch may read in another way than we do.
    """
    if not zipfile.is_zipfile(path):
        return []
    members = zip_members.members(path)
    total = sum(member.size for member in members)
    if total > MAX_INFLATION * path.stat().st_size + INFLATION_SLACK_BYTES:
        raise ValueError(f"The file unpacks to {total} bytes, far more than its size.")
    return [member.name for member in members]


def _check_known(names: list[str], kind: Kind) -> None:
    """Raises ValueError for members that such a file does not have, and for more than one folder around them."""
    roots = {name.partition("/")[0] if kind.rooted else "" for name in names}
    for name in names:
        inner = name.partition("/")[2] if len(roots) == 1 and "/" in name and kind.rooted else name
        if "/aotinductor/" in f"/{name}".casefold():
            raise ValueError(
                f"It holds machine code ({name[:80]}), which is not loaded: save it with torch.export.save."
            )
        if len(roots) != 1 or not kind.members.fullmatch(inner):
            raise ValueError(f"It holds {name[:80]}, which is no part of {kind.what}.")


def _script(path: Path, names: list[str]) -> Script:
    with zipfile.ZipFile(path) as archive:
        for name in names:
            if name.casefold().endswith(".py") and (found := TOUCHES_FILES.search(archive.read(name))):
                raise ValueError(f"Its code uses {found.group().decode()[1:].strip()}, which reads or writes files.")
    traced = any(name.endswith("/traced_inputs.pkl") for name in names)
    script = torch.jit.load(str(path), map_location="cpu", _restore_shapes=traced).float()
    return script.eval() if hasattr(script, "training") else script  # a frozen one is in no mode


def _program(path: Path, names: list[str]) -> Program:
    with zipfile.ZipFile(path) as archive:
        for name in names:
            if name.casefold().endswith(".json"):
                _check_code(json.loads(archive.read(name)))
    with _weights_only():
        return torch.export.load(str(path))


def _check_code(value: Any) -> None:
    """Raises ValueError for a size that is more than arithmetic, and for a call of anything but an operator."""
    if isinstance(value, list):
        for item in value:
            _check_code(item)
    elif isinstance(value, dict):
        size, target = value.get("expr_str"), value.get("target")
        if size is not None and not (isinstance(size, str) and EXPRESSION.fullmatch(size) and "__" not in size):
            raise ValueError(f"The size {str(size)[:80]} is no arithmetic.")
        if "inputs" in value and "outputs" in value and not _is_operator(target):
            raise ValueError(f"Its code calls {str(target)[:80]}, which is no operator of a model.")
        for item in value.values():
            _check_code(item)


def _is_operator(target: Any) -> bool:
    """Whether a node may call it; None is no node's."""
    if not isinstance(target, str):
        return target is None
    return OPERATOR.fullmatch(target) is not None and TOUCHES_FILES.search(target.encode()) is None


@contextlib.contextmanager
def _weights_only() -> Iterator[None]:
    """Inside, torch.load takes no other pickles: torch.export.load itself asks for weights_only=False."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _pickle_of(path: Path) -> str:
    """What a file that is no program holds, in words."""
    try:
        value = torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types
        return PICKLE if "weights_only" in str(error) else NOT_PYTORCH
    return STATE_DICT if isinstance(value, dict) else f"The file holds a {type(value).__name__}, not a model."
