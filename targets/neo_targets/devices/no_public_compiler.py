"""Accelerators whose compiler is not public: a job FAILS with that reason, or gets a marked stand-in for the CPU."""

from __future__ import annotations

from neo_targets.architectures import X86_64
from neo_targets.spec import Host, TargetSpec

_CHECK = "fails with the reason; the stand-in is run on an x86-64 host against onnxruntime"
_ANY_X86 = Host(X86_64, X86_64.default_cpu)
_NEURON = "its machine code is made by AWS's Neuron compiler, of which nothing public can be installed here"
_EIA = "Amazon Elastic Inference was TensorFlow as a service; it was closed in 2024 and had no public compiler"


def _row(name: str, family: str, missing: str, source: str) -> TargetSpec:
    what = f"the code for {name}: this is a stand-in for the CPU, asked for by NEO_EMULATOR_STAND_IN=1"
    return TargetSpec(
        name, _ANY_X86, check=_CHECK, source=source, not_compiled=(what,), family=family, no_compiler=missing
    )


DEVICES = (
    _row("ml_inf1", "neuron", _NEURON, "Neuron SDK documentation, neuron-cc; PyPI's neuron-cc is an empty placeholder"),
    _row("ml_inf2", "neuron", _NEURON, "Neuron SDK documentation, neuronx-cc; PyPI's is an empty placeholder"),
    _row("ml_trn1", "neuron", _NEURON, "Neuron SDK documentation, neuronx-cc; PyPI's is an empty placeholder"),
    _row("ml_eia2", "eia", _EIA, "API_OutputConfig, EIA; Amazon Elastic Inference's end-of-life notice"),
)
