"""A local stand-in for Amazon SageMaker Neo: compilation jobs beside moto on one endpoint, compiled by Apache TVM.

The names below are public. Everything else in this package may move.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neo_emulator.version import VERSION

if TYPE_CHECKING:
    from neo_emulator.testing.emulator import NeoEmulator
    from neo_emulator.testing.endpoint import Endpoint, JobEnded
    from neo_emulator.testing.waiters import compilation_job_completed_or_stopped

__all__ = ["Endpoint", "JobEnded", "NeoEmulator", "__version__", "compilation_job_completed_or_stopped"]

__version__ = VERSION

_MODULES = {
    "Endpoint": "endpoint",
    "JobEnded": "endpoint",
    "NeoEmulator": "emulator",
    "compilation_job_completed_or_stopped": "waiters",
}
"""The modules of neo_emulator.testing that define the public names."""


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: `serve` starts without these modules."""
    if name in _MODULES:
        return getattr(import_module(f"neo_emulator.testing.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
