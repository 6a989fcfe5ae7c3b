"""A local stand-in for Amazon SageMaker Neo: compilation jobs beside moto on one endpoint, compiled by Apache TVM."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neo_emulator.testing.emulator import NeoEmulator

__all__ = ["NeoEmulator", "__version__"]

try:
    __version__ = version("neo-emulator")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """NeoEmulator, imported when it is first asked for: `serve` starts without it."""
    if name == "NeoEmulator":
        from neo_emulator.testing.emulator import NeoEmulator

        return NeoEmulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
