"""The registry as a table: for `neo-emulator targets`, docs/targets.md and the report of `make test-targets`."""

from __future__ import annotations

from collections.abc import Iterator

from neo_targets import platforms, registry
from neo_targets.options import FAMILIES, GPU_CODES, OPTIONS
from neo_targets.spec import Cuda, TargetSpec

EXAMPLE_GPU_CODE = "sm_72"
"""What the table shows for a TargetPlatform with NVIDIA, which has no code of its own."""

COLUMNS = ("name", "kind", "os", "arch", "triple", "cpu", "accelerator", "artifact", "check", "lacks", "source")

INTRODUCTION = f"""\
# Devices and platforms

Written by `python tests/unit/neo_targets/test_table.py` from `neo_targets`; `make test-targets` runs every row.
What an artifact lacks is also in its `manifest` and `compiled.meta` (`not_compiled`). Where there is no honest
compiler the job FAILS and says why; `NEO_EMULATOR_STAND_IN=1` gives code for an x86-64 CPU, marked `stand_in`.
Android without ANDROID_PLATFORM is compiled for API level {platforms.DEFAULT_API_LEVEL}.
"""
OPTIONS_INTRODUCTION = """\
## CompilerOptions

JSON, or with single quotes as in AWS's examples. Neuron's flags are a JSON string. An unknown key, an option of
another target, a CPU or feature that the architecture does not have: the job FAILS and names what there is.
"""


def specs() -> Iterator[tuple[str, TargetSpec]]:
    """Every TargetDevice, then every TargetPlatform, each with its kind's name."""
    for _, device in sorted(registry.DEVICES.items()):
        yield "TargetDevice", device
    for os, arch in sorted(platforms.PLATFORMS):
        for accelerator in platforms.PLATFORMS[os, arch]:
            yield "TargetPlatform", platforms.platform(os, arch, accelerator, {"gpu-code": EXAMPLE_GPU_CODE})


def row(kind: str, spec: TargetSpec) -> dict[str, str]:
    """One target in words, by COLUMNS."""
    features = "".join(f" {feature}" for feature in spec.host.features)
    return {
        "name": spec.name,
        "kind": kind,
        "os": spec.os,
        "arch": spec.arch,
        "triple": spec.host.llvm_triple,
        "cpu": spec.host.cpu + features,
        "accelerator": _accelerator(kind, spec),
        "artifact": _artifact(spec),
        "check": spec.check,
        "lacks": "; ".join(spec.not_compiled),
        "source": spec.source,
    }


def rows() -> list[dict[str, str]]:
    """The whole table."""
    return [row(kind, spec) for kind, spec in specs()]


def _accelerator(kind: str, spec: TargetSpec) -> str:
    if isinstance(spec.device, Cuda):
        return f"NVIDIA, {spec.device.arch if kind == 'TargetDevice' else 'gpu-code'}"
    return spec.device.label if spec.device else ""


def _artifact(spec: TargetSpec) -> str:
    if spec.no_compiler:
        return "none: the job FAILS"
    if spec.coreml:
        return f"{spec.library}, coremltools"
    form = "" if spec.device is None else " with a cubin" if isinstance(spec.device, Cuda) else " with OpenCL C"
    return f"{spec.library}{form}, {'lld-link' if spec.host.windows else 'ld.lld'}"


def markdown() -> str:
    """docs/targets.md."""
    targets = _table(COLUMNS, [[item[column] for column in COLUMNS] for item in rows()])
    options = [
        [f"`{o.name}`", ", ".join(o.aliases), FAMILIES.get(o.family, "every target"), o.help, _yes(o.changes_code)]
        for o in OPTIONS
    ]
    codes = {version: ", ".join(c for c, v in GPU_CODES.items() if v == version) for version in ("11", "12")}
    gpu = f"GPU codes: {codes['11']} by NVRTC 11.8; {codes['12']} with the extra `cuda12`."
    heads = ("option", "other spellings", "for", "what it is", "changes the code")
    return "\n".join([INTRODUCTION, *targets, "", OPTIONS_INTRODUCTION, *_table(heads, options), "", gpu, ""])


def _yes(changes: bool) -> str:
    return "yes" if changes else "no: kept in compiled.meta"


def _table(columns: tuple[str, ...], lines: list[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *cells)]
