"""Creates compiled.meta of a compilation. Imports tvm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy.typing as npt
from tvm.target.codegen import llvm_version_major

from neo_compiler.artifact.bundle import Meta, TensorMeta, coreml_runtime, static_runtime, target_meta, vm_runtime
from neo_compiler.frontends.base import Imported, Tensor
from neo_compiler.lowering.targets import cpu_flags
from neo_targets.spec import Cuda, TargetSpec

PACKAGES = {"neo-emulator": "neo-emulator", "tvm": "apache-tvm", "tvm-ffi": "apache-tvm-ffi", "onnx": "onnx"}
"""Name in compiled.meta -> distribution."""


def meta(
    spec: TargetSpec,
    framework: str,
    imported: Imported,
    weights: Mapping[str, npt.NDArray[Any]],
    not_static: str | None = None,
) -> Meta:
    """compiled.meta of one compilation; `not_static` is the reason for the VM form, None for a static model."""
    versions = _versions(spec)
    return Meta(
        framework=framework,
        framework_version=imported.framework_version,
        inputs=_tensors(imported.inputs),
        outputs=_tensors(imported.outputs),
        weights=tuple(TensorMeta(name, array.shape, str(array.dtype)) for name, array in weights.items()),
        target=target_meta(spec, cpu_flags(spec)),
        versions=versions,
        runtime=_runtime(spec, versions["tvm"], not_static),
        library=spec.library,
    )


def _runtime(spec: TargetSpec, tvm_version: str, not_static: str | None) -> dict[str, str]:
    if spec.coreml:
        return coreml_runtime()
    return static_runtime(spec) if not_static is None else vm_runtime(tvm_version, not_static)


def _tensors(tensors: Iterable[Tensor]) -> tuple[TensorMeta, ...]:
    return tuple(TensorMeta(item.name, item.shape, item.dtype) for item in tensors)


def _versions(spec: TargetSpec) -> dict[str, str]:
    versions = {"llvm": str(llvm_version_major())}
    for name, distribution in PACKAGES.items():
        try:
            versions[name] = version(distribution)
        except PackageNotFoundError:
            versions[name] = "unknown"
    if isinstance(spec.device, Cuda):
        from neo_compiler.codegen.nvrtc import version as nvrtc_version

        versions["nvrtc"] = nvrtc_version(spec.device.arch)
    return dict(sorted(versions.items()))
