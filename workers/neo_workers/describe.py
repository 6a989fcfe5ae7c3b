"""Writes down what was compiled: the weights' file and compiled.meta. Imports tvm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tvm
from tvm.target.codegen import llvm_version_major

from neo_targets.spec import TargetSpec
from neo_workers.artifact import Meta, TensorMeta, target_meta
from neo_workers.compiler.targets import cpu_flags
from neo_workers.importers.base import Imported, Tensor

PACKAGES = {"neo-emulator": "neo-emulator", "tvm": "apache-tvm", "tvm-ffi": "apache-tvm-ffi", "onnx": "onnx"}
"""Name in compiled.meta -> distribution."""


def save_weights(weights: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Writes compiled.params, TVM's own parameter format."""
    tvm.runtime.save_param_dict_to_file({name: tvm.runtime.tensor(array) for name, array in weights.items()}, str(path))


def meta(spec: TargetSpec, framework: str, imported: Imported, weights: Mapping[str, npt.NDArray[Any]]) -> Meta:
    """compiled.meta of one compilation."""
    return Meta(
        framework=framework,
        framework_version=imported.framework_version,
        inputs=_tensors(imported.inputs),
        outputs=_tensors(imported.outputs),
        weights=tuple(TensorMeta(name, array.shape, str(array.dtype)) for name, array in weights.items()),
        target=target_meta(spec, cpu_flags(spec)),
        versions=_versions(spec),
        library=spec.library,
    )


def _tensors(tensors: Iterable[Tensor]) -> tuple[TensorMeta, ...]:
    return tuple(TensorMeta(item.name, item.shape, item.dtype) for item in tensors)


def _versions(spec: TargetSpec) -> dict[str, str]:
    versions = {"llvm": str(llvm_version_major())}
    for name, distribution in PACKAGES.items():
        try:
            versions[name] = version(distribution)
        except PackageNotFoundError:
            versions[name] = "unknown"
    if spec.device is not None:
        from neo_workers.compiler.nvrtc import version as nvrtc_version

        versions["nvrtc"] = nvrtc_version()
    return dict(sorted(versions.items()))
