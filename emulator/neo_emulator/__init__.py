"""A local stand-in for Amazon SageMaker Neo: compilation jobs beside moto on one endpoint, compiled by Apache TVM."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("neo-emulator")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
