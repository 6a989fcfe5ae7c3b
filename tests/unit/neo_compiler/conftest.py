"""Fixtures of the tests of CPU code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from neo_compiler.lowering.targets import cpu_flags
from neo_compiler.runtime.execute import this_cpu_flags
from neo_targets.architectures import X86_64
from neo_targets.registry import DEVICES
from neo_targets.spec import Host


@pytest.fixture(scope="session")
def runs_here() -> Callable[[str], bool]:
    """Whether this machine runs x86-64 code for a named CPU."""
    return lambda cpu: set(cpu_flags(replace(DEVICES["ml_c5"], host=Host(X86_64, cpu)))) <= this_cpu_flags()
